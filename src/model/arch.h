// Architectures: one file each (model/<name>.cpp), one line each in model/archs.inc. An
// architecture says how its hyper-parameters are read and how they become a graph; loading,
// running, training and printing follow from that.
#pragma once
#include "base/result.h"
#include "format/gguf.h"
#include "graph/builder.h"
#include "model/hparams.h"

#include <span>
#include <string_view>

namespace quire {

struct Arch {
  const char* name;  // as in `general.architecture`
  // Reads what this architecture needs beyond read_common_hparams(); the file's tensors tell which
  // optional ones exist.
  Result<Hparams> (*read_hparams)(const GgufFile& file);
  // Describes the model, ending in g.set_logits().
  void (*build)(GraphBuilder& g, const Hparams& hparams);
};

std::span<const Arch> all_archs();
// unsupported, with the names that are known.
Result<const Arch*> find_arch(std::string_view name);

// The keys that all architectures share: "<arch>.block_count", ".embedding_length", ... Checks that
// they fit together.
Result<Hparams> read_common_hparams(const GgufFile& file, const char* arch);

// Inverse frequencies with the scaling variant of the hyper-parameters applied
// (model/rope_scaling.cpp).
RopeAttributes rope_attributes(const Hparams& hparams, RopePairs pairs);

}  // namespace quire
