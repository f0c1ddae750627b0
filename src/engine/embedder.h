// Embedder: texts in, one vector each; or, from a model with a classification head, scores.
//
// Any model has vectors: an encoder those it was trained for, a generating model the hidden state
// of its last token. Texts run together in one step as far as they fit in a batch. Belongs to one
// thread at a time.
#pragma once
#include "engine/runner.h"

#include <memory>
#include <span>
#include <vector>

namespace quire {

enum class Normalize : uint8_t { no, to_length_one };

struct EmbedderOptions {
  Pooling pooling = Pooling::unspecified;  // as the model's file says; else the mean for an
                                           // encoder, the last token for a generating model
  Normalize normalize = Normalize::to_length_one;
  int64_t n_tokens_max = 0;  // of the longest text; 0: as many as the model knows
  int n_threads = 0;
  Precision precision = Precision::fast;
};

struct EmbedText {
  std::span<const int32_t> ids;
  std::span<const int32_t> types{};  // of the same length, or none: all 0
};

class Embedder {
 public:
  // usage when pooling is `rank` and the model has no head (or the other way round), unsupported
  // for a model that has neither hidden states nor a head.
  static Result<std::unique_ptr<Embedder>> create(const std::shared_ptr<const Model>& model,
                                                  const EmbedderOptions& options);

  // (texts, width()) in order. limit naming the text that is longer than n_tokens_max, usage for
  // one without tokens.
  Result<std::vector<std::vector<float>>> embed(std::span<const EmbedText> texts);

  // How strongly each of the model's adapters works from now on; at first, as they were loaded.
  // Size CHECKed.
  void set_strengths(std::span<const float> strengths);

  int64_t width() const { return width_; }  // D, or the number of labels with Pooling::rank
  Pooling pooling() const { return pooling_; }
  int64_t n_tokens_max() const { return n_tokens_max_; }  // of a text
  int64_t memory_bytes() const;  // cache and activations; the weights are the model's

 private:
  Embedder(std::unique_ptr<Runner> runner, const EmbedderOptions& options, Pooling pooling);
  size_t n_fitting(std::span<const EmbedText> texts);
  Result<void> embed_some(std::span<const EmbedText> texts, std::vector<std::vector<float>>& out);
  std::vector<float> pooled(const float* rows, int64_t n_rows) const;

  std::unique_ptr<Runner> runner_;
  EmbedderOptions options_;
  Pooling pooling_;
  int64_t width_ = 0, n_tokens_max_ = 0;
};

// Whether it reads texts in both directions, and so makes vectors or scores and no text.
bool is_encoder(const Model& model);
// What create() would choose.
Pooling default_pooling(const Model& model);
const char* pooling_name(Pooling pooling);                 // "mean", "cls", "last", "rank", "none"
Result<Pooling> pooling_from_name(std::string_view name);  // usage when unknown

}  // namespace quire
