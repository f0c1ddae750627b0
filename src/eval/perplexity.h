// Perplexity: how surprised a model is by a text, as llama.cpp's llama-perplexity measures it, so
// that numbers compare.
//
//   PPL = exp(mean of -log p(token | the tokens before it)),   +/- PPL * s / sqrt(n - 1)
//
// Windows: the text is cut into chunks of n_ctx tokens that follow each other; what is left over is
// not used. Each is run on its own, its first token replaced by BOS where the model wants one in
// front of a text, and the tokens after its middle are scored (n_ctx - 1 - n_ctx / 2 of them): they
// have half a window before them at least.
//
// Stride: windows of n_ctx + stride / 2 tokens, each `stride` after the last; the last `stride`
// tokens but one of each are scored.
#pragma once
#include "base/function_ref.h"
#include "engine/runner.h"

#include <span>
#include <vector>

namespace quire {

struct PerplexityOptions {
  int64_t n_ctx = 512;
  int64_t n_chunks = -1;  // at most so many windows; -1: all
  int64_t stride = 0;     // 0: windows that follow each other
  // Positions that a sequence must be able to reach.
  int64_t window() const { return n_ctx + stride / 2; }
};

struct Perplexity {
  int64_t n_scored = 0;
  int64_t n_chunks = 0;    // done so far
  double sum = 0;          // of -log p, in nats
  double sum_squares = 0;  // of its squares

  double nats() const { return sum / static_cast<double>(n_scored); }
  double perplexity() const;
  double error() const;  // standard error of the perplexity; 0 for fewer than two tokens
};

// How many windows a text of n_tokens has; usage when there is none, or the numbers make no sense.
Result<int64_t> count_windows(int64_t n_tokens, const PerplexityOptions& options);

// The ids that are scored: the text as plain characters (a control token written in it is no
// token), BOS in front where the model wants it.
Result<std::vector<int32_t>> perplexity_tokens(const Tokenizer& tokenizer, std::string_view text);

// Uses sequence 0 of the runner, whose n_ctx must be options.window() at least. on_chunk is called
// after each window.
Result<Perplexity> measure_perplexity(Runner& runner, std::span<const int32_t> tokens,
                                      const PerplexityOptions& options,
                                      FunctionRef<void(const Perplexity&)> on_chunk);

}  // namespace quire
