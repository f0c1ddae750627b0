// How well a model predicts a text: nats per token, and bits per byte, which compares models with
// different tokenizers.
#pragma once
#include "base/result.h"
#include "engine/runner.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace quire {

struct TextLoss {
  double nats = 0;       // sum of -log p of every token of the text
  int64_t n_tokens = 0;  // tokens predicted
  uint64_t n_bytes = 0;  // of the text
  double nats_per_token() const { return n_tokens == 0 ? 0 : nats / static_cast<double>(n_tokens); }
  double bits_per_byte() const {
    return n_bytes == 0 ? 0 : nats / 0.6931471805599453 / static_cast<double>(n_bytes);
  }
  TextLoss& operator+=(const TextLoss& other) {
    nats += other.nats;
    n_tokens += other.n_tokens;
    n_bytes += other.n_bytes;
    return *this;
  }
};

enum class CountEnd { no, yes };  // whether the document's end-of-text token is predicted, too

// One document from its start token on, no special token parsed in it. A document longer than the
// runner's context is read in windows that overlap by half, so that every token but those of the
// first window has at least half a context before it. Uses sequence 0 of the runner, and leaves it
// empty. usage when the tokenizer has no token to start with.
Result<TextLoss> measure_text(Runner& runner, std::string_view text, CountEnd end);

}  // namespace quire
