// Who a registry knows one as, kept as `docker login` and `podman login` keep it:
//
//   {"auths": {"registry.example.com:5000": {"auth": BASE64("name:password")},
//              "https://index.docker.io/v1/": {"username": "name", "password": "..."},
//              "reg.example.com": {"identitytoken": "..."}},
//    "credHelpers": {"gcr.io": "gcloud"}, "credsStore": "desktop"}
//
// A registry is known by its host, whatever scheme or path stands around it. For the hosts of
// credHelpers, and for all that `auths` has no password for where there is a credsStore, the
// program docker-credential-NAME is asked (credential_helper.h).
#pragma once
#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace quire {

struct DockerLogins {
  std::string file{};            // config.json; empty or not there: nobody is known
  std::string programs{};        // folders of helpers, with ':' between them, as PATH has them
  double helper_timeout_s = 60;  // one that asks its user takes a while
};

// One of these.
struct RegistryLogin {
  std::string basic;           // header Authorization: "Basic ..."
  std::string identity_token;  // buys a token where the registry says that its tokens are (OAuth 2)
  std::string bearer;          // a token for the registry itself
};

// Nothing for a host that neither the file nor a helper knows. bad_format for a file that is
// damaged, and what a helper does wrong.
Result<std::optional<RegistryLogin>> docker_login(const DockerLogins& logins,
                                                  const std::string& host);

// What the text of a file says of a host.
struct DockerEntry {
  std::optional<RegistryLogin> login;
  std::string helper;     // else the program docker-credential-`helper` knows; "": none does
  std::string asked_for;  // what it is asked for
};
Result<DockerEntry> parse_docker_logins(std::string_view text, const std::string& path,
                                        const std::string& host);

}  // namespace quire
