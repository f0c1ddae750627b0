// Models to registries, by the OCI distribution protocol:
//
//   HEAD /v2/NAMESPACE/MODEL/blobs/sha256:DIGEST     200: it is there already
//   else the part, in parts of its own               store/upload.h
//   PUT  /v2/NAMESPACE/MODEL/manifests/TAG           201: the manifest, last
//
// A registry that wants a token is asked for one (store/registry_auth.h).
#pragma once
#include "store/pull.h"

namespace quire {

struct PushOptions {
  HttpOptions http;                      // with the registry's token, if there is one already
  std::vector<std::string> key_files{};  // see RegistryAuth
  DockerLogins logins{};                 // see RegistryAuth
  bool allow_http = false;               // registries without TLS
  uint64_t part_bytes = 100 << 20;       // of a blob, at once
  int n_tries = 5;                       // of each part
  PullOptions::OnStatus on_status{};
};

// The name says where to. not_found when the store has no such model, usage for a registry that
// takes none (Hugging Face) or wants other rights, io with what the registry answers.
Result<void> push_model(const Store& store, const ModelRef& ref, const PushOptions& options);

}  // namespace quire
