#include "cli/probabilities.h"

#include "format/printable.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace quire {

LogProbabilities::LogProbabilities(std::span<const float> logits) : logits_(logits) {
  const double largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  log_sum_ = largest + std::log(sum);
}

double LogProbabilities::log_p(int32_t token) const {
  return static_cast<double>(logits_[static_cast<size_t>(token)]) - log_sum_;
}
double LogProbabilities::p(int32_t token) const { return std::exp(log_p(token)); }
double LogProbabilities::bits(int32_t token) const { return -log_p(token) / std::log(2.0); }

int64_t LogProbabilities::rank(int32_t token) const {
  const float own = logits_[static_cast<size_t>(token)];
  int64_t rank = 1;
  for (size_t i = 0; i < logits_.size(); ++i)
    rank += logits_[i] > own || (logits_[i] == own && i < static_cast<size_t>(token));
  return rank;
}

std::vector<int32_t> LogProbabilities::top(size_t n) const {
  std::vector<int32_t> ids(logits_.size());
  std::iota(ids.begin(), ids.end(), 0);
  n = std::min(n, ids.size());
  const auto likelier = [&](int32_t a, int32_t b) {
    const float x = logits_[static_cast<size_t>(a)], y = logits_[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n), ids.end(), likelier);
  ids.resize(n);
  return ids;
}

std::string quoted(std::string_view piece) {
  std::string text;
  for (const char c : piece) {
    if (c == '\n')
      text += "\\n";
    else if (c == '\t')
      text += "\\t";
    else if (c == '\r')
      text += "\\r";
    else
      text += c;
  }
  return "\"" + printable(text, 48) + "\"";
}

std::string bar(double share, int width) {
  const char* const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int n = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width * 8));
  std::string text;
  for (int i = 0; i < n / 8; ++i) text += "█";
  return text + eighths[n % 8];
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t c = n == 1 ? lead : lead & (0x7Fu >> n);
    for (size_t k = 1; k < n && i + k < text.size(); ++k)
      c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3F);
    // East Asian wide characters and emoji take two columns, combining marks none.
    const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
                      (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                      (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                      (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
    const bool mark = (c >= 0x300 && c <= 0x36F) || c == 0x200D || (c >= 0xFE00 && c <= 0xFE0F);
    width += wide ? 2 : mark ? 0 : 1;
    i += n;
  }
  return width;
}

std::string padded(std::string text, size_t width) {
  const size_t own = display_width(text);
  if (own < width) text.append(width - own, ' ');
  return text;
}

}  // namespace quire
