// Names and passwords of registries, as `docker login` and `podman login` keep them in a file:
//
//   {"auths": {"registry.example.com:5000": {"auth": BASE64("name:password")},
//              "https://index.docker.io/v1/": {"username": "name", "password": "..."}}}
//
// A registry is known by its host, whatever scheme or path stands around it. Helpers that keep
// passwords elsewhere (credsStore, credHelpers) are programs and are not run.
#pragma once
#include "base/result.h"

#include <optional>
#include <string>

namespace quire {

// The value of the header Authorization, "Basic ..."; nothing when the file is not there or knows
// no password for the host. bad_format for a file that is damaged, unsupported for a login that is
// a token of its own kind (identitytoken).
Result<std::optional<std::string>> docker_login(const std::string& path, const std::string& host);

}  // namespace quire
