// A blob from a URL: several parts at once, resumed where it was interrupted, checked by its
// SHA-256.
//
// While it arrives, `sha256-DIGEST-partial` holds the bytes and `sha256-DIGEST-partial.json` says
// which are there; the file gets its name when the sum is right.
#pragma once
#include "base/result.h"
#include "store/http.h"
#include "store/store.h"

#include <cstdint>
#include <functional>
#include <string>

namespace quire {

struct DownloadOptions {
  HttpOptions http;
  int n_parallel = 4;
  uint64_t part_bytes = 64 << 20;
  int n_tries = 5;  // of each part
  // Bytes of this blob that are there, now and then, from one thread at a time.
  std::function<void(uint64_t n_bytes)> on_progress;
};

// Nothing to do when the blob is there. bad_format when the sum is wrong (the bytes are then
// removed); what has arrived before another error stays for the next time.
Result<void> download_blob(const Store& store, const std::string& url, const StoreLayer& layer,
                           const DownloadOptions& options);

}  // namespace quire
