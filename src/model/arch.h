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

// What every architecture has, attention or not: sizes, context, the names of its tensors.
Result<Hparams> read_backbone_hparams(const GgufFile& file, const char* arch);
void write_backbone_hparams(GgufWriter& writer, const Hparams& hparams);
// ARCH.attention.layer_norm_rms_epsilon.
Result<float> read_rms_eps(const GgufFile& file, const char* arch);
// unsupported where keys and values differ in width.
Result<void> check_value_width(const GgufFile& file, const Hparams& hparams);
// All of these, with root-mean-square norms, heads as below, and rotary embedding.
Result<Hparams> read_rotating_hparams(const GgufFile& file, const char* arch);
void write_rotating_hparams(GgufWriter& writer, const Hparams& hparams);

// The keys that architectures share: ARCH.block_count, .embedding_length, .attention.head_count,
// ... (GGUF specification, "LLM"), checked against each other and against the file's tensors.
// bad_format names file, key, value and limit.
Result<Hparams> read_common_hparams(const GgufFile& file, const char* arch);
void write_common_hparams(GgufWriter& writer, const Hparams& hparams);

// Rotary scaling: ARCH.rope.* and the tensor rope_freqs.weight.
Result<void> read_rope_hparams(const GgufFile& file, Hparams& hparams);
void write_rope_hparams(GgufWriter& writer, const Hparams& hparams);

// Inverse frequencies with the scaling variant of the hyper-parameters applied
// (model/rope_scaling.cpp).
RopeAttributes rope_attributes(const Hparams& hparams, RopePairs pairs);

}  // namespace quire
