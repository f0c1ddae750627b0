// Names of prefixes: a block of kv_block_size tokens is named by all tokens up to its end,
//   key(block) = first 128 bits of SHA-256(key of the block before it, its tokens),
// so that equal keys mean equal prefixes, also for those who choose their tokens to collide.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace quire {

struct PrefixKey {
  uint64_t high = 0, low = 0;
  auto operator<=>(const PrefixKey&) const = default;
  std::string hex() const;  // 32 digits
};
struct PrefixKeyHash {
  size_t operator()(const PrefixKey& key) const { return static_cast<size_t>(key.low); }
};

// The key before the first block. Sequences with different salts share nothing.
PrefixKey root_key(std::string_view salt);
PrefixKey next_key(const PrefixKey& parent, std::span<const int32_t> tokens);

// SHA-256 of the parts one after the other, cut to 128 bits.
PrefixKey digest(std::span<const std::span<const std::byte>> parts);

}  // namespace quire
