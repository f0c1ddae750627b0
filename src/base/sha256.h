// SHA-256 (FIPS 180-4), by libcrypto.
#pragma once
#include "base/result.h"

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace quire {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(std::span<const std::byte> bytes);
  // Either of them, once: the digest, or "sha256:" and the digest in hexadecimal.
  std::array<std::byte, 32> digest();
  std::string finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_of(std::string_view bytes);
Result<std::string> sha256_of_file(const std::string& path);

}  // namespace quire
