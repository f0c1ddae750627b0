// A blob to a registry, in parts, by the OCI distribution protocol as Ollama's registry has it:
//
//   POST  REPO/blobs/uploads/            202 and where to; with ?mount=DIGEST&from=OTHER 201 when
//   the
//                                        registry has the blob in OTHER and takes it from there
//   PATCH PLACE, Content-Range: 0-99     202 and where the next part goes; or 307: PUT the part
//                                        there, on another host, and go on at
//                                        Docker-Upload-Location
//   GET   PLACE                          204 and Range: 0-99, what has arrived
//   PUT   PLACE?digest=DIGEST            201: the blob is whole
//
// Where an upload goes on is kept in a file until it is finished, so that one that was interrupted,
// even by a kill, begins where it was. A token goes to the registry only.
#pragma once
#include "store/http.h"
#include "store/store.h"

#include <functional>
#include <string>

namespace quire {

struct UploadOptions {
  HttpOptions http;
  uint64_t part_bytes = 100 << 20;
  int n_tries = 5;         // of each part
  std::string mount_from;  // NAMESPACE/MODEL of the registry that has the blob; "": none
  std::function<void(uint64_t n_bytes)> on_progress;
};

// The file at `path` as the layer's blob of the repository at `repo`, the address in front of
// "/blobs". `state_path` is where it is noted how far it is. usage when the registry refuses, io
// for other answers.
Result<void> upload_blob(const std::string& repo, const StoreLayer& layer, const std::string& path,
                         const std::string& state_path, const UploadOptions& options);

}  // namespace quire
