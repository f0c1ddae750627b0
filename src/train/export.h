// A trained model as one GGUF file, with every metadata key that readers of such files need: GGUF
// specification, ggml docs/gguf.md (general.*, [llm].*, tokenizer.ggml.*).
//
// Tensors keep their names, which are those of GGUF already. Vectors and position embeddings stay
// f32; other matrices are stored as `dtype`. Llama's q and k are trained with interleaved rope
// pairs, which is what GGUF means: nothing is permuted.
#pragma once
#include "base/result.h"
#include "model/hparams.h"
#include "text/tokenizer.h"
#include "train/parameters.h"

#include <optional>
#include <string>

namespace quire {

struct ExportOptions {
  DType dtype = DType::f32;  // f32, f16, bf16, q8_0 or q4_0
  std::string name = "model";
  // What is known of the model, recorded as quire.train.*.
  std::optional<double> held_out_nats_per_token;
  std::optional<double> held_out_bits_per_byte;
  int64_t n_steps = 0, n_tokens = 0;
};

// unsupported when dtype is none of the above or a matrix's rows are no whole number of its blocks
// (naming the tensor).
Result<void> export_gguf(const std::string& path, const Hparams& hparams,
                         const ParameterSet& parameters, const Tokenizer& tokenizer,
                         const ExportOptions& options);

}  // namespace quire
