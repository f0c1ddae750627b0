#include "store/model_ref.h"

#include "format/printable.h"

#include <algorithm>

namespace quire {
namespace {

constexpr size_t part_chars_max = 80;

bool is_part_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

bool is_part(std::string_view text) {
  return !text.empty() && text.size() <= part_chars_max && text[0] != '-' && text[0] != '.' &&
         std::ranges::all_of(text, is_part_char);
}

bool is_host(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view port = colon == text.npos ? "1" : text.substr(colon + 1);
  return is_part(text.substr(0, colon)) && !port.empty() && port.size() <= 5 &&
         std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_digest(std::string_view text) {
  return text.size() == 71 && text.starts_with("sha256:") &&
         std::ranges::all_of(text.substr(7), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string ModelRef::text() const {
  const ModelRef usual;
  std::string text;
  if (scheme != usual.scheme) text = scheme + "://";
  if (host != usual.host || scheme != usual.scheme) text += host + "/";
  if (!text.empty() || name_space != usual.name_space) text += name_space + "/";
  text += model + ":" + tag;
  return digest.empty() ? text : text + "@" + digest;
}

std::string ModelRef::path() const {
  // A port is no part of a name of a file everywhere.
  std::string folder = host;
  std::ranges::replace(folder, ':', '+');
  return folder + "/" + name_space + "/" + model + "/" + tag;
}

Result<ModelRef> parse_model_ref(std::string_view text) {
  ModelRef ref;
  const auto wrong = [&](std::string_view what, std::string_view part) {
    return fail(
        Fault::usage,
        "'{}' is no name of a model: its {} '{}' may have letters, digits, '_', '-' and '.', "
        "at most {}, and begins with none of '-' and '.'",
        printable(text, 100), what, printable(part, 60), part_chars_max);
  };
  std::string_view rest = text;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!rest.starts_with(scheme)) continue;
    ref.scheme = scheme.substr(0, scheme.size() - 3);
    rest.remove_prefix(scheme.size());
  }
  if (const size_t at = rest.find('@'); at != rest.npos) {
    ref.digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!is_digest(ref.digest))
      return fail(Fault::usage, "'{}': a digest is 'sha256:' and 64 hexadecimal digits, not '{}'",
                  printable(text, 100), printable(ref.digest, 80));
  }
  const size_t slash = rest.rfind('/');
  const size_t colon = rest.find(':', slash == rest.npos ? 0 : slash);
  if (colon != rest.npos) {
    ref.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_part(ref.tag)) return wrong("tag", ref.tag);
  }
  const size_t last = rest.rfind('/');
  ref.model = rest.substr(last == rest.npos ? 0 : last + 1);
  if (!is_part(ref.model)) return wrong("model", ref.model);
  if (last == rest.npos) return ref;
  rest = rest.substr(0, last);
  const size_t first = rest.find('/');
  if (first != rest.npos) {
    ref.host = rest.substr(0, first);
    rest = rest.substr(first + 1);
    if (!is_host(ref.host)) return wrong("host", ref.host);
  }
  ref.name_space = rest;
  if (!is_part(ref.name_space)) return wrong("namespace", ref.name_space);
  return ref;
}

}  // namespace quire
