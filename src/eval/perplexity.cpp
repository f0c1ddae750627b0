#include "eval/perplexity.h"

#include "kernels/cross_entropy.h"

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

constexpr int64_t logits_bytes = 64 << 20;  // of the rows that are scored at once

bool wants_bos(const Tokenizer& tokenizer) {
  const auto prefix = tokenizer.prefix_ids();
  return tokenizer.bos() >= 0 && std::ranges::find(prefix, tokenizer.bos()) != prefix.end();
}

// Runs windows and adds up what their scored tokens cost.
class Scorer {
 public:
  explicit Scorer(Runner& runner)
      : runner_(runner),
        n_slice_(std::max<int64_t>(16, logits_bytes / (4 * runner.model().hparams().n_vocab))) {}

  // Scores tokens[first + 1 .. last] of the window: each from those before it.
  Result<void> score(std::span<const int32_t> window, int64_t first, int64_t last,
                     Perplexity& total) {
    tokens_.assign(window.begin(), window.end());
    const Tokenizer& tokenizer = runner_.model().tokenizer();
    if (wants_bos(tokenizer)) tokens_[0] = tokenizer.bos();
    runner_.truncate(0, 0);
    if (first > 0) TRY(runner_.run(slice(0, first), Want::nothing));
    for (int64_t begin = first; begin < last; begin += n_slice_) {
      const int64_t n = std::min(n_slice_, last - begin);
      const View<const float, 2> logits = TRY(runner_.run(slice(begin, n), Want::all));
      add(logits, window.subspan(static_cast<size_t>(begin) + 1, static_cast<size_t>(n)), total);
    }
    ++total.n_chunks;
    return {};
  }

 private:
  std::span<const int32_t> slice(int64_t begin, int64_t n) const {
    return std::span(tokens_).subspan(static_cast<size_t>(begin), static_cast<size_t>(n));
  }
  void add(View<const float, 2> logits, std::span<const int32_t> targets, Perplexity& total) {
    const int64_t n = logits.dim(0), n_vocab = logits.dim(1);
    losses_.resize(static_cast<size_t>(n));
    runner_.pool().for_each(n, 1, [&](int64_t t, int) {
      cross_entropy(View<float, 1>(&losses_[static_cast<size_t>(t)], 1),
                    Rows<const float>(logits.row(t), 1, n_vocab),
                    View<const int32_t, 1>(&targets[static_cast<size_t>(t)], 1));
    });
    for (const float loss : losses_) {
      total.sum += static_cast<double>(loss);
      total.sum_squares += static_cast<double>(loss) * static_cast<double>(loss);
    }
    total.n_scored += n;
  }

  Runner& runner_;
  int64_t n_slice_;
  std::vector<int32_t> tokens_;
  std::vector<float> losses_;
};

}  // namespace

double Perplexity::perplexity() const { return std::exp(nats()); }

double Perplexity::error() const {
  if (n_scored < 2) return 0;
  const auto n = static_cast<double>(n_scored);
  const double variance = sum_squares / n - nats() * nats();
  return variance > 0 ? perplexity() * std::sqrt(variance / (n - 1)) : 0;
}

Result<int64_t> count_windows(int64_t n_tokens, const PerplexityOptions& options) {
  const int64_t window = options.window();
  if (options.n_ctx < 3 || options.stride < 0 || options.stride >= window)
    return fail(Fault::usage,
                "windows of {} tokens with a stride of {} cannot be scored; a window has at least "
                "3 tokens and is longer than the stride",
                window, options.stride);
  const int64_t n =
      options.stride == 0
          ? n_tokens / window
          : (std::max<int64_t>(0, n_tokens - window) + options.stride - 1) / options.stride;
  if (n < 1)
    return fail(Fault::usage,
                "the text has {} tokens, which is less than a window of {}; give a longer text or "
                "a shorter context",
                n_tokens, window);
  return options.n_chunks < 0 ? n : std::min(n, options.n_chunks);
}

Result<std::vector<int32_t>> perplexity_tokens(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<int32_t> tokens =
      TRY(tokenizer.encode(text, {.add = AddSpecial::never, .parse = ParseSpecial::as_text}));
  if (wants_bos(tokenizer)) tokens.insert(tokens.begin(), tokenizer.bos());
  return tokens;
}

Result<Perplexity> measure_perplexity(Runner& runner, std::span<const int32_t> tokens,
                                      const PerplexityOptions& options,
                                      FunctionRef<void(const Perplexity&)> on_chunk) {
  const int64_t n_windows = TRY(count_windows(static_cast<int64_t>(tokens.size()), options));
  const int64_t window = options.window();
  const int64_t step = options.stride == 0 ? window : options.stride;
  // The first scored token is the one behind `first`.
  const int64_t first = options.stride == 0 ? window / 2 : window - options.stride - 1;
  Scorer scorer(runner);
  Perplexity total;
  for (int64_t i = 0; i < n_windows; ++i) {
    TRY(scorer.score(tokens.subspan(static_cast<size_t>(i * step), static_cast<size_t>(window)),
                     first, window - 1, total));
    on_chunk(total);
  }
  return total;
}

}  // namespace quire
