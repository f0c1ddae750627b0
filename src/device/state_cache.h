// What sequences of a recurrent model keep from step to step, in place of keys and values: the last
// rows of a convolution, the state of a recurrence. Of fixed size, whatever the length of the
// sequence, and never to be cut back to an earlier position.
#pragma once
#include "device/reserved_memory.h"

#include <cstdint>
#include <span>
#include <vector>

namespace quire {

class StateCache {
 public:
  StateCache() = default;
  // sizes: Graph::state_sizes. limit when it cannot be addressed or had.
  static Result<StateCache> create(const std::vector<int64_t>& sizes, int64_t n_sequences);

  // State `index` of a sequence, of sizes[index] floats.
  float* state(int32_t index, int32_t sequence) const;
  // All states of a sequence.
  std::span<std::byte> all_of(int32_t sequence) const;
  int64_t n_bytes() const { return n_sequences_ * sequence_bytes(); }
  int64_t sequence_bytes() const { return sequence_floats_ * 4; }

 private:
  std::vector<int64_t> offsets_;  // floats inside a sequence's states, per index
  int64_t n_sequences_ = 0, sequence_floats_ = 0;
  ReservedMemory memory_;
};

}  // namespace quire
