#include "agent/glob.h"

#include <algorithm>

namespace quire::agent {
namespace {

constexpr size_t pattern_bytes_max = 1024, n_alternatives_max = 64;

// The end of the braces that open at `open`, and the commas between; npos when they do not close.
size_t closing(std::string_view text, size_t open, std::vector<size_t>& commas) {
  int depth = 0;
  for (size_t i = open; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}') {
      if (--depth == 0) return i;
    } else if (text[i] == ',' && depth == 1) {
      commas.push_back(i);
    }
  }
  return std::string_view::npos;
}

// All that a pattern with braces stands for. False when that is too many.
bool expand(const std::string& pattern, std::vector<std::string>& all) {
  for (size_t open = pattern.find('{'); open != std::string::npos;
       open = pattern.find('{', open + 1)) {
    std::vector<size_t> cuts{open};
    const size_t close = closing(pattern, open, cuts);
    if (close == std::string::npos || cuts.size() == 1) continue;  // braces as they are
    cuts.push_back(close);
    for (size_t i = 0; i + 1 < cuts.size(); ++i)
      if (!expand(pattern.substr(0, open) + pattern.substr(cuts[i] + 1, cuts[i + 1] - cuts[i] - 1) +
                      pattern.substr(close + 1),
                  all))
        return false;
    return true;
  }
  all.push_back(pattern);
  return all.size() <= n_alternatives_max;
}

template <class Text>
std::vector<Text> names_of(std::string_view path) {
  std::vector<Text> names;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    if (!name.empty() && name != ".") names.emplace_back(name);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return names;
}

// Whether the byte is of the set that opens at pattern[at]; at moves behind the set. A bracket
// that does not close is a character.
bool in_set(std::string_view pattern, size_t& at, unsigned char c) {
  size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (const size_t first = i; i < pattern.size(); ++i) {
    if (pattern[i] == ']' && i > first) {
      at = i + 1;
      return found != negated;
    }
    const auto low = static_cast<unsigned char>(pattern[i]);
    unsigned char high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      high = static_cast<unsigned char>(pattern[i + 2]);
      i += 2;
    }
    found |= low <= c && c <= high;
  }
  ++at;
  return c == '[';
}

// Bytes of the character that begins here.
size_t character_bytes(std::string_view text) {
  size_t n = 1;
  while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) ++n;
  return n;
}

bool name_matches(std::string_view pattern, std::string_view name) {
  size_t at = 0, i = 0;
  size_t star = std::string_view::npos, star_i = 0;  // the last *, and how far it reaches
  while (i < name.size()) {
    size_t next = at;
    bool fits = false;
    size_t n = 1;
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_i = i;
      continue;
    }
    if (at < pattern.size() && pattern[at] == '?') {
      fits = true;
      n = character_bytes(name.substr(i));
      ++next;
    } else if (at < pattern.size() && pattern[at] == '[') {
      fits = in_set(pattern, next, static_cast<unsigned char>(name[i]));
    } else if (at < pattern.size()) {
      if (pattern[at] == '\\' && at + 1 < pattern.size()) ++next;
      fits = pattern[next++] == name[i];
    }
    if (fits) {
      at = next;
      i += n;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++star_i;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

bool path_matches(const std::vector<std::string>& pattern,
                  const std::vector<std::string_view>& path) {
  // fits[j]: the pattern so far stands for the first j names.
  std::vector<char> fits(path.size() + 1, 0);
  fits[0] = 1;
  for (const std::string& part : pattern) {
    std::vector<char> next(path.size() + 1, 0);
    for (size_t j = 0; j <= path.size(); ++j) {
      if (part == "**")
        next[j] = fits[j] != 0 || (j > 0 && next[j - 1] != 0);
      else if (j > 0)
        next[j] = fits[j - 1] != 0 && name_matches(part, path[j - 1]);
    }
    fits = std::move(next);
  }
  return fits.back() != 0;
}

}  // namespace

Result<Glob> Glob::compile(std::string_view pattern) {
  if (pattern.size() > pattern_bytes_max)
    return fail(Fault::limit, "a glob pattern of {} bytes, at most {} are taken", pattern.size(),
                pattern_bytes_max);
  std::vector<std::string> all;
  if (!expand(std::string(pattern), all))
    return fail(Fault::limit, "a glob pattern whose braces stand for more than {} patterns",
                n_alternatives_max);
  Glob glob;
  for (const std::string& one : all) {
    std::vector<std::string> names = names_of<std::string>(one);
    if (one.find('/') == std::string::npos) names.insert(names.begin(), "**");
    glob.alternatives_.push_back(std::move(names));
  }
  return glob;
}

bool Glob::matches(std::string_view path) const {
  const auto names = names_of<std::string_view>(path);
  return std::ranges::any_of(alternatives_,
                             [&](const auto& each) { return path_matches(each, names); });
}

}  // namespace quire::agent
