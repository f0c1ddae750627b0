#include "store/http.h"

#include "format/printable.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

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
  bool refused_address = false;
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

// Also the one address beside the ranges where a cloud keeps secrets: fd00:ec2::254.
bool is_link_local(const sockaddr& address) {
  constexpr uint8_t secrets[16] = {0xFD, 0x00, 0x0E, 0xC2, 0, 0, 0,    0,
                                   0,    0,    0,    0,    0, 0, 0x02, 0x54};
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 16) == 0xA9FE;
  }
  if (address.sa_family != AF_INET6) return false;
  const auto& bytes = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  const bool mapped = IN6_IS_ADDR_V4MAPPED(&bytes);
  return IN6_IS_ADDR_LINKLOCAL(&bytes) || std::ranges::equal(bytes.s6_addr, secrets) ||
         (mapped && bytes.s6_addr[12] == 169 && bytes.s6_addr[13] == 254);
}

// Where the names lead is known here, whatever they are.
curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* address) {
  if (is_link_local(address->addr)) {
    static_cast<Sink*>(user)->refused_address = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// What an upload reads from.
struct Source {
  std::unique_ptr<std::FILE, FileCloser> file;
  uint64_t n_left = 0;  // of the file
  std::string_view rest;
  uint64_t n_sent = 0;
  const HttpUpload* upload = nullptr;
};

size_t on_read(char* data, size_t size, size_t n, void* user) {
  auto& source = *static_cast<Source*>(user);
  size_t n_bytes = 0;
  if (source.file) {
    n_bytes = std::fread(data, 1, std::min<uint64_t>(size * n, source.n_left), source.file.get());
    if (n_bytes == 0 && source.n_left > 0) return CURL_READFUNC_ABORT;
    source.n_left -= n_bytes;
  } else {
    n_bytes = source.rest.copy(data, size * n);
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
  if (!options.link_local) {
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &sink);
  }
  if (!options.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.accept.empty()) add_header(t, "Accept: " + options.accept);
  if (!options.authorization.empty())
    add_header(t, "Authorization: " + options.authorization);
  else if (!options.token.empty())
    add_header(t, "Authorization: Bearer " + options.token);
  return t;
}

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

// A part of an address; "" for one that is not there.
std::string part_of(const Url& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return "";
  std::string result(text);
  curl_free(text);
  return result;
}

// An address of a header, which may lack its scheme and host.
Result<std::string> resolved(const std::string& base, const std::string& location) {
  const Url address(curl_url());
  if (curl_url_set(address.get(), CURLUPART_URL, base.c_str(), 0) == CURLUE_OK &&
      curl_url_set(address.get(), CURLUPART_URL, location.c_str(), 0) == CURLUE_OK)
    if (std::string text = part_of(address, CURLUPART_URL); !text.empty()) return text;
  return fail(Fault::io, "{}: '{}' of its answer is no address", printable(base, 200),
              printable(location, 200));
}

// Headers of the last answer, those of redirects before it aside.
std::map<std::string, std::string> headers_of(CURL* curl) {
  constexpr size_t n_headers_max = 200;
  std::map<std::string, std::string> headers;
  curl_header* header = nullptr;
  while (headers.size() < n_headers_max &&
         (header = curl_easy_nextheader(curl, CURLH_HEADER, -1, header)) != nullptr) {
    std::string name(header->name);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    // Challenges may come in several lines: they are one list.
    std::string& value = headers[name];
    value += (value.empty() ? "" : ", ") + std::string(header->value);
  }
  return headers;
}

Result<long> perform(const std::string& url, Transfer& t, Sink& sink) {
  const CURLcode code = curl_easy_perform(t.curl.get());
  if (sink.error) return std::unexpected(std::move(*sink.error));
  if (code == CURLE_ABORTED_BY_CALLBACK) return fail(Fault::cancelled, "{}: stopped", url);
  if (code != CURLE_OK && sink.refused_address)
    return fail(Fault::io, "{}: leads to an address of this network only (link-local)",
                printable(url, 200));
  if (code != CURLE_OK)
    return fail(Fault::io, "{}: {}", printable(url, 200), curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(t.curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return status;
}

// Asks, and once more with another token where a source of them is there and this one is refused.
template <class Ask>
Result<HttpAnswer> with_tokens(const HttpOptions& options, const Ask& ask) {
  if (options.tokens == nullptr) return ask(options);
  HttpOptions own = options;
  own.authorization = options.tokens->authorization();
  HttpAnswer answer = TRY(ask(own));
  if (answer.status != 401 || answer.header("www-authenticate").empty()) return answer;
  own.authorization =
      TRY(options.tokens->renew(answer.header("www-authenticate"), own.authorization));
  return ask(own);
}

Result<HttpAnswer> get(const std::string& url, const HttpOptions& options, uint64_t bytes_max) {
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
  answer.headers = headers_of(transfer.curl.get());
  return answer;
}

// What is sent, where it begins, and how much it is.
Result<Source> source_of(const HttpUpload& upload) {
  Source source;
  source.upload = &upload;
  source.rest = upload.body;
  if (upload.file.empty()) return source;
  source.file.reset(std::fopen(upload.file.c_str(), "rb"));
  source.n_left = upload.n_bytes;
  if (!source.file || ::fseeko(source.file.get(), static_cast<off_t>(upload.begin), SEEK_SET) != 0)
    return fail(Fault::io, "{}: cannot be read", upload.file);
  return source;
}

// The method, and what is sent with it; `source` must live as long as the transfer.
void set_upload(Transfer& transfer, const HttpUpload& upload, Source& source) {
  CURL* curl = transfer.curl.get();
  // A redirect is the caller's to follow: Location is an answer in itself here.
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  if (upload.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (upload.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, upload.method.c_str());
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
                     static_cast<curl_off_t>(source.file ? source.n_left : source.rest.size()));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, &source);
    add_header(transfer, "Content-Type: " + upload.content_type);
    add_header(transfer, "Expect:");
  }
  for (const std::string& line : upload.headers) add_header(transfer, line);
}

Result<HttpAnswer> send(const std::string& url, const HttpOptions& options,
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
  Source source = TRY(source_of(upload));
  set_upload(transfer, upload, source);
  answer.status = TRY(perform(url, transfer, sink));
  answer.headers = headers_of(curl);
  for (const auto& [name, place] : {std::pair("location", &answer.location),
                                    std::pair("docker-upload-location", &answer.upload_location)})
    if (const std::string value = answer.header(name); !value.empty())
      *place = TRY(resolved(url, value));
  return answer;
}

Result<HttpAnswer> get_range(const std::string& url, const HttpOptions& options, uint64_t begin,
                             uint64_t end, const HttpWrite& write, uint64_t& n) {
  n = 0;
  HttpAnswer answer;
  Sink sink;
  sink.take = [&](std::span<const std::byte> bytes) -> Result<void> {
    long status = 0;
    curl_easy_getinfo(sink.curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 401) return {};  // what it says does not matter
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
  if (n == end - begin) return answer;  // also where the server had more to say
  answer.status = TRY(status);
  answer.headers = headers_of(transfer.curl.get());
  return answer;
}

}  // namespace

Result<HttpAnswer> http_get(const std::string& url, const HttpOptions& options,
                            uint64_t bytes_max) {
  return with_tokens(options, [&](const HttpOptions& own) { return get(url, own, bytes_max); });
}

Result<HttpAnswer> http_send(const std::string& url, const HttpOptions& options,
                             const HttpUpload& upload) {
  return with_tokens(options, [&](const HttpOptions& own) { return send(url, own, upload); });
}

Result<void> http_relay(const std::string& url, const HttpOptions& options,
                        const HttpUpload& upload, const HttpRelay& relay) {
  TRY(url_origin(url));
  const Url address(curl_url());
  if (curl_url_set(address.get(), CURLUPART_URL, url.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK)
    return fail(Fault::bad_format,
                "the address has a name or a password in it: they belong in a "
                "header");
  Sink sink;
  bool begun = false;
  const auto begin = [&]() -> Result<void> {
    if (std::exchange(begun, true)) return {};
    HttpAnswer head;
    curl_easy_getinfo(sink.curl, CURLINFO_RESPONSE_CODE, &head.status);
    head.headers = headers_of(sink.curl);
    return relay.begin(head);
  };
  sink.take = [&](std::span<const std::byte> bytes) -> Result<void> {
    TRY(begin());
    return relay.write(bytes);
  };
  Transfer transfer = TRY(prepare(url, options, sink));
  Source source = TRY(source_of(upload));
  set_upload(transfer, upload, source);
  TRY(perform(url, transfer, sink));
  return begin();
}

Result<void> http_get_range(const std::string& url, const HttpOptions& options, uint64_t begin,
                            uint64_t end, const HttpWrite& write) {
  uint64_t n = 0;
  const HttpAnswer answer = TRY(with_tokens(
      options, [&](const HttpOptions& own) { return get_range(url, own, begin, end, write, n); }));
  if (n == end - begin) return {};
  return fail(Fault::io, "{}: the server answers {} and sends {} of {} bytes", printable(url, 200),
              answer.status, n, end - begin);
}

Result<std::string> url_origin(const std::string& url) {
  const Url address(curl_url());
  if (curl_url_set(address.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK) {
    const std::string scheme = part_of(address, CURLUPART_SCHEME);
    std::string host = part_of(address, CURLUPART_HOST);
    const std::string port = part_of(address, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    std::ranges::transform(host, host.begin(), [](unsigned char c) { return std::tolower(c); });
    if ((scheme == "http" || scheme == "https") && !host.empty())
      return scheme + "://" + host + ":" + port;
  }
  return fail(Fault::bad_format, "'{}' is no HTTP address", printable(url, 200));
}

HttpOptions options_for(const std::string& url, const std::string& own,
                        const HttpOptions& options) {
  const auto there = url_origin(url), here = url_origin(own);
  HttpOptions result = options;
  if (there && here && *there == *here) return result;
  result.token.clear();
  result.tokens = nullptr;
  result.authorization.clear();
  return result;
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
