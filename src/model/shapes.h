// Shapes of published models, to measure speed with random weights and without a download.
#pragma once
#include "base/result.h"
#include "model/hparams.h"

#include <span>
#include <string>
#include <string_view>

namespace quire {

struct KnownShape {
  const char* name;  // "llama-1b"
  const char* of;    // the model whose shape it is: "Llama-3.2-1B"
  const char* pre;   // tokenizer.ggml.pre of its vocabulary
  Hparams (*hparams)();
};

std::span<const KnownShape> all_shapes();
// usage lists the names that are known.
Result<KnownShape> find_shape(std::string_view name);

}  // namespace quire
