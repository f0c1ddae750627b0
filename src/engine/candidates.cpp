#include "engine/candidates.h"

#include "base/check.h"
#include "kernels/vec_math.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quire {
namespace {

constexpr size_t short_part = 32;   // shorter ones are sorted rather than cut
constexpr size_t n_heap_max = 512;  // more of the likeliest are found by counting, not by a heap
constexpr float ranges_per_nat = 64;
constexpr size_t n_ranges = 8192;  // the last one holds all that is deeper than 128

float largest_of(const float* x, size_t n) {
  float lanes[8];
  std::copy_n(x, 8, lanes);
  for (size_t i = 8; i < n; i += 8)
    for (size_t lane = 0; lane < 8; ++lane)
      lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
  return *std::max_element(lanes, lanes + 8);
}

// In single precision, eight sums side by side: a block is short.
double sum_of(const float* block_weights) {
  float lanes[8] = {};
  for (size_t i = 0; i < 64; i += 8)
    for (size_t lane = 0; lane < 8; ++lane) lanes[lane] += block_weights[i + lane];
  double sum = 0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

}  // namespace

bool Candidates::reset(std::span<const float> logits) {
  n_vocab_ = static_cast<int64_t>(logits.size());
  is_list_ = false;
  weighed_ = false;
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
  weighed_ = false;
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
  weighed_ = false;
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
  weighed_ = false;
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
  if (k > n_heap_max) return keep_many(k);
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

size_t Candidates::count_from(float threshold) const {
  size_t n = 0;
  for (size_t b = 0; b < block_max_.size(); ++b) {
    if (!(block_max_[b] >= threshold)) continue;
    uint32_t in_block = 0;
    for (size_t i = b * block; i < (b + 1) * block; ++i) in_block += logits_[i] >= threshold;
    n += in_block;
  }
  return n;
}

// Leaves out, where they lie, the logits for which keep(logit) is false. It is true for the
// largest.
template <class Keep>
void Candidates::keep_in_blocks(const Keep& keep) {
  for (size_t b = 0; b < block_max_.size(); ++b) {
    float* logits = logits_.data() + b * block;
    if (!keep(block_max_[b])) {
      std::fill_n(logits, block, never);
      block_max_[b] = never;
      block_sum_.resize(block_max_.size());
      block_sum_[b] = 0;
      continue;
    }
    for (size_t i = 0; i < block; ++i) logits[i] = keep(logits[i]) ? logits[i] : never;
    if (!weighed_) continue;
    float* weights = weights_.data() + b * block;
    for (size_t i = 0; i < block; ++i) weights[i] = logits[i] == never ? 0 : weights[i];
    block_sum_[b] = sum_of(weights);
  }
}

void Candidates::keep_from(float threshold) {
  if (is_list_)
    return remove_if([&](const Candidate& candidate) { return !(candidate.logit >= threshold); });
  if (stays_in_blocks(count_from(threshold)))
    return keep_in_blocks([threshold](float logit) { return logit >= threshold; });
  collect_from(threshold);
  is_list_ = true;
}

size_t Candidates::find_range(float logit) const {
  const float range = (largest_ - logit) * ranges_per_nat;
  constexpr auto last = static_cast<float>(n_ranges - 1);
  return static_cast<size_t>(range < last ? range : last);
}

// The list of the logits in a range, in order.
void Candidates::collect_range(size_t range) {
  list_.clear();
  for (size_t b = 0; b < block_max_.size(); ++b) {
    if (block_max_[b] == never || find_range(block_max_[b]) > range) continue;
    for (size_t i = b * block; i < (b + 1) * block; ++i)
      if (logits_[i] != never && find_range(logits_[i]) == range)
        list_.push_back({logits_[i], weighed_ ? weights_[i] : 0, static_cast<int32_t>(i)});
  }
  std::sort(list_.begin(), list_.end());
}

// Keeps the n_above logits in the ranges above this one, and what stands in the list of this one.
void Candidates::keep_above(size_t range, size_t n_above) {
  const auto border = static_cast<float>(range);
  const float largest = largest_;
  const auto above = [=](float logit) { return (largest - logit) * ranges_per_nat < border; };
  if (!stays_in_blocks(n_above + list_.size())) {
    for (size_t b = 0; b < block_max_.size(); ++b) {
      if (!above(block_max_[b])) continue;
      for (size_t i = b * block; i < (b + 1) * block; ++i)
        if (above(logits_[i])) list_.push_back({logits_[i], 0, static_cast<int32_t>(i)});
    }
    is_list_ = true;
    return;
  }
  keep_in_blocks(above);
  for (const Candidate& one : list_) {
    const auto i = static_cast<size_t>(one.id);
    logits_[i] = one.logit;
    block_max_[i / block] = std::max(block_max_[i / block], one.logit);
    if (!weighed_) continue;
    weights_[i] = one.weight;
    block_sum_[i / block] += static_cast<double>(one.weight);
  }
}

// The k likeliest, for a large k: counts what lies in each range of logits, and puts only the one
// in order in which the k-th lies.
void Candidates::keep_many(size_t k) {
  largest_ = max();
  counts_.assign(n_ranges, 0);
  for (const float logit : logits_)
    if (logit != never) ++counts_[find_range(logit)];
  size_t range = 0, n_above = 0;
  while (range + 1 < n_ranges && n_above + counts_[range] < k) n_above += counts_[range++];
  collect_range(range);
  keep_first(k - n_above);
  keep_above(range, n_above);
}

void Candidates::keep_share(double share) {
  if (is_list_ || empty())
    return keep_share(share, [](const Candidate& a, const Candidate& b) { return a < b; });
  const double total = weigh_blocks(), wanted = share * total;
  largest_ = max();
  // Where few tokens have nearly all of it, a short list is enough.
  for (const float depth : {4.0f, 8.0f}) {
    if (stays_in_blocks(count_from(largest_ - depth))) break;
    collect_from(largest_ - depth);
    const double found = weigh_list(largest_);
    if (found < wanted) continue;
    is_list_ = true;
    return keep_share(wanted / found, [](const Candidate& a, const Candidate& b) { return a < b; });
  }
  // Tokens of a weight below this are never needed: all of them together have less than is left.
  const double least = std::max((1 - share) * total / static_cast<double>(n_vocab_), 1e-36);
  const float deepest = largest_ + static_cast<float>(std::log(least)) - 0.01f;
  counts_.assign(n_ranges, 0);
  sums_.assign(n_ranges, 0);
  for (size_t b = 0; b < block_max_.size(); ++b) {
    if (!(block_max_[b] >= deepest)) continue;
    for (size_t i = b * block; i < (b + 1) * block; ++i) {
      if (!(logits_[i] >= deepest)) continue;
      const size_t range = find_range(logits_[i]);
      ++counts_[range];
      sums_[range] += static_cast<double>(weights_[i]);
    }
  }
  size_t range = 0, n_above = 0;
  double have = 0;
  const size_t last = find_range(deepest);
  for (; range < last && have + sums_[range] < wanted; ++range) {
    have += sums_[range];
    n_above += counts_[range];
  }
  collect_range(range);
  size_t n = 0;
  while (n < list_.size() && (have < wanted || n_above + n == 0))
    have += static_cast<double>(list_[n++].weight);
  keep_first(n);
  keep_above(range, n_above);
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

double Candidates::total() { return is_list_ ? weigh() : weigh_blocks(); }

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

// The weights of all, in pieces that stay in the nearest cache.
double Candidates::weigh_blocks() {
  const float largest = max();
  constexpr size_t piece = 16 * block;
  if (!weighed_) {
    weights_.resize(logits_.size());
    block_sum_.resize(block_max_.size());
    for (size_t begin = 0; begin < logits_.size(); begin += piece) {
      const size_t n = std::min(piece, logits_.size() - begin);
      float* weights = weights_.data() + begin;
      for (size_t i = 0; i < n; ++i) weights[i] = logits_[begin + i] - largest;
      const auto length = static_cast<int64_t>(n);
      vec_exp(View<float, 1>(weights, length), View<const float, 1>(weights, length));
      for (size_t i = 0; i < n; i += block) block_sum_[(begin + i) / block] = sum_of(weights + i);
    }
    weighed_ = true;
  }
  double total = 0;
  for (const double sum : block_sum_) total += sum;
  return total;
}

Candidates::Drawn Candidates::draw(Rng& rng) {
  return is_list_ ? draw_from_list(rng) : draw_from_blocks(rng);
}

Candidates::Drawn Candidates::draw_from_list(Rng& rng) {
  const double total = weigh();
  double left = rng.uniform() * total;
  const Candidate* last = &list_.front();  // rounding: the weights may not quite add up
  for (const Candidate& candidate : list_) {
    left -= static_cast<double>(candidate.weight);
    if (candidate.weight > 0) last = &candidate;
    if (left < 0) return {candidate.id, static_cast<double>(candidate.weight), total};
  }
  return {last->id, static_cast<double>(last->weight), total};
}

// First the block, then the token in it.
Candidates::Drawn Candidates::draw_from_blocks(Rng& rng) {
  const double total = weigh_blocks();
  double left = rng.uniform() * total;
  for (size_t b = 0; b < block_max_.size(); ++b) {
    if (left >= block_sum_[b]) {
      left -= block_sum_[b];
      continue;
    }
    for (size_t i = b * block; i < (b + 1) * block; ++i) {
      left -= static_cast<double>(weights_[i]);
      if (left < 0 && weights_[i] > 0)
        return {static_cast<int32_t>(i), static_cast<double>(weights_[i]), total};
    }
  }
  return {likeliest(), 1, total};  // rounding, as above
}

}  // namespace quire
