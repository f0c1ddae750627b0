// A batch: the token rows that one step runs, and which sequences they belong to.
#pragma once
#include <cstdint>
#include <span>

namespace quire {

// Consecutive rows of one sequence.
struct SequenceRows {
  int64_t first_row = 0;
  int64_t n_rows = 0;
  int64_t n_past = 0;  // positions of this sequence already in the KV cache
  std::span<const int32_t>
      blocks{};       // its blocks of the KV cache, in order; enough for n_past + n_rows
  int32_t state = 0;  // which sequence's states of the StateCache are its own
};

struct Batch {
  std::span<const int32_t> tokens;          // (T) ids in [0, V)
  std::span<const int32_t> positions;       // (T)
  std::span<const int32_t> output_rows;     // (R) rows whose logits are wanted, rising
  std::span<const int32_t> targets;         // (T) training only: the next token, or -1
  std::span<const SequenceRows> sequences;  // cover all rows, in order
  std::span<const int32_t> token_types{};   // (T), for models that have them
  std::span<const float> strengths{};       // (T, n) of each of n adapters, for graphs with some
};

}  // namespace quire
