#include "train/data.h"

#include "base/check.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace quire {
namespace {

bool is_held_out(uint64_t hash, double share) {
  return static_cast<double>(hash >> 11) * 0x1p-53 < share;
}

// A number of its own for each (seed, a, b).
uint64_t mix(uint64_t seed, uint64_t a, uint64_t b) {
  uint64_t state = seed;
  state = splitmix64(state) ^ a;
  state = splitmix64(state) ^ b;
  return splitmix64(state);
}

void shuffle(std::vector<int64_t>& list, Rng& rng) {
  for (size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[rng.below(i)]);
}

std::vector<int64_t> starts(const TokenCache& cache, const std::vector<int64_t>& order) {
  std::vector<int64_t> first;
  first.reserve(order.size() + 1);
  first.push_back(1);  // behind the separator
  for (int64_t d : order) first.push_back(first.back() + cache.document(d).n_tokens);
  return first;
}

}  // namespace

Result<TrainingData> TrainingData::create(TokenCache cache, DataOptions options) {
  TrainingData data(std::move(cache));
  data.options_ = std::move(options);
  data.options_.weights.resize(data.cache_.n_sources(), 1.0);
  for (int64_t d = 0; d < data.cache_.n_documents(); ++d) {
    const CachedDocument& document = data.cache_.document(d);
    if (is_held_out(document.hash, data.options_.held_out)) {
      data.held_out_.push_back(d);
      data.n_held_out_bytes_ += document.n_bytes;
    } else {
      data.train_.push_back(d);
      data.n_train_tokens_ += document.n_tokens;
    }
  }
  std::stable_sort(data.held_out_.begin(), data.held_out_.end(), [&](int64_t a, int64_t b) {
    return data.cache_.document(a).hash < data.cache_.document(b).hash;
  });
  data.held_out_first_ = starts(data.cache_, data.held_out_);
  if (data.n_windows(0) == 0)
    return fail(Fault::usage,
                "the data has {} tokens for training ({} documents are held out), fewer than one "
                "window of {}: give more data, a smaller --ctx or --held-out 0",
                data.n_train_tokens_, data.held_out_.size(), data.options_.n_ctx + 1);
  return data;
}

int64_t TrainingData::copies(int64_t document, int64_t epoch) const {
  const double weight = options_.weights[cache_.document(document).source];
  const double whole = std::floor(weight);
  Rng rng(mix(options_.seed ^ 0x636f70696573u, static_cast<uint64_t>(epoch),
              static_cast<uint64_t>(document)));
  return static_cast<int64_t>(whole) + (rng.uniform() < weight - whole ? 1 : 0);
}

void TrainingData::enter_epoch(int64_t number) {
  if (epoch_.number == number) return;
  epoch_.number = number;
  epoch_.order.clear();
  for (int64_t d : train_) epoch_.order.insert(epoch_.order.end(), copies(d, number), d);
  Rng rng(mix(options_.seed, static_cast<uint64_t>(number), 0));
  shuffle(epoch_.order, rng);
  epoch_.first = starts(cache_, epoch_.order);
  epoch_.windows.resize(static_cast<size_t>((epoch_.first.back() - 1) / options_.n_ctx));
  for (size_t w = 0; w < epoch_.windows.size(); ++w) epoch_.windows[w] = static_cast<int64_t>(w);
  shuffle(epoch_.windows, rng);
}

int64_t TrainingData::n_windows(int64_t epoch) {
  CHECK(epoch >= 0);
  while (static_cast<int64_t>(epoch_first_.size()) <= epoch + 1) {
    enter_epoch(static_cast<int64_t>(epoch_first_.size()) - 1);
    epoch_first_.push_back(epoch_first_.back() + static_cast<int64_t>(epoch_.windows.size()));
  }
  const auto e = static_cast<size_t>(epoch);
  return epoch_first_[e + 1] - epoch_first_[e];
}

void TrainingData::window(int64_t index, std::span<int32_t> out) {
  CHECK(index >= 0 && static_cast<int64_t>(out.size()) == options_.n_ctx + 1);
  int64_t epoch = static_cast<int64_t>(epoch_first_.size()) - 2;
  while (index >= epoch_first_.back()) (void)n_windows(++epoch);
  const auto past = std::upper_bound(epoch_first_.begin(), epoch_first_.end(), index);
  epoch = past - epoch_first_.begin() - 1;
  enter_epoch(epoch);
  const int64_t w =
      epoch_.windows[static_cast<size_t>(index - epoch_first_[static_cast<size_t>(epoch)])];
  read_stream(epoch_.order, epoch_.first, w * options_.n_ctx, out);
}

void TrainingData::held_out(int64_t first, std::span<int32_t> out) const {
  read_stream(held_out_, held_out_first_, first, out);
}

void TrainingData::read_stream(const std::vector<int64_t>& order, const std::vector<int64_t>& first,
                               int64_t from, std::span<int32_t> out) const {
  int64_t at = from;
  const int64_t end = from + static_cast<int64_t>(out.size());
  auto put = out.begin();
  if (at == 0 && at < end) {
    *put++ = options_.separator;
    ++at;
  }
  auto d = static_cast<size_t>(std::upper_bound(first.begin(), first.end(), at) - first.begin());
  for (; at < end && d < first.size(); ++d) {  // first[d] is the end of document d - 1
    const int64_t n = std::min(end, first[d]) - at;
    const int64_t document = order[d - 1];
    cache_.read(cache_.first_token(document) + (at - first[d - 1]), std::span(put, put + n));
    put += n;
    at += n;
  }
  std::fill(put, out.end(), -1);
}

}  // namespace quire
