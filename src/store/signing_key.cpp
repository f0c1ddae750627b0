#include "store/signing_key.h"

#include "base/base64.h"
#include "base/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

namespace quire {
namespace {

constexpr std::string_view begin_line = "-----BEGIN OPENSSH PRIVATE KEY-----",
                           end_line = "-----END OPENSSH PRIVATE KEY-----",
                           magic{"openssh-key-v1\0", 15}, kind = "ssh-ed25519";
constexpr size_t seed_bytes = 32, file_bytes_max = 16 << 10, line_chars = 70;

struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Key key_of(std::string_view seed) {
  return Key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(seed), seed.size()));
}

std::string number(size_t n) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(n >> shift & 0xFF);
  return bytes;
}
std::string with_length(std::string_view text) { return number(text.size()) + std::string(text); }

// Takes numbers and strings off the front; afterwards all are empty.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}
  bool sound() const { return sound_; }
  uint32_t number() {
    uint32_t n = 0;
    for (const char c : take(4)) n = n << 8 | static_cast<uint8_t>(c);
    return n;
  }
  std::string_view text() { return take(number()); }
  std::string_view take(size_t n) {
    if (n > rest_.size()) sound_ = false;
    if (!sound_) return {};
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }

 private:
  std::string_view rest_;
  bool sound_ = true;
};

// The bytes between the lines of dashes.
bool unwrapped(std::string_view text, std::string& bytes) {
  const size_t begin = text.find(begin_line), end = text.find(end_line);
  if (begin == text.npos || end == text.npos || end < begin + begin_line.size()) return false;
  std::string digits;
  for (const char c : text.substr(begin + begin_line.size(), end - begin - begin_line.size()))
    if (c != '\n' && c != '\r' && c != ' ') digits += c;
  return base64_decoded(digits, bytes);
}

Result<void> write_private(const std::string& path, const std::string& text) {
  const std::string temporary = fmt::format("{}.tmp-{}", path, ::getpid());
  const auto wrong = [&] {
    const int reason = errno;
    ::unlink(temporary.c_str());
    return fail(Fault::io, "{}: cannot write: {}", temporary, std::strerror(reason));
  };
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return wrong();
  const bool whole = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                     ::fsync(fd) == 0;
  if ((::close(fd) != 0) | !whole) return wrong();
  if (::rename(temporary.c_str(), path.c_str()) != 0) return wrong();
  return {};
}

}  // namespace

Result<SigningKey> SigningKey::of_seed(std::string seed) {
  const Key key = key_of(seed);
  std::string public_key(32, 0);
  size_t n = public_key.size();
  if (!key || EVP_PKEY_get_raw_public_key(
                  key.get(), reinterpret_cast<unsigned char*>(public_key.data()), &n) != 1)
    return fail(Fault::io, "libcrypto makes no ed25519 keys here");
  return SigningKey(std::move(seed), std::move(public_key));
}

Result<SigningKey> SigningKey::generate() {
  std::string seed(seed_bytes, 0);
  if (RAND_bytes(reinterpret_cast<unsigned char*>(seed.data()), static_cast<int>(seed.size())) != 1)
    return fail(Fault::io, "there are no random numbers for a key");
  return of_seed(std::move(seed));
}

Result<SigningKey> SigningKey::parse(std::string_view text, std::string_view name) {
  const auto wrong = [&] {
    return fail(Fault::bad_format, "{}: this is no private key of OpenSSH; remove it for a new one",
                name);
  };
  std::string bytes;
  if (!unwrapped(text, bytes)) return wrong();
  Fields fields(bytes);
  if (fields.take(magic.size()) != magic) return wrong();
  const std::string_view cipher = fields.text();
  fields.text();  // key derivation
  fields.text();  // and its options
  if (fields.number() != 1) return wrong();
  fields.text();  // the public part
  if (!fields.sound()) return wrong();
  if (cipher != "none")
    return fail(Fault::unsupported, "{}: the key has a passphrase; one without is needed", name);
  Fields secret(fields.text());
  const uint32_t check = secret.number();
  if (secret.number() != check || !secret.sound()) return wrong();
  if (const std::string_view type = secret.text(); type != kind)
    return secret.sound()
               ? fail(Fault::unsupported, "{}: only keys of the kind {} are known", name, kind)
               : wrong();
  const std::string_view public_key = secret.text(), both = secret.text();
  if (!secret.sound() || both.size() != 2 * seed_bytes || both.substr(seed_bytes) != public_key)
    return wrong();
  SigningKey key = TRY(of_seed(std::string(both.substr(0, seed_bytes))));
  if (key.public_key_ != public_key) return wrong();
  return key;
}

std::string SigningKey::file_text() const {
  const std::string public_part = with_length(kind) + with_length(public_key_);
  std::string secret = number(0) + number(0) + with_length(kind) + with_length(public_key_) +
                       with_length(seed_ + public_key_) + with_length("");
  for (char pad = 1; secret.size() % 8 != 0; ++pad) secret += pad;
  const std::string digits =
      base64_encoded(std::string(magic) + with_length("none") + with_length("none") +
                     with_length("") + number(1) + with_length(public_part) + with_length(secret));
  std::string text = std::string(begin_line) + "\n";
  for (size_t at = 0; at < digits.size(); at += line_chars)
    text += digits.substr(at, line_chars) + "\n";
  return text + std::string(end_line) + "\n";
}

std::string SigningKey::public_base64() const {
  return base64_encoded(with_length(kind) + with_length(public_key_));
}

Result<std::string> SigningKey::sign(std::string_view message) const {
  const Key key = key_of(seed_);
  const std::unique_ptr<EVP_MD_CTX, KeyDeleter> context(EVP_MD_CTX_new());
  std::string signature(64, 0);
  size_t n = signature.size();
  if (!key || !context ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &n,
                     raw(message), message.size()) != 1)
    return fail(Fault::io, "libcrypto cannot sign with the ed25519 key");
  return signature;
}

Result<SigningKey> load_signing_key(const std::vector<std::string>& paths) {
  for (const std::string& path : paths)
    if (file_exists(path)) return SigningKey::parse(TRY(read_file(path, file_bytes_max)), path);
  if (paths.empty()) return fail(Fault::not_found, "there is no place for a signing key");
  const std::string& path = paths.back();
  SigningKey key = TRY(SigningKey::generate());
  TRY(make_directories(path.substr(0, path.rfind('/'))));
  TRY(write_private(path, key.file_text()));
  return key;
}

}  // namespace quire
