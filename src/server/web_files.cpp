#include "server/web_files.h"

#include "server/http.h"

#include <algorithm>

namespace quire::server {
namespace {

struct MediaType {
  std::string_view ending, type;
};
constexpr MediaType media_types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".json", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".txt", "text/plain; charset=utf-8"},
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls `see` with each element of a list with commas until it says true.
template <class See>
bool any_element(std::string_view list, See see) {
  while (!list.empty()) {
    const std::string_view element = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), element.size() + 1));
    if (see(trimmed(element))) return true;
  }
  return false;
}

}  // namespace

const WebFile* find_web_file(std::span<const WebFile> files, std::string_view name) {
  const auto found = std::ranges::find(files, name, &WebFile::name);
  return found == files.end() ? nullptr : &*found;
}

std::string_view media_type(std::string_view name) {
  for (const MediaType& row : media_types)
    if (name.ends_with(row.ending)) return row.type;
  return "application/octet-stream";
}

bool accepts_gzip(std::string_view accept_encoding) {
  return any_element(accept_encoding, [](std::string_view element) {
    const size_t semicolon = element.find(';');
    if (!equal_ignoring_case(trimmed(element.substr(0, semicolon)), "gzip")) return false;
    if (semicolon == element.npos) return true;
    const std::string weight = lower_case(trimmed(element.substr(semicolon + 1)));
    return !weight.starts_with("q=") || weight.find_first_of("123456789") != weight.npos;
  });
}

bool names_etag(std::string_view if_none_match, std::string_view etag) {
  return any_element(if_none_match, [&](std::string_view element) {
    if (element.starts_with("W/")) element.remove_prefix(2);
    return element == "*" || element == etag;
  });
}

}  // namespace quire::server
