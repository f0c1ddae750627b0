// /cors-proxy?url=ADDRESS: a page of this server asks another one, as browsers only allow it to
// those that say so: MCP servers over HTTP, for web apps. Headers
// `x-llama-server-proxy-header-NAME` go there as NAME, others stay here; nothing of the client's
// keys or cookies leaves.
//
// An answer is shown under this server's address, so nothing in it may run there: it is marked as
// of nobody's origin (Content-Security-Policy: sandbox), and only programs and pages of this server
// get it.
#include "format/printable.h"
#include "server/app.h"
#include "store/http.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace quire::server {
namespace {

constexpr std::string_view sent_prefix = "x-llama-server-proxy-header-";
constexpr uint64_t proxy_bytes_max = uint64_t{256} << 20;
constexpr int proxy_connect_timeout_s = 10;
constexpr int proxy_stall_timeout_s = 600;  // streams of events may be silent for long

// Of an answer, what is passed on beside its type. The body is as it came, so what describes it
// comes along.
constexpr std::string_view passed_headers[] = {"content-encoding",
                                               "content-range",
                                               "etag",
                                               "last-modified",
                                               "link",
                                               "location",
                                               "retry-after",
                                               "mcp-protocol-version",
                                               "mcp-session-id",
                                               "www-authenticate"};
// Of a request, what is libcurl's to say.
constexpr std::string_view own_headers[] = {"host",    "content-length", "transfer-encoding",
                                            "te",      "connection",     "upgrade",
                                            "trailer", "expect",         "keep-alive"};

bool is_clean(std::string_view value) {
  return std::ranges::none_of(value, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
  });
}

HttpUpload forwarded(const HttpRequest& request) {
  HttpUpload upload;
  upload.method = request.method;
  upload.body = request.body;
  upload.content_type = request.header_or("content-type", "application/octet-stream");
  bool accepts = false;
  for (const HttpHeader& header : request.headers) {
    if (!header.name.starts_with(sent_prefix)) continue;
    const std::string name = header.name.substr(sent_prefix.size());
    if (name.empty() || std::ranges::find(own_headers, name) != std::ranges::end(own_headers))
      continue;
    if (name == "content-type") {
      upload.content_type = header.value;
      continue;
    }
    accepts |= name == "accept";
    // libcurl takes "NAME;" for a header without a value.
    upload.headers.push_back(header.value.empty() ? name + ";" : name + ": " + header.value);
  }
  if (const std::string* accept = request.header("accept"); accept != nullptr && !accepts)
    upload.headers.push_back("accept: " + *accept);
  return upload;
}

Result<void> begin_proxied(Exchange& exchange, const quire::HttpAnswer& head) {
  if (head.status < 200 || head.status > 599)
    return fail(Fault::io, "it answers with the status {}", head.status);
  std::vector<HttpHeader> headers = {{"content-security-policy", "sandbox"},
                                     {"x-content-type-options", "nosniff"}};
  for (const std::string_view name : passed_headers)
    if (const std::string value = head.header(std::string(name)); !value.empty() && is_clean(value))
      headers.push_back({std::string(name), value});
  const std::string type = head.header("content-type");
  const auto status = static_cast<int>(head.status);
  if (status == 204 || status == 304)
    exchange.send({status, "", "", headers});
  else
    exchange.begin(status, is_clean(type) ? type : "", headers);
  return {};
}

}  // namespace

ApiResult<void> route_cors_proxy(App& app, Exchange& exchange) {
  if (!app.options.proxy)
    return fail_api(403, "", "this server asks no others for its clients; --mcp-proxy lets it");
  const HttpRequest& request = exchange.request();
  TRY_API(app.gate.check_page(request));
  const std::string url(request.query_or("url", ""));
  if (url.empty()) return fail_api(400, "url", "the query has no url=ADDRESS to ask");
  exchange.note = "proxy to " + TRY_API(url_origin(url));
  std::atomic<bool> cancelled{false};
  const auto cancel = [&] { cancelled = true; };
  const std::stop_callback gone(exchange.stop_token(), cancel);
  const std::stop_callback ending(app.ending.get_token(), cancel);
  const HttpOptions options{.link_local = false,
                            .connect_timeout_s = proxy_connect_timeout_s,
                            .stall_timeout_s = proxy_stall_timeout_s,
                            .cancelled = &cancelled};
  uint64_t n_bytes = 0;
  const HttpRelay relay{
      .begin = [&](const quire::HttpAnswer& head) { return begin_proxied(exchange, head); },
      .write = [&](std::span<const std::byte> bytes) -> Result<void> {
        n_bytes += bytes.size();
        if (n_bytes > proxy_bytes_max)
          return fail(Fault::limit, "the answer is longer than {} bytes", proxy_bytes_max);
        const char* text = reinterpret_cast<const char*>(bytes.data());
        if (!exchange.write({text, bytes.size()})) return fail(Fault::cancelled, "nobody reads it");
        return {};
      }};
  const Result<void> done = http_relay(url, options, forwarded(request), relay);
  if (!done && !exchange.begun())
    return fail_api(done.error().fault == Fault::bad_format ? 400 : 502, "url", "{}",
                    done.error().text);
  // An answer that broke off is one that does not end: the connection does.
  if (done && exchange.status() != 204 && exchange.status() != 304) exchange.end();
  if (!done) exchange.note += "; " + done.error().text;
  return {};
}

}  // namespace quire::server
