// Models to registries, by the OCI distribution protocol:
//
//   HEAD /v2/NAMESPACE/MODEL/blobs/sha256:DIGEST     200: it is there already
//   POST /v2/NAMESPACE/MODEL/blobs/uploads/          202 with an address
//   PUT  ADDRESS?digest=sha256:DIGEST                201: the part, whole
//   PUT  /v2/NAMESPACE/MODEL/manifests/TAG           201: the manifest, last
#pragma once
#include "store/pull.h"

namespace quire {

struct PushOptions {
  HttpOptions http;         // with the token of the registry
  bool allow_http = false;  // registries without TLS
  PullOptions::OnStatus on_status;
};

// The name says where to. not_found when the store has no such model, usage for a registry that
// takes none (Hugging Face), io with what the registry answers.
Result<void> push_model(const Store& store, const ModelRef& ref, const PushOptions& options);

}  // namespace quire
