// HTTP and HTTPS, by libcurl: small documents, parts of large files, and sending.
//
// Redirects are followed within HTTP(S), at most five; a token never goes to another host than the
// one it is for. Certificates are checked.
#pragma once
#include "base/result.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace quire {

struct HttpOptions {
  std::string token;    // Bearer
  std::string accept;   // header Accept
  std::string ca_file;  // PEM certificates to trust instead of the system's
  int connect_timeout_s = 30;
  int stall_timeout_s = 60;  // without a byte
  const std::atomic<bool>* cancelled = nullptr;
};

struct HttpAnswer {
  long status = 0;
  std::string body;
  std::string location;  // header Location, resolved against the address asked
};

// GET. Any status is an answer; io when there was none, limit when it is longer than bytes_max.
Result<HttpAnswer> http_get(const std::string& url, const HttpOptions& options,
                            uint64_t bytes_max = 16 << 20);

// What is sent, from memory or from a file; any status is an answer.
struct HttpUpload {
  std::string method = "POST";  // or "PUT", "HEAD", "DELETE"
  std::string content_type;
  std::string body;
  std::string file;  // sent instead of body unless ""
  std::function<void(uint64_t n_bytes)> on_progress{};
};
Result<HttpAnswer> http_send(const std::string& url, const HttpOptions& options,
                             const HttpUpload& upload);

// Bytes [begin, end) of a file: `write` gets them in order. io when the server gives something else
// (all of it instead of a part, an error); what was written until then is right.
using HttpWrite = std::function<Result<void>(std::span<const std::byte> bytes)>;
Result<void> http_get_range(const std::string& url, const HttpOptions& options, uint64_t begin,
                            uint64_t end, const HttpWrite& write);

// Text as it may stand in a path of a URL.
std::string url_escape(std::string_view text);

}  // namespace quire
