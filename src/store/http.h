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
#include <map>
#include <span>
#include <string>
#include <vector>

namespace quire {

// What a server asks for by answering 401, as the header Authorization has it ("Bearer TOKEN").
// Safe to use from several threads.
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  virtual std::string authorization() = 0;  // the latest; "" when there is none
  // One as the header WWW-Authenticate wants it, in place of one that was refused ("": none was
  // sent).
  virtual Result<std::string> renew(const std::string& challenge, const std::string& refused) = 0;
};

struct HttpOptions {
  std::string token{};            // Bearer
  TokenSource* tokens = nullptr;  // in place of it: asked again at a 401, once a request
  std::string authorization{};    // header Authorization as it is, in place of a token
  std::string accept{};           // header Accept
  std::string ca_file{};          // PEM certificates to trust instead of the system's
  bool link_local = true;         // false: addresses that only this network knows are refused
                                  // (169.254.0.0/16, fe80::/10, fd00:ec2::254), as clouds have
                                  // them for secrets; where the environment names a proxy, only
                                  // that one's own address is known here
  int connect_timeout_s = 30;
  int stall_timeout_s = 60;  // without a byte
  const std::atomic<bool>* cancelled = nullptr;
};

struct HttpAnswer {
  long status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  // names in small letters
  // Location, and what Ollama's registry says beside it, resolved against the address asked.
  std::string location, upload_location;

  std::string header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? "" : at->second;
  }
};

// GET. Any status is an answer; io when there was none, limit when it is longer than bytes_max.
Result<HttpAnswer> http_get(const std::string& url, const HttpOptions& options,
                            uint64_t bytes_max = 16 << 20);

// What is sent, from memory or from a file; any status is an answer, a redirect too.
struct HttpUpload {
  std::string method = "POST";  // or "PUT", "PATCH", "GET", "HEAD", "DELETE"
  std::string content_type{};
  std::string body{};
  std::string file{};  // sent instead of body unless "": n_bytes from `begin` on
  uint64_t begin = 0, n_bytes = 0;
  std::vector<std::string> headers{};  // lines beside the usual ones
  std::function<void(uint64_t n_bytes)> on_progress{};
};
Result<HttpAnswer> http_send(const std::string& url, const HttpOptions& options,
                             const HttpUpload& upload);

// A request whose answer is handed on as it comes: first its status and headers, then its bytes.
// bad_format for what is no HTTP address or has a name and a password in it; an error of `begin` or
// `write` ends it and is returned.
struct HttpRelay {
  std::function<Result<void>(const HttpAnswer& head)> begin;
  std::function<Result<void>(std::span<const std::byte> bytes)> write;
};
Result<void> http_relay(const std::string& url, const HttpOptions& options,
                        const HttpUpload& upload, const HttpRelay& relay);

// Bytes [begin, end) of a file: `write` gets them in order. io when the server gives something else
// (all of it instead of a part, an error); what was written until then is right.
using HttpWrite = std::function<Result<void>(std::span<const std::byte> bytes)>;
Result<void> http_get_range(const std::string& url, const HttpOptions& options, uint64_t begin,
                            uint64_t end, const HttpWrite& write);

// "https://host:443" of an address: who answers there. bad_format for what is no HTTP address.
Result<std::string> url_origin(const std::string& url);
// The options as another address may have them: without a token unless it has the origin of `own`.
HttpOptions options_for(const std::string& url, const std::string& own, const HttpOptions& options);

// Text as it may stand in a path of a URL.
std::string url_escape(std::string_view text);

}  // namespace quire
