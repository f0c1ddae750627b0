// Tokens of registries. A registry that wants one answers 401 with
//
//   WWW-Authenticate: Bearer realm="https://host/token",service="host",scope="repository:me/x:pull"
//
// and GET realm?service=...&scope=... gives {"token": "..."} (the token specification of the
// Distribution project). Anybody gets one for what is public. Ollama's registry knows its users by
// their keys: its clients add the time (ts) and a number used once (nonce) to the address, and say
// in the header Authorization
//
//   PUBLIC-KEY:SIGNATURE    of "GET,ADDRESS,BASE64(hex of the SHA-256 of no bytes)"
//
// both in base64. Nothing is signed for another host than the registry's, ollama.com for
// registry.ollama.ai aside, and for none without TLS that the registry would not be asked without.
//
// With a name and a password (store/docker_login.h) these go to the realm, as the specification has
// it, or to a registry that asks for nothing else (WWW-Authenticate: Basic). With an identity token
// the realm is asked as OAuth 2 has it (POST, grant_type=refresh_token).
#pragma once
#include "store/docker_login.h"
#include "store/http.h"
#include "store/model_ref.h"
#include "store/signing_key.h"

#include <mutex>
#include <optional>

namespace quire {

struct RegistryChallenge {
  std::string realm, service;
  std::vector<std::string> scopes;
};
// Whether a header has a challenge of the scheme "Basic".
bool wants_basic(std::string_view header);
// The Bearer challenge of a header, which may have others beside it. unsupported without one,
// bad_format without a realm.
Result<RegistryChallenge> parse_challenge(std::string_view header, std::string_view host);

// Safe to use from several threads.
class RegistryAuth : public TokenSource {
 public:
  // `keys` as load_signing_key() wants them; without any, nothing is signed.
  RegistryAuth(const ModelRef& registry, HttpOptions http, std::vector<std::string> keys,
               DockerLogins logins = {})
      : registry_(registry),
        http_(std::move(http)),
        keys_(std::move(keys)),
        logins_(std::move(logins)) {}

  std::string authorization() override;
  Result<std::string> renew(const std::string& challenge, const std::string& refused) override;
  // What to do when the registry refuses all the same: where the key must be known, whose password
  // was wrong. "" when neither was sent.
  std::string advice() const;

 private:
  Result<std::string> ask(const RegistryChallenge& challenge);
  Result<std::string> ask_with_login(const RegistryChallenge& challenge,
                                     const RegistryLogin& login);
  Result<std::string> ask_with_identity(const RegistryChallenge& challenge,
                                        const std::string& identity_token);
  Result<std::string> ask_signed(const RegistryChallenge& challenge);
  Result<std::string> get_token(const std::string& url, const std::string& authorization);
  Result<std::string> token_in(const HttpAnswer& answer) const;
  bool may_sign(const std::string& realm) const;

  const ModelRef registry_;
  const HttpOptions http_;
  const std::vector<std::string> keys_;
  const DockerLogins logins_;
  mutable std::mutex mutex_;  // of all below
  std::string authorization_;
  bool used_login_ = false;
  std::optional<SigningKey> key_;
};

}  // namespace quire
