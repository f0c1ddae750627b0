#include "engine/prefix_key.h"

#include "base/sha256.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace quire {

PrefixKey digest(std::span<const std::span<const std::byte>> parts) {
  Sha256 sum;
  for (const auto part : parts) sum.update(part);
  const auto bytes = sum.digest();
  PrefixKey key;
  std::memcpy(&key.high, bytes.data(), 8);
  std::memcpy(&key.low, bytes.data() + 8, 8);
  return key;
}

std::string PrefixKey::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

PrefixKey root_key(std::string_view salt) {
  if (salt.empty()) return {};
  const std::array parts{std::as_bytes(std::span(salt.data(), salt.size()))};
  return digest(parts);
}

PrefixKey next_key(const PrefixKey& parent, std::span<const int32_t> tokens) {
  const std::array parts{std::as_bytes(std::span(&parent, 1)), std::as_bytes(tokens)};
  return digest(parts);
}

}  // namespace quire
