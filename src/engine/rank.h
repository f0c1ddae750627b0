// Documents by how well they answer a query, as a cross-encoder scores them: it reads query and
// document as one input of two texts (text/pair.h) and its head gives the scores.
#pragma once
#include "engine/embedder.h"
#include "text/pair.h"

#include <string>
#include <vector>

namespace quire {

// One input for each document. unsupported when the tokenizer has no pairs.
Result<std::vector<EncodedPair>> ranking_inputs(const Model& model, std::string_view query,
                                                std::span<const std::string> documents);
// Views of them, as Embedder::embed takes them.
std::vector<EmbedText> as_texts(std::span<const EncodedPair> pairs);

struct Ranked {
  size_t document = 0;
  std::vector<float> scores;  // of the head's labels; the first one ranks
};
// Best first, equal ones in order; at most n_best, 0: all.
std::vector<Ranked> ranked(std::vector<std::vector<float>> scores, size_t n_best);

}  // namespace quire
