// What a registry says of its tokens, and files of keys: any bytes are read or refused, and a key
// that is read is read again from its own file.
#include "store/registry_auth.h"
#include "store/signing_key.h"

#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto challenge = quire::parse_challenge(text, "host"))
    if (challenge->realm.empty()) __builtin_trap();
  if (const auto key = quire::SigningKey::parse(text, "input")) {
    const auto again = quire::SigningKey::parse(key->file_text(), "again");
    if (!again || again->public_line() != key->public_line()) __builtin_trap();
  }
  return 0;
}
