// The files of the web app. The build makes them part of the program from web/dist
// (cmake/embed_web.cmake); a program that was built without that folder has none.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace quire::server {

struct WebFile {
  std::string_view name;  // "index.html", "assets/index-5f3a.js"
  std::string_view bytes;
  std::string_view gzipped;  // the same, compressed; empty where that saves little
  std::string_view sha256;   // of bytes, in hexadecimal
};

// Those of this program, in the order of their names.
std::span<const WebFile> embedded_web_files();

// nullptr when there is none of that name.
const WebFile* find_web_file(std::span<const WebFile> files, std::string_view name);
// "text/html; charset=utf-8" by the ending of the name.
std::string_view media_type(std::string_view name);
// Whether an Accept-Encoding header lets an answer be gzipped (RFC 9110, 12.5.3).
bool accepts_gzip(std::string_view accept_encoding);
// Whether an If-None-Match header names the tag, quotes included, or is "*" (RFC 9110, 13.1.2).
bool names_etag(std::string_view if_none_match, std::string_view etag);

}  // namespace quire::server
