// Docker's file of logins, and what its helpers answer: any bytes are read or refused with one
// line, and what goes into a header has no sign that would end it.
#include "store/credential_helper.h"
#include "store/docker_login.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto check_error = [](const quire::Error& error) {
    if (error.text.empty() || error.text.find('\n') != std::string::npos) __builtin_trap();
  };
  for (const char* host : {"docker.io", "reg.example.com:5000", ""}) {
    const auto entry = quire::parse_docker_logins(text, "config.json", host);
    if (!entry) {
      check_error(entry.error());
      continue;
    }
    if (entry->login && !entry->helper.empty()) __builtin_trap();
    if (entry->login)
      for (const std::string& header : {entry->login->basic, entry->login->bearer})
        if (!std::ranges::all_of(header, [](char c) { return c >= ' ' && c < 127; }))
          __builtin_trap();
  }
  const auto credential = quire::parse_credential(text, "docker-credential-x");
  if (!credential)
    check_error(credential.error());
  else if (credential->name.empty() || credential->secret.empty())
    __builtin_trap();
  return 0;
}
