// The files of the web app. They need no key, as they are the same for everyone; what they ask for
// below /app/api does.
#include "server/app.h"
#include "server/web_files.h"

#include "format/printable.h"

namespace quire::server {
namespace {

// A page can load nothing but files of this server and run no script that stands in a text.
constexpr const char* content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
    "'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr std::string_view page_without_app =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Quire</title>\n"
    "<p>This build of Quire has no web app; its APIs are listed at "
    "<a href=\"/openapi.json\">/openapi.json</a>.</p>\n"
    "<p>To get it, build the program with <code>./dev build</code>, which makes the app "
    "first.</p>\n</html>\n";

void add_security_headers(Exchange& exchange) {
  exchange.add_header("content-security-policy", content_security_policy);
  exchange.add_header("x-content-type-options", "nosniff");
  exchange.add_header("referrer-policy", "no-referrer");
  exchange.add_header("cross-origin-opener-policy", "same-origin");
  exchange.add_header("cross-origin-resource-policy", "same-origin");
}

}  // namespace

ApiResult<void> route_web_file(App& app, Exchange& exchange) {
  const HttpRequest& request = exchange.request();
  std::string name = request.path.substr(1);
  if (name.empty()) name = "index.html";
  const WebFile* file = find_web_file(app.options.web.files, name);
  const bool is_missing_app = file == nullptr && name == "index.html";
  if (file == nullptr && !is_missing_app)
    return fail_api(404, "", "the web app has no file '{}'", printable(name));
  add_security_headers(exchange);
  if (is_missing_app) {
    exchange.add_header("cache-control", "no-cache");
    exchange.send({200, "text/html; charset=utf-8", std::string(page_without_app), {}});
    return {};
  }
  const bool gzip =
      !file->gzipped.empty() && accepts_gzip(request.header_or("accept-encoding", ""));
  const std::string etag = fmt::format("\"{}{}\"", file->sha256, gzip ? "-gzip" : "");
  exchange.add_header("etag", etag);
  // Names in assets/ carry a hash of what is in the file.
  exchange.add_header("cache-control", name.starts_with("assets/")
                                           ? "public, max-age=31536000, immutable"
                                           : "no-cache");
  if (!file->gzipped.empty()) exchange.add_header("vary", "accept-encoding");
  if (names_etag(request.header_or("if-none-match", ""), etag)) {
    exchange.send({304, "", "", {}});
    return {};
  }
  if (gzip) exchange.add_header("content-encoding", "gzip");
  exchange.send(
      {200, std::string(media_type(name)), std::string(gzip ? file->gzipped : file->bytes), {}});
  return {};
}

}  // namespace quire::server
