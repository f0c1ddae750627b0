#include "train/measure_text.h"

#include "train/token_cache.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace quire {
namespace {

// -log softmax(logits)[target], in double.
double surprise(const float* logits, int64_t n, int32_t target) {
  double highest = logits[0];
  for (int64_t i = 1; i < n; ++i) highest = std::max(highest, static_cast<double>(logits[i]));
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(logits[i]) - highest);
  return highest + std::log(sum) - static_cast<double>(logits[target]);
}

constexpr int64_t rows_at_once = 128;  // logits of so many rows are held at a time

}  // namespace

Result<TextLoss> measure_text(Runner& runner, std::string_view text, CountEnd end) {
  const Tokenizer& tokenizer = runner.model().tokenizer();
  const int32_t separator = TRY(separator_of(tokenizer));
  const EncodeOptions plain{AddSpecial::never, ParseSpecial::as_text, InvalidUtf8::keep};
  std::vector<int32_t> ids = TRY(tokenizer.encode(text, plain));
  ids.insert(ids.begin(), tokenizer.bos() >= 0 ? tokenizer.bos() : separator);
  if (end == CountEnd::yes) ids.push_back(separator);

  const auto n = static_cast<int64_t>(ids.size());
  const int64_t n_ctx = runner.n_ctx();
  TextLoss loss;
  loss.n_bytes = text.size();
  for (int64_t counted = 1, first = 0; counted < n;) {  // counted: the next token to predict
    const int64_t last = std::min(first + n_ctx, n - 1);
    runner.truncate(0, 0);
    for (int64_t at = first; at < last;) {
      const int64_t rows = std::min(rows_at_once, last - at);
      const std::span<const int32_t> tokens(ids.data() + at, static_cast<size_t>(rows));
      const View<const float, 2> logits = TRY(runner.run(tokens, Want::all));
      for (int64_t r = 0; r < rows; ++r) {
        if (at + r + 1 < counted) continue;
        loss.nats += surprise(logits.row(r), logits.dim(1), ids[static_cast<size_t>(at + r + 1)]);
        ++loss.n_tokens;
      }
      at += rows;
    }
    counted = last + 1;
    first = last - n_ctx / 2;
  }
  runner.truncate(0, 0);
  return loss;
}

}  // namespace quire
