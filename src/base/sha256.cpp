#include "base/sha256.h"

#include "base/check.h"
#include "base/file.h"

#include <openssl/evp.h>

#include <algorithm>

namespace quire {

struct Sha256::Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(md); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  CHECK(context_->md != nullptr && EVP_DigestInit_ex(context_->md, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  CHECK(EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()) == 1);
}

std::array<std::byte, 32> Sha256::digest() {
  std::array<std::byte, 32> bytes;
  CHECK(EVP_DigestFinal_ex(context_->md, reinterpret_cast<unsigned char*>(bytes.data()), nullptr) ==
        1);
  return bytes;
}

std::string Sha256::finish() {
  std::string text = "sha256:";
  for (const std::byte byte : digest()) text += fmt::format("{:02x}", std::to_integer<int>(byte));
  return text;
}

std::string sha256_of(std::string_view bytes) {
  Sha256 sum;
  sum.update(std::as_bytes(std::span(bytes)));
  return sum.finish();
}

Result<std::string> sha256_of_file(const std::string& path) {
  const MappedFile file = TRY(MappedFile::open(path));
  Sha256 sum;
  constexpr size_t chunk = 16 << 20;
  for (size_t at = 0; at < file.bytes().size(); at += chunk)
    sum.update(file.bytes().subspan(at, std::min(chunk, file.bytes().size() - at)));
  return sum.finish();
}

}  // namespace quire
