#include "engine/prefix_key.h"

#include "base/check.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cstring>
#include <memory>

namespace quire {

PrefixKey digest(std::span<const std::span<const std::byte>> parts) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  CHECK(context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  for (const auto part : parts)
    CHECK(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  CHECK(EVP_DigestFinal_ex(context.get(), bytes.data(), nullptr) == 1);
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
