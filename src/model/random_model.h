// A whole model with random weights, for measuring speed: any shape, any mix of storage types, in
// seconds, and the same model every time from the same seed.
//
// Weights are normal with deviation 1 / sqrt(width of the row), norms are 1, biases small, so that
// activations have the size they have in a trained model. A few blocks of each type are made by its
// codec and then dealt out at random: encoding a billion numbers one by one would take minutes.
#pragma once
#include "base/result.h"
#include "base/threads.h"
#include "model/model.h"
#include "model/type_mix.h"

#include <cstdint>
#include <memory>
#include <string>

namespace quire {

// `pre`: tokenizer.ggml.pre of the vocabulary, which is made up: all bytes, then pairs and triples
// of bytes, and three control tokens. limit when the weights do not fit in memory.
Result<std::shared_ptr<const Model>> random_model(const Hparams& hparams, const TypeMix& mix,
                                                  const std::string& pre, uint64_t seed,
                                                  ThreadPool& pool);

// The vocabulary of such a model; n_vocab at least 512.
Result<std::shared_ptr<const Tokenizer>> made_up_tokenizer(int64_t n_vocab, const std::string& pre);

// A model in memory as one GGUF file, its tokenizer with it.
Result<void> write_model(const std::string& path, const Model& model, const std::string& name,
                         const TypeMix& mix);

}  // namespace quire
