#include "engine/mirostat.h"

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

constexpr size_t n_estimated_from = 100;  // the m of the paper's algorithm 1

}  // namespace

// Zipf's exponent s from the ratios of the likeliest tokens, then the k at which the expected
// surprise is mu (the paper's equations 11 and 12).
size_t Mirostat::wanted_k(Candidates& candidates) const {
  const std::span<const Candidate> list = candidates.first(n_estimated_from);
  double products = 0, squares = 0;
  for (size_t i = 0; i + 1 < list.size(); ++i) {
    const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
    const double b = static_cast<double>(list[i].logit) - static_cast<double>(list[i + 1].logit);
    products += t * b;
    squares += t * t;
  }
  const auto n_vocab = static_cast<double>(candidates.n_vocab());
  if (squares == 0 || products <= 0) return static_cast<size_t>(n_vocab);
  const double s = products / squares;
  const double epsilon = s - 1;
  const double k = std::pow(epsilon * std::exp2(mu_) / (1 - std::pow(n_vocab, -epsilon)), 1 / s);
  if (!std::isfinite(k)) return static_cast<size_t>(n_vocab);
  return static_cast<size_t>(std::clamp(k, 1.0, n_vocab));
}

Candidates::Drawn Mirostat::draw(Candidates& candidates, Rng& rng) {
  const double largest = candidates.max();
  if (version_ == 1) {
    candidates.keep_top(wanted_k(candidates));
  } else {
    // -log2 p <= mu  is  logit >= largest + ln(total) - mu ln 2
    const double total = candidates.total();
    const double threshold = largest + std::log(total) - mu_ * std::log(2.0);
    candidates.keep_from(static_cast<float>(std::min(threshold, largest)));
  }
  const Candidates::Drawn drawn = candidates.draw(rng);
  const double surprise = drawn.weight > 0 ? std::log2(drawn.total / drawn.weight) : mu_;
  mu_ -= eta_ * (surprise - tau_);
  return drawn;
}

}  // namespace quire
