#include "chat/go_actions.h"

#include "format/json.h"
#include "format/printable.h"

#include <algorithm>
#include <cctype>

namespace quire {
namespace {

constexpr std::string_view spaces = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(spaces);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(spaces) + 1 - first);
}
std::string_view trimmed_front(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(spaces), text.size()));
}
std::string_view trimmed_back(std::string_view text) {
  const size_t last = text.find_last_not_of(spaces);
  return text.substr(0, last == text.npos ? 0 : last + 1);
}

// The end of an action whose code begins at `at`: quotes and comments may hold braces.
size_t find_end(std::string_view text, size_t at) {
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"' || c == '\'' || c == '`') {
      for (++at; at < text.size() && text[at] != c; ++at)
        if (text[at] == '\\' && c != '`') ++at;
    } else if (text.substr(at).starts_with("/*")) {
      at = text.find("*/", at + 2);
      if (at == text.npos) return at;
      ++at;
    } else if (text.substr(at).starts_with("}}")) {
      return at;
    }
    ++at;
  }
  return text.npos;
}

// The value of a Go string with escapes, as a string of Jinja.
std::string go_string(std::string_view inner) {
  std::string value;
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] != '\\' || i + 1 == inner.size()) {
      value += inner[i];
      continue;
    }
    const char c = inner[++i];
    value += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
  }
  return value;
}

}  // namespace

bool is_go_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

Result<std::vector<GoAction>> split_go_template(std::string_view text) {
  std::vector<GoAction> actions;
  bool trim_next = false;
  while (true) {
    const size_t open = text.find("{{");
    std::string_view before = text.substr(0, open);
    if (trim_next) before = trimmed_front(before);
    if (open == text.npos) {
      actions.push_back({before, {}});
      return actions;
    }
    const size_t end = find_end(text, open + 2);
    if (end == text.npos)
      return fail(Fault::bad_format, "the template: '{}' has no }}}}",
                  printable(text.substr(open, 40)));
    std::string_view code = text.substr(open + 2, end - open - 2);
    if (code.size() >= 2 && code[0] == '-' && spaces.find(code[1]) != spaces.npos) {
      before = trimmed_back(before);
      code.remove_prefix(2);
    }
    trim_next = code.size() >= 2 && code.ends_with('-') &&
                spaces.find(code[code.size() - 2]) != spaces.npos;
    if (trim_next) code.remove_suffix(2);
    actions.push_back({before, trimmed(code)});
    // An empty action is none, and must not look like the end.
    if (actions.back().code.empty()) actions.back().code = "/**/";
    text.remove_prefix(end + 2);
  }
}

Result<std::vector<GoToken>> go_tokens(std::string_view code) {
  std::vector<GoToken> tokens;
  size_t at = 0;
  const auto word = [&] {
    const size_t begin = at;
    while (at < code.size() && is_go_word(code[at])) ++at;
    return std::string(code.substr(begin, at - begin));
  };
  while (true) {
    const size_t before = at;
    while (at < code.size() && spaces.find(code[at]) != spaces.npos) ++at;
    GoToken token;
    token.after_space = at > before || before == 0;
    if (at == code.size()) {
      tokens.push_back(token);
      return tokens;
    }
    const char c = code[at];
    const std::string_view rest = code.substr(at);
    if (c == '"' || c == '`') {
      size_t end = at + 1;
      while (end < code.size() && code[end] != c) end += code[end] == '\\' && c == '"' ? 2 : 1;
      if (end >= code.size())
        return fail(Fault::bad_format, "the template: '{}': a text has no end",
                    printable(code, 60));
      const std::string_view inner = code.substr(at + 1, end - at - 1);
      token.kind = GoToken::Kind::text;
      token.value = json_quoted(c == '"' ? go_string(inner) : std::string(inner));
      at = end + 1;
    } else if (c == '.') {
      ++at;
      token.kind = GoToken::Kind::field;
      token.value = word();
    } else if (c == '$') {
      ++at;
      token.kind = GoToken::Kind::variable;
      token.value = word();
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0 ||
               (c == '-' && rest.size() > 1 && std::isdigit(static_cast<unsigned char>(rest[1])))) {
      const size_t begin = at++;
      while (at < code.size() && (is_go_word(code[at]) || code[at] == '.')) ++at;
      token.kind = GoToken::Kind::number;
      token.value = code.substr(begin, at - begin);
      if (token.value.find_first_not_of("-0123456789.") != std::string::npos)
        return fail(Fault::bad_format, "the template: '{}' is no number", printable(token.value));
    } else if (is_go_word(c)) {
      token.kind = GoToken::Kind::name;
      token.value = word();
    } else {
      token.kind = GoToken::Kind::symbol;
      const size_t n = rest.starts_with(":=") ? 2 : 1;
      token.value = rest.substr(0, n);
      at += n;
    }
    tokens.push_back(std::move(token));
  }
}

}  // namespace quire
