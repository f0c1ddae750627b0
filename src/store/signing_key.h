// The ed25519 key that Ollama's registry knows a user by (RFC 8032), in a file as OpenSSH keeps it
// (its PROTOCOL.key), without a passphrase: ~/.ollama/id_ed25519.
//
//   -----BEGIN OPENSSH PRIVATE KEY-----   base64 of
//     "openssh-key-v1\0", cipher "none", kdf "none", its options "", 1 key, the public part, and
//     as one string: a number twice, "ssh-ed25519", public key (32), seed and public key (64),
//     comment, bytes 1, 2, 3, ... up to a multiple of 8
//
// Strings have their length in four bytes, the most significant first.
#pragma once
#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace quire {

class SigningKey {
 public:
  // bad_format for what is no such file, unsupported for other kinds of keys and for encrypted
  // ones.
  static Result<SigningKey> parse(std::string_view text, std::string_view name);
  static Result<SigningKey> generate();

  std::string file_text() const;
  // The public part as it goes over the wire, in base64: "AAAAC3NzaC1lZDI1NTE5...".
  std::string public_base64() const;
  // "ssh-ed25519 AAAA...", as one adds it to an account.
  std::string public_line() const { return "ssh-ed25519 " + public_base64(); }
  // 64 bytes.
  Result<std::string> sign(std::string_view message) const;

 private:
  SigningKey(std::string seed, std::string public_key)
      : seed_(std::move(seed)), public_key_(std::move(public_key)) {}
  static Result<SigningKey> of_seed(std::string seed);
  std::string seed_, public_key_;  // 32 bytes each
};

// The first of these files that is there; where there is none, the last one is made, readable by
// its owner only.
Result<SigningKey> load_signing_key(const std::vector<std::string>& paths);

}  // namespace quire
