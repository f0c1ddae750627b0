#include "device/state_cache.h"

#include "base/check.h"

namespace quire {

Result<StateCache> StateCache::create(const std::vector<int64_t>& sizes, int64_t n_sequences) {
  StateCache cache;
  cache.n_sequences_ = n_sequences;
  bool too_large = false;
  for (const int64_t n : sizes) {
    cache.offsets_.push_back(cache.sequence_floats_);
    const int64_t whole_lines = (n + 15) / 16 * 16;
    too_large |=
        __builtin_add_overflow(cache.sequence_floats_, whole_lines, &cache.sequence_floats_);
  }
  int64_t n_bytes = 0;
  too_large |= __builtin_mul_overflow(cache.sequence_floats_, 4 * n_sequences, &n_bytes);
  if (too_large)
    return fail(Fault::limit,
                "recurrent state: that of {} sequences is more than can be addressed; use fewer",
                n_sequences);
  cache.memory_ = TRY(ReservedMemory::create(n_bytes, "recurrent state"));
  return cache;
}

float* StateCache::state(int32_t index, int32_t sequence) const {
  CHECK(sequence >= 0 && sequence < n_sequences_);
  return reinterpret_cast<float*>(memory_.data()) + sequence * sequence_floats_ +
         offsets_[static_cast<size_t>(index)];
}

std::span<std::byte> StateCache::all_of(int32_t sequence) const {
  CHECK(sequence >= 0 && sequence < n_sequences_);
  return {memory_.data() + sequence * sequence_bytes(), static_cast<size_t>(sequence_bytes())};
}

}  // namespace quire
