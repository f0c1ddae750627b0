// Architectures: one file each (model/<name>.cpp), one line each in model/archs.inc. An
// architecture says how its hyper-parameters are read and how they become a graph; loading,
// running, training and printing follow from that.
#pragma once
#include "base/result.h"
#include "format/gguf.h"
#include "format/gguf_write.h"
#include "graph/builder.h"
#include "model/hparams.h"

#include <span>
#include <string_view>

namespace quire {

struct Arch {
  const char* name;  // as in `general.architecture`
  // Hyper-parameters from a file: read_common_hparams() and whatever else this architecture has;
  // the file's tensors tell which optional parts exist.
  Result<Hparams> (*read_hparams)(const GgufFile& file);
  // The same as metadata, so that read_hparams() gets them back.
  void (*write_hparams)(GgufWriter& writer, const Hparams& hparams);
  // Describes the model, ending in g.set_logits().
  void (*build)(GraphBuilder& g, const Hparams& hparams);
};

std::span<const Arch* const> all_archs();
// unsupported, with the names that are known.
Result<const Arch*> find_arch(std::string_view name);

// What every architecture has, attention or not: sizes, context, norms, the names of its tensors.
Result<Hparams> read_backbone_hparams(const GgufFile& file, const char* arch, NormKind norm);
void write_backbone_hparams(GgufWriter& writer, const Hparams& hparams);
// unsupported where keys and values differ in width.
Result<void> check_value_width(const GgufFile& file, const Hparams& hparams);

// The keys that architectures share: ARCH.block_count, .embedding_length, .attention.head_count,
// ... (GGUF specification, "LLM"), checked against each other and against the file's tensors.
// bad_format names file, key, value and limit.
Result<Hparams> read_common_hparams(const GgufFile& file, const char* arch, NormKind norm);
// Rotary embedding and its scaling: ARCH.rope.*, rope_freqs.weight, rope_factors_*.weight.
Result<void> read_rope_hparams(const GgufFile& file, Hparams& hparams);
// Both, for a decoder whose keys are as wide as its values.
Result<Hparams> read_decoder_hparams(const GgufFile& file, const char* arch, NormKind norm);
// ARCH.embedding_scale, .residual_scale, .logit_scale.
Result<void> read_scales(const GgufFile& file, Hparams& hparams);
// Layers see a window, except every period-th, which sees everything; 0: all are windowed.
void set_window_period(Hparams& hparams, int64_t period);

// What read_decoder_hparams() and read_scales() read.
void write_decoder_hparams(GgufWriter& writer, const Hparams& hparams);
void write_scales(GgufWriter& writer, const Hparams& hparams);

// Inverse frequencies with the scaling variant of the hyper-parameters applied, for the context
// that they name (model/rope_scaling.cpp).
RopeAttributes rope_attributes(const Hparams& hparams, RopePairs pairs);
// Those of layers with a window: a base of their own, never stretched.
RopeAttributes window_rope_attributes(const Hparams& hparams, RopePairs pairs);

}  // namespace quire
