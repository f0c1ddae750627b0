#include "store/http.h"

#include "format/printable.h"

#include <curl/curl.h>

#include <memory>
#include <mutex>
#include <optional>

namespace quire {
namespace {

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Curl = std::unique_ptr<CURL, CurlDeleter>;
using Headers = std::unique_ptr<curl_slist, CurlDeleter>;

// What a transfer hands its bytes to, and why it stopped.
struct Sink {
  CURL* curl = nullptr;
  std::function<Result<void>(std::span<const std::byte>)> take;
  const std::atomic<bool>* cancelled = nullptr;
  std::optional<Error> error;
};

size_t on_bytes(char* data, size_t size, size_t n, void* user) {
  auto& sink = *static_cast<Sink*>(user);
  auto taken = sink.take(std::as_bytes(std::span(data, size * n)));
  if (taken.has_value()) return size * n;
  sink.error = std::move(taken).error();
  return size * n + 1;  // anything else than the length stops the transfer
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& sink = *static_cast<Sink*>(user);
  return sink.cancelled != nullptr && sink.cancelled->load() ? 1 : 0;
}

struct Transfer {
  Curl curl;
  Headers headers;
};

Result<Transfer> prepare(const std::string& url, const HttpOptions& options, Sink& sink) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  Transfer t;
  t.curl.reset(curl_easy_init());
  if (!t.curl) return fail(Fault::io, "{}: libcurl cannot start", url);
  CURL* curl = t.curl.get();
  sink.curl = curl;
  sink.cancelled = options.cancelled;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR,
                   url.starts_with("https:") ? "https" : "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "quire/" QUIRE_VERSION);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout_s));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout_s));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &sink);
  curl_slist* list = nullptr;
  if (!options.accept.empty())
    list = curl_slist_append(list, ("Accept: " + options.accept).c_str());
  if (!options.token.empty())
    list = curl_slist_append(list, ("Authorization: Bearer " + options.token).c_str());
  t.headers.reset(list);
  if (list != nullptr) curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
  return t;
}

Result<long> perform(const std::string& url, Transfer& t, Sink& sink) {
  const CURLcode code = curl_easy_perform(t.curl.get());
  if (sink.error) return std::unexpected(std::move(*sink.error));
  if (code == CURLE_ABORTED_BY_CALLBACK) return fail(Fault::cancelled, "{}: stopped", url);
  if (code != CURLE_OK)
    return fail(Fault::io, "{}: {}", printable(url, 200), curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(t.curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

}  // namespace

Result<HttpAnswer> http_get(const std::string& url, const HttpOptions& options,
                            uint64_t bytes_max) {
  HttpAnswer answer;
  Sink sink;
  sink.take = [&](std::span<const std::byte> bytes) -> Result<void> {
    if (answer.body.size() + bytes.size() > bytes_max)
      return fail(Fault::limit, "{}: the answer is longer than {} bytes", printable(url, 200),
                  bytes_max);
    answer.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
  Transfer transfer = TRY(prepare(url, options, sink));
  answer.status = TRY(perform(url, transfer, sink));
  return answer;
}

Result<void> http_get_range(const std::string& url, const HttpOptions& options, uint64_t begin,
                            uint64_t end, const HttpWrite& write) {
  uint64_t n = 0;
  Sink sink;
  sink.take = [&](std::span<const std::byte> bytes) -> Result<void> {
    long status = 0;
    curl_easy_getinfo(sink.curl, CURLINFO_RESPONSE_CODE, &status);
    // A server without ranges sends all of it, which is right from the first byte only.
    if (status != 206 && !(status == 200 && begin == 0))
      return fail(Fault::io, "{}: the server answers {} to a request for a part of the file",
                  printable(url, 200), status);
    if (n + bytes.size() > end - begin) bytes = bytes.first(end - begin - n);
    n += bytes.size();
    if (bytes.empty()) return fail(Fault::io, "{}: more bytes than asked for", printable(url, 200));
    return write(bytes);
  };
  Transfer transfer = TRY(prepare(url, options, sink));
  const std::string range = fmt::format("{}-{}", begin, end - 1);
  curl_easy_setopt(transfer.curl.get(), CURLOPT_RANGE, range.c_str());
  const auto status = perform(url, transfer, sink);
  if (n == end - begin) return {};  // also where the server had more to say
  const long code = TRY(status);
  return fail(Fault::io, "{}: the server answers {} and sends {} of {} bytes", printable(url, 200),
              code, n, end - begin);
}

std::string url_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || c == '/';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace quire
