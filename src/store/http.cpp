#include "store/http.h"

#include "format/printable.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
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

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// What an upload reads from.
struct Source {
  std::unique_ptr<std::FILE, FileCloser> file;
  std::string_view rest;
  uint64_t n_sent = 0;
  const HttpUpload* upload = nullptr;
};

size_t on_read(char* data, size_t size, size_t n, void* user) {
  auto& source = *static_cast<Source*>(user);
  size_t n_bytes = 0;
  if (source.file) {
    n_bytes = std::fread(data, 1, size * n, source.file.get());
    if (n_bytes == 0 && std::ferror(source.file.get()) != 0) return CURL_READFUNC_ABORT;
  } else {
    n_bytes = std::min(size * n, source.rest.size());
    std::copy_n(source.rest.data(), n_bytes, data);
    source.rest.remove_prefix(n_bytes);
  }
  source.n_sent += n_bytes;
  if (source.upload->on_progress) source.upload->on_progress(source.n_sent);
  return n_bytes;
}

struct Transfer {
  Curl curl;
  Headers headers;
};

void add_header(Transfer& t, const std::string& line) {
  t.headers.reset(curl_slist_append(t.headers.release(), line.c_str()));
  curl_easy_setopt(t.curl.get(), CURLOPT_HTTPHEADER, t.headers.get());
}

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
  if (!options.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.accept.empty()) add_header(t, "Accept: " + options.accept);
  if (!options.token.empty()) add_header(t, "Authorization: Bearer " + options.token);
  return t;
}

// An address of a header, which may lack its scheme and host.
Result<std::string> resolved(const std::string& base, const char* location) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> address(curl_url(), curl_url_cleanup);
  char* text = nullptr;
  if (curl_url_set(address.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      curl_url_set(address.get(), CURLUPART_URL, location, 0) != CURLUE_OK ||
      curl_url_get(address.get(), CURLUPART_URL, &text, 0) != CURLUE_OK)
    return fail(Fault::io, "{}: the header Location '{}' is no address", printable(base, 200),
                printable(location, 200));
  std::string result(text);
  curl_free(text);
  return result;
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

Result<HttpAnswer> http_send(const std::string& url, const HttpOptions& options,
                             const HttpUpload& upload) {
  HttpAnswer answer;
  Sink sink;
  constexpr size_t answer_bytes_max = 1 << 20;
  sink.take = [&](std::span<const std::byte> bytes) -> Result<void> {
    const size_t n = std::min(bytes.size(), answer_bytes_max - answer.body.size());
    answer.body.append(reinterpret_cast<const char*>(bytes.data()), n);
    return {};
  };
  Transfer transfer = TRY(prepare(url, options, sink));
  CURL* curl = transfer.curl.get();
  // A redirect is the caller's to follow: Location is an answer in itself here.
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  Source source;
  source.upload = &upload;
  source.rest = upload.body;
  auto n_bytes = static_cast<curl_off_t>(upload.body.size());
  if (!upload.file.empty()) {
    source.file.reset(std::fopen(upload.file.c_str(), "rb"));
    std::error_code error;
    n_bytes = static_cast<curl_off_t>(std::filesystem::file_size(upload.file, error));
    if (!source.file || error) return fail(Fault::io, "{}: cannot be read", upload.file);
  }
  if (upload.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, upload.method.c_str());
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, n_bytes);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, &source);
    add_header(transfer, "Content-Type: " + upload.content_type);
    add_header(transfer, "Expect:");
  }
  answer.status = TRY(perform(url, transfer, sink));
  const char* location = nullptr;
  curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
  if (location != nullptr) answer.location = location;
  if (curl_header* header = nullptr;
      answer.location.empty() &&
      curl_easy_header(curl, "Location", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
    answer.location = TRY(resolved(url, header->value));
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
