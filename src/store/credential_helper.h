// Programs that keep passwords for Docker, docker-credential-NAME: run with the argument `get` and
// a registry's address on standard input, they say
//
//   {"ServerURL": "https://index.docker.io/v1/", "Username": "name", "Secret": "password"}
//
// and end with 0, or say on one line why not and end with another number. The name <token> means
// that the secret is an identity token.
// Source: the documentation of docker-credential-helpers.
#pragma once
#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace quire {

struct Credential {
  std::string name, secret;
};

// Nothing when the helper does not know the registry. `programs`: folders with ':' between them.
// not_found when the program is in none of them, io when it fails or takes longer, bad_format for
// an answer of another form.
Result<std::optional<Credential>> ask_credential_helper(const std::string& helper,
                                                        const std::string& address,
                                                        const std::string& programs,
                                                        double timeout_s);
// The answer of a helper that ended with 0.
Result<Credential> parse_credential(std::string_view answer, const std::string& program);

}  // namespace quire
