#include "engine/candidates.h"

#include "base/check.h"
#include "kernels/vec_math.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quire {
namespace {

constexpr size_t short_part = 32;  // shorter ones are sorted rather than cut

float largest_of(const float* x, size_t n) {
  float lanes[8];
  std::copy_n(x, 8, lanes);
  for (size_t i = 8; i < n; i += 8)
    for (size_t lane = 0; lane < 8; ++lane)
      lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
  return *std::max_element(lanes, lanes + 8);
}

}  // namespace

bool Candidates::reset(std::span<const float> logits) {
  n_vocab_ = static_cast<int64_t>(logits.size());
  is_list_ = false;
  const size_t n_blocks = (logits.size() + block - 1) / block;
  logits_.resize(n_blocks * block);
  block_max_.resize(n_blocks);
  uint32_t unsound = 0;
  for (size_t b = 0; b < n_blocks; ++b) {
    const size_t n = std::min(block, logits.size() - b * block);
    const float* from = logits.data() + b * block;
    float* to = logits_.data() + b * block;
    std::copy_n(from, n, to);
    std::fill(to + n, to + block, never);
    for (size_t i = 0; i < block; ++i) unsound |= to[i] < -never ? 0 : 1;  // NaN, too
    block_max_[b] = largest_of(to, block);
  }
  return unsound == 0 && n_blocks > 0;
}

void Candidates::find_block_max(size_t b) {
  block_max_[b] = largest_of(logits_.data() + b * block, block);
}

void Candidates::change(int32_t id, FunctionRef<float(float)> to) {
  if (is_list_) {
    for (Candidate& candidate : list_)
      if (candidate.id == id) candidate.logit = to(candidate.logit);
    return;
  }
  if (id < 0 || id >= n_vocab_) return;
  const auto i = static_cast<size_t>(id);
  const float before = logits_[i];
  if (before == never) return;
  const float after = logits_[i] = to(before);
  float& largest = block_max_[i / block];
  if (after > largest)
    largest = after;
  else if (before == largest)
    find_block_max(i / block);
}

void Candidates::keep_only(TokenSet allowed) {
  if (is_list_)
    return remove_if([&](const Candidate& candidate) { return !contains(allowed, candidate.id); });
  for (size_t b = 0; b < block_max_.size(); ++b) {
    const uint64_t word = b < allowed.size() ? allowed[b] : 0;
    if (word == ~uint64_t{0}) continue;
    float* logits = logits_.data() + b * block;
    if (word == 0) {
      std::fill_n(logits, block, never);
      block_max_[b] = never;
      continue;
    }
    for (size_t i = 0; i < block; ++i) logits[i] = word >> i & 1 ? logits[i] : never;
    find_block_max(b);
  }
}

void Candidates::divide(float by) {
  CHECK(by > 0);
  const float largest = max();  // becomes 0, so that nothing overflows
  if (is_list_) {
    for (Candidate& candidate : list_) candidate.logit = (candidate.logit - largest) / by;
    return;
  }
  if (largest == never) return;
  for (float& logit : logits_) logit = (logit - largest) / by;
  for (float& one : block_max_) one = (one - largest) / by;
}

float Candidates::max() const {
  float largest = never;
  if (is_list_) {
    for (const Candidate& candidate : list_) largest = std::max(largest, candidate.logit);
    return largest;
  }
  for (const float one : block_max_) largest = std::max(largest, one);
  return largest;
}

int32_t Candidates::likeliest() const {
  if (is_list_) return std::min_element(list_.begin(), list_.end())->id;
  const auto first = std::max_element(block_max_.begin(), block_max_.end());
  const auto begin = logits_.begin() + (first - block_max_.begin()) * static_cast<ptrdiff_t>(block);
  return static_cast<int32_t>(std::find(begin, begin + block, *first) - logits_.begin());
}

Candidates::Moments Candidates::moments() const {
  double sum = 0, squares = 0;
  int64_t n = 0;
  const double shift = max();  // keeps the squares small
  const auto add = [&](float logit) {
    if (logit == never) return;
    const double x = static_cast<double>(logit) - shift;
    sum += x, squares += x * x, ++n;
  };
  if (is_list_)
    for (const Candidate& candidate : list_) add(candidate.logit);
  else
    for (const float logit : logits_) add(logit);
  if (n == 0) return {};
  const double mean = sum / static_cast<double>(n);
  return {mean + shift, std::sqrt(std::max(0.0, squares / static_cast<double>(n) - mean * mean))};
}

// The list of all logits from the threshold on.
void Candidates::collect_from(float threshold) {
  list_.clear();
  threshold = std::max(threshold, std::numeric_limits<float>::lowest());
  for (size_t b = 0; b < block_max_.size(); ++b) {
    if (!(block_max_[b] >= threshold)) continue;
    for (size_t i = b * block; i < (b + 1) * block; ++i)
      if (logits_[i] >= threshold) list_.push_back({logits_[i], 0, static_cast<int32_t>(i)});
  }
}

std::span<Candidate> Candidates::list() {
  if (!is_list_) collect_from(never);
  is_list_ = true;
  return list_;
}

std::span<const Candidate> Candidates::first(size_t n) {
  if (!is_list_) collect_top(n);
  n = std::min(n, list_.size());
  std::partial_sort(list_.begin(), list_.begin() + static_cast<ptrdiff_t>(n), list_.end());
  return std::span(list_).first(n);
}

void Candidates::keep_top(size_t k) {
  if (k == 0 || k >= static_cast<size_t>(n_vocab_)) return;
  if (is_list_) {
    if (k >= list_.size()) return;
    std::nth_element(list_.begin(), list_.begin() + static_cast<ptrdiff_t>(k), list_.end());
    return keep_first(k);
  }
  collect_top(k);
  is_list_ = true;
}

// A heap of the k largest; a block is looked at only when its largest one would enter.
void Candidates::collect_top(size_t k) {
  list_.clear();
  for (size_t b = 0; b < block_max_.size(); ++b) {
    if (list_.size() == k && !(block_max_[b] > list_.front().logit)) continue;
    for (size_t i = b * block; i < (b + 1) * block; ++i) {
      if (logits_[i] == never) continue;
      const Candidate candidate{logits_[i], 0, static_cast<int32_t>(i)};
      if (list_.size() < k) {
        list_.push_back(candidate);
        std::push_heap(list_.begin(), list_.end());
      } else if (candidate < list_.front()) {
        std::pop_heap(list_.begin(), list_.end());
        list_.back() = candidate;
        std::push_heap(list_.begin(), list_.end());
      }
    }
  }
}

void Candidates::keep_from(float threshold) {
  if (is_list_)
    return remove_if([&](const Candidate& candidate) { return !(candidate.logit >= threshold); });
  collect_from(threshold);
  is_list_ = true;
}

void Candidates::keep_share(double share) {
  const auto likelier = [](const Candidate& a, const Candidate& b) { return a < b; };
  if (is_list_ || empty()) return keep_share(share, likelier);
  // Looks as far down as it must: seldom further than the first time.
  const float largest = max();
  const double wanted = share * total_weight(largest);
  for (float depth = 4;; depth *= 2) {
    const bool all = depth > 128;
    collect_from(all ? never : largest - depth);
    const double found = weigh_list(largest);
    if (!all && found < wanted) continue;
    is_list_ = true;
    return keep_share(std::min(1.0, wanted / found), likelier);
  }
}

// Cuts the list as quicksort does, and goes on only with the part in which the share is reached.
void Candidates::keep_share(double share,
                            FunctionRef<bool(const Candidate&, const Candidate&)> before) {
  const double wanted = share * weigh();
  double have = 0;
  size_t begin = 0, end = list_.size();
  const auto less = [&](const Candidate& a, const Candidate& b) { return before(a, b); };
  while (end - begin > short_part) {
    const size_t middle = begin + (end - begin) / 2;
    const auto first = list_.begin() + static_cast<ptrdiff_t>(begin);
    const auto cut = list_.begin() + static_cast<ptrdiff_t>(middle);
    std::nth_element(first, cut, list_.begin() + static_cast<ptrdiff_t>(end), less);
    double upper = 0;
    for (auto one = first; one != cut; ++one) upper += static_cast<double>(one->weight);
    if (have + upper >= wanted) {
      end = middle;
    } else {
      have += upper;
      begin = middle;
    }
  }
  std::sort(list_.begin() + static_cast<ptrdiff_t>(begin),
            list_.begin() + static_cast<ptrdiff_t>(end), less);
  size_t n = begin;
  while (n < end) {
    have += static_cast<double>(list_[n++].weight);
    if (have >= wanted) break;
  }
  keep_first(std::max<size_t>(n, 1));
}

double Candidates::total() { return is_list_ ? weigh() : total_weight(max()); }

double Candidates::weigh() {
  list();
  return weigh_list(max());
}

double Candidates::weigh_list(float largest) {
  double total = 0;
  float weights[block];
  for (size_t begin = 0; begin < list_.size(); begin += block) {
    const std::span<Candidate> part =
        std::span(list_).subspan(begin, std::min(block, list_.size() - begin));
    for (size_t i = 0; i < part.size(); ++i) weights[i] = part[i].logit - largest;
    const auto n = static_cast<int64_t>(part.size());
    vec_exp(View<float, 1>(weights, n), View<const float, 1>(weights, n));
    for (size_t i = 0; i < part.size(); ++i) {
      part[i].weight = weights[i];
      total += static_cast<double>(weights[i]);
    }
  }
  return total;
}

void Candidates::keep_first(size_t n) {
  if (n < list_.size()) list_.resize(n);
}

void Candidates::remove_if(FunctionRef<bool(const Candidate&)> gone) {
  list();
  std::erase_if(list_, [&](const Candidate& candidate) { return gone(candidate); });
}

double Candidates::block_weights(size_t b, float largest, float* weights) const {
  const float* logits = logits_.data() + b * block;
  for (size_t i = 0; i < block; ++i) weights[i] = logits[i] - largest;
  const auto n = static_cast<int64_t>(block);
  vec_exp(View<float, 1>(weights, n), View<const float, 1>(weights, n));
  float lanes[8] = {};
  for (size_t i = 0; i < block; i += 8)
    for (size_t lane = 0; lane < 8; ++lane) lanes[lane] += weights[i + lane];
  double sum = 0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

double Candidates::total_weight(float largest) {
  block_sum_.resize(block_max_.size());
  double total = 0;
  float weights[block];
  for (size_t b = 0; b < block_max_.size(); ++b) {
    block_sum_[b] = block_max_[b] == never ? 0 : block_weights(b, largest, weights);
    total += block_sum_[b];
  }
  return total;
}

int32_t Candidates::draw(Rng& rng) {
  if (!is_list_) return draw_from_all(rng);
  double left = rng.uniform() * weigh();
  for (const Candidate& candidate : list_) {
    left -= static_cast<double>(candidate.weight);
    if (left < 0) return candidate.id;
  }
  return likeliest();  // rounding: the weights did not quite add up
}

// First the block, then the token in it.
int32_t Candidates::draw_from_all(Rng& rng) {
  const float largest = max();
  double left = rng.uniform() * total_weight(largest);
  for (size_t b = 0; b < block_max_.size(); ++b) {
    if (left >= block_sum_[b]) {
      left -= block_sum_[b];
      continue;
    }
    float weights[block];
    block_weights(b, largest, weights);
    for (size_t i = 0; i < block; ++i) {
      left -= static_cast<double>(weights[i]);
      if (left < 0 && weights[i] > 0) return static_cast<int32_t>(b * block + i);
    }
  }
  return likeliest();
}

}  // namespace quire
