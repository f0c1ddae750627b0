#include "jinja/python_text.h"

#include "text/unicode.h"
#include "text/utf8.h"

#include <string.h>  // memmem, whose time is linear
#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace quire::jinja {
namespace {

struct CaseRow {
  char32_t code;
  std::string_view upper, title, folded;
};
constexpr CaseRow case_rows[] = {
#define CASE(code, upper, title, folded) {code, upper, title, folded},
#include "jinja/case_table.inc"
#undef CASE
};

// Sorted by code.
const CaseRow* special_case(char32_t code) {
  if (code < case_rows[0].code) return nullptr;
  const auto* row = std::lower_bound(std::begin(case_rows), std::end(case_rows), code,
                                     [](const CaseRow& r, char32_t c) { return r.code < c; });
  return row != std::end(case_rows) && row->code == code ? row : nullptr;
}

template <class F>
void each_char(std::string_view text, F&& visit) {
  for (size_t i = 0; i < text.size();) {
    const Utf8Char next = utf8_at(text, i);
    const size_t n = std::max<size_t>(1, next.n_bytes);
    visit(next.code, i, text.substr(i, n));
    i += n;
  }
}

utf8proc_category_t category(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

void append_upper(std::string& out, char32_t code) {
  if (const CaseRow* row = special_case(code))
    out += row->upper;
  else
    append_utf8(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code))));
}

void append_title(std::string& out, char32_t code) {
  if (const CaseRow* row = special_case(code))
    out += row->title;
  else
    append_utf8(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(code))));
}

bool has_lower(char32_t code) { return utf8proc_islower(static_cast<utf8proc_int32_t>(code)) != 0; }
bool has_upper(char32_t code) { return utf8proc_isupper(static_cast<utf8proc_int32_t>(code)) != 0; }
bool has_title(char32_t code) { return category(code) == UTF8PROC_CATEGORY_LT; }
bool is_cased(char32_t code) { return has_lower(code) || has_upper(code) || has_title(code); }

// What may stand between a sigma and the letter that decides whether it ends its word.
bool is_case_ignorable(char32_t code) {
  switch (category(code)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return code == '\'' || code == '.' || code == ':' || code == 0xB7 || code == 0x2019;
  }
}

// A sigma at the end of a word has a form of its own (Unicode, Final_Sigma).
bool is_final_sigma(std::string_view text, size_t at) {
  size_t before = at;
  bool cased_before = false;
  while (before > 0) {
    do --before;
    while (before > 0 && (static_cast<unsigned char>(text[before]) & 0xC0) == 0x80);
    const char32_t code = utf8_at(text, before).code;
    if (is_case_ignorable(code)) continue;
    cased_before = is_cased(code);
    break;
  }
  if (!cased_before) return false;
  for (size_t after = at + 2; after < text.size();) {
    const Utf8Char next = utf8_at(text, after);
    if (!is_case_ignorable(next.code)) return !is_cased(next.code);
    after += std::max<size_t>(1, next.n_bytes);
  }
  return true;
}

void append_lower(std::string& out, char32_t code, std::string_view text, size_t at) {
  constexpr char32_t sigma = 0x3A3, final_sigma = 0x3C2, dotted_i = 0x130, dot_above = 0x307;
  if (code == sigma && is_final_sigma(text, at))
    append_utf8(out, final_sigma);
  else if (code == dotted_i)
    append_utf8(out, 'i'), append_utf8(out, dot_above);
  else
    append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))));
}

template <class F>
bool all_of_chars(std::string_view text, F&& is) {
  bool all = !text.empty();
  each_char(text, [&](char32_t code, size_t, std::string_view) { all = all && is(code); });
  return all;
}

bool is_alpha(char32_t code) {
  switch (category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return true;
    default:
      return false;
  }
}

bool is_decimal(char32_t code) { return category(code) == UTF8PROC_CATEGORY_ND; }

// Besides decimals the digits in circles, superscripts and the like.
bool is_digit(char32_t code) {
  return is_decimal(code) || code == 0xB2 || code == 0xB3 || code == 0xB9 || code == 0x2070 ||
         (code >= 0x2074 && code <= 0x2079) || (code >= 0x2080 && code <= 0x2089) ||
         (code >= 0x1369 && code <= 0x1371) || (code >= 0x2460 && code <= 0x2468) ||
         (code >= 0x2474 && code <= 0x247C) || (code >= 0x2488 && code <= 0x2490) ||
         (code >= 0x2776 && code <= 0x277E);
}

bool is_numeric(char32_t code) {
  return is_digit(code) || category(code) == UTF8PROC_CATEGORY_NL ||
         category(code) == UTF8PROC_CATEGORY_NO;
}

// The characters to strip: white space when none are named.
class StripChars {
 public:
  explicit StripChars(StripSet set) : spaces_(!set) {
    if (!set) return;
    each_char(*set, [&](char32_t code, size_t, std::string_view) { codes_.push_back(code); });
    std::sort(codes_.begin(), codes_.end());
  }
  bool has(char32_t code) const {
    return spaces_ ? is_python_space(code) : std::binary_search(codes_.begin(), codes_.end(), code);
  }

 private:
  bool spaces_;
  std::vector<char32_t> codes_;
};

size_t previous_char(std::string_view text, size_t at) {
  do --at;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

bool is_line_end(char32_t code) {
  return (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
         code == 0x2028 || code == 0x2029;
}

// Digits with their single underscores taken away; nullopt when one stands where it may not.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
      continue;
    }
    const auto is_alnum = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    if (i == 0 || i + 1 == text.size() || !is_alnum(text[i - 1]) || !is_alnum(text[i + 1]))
      return std::nullopt;
  }
  return digits;
}

}  // namespace

bool is_python_space(char32_t code) {
  return is_white_space(code) || (code >= 0x1C && code <= 0x1F);
}

std::string_view python_lstrip(std::string_view text, StripSet chars) {
  const StripChars set(chars);
  while (!text.empty()) {
    const Utf8Char next = utf8_at(text, 0);
    if (!set.has(next.code)) break;
    text.remove_prefix(std::max<size_t>(1, next.n_bytes));
  }
  return text;
}

std::string_view python_rstrip(std::string_view text, StripSet chars) {
  const StripChars set(chars);
  while (!text.empty()) {
    const size_t last = previous_char(text, text.size());
    if (!set.has(utf8_at(text, last).code)) break;
    text = text.substr(0, last);
  }
  return text;
}

std::string_view python_strip(std::string_view text, StripSet chars) {
  return python_rstrip(python_lstrip(text, chars), chars);
}

std::string to_upper(std::string_view text) {
  std::string out;
  each_char(text, [&](char32_t code, size_t, std::string_view) { append_upper(out, code); });
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  each_char(text,
            [&](char32_t code, size_t at, std::string_view) { append_lower(out, code, text, at); });
  return out;
}

std::string to_title(std::string_view text) {
  std::string out;
  bool after_cased = false;
  each_char(text, [&](char32_t code, size_t at, std::string_view) {
    if (after_cased)
      append_lower(out, code, text, at);
    else
      append_title(out, code);
    after_cased = is_cased(code);
  });
  return out;
}

std::string capitalize(std::string_view text) {
  std::string out;
  each_char(text, [&](char32_t code, size_t at, std::string_view) {
    if (at == 0)
      append_title(out, code);
    else
      append_lower(out, code, text, at);
  });
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out;
  each_char(text, [&](char32_t code, size_t at, std::string_view bytes) {
    if (has_upper(code))
      append_lower(out, code, text, at);
    else if (has_lower(code))
      append_upper(out, code);
    else
      out += bytes;
  });
  return out;
}

std::string fold_case(std::string_view text) {
  std::string out;
  each_char(text, [&](char32_t code, size_t, std::string_view bytes) {
    if (const CaseRow* row = special_case(code)) {
      out += row->folded;
      return;
    }
    utf8proc_int32_t folded[4];
    const auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), folded, 4,
                                           UTF8PROC_CASEFOLD, nullptr);
    if (n < 1 || n > 4)
      out += bytes;
    else
      for (utf8proc_ssize_t i = 0; i < n; ++i) append_utf8(out, static_cast<char32_t>(folded[i]));
  });
  return out;
}

bool all_alpha(std::string_view text) { return all_of_chars(text, is_alpha); }
bool all_decimal(std::string_view text) { return all_of_chars(text, is_decimal); }
bool all_digit(std::string_view text) { return all_of_chars(text, is_digit); }
bool all_numeric(std::string_view text) { return all_of_chars(text, is_numeric); }
bool all_space(std::string_view text) { return all_of_chars(text, is_python_space); }

bool all_alnum(std::string_view text) {
  return all_of_chars(text, [](char32_t code) { return is_alpha(code) || is_numeric(code); });
}

bool is_word(char32_t code) { return is_alpha(code) || is_numeric(code) || code == '_'; }
bool is_decimal_digit(char32_t code) { return is_decimal(code); }

std::u32string code_points(std::string_view text) {
  std::u32string codes;
  codes.reserve(text.size());
  each_char(text, [&](char32_t code, size_t, std::string_view) { codes += code; });
  return codes;
}

std::string to_utf8(std::u32string_view text) {
  std::string out;
  for (const char32_t code : text) append_utf8(out, code);
  return out;
}

bool is_lower(std::string_view text) {
  bool any = false, none_upper = true;
  each_char(text, [&](char32_t code, size_t, std::string_view) {
    any = any || has_lower(code);
    none_upper = none_upper && !has_upper(code) && !has_title(code);
  });
  return any && none_upper;
}

bool is_upper(std::string_view text) {
  bool any = false, none_lower = true;
  each_char(text, [&](char32_t code, size_t, std::string_view) {
    any = any || has_upper(code);
    none_lower = none_lower && !has_lower(code) && !has_title(code);
  });
  return any && none_lower;
}

bool is_title(std::string_view text) {
  bool any = false, right = true, after_cased = false;
  each_char(text, [&](char32_t code, size_t, std::string_view) {
    const bool starts = has_upper(code) || has_title(code);
    if ((starts && after_cased) || (has_lower(code) && !after_cased)) right = false;
    after_cased = is_cased(code);
    any = any || after_cased;
  });
  return any && right;
}

bool is_identifier(std::string_view text) {
  bool right = !text.empty();
  each_char(text, [&](char32_t code, size_t at, std::string_view) {
    const bool start = code == '_' || is_alpha(code) || category(code) == UTF8PROC_CATEGORY_NL;
    right = right && (start || (at > 0 && is_word_character(code)));
  });
  return right;
}

std::vector<std::string_view> split_lines(std::string_view text, LineEnds ends) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char next = utf8_at(text, i);
    size_t n = std::max<size_t>(1, next.n_bytes);
    if (is_line_end(next.code)) {
      if (next.code == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++n;
      lines.push_back(text.substr(begin, i + (ends == LineEnds::keep ? n : 0) - begin));
      begin = i + n;
    }
    i += n;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

std::vector<std::string_view> split_words(std::string_view text, int64_t n_max) {
  std::vector<std::string_view> words;
  text = python_lstrip(text);
  while (!text.empty()) {
    if (n_max >= 0 && static_cast<int64_t>(words.size()) == n_max) {
      words.push_back(python_rstrip(text));
      break;
    }
    size_t end = 0;
    while (end < text.size()) {
      const Utf8Char next = utf8_at(text, end);
      if (is_python_space(next.code)) break;
      end += std::max<size_t>(1, next.n_bytes);
    }
    words.push_back(text.substr(0, end));
    text = python_lstrip(text.substr(end));
  }
  return words;
}

std::vector<std::string_view> rsplit_words(std::string_view text, int64_t n_max) {
  std::vector<std::string_view> words;
  text = python_rstrip(text);
  while (!text.empty()) {
    if (n_max >= 0 && static_cast<int64_t>(words.size()) == n_max) {
      words.push_back(python_lstrip(text));
      break;
    }
    size_t begin = text.size();
    while (begin > 0) {
      const size_t last = previous_char(text, begin);
      if (is_python_space(utf8_at(text, last).code)) break;
      begin = last;
    }
    words.push_back(text.substr(begin));
    text = python_rstrip(text.substr(0, begin));
  }
  std::reverse(words.begin(), words.end());
  return words;
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view separator,
                                       int64_t n_max) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  while (n_max < 0 || static_cast<int64_t>(parts.size()) < n_max) {
    const size_t found = find_text(text, separator, begin);
    if (found == text.npos) break;
    parts.push_back(text.substr(begin, found - begin));
    begin = found + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::vector<std::string_view> rsplit_at(std::string_view text, std::string_view separator,
                                        int64_t n_max) {
  // All places from the right; what is left of the last cut stays whole.
  std::vector<std::string_view> parts;
  while (n_max < 0 || static_cast<int64_t>(parts.size()) < n_max) {
    const size_t found = rfind_text(text, separator);
    if (found == text.npos) break;
    parts.push_back(text.substr(found + separator.size()));
    text = text.substr(0, found);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

size_t find_text(std::string_view text, std::string_view what, size_t from) {
  if (from > text.size()) return text.npos;
  if (what.empty()) return from;
  const void* found = ::memmem(text.data() + from, text.size() - from, what.data(), what.size());
  return found == nullptr ? text.npos
                          : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

// From the right: the failure function of Knuth, Morris & Pratt (1977) on both texts reversed.
size_t rfind_text(std::string_view text, std::string_view what) {
  if (what.empty()) return text.size();
  const size_t n = what.size();
  if (n > text.size()) return text.npos;
  if (n == 1) return text.rfind(what[0]);
  const auto wanted = [&](size_t i) { return what[n - 1 - i]; };
  std::vector<size_t> border(n, 0);
  for (size_t i = 1, k = 0; i < n; ++i) {
    while (k > 0 && wanted(i) != wanted(k)) k = border[k - 1];
    if (wanted(i) == wanted(k)) ++k;
    border[i] = k;
  }
  for (size_t i = text.size(), k = 0; i > 0; --i) {
    while (k > 0 && text[i - 1] != wanted(k)) k = border[k - 1];
    if (text[i - 1] == wanted(k)) ++k;
    if (k == n) return i - 1;
  }
  return text.npos;
}

size_t count_text(std::string_view text, std::string_view what) {
  if (what.empty()) return n_chars(text) + 1;
  size_t n = 0;
  for (size_t at = find_text(text, what); at != text.npos;
       at = find_text(text, what, at + what.size()))
    ++n;
  return n;
}

size_t n_chars(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

size_t byte_of_char(std::string_view text, size_t n_chars_before) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
    if (n_chars_before == 0) return at;
    --n_chars_before;
  }
  return at;
}

std::optional<ParsedInt> parse_python_int(std::string_view text, int base) {
  text = python_strip(text);
  bool negative = false;
  if (text.starts_with('+') || text.starts_with('-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const auto prefix_base = [&]() -> int {
    if (text.size() < 2 || text[0] != '0') return 10;
    const char letter = static_cast<char>(text[1] | 0x20);
    return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
  };
  const int found = prefix_base();
  if (found != 10 && (base == 0 || base == found)) {
    text.remove_prefix(2);
    if (text.starts_with('_')) text.remove_prefix(1);
    base = found;
  } else if (base == 0) {
    base = 10;
    if (text.size() > 1 && text[0] == '0' && text.find_first_not_of("0_") != text.npos)
      return std::nullopt;
  }
  const auto digits = without_underscores(text);
  if (!digits || digits->empty() || digits->starts_with('-') || digits->starts_with('+'))
    return std::nullopt;
  uint64_t value = 0;
  const char* end = digits->data() + digits->size();
  const auto [at, error] = std::from_chars(digits->data(), end, value, base);
  if (error == std::errc::invalid_argument || at != end) return std::nullopt;
  const uint64_t most = negative ? uint64_t{1} << 63 : static_cast<uint64_t>(INT64_MAX);
  if (error == std::errc::result_out_of_range || value > most) return ParsedInt{0, true};
  return ParsedInt{static_cast<int64_t>(negative ? 0 - value : value), false};
}

std::optional<double> parse_python_float(std::string_view text) {
  text = python_strip(text);
  const auto digits = without_underscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  std::string lower = to_lower(*digits);
  std::string_view body = lower;
  if (body.starts_with('+') || body.starts_with('-')) body.remove_prefix(1);
  const bool word = body == "inf" || body == "infinity" || body == "nan";
  if (!word && body.find_first_not_of("0123456789.e+-") != body.npos) return std::nullopt;
  if (!word && (body.empty() || (body[0] != '.' && (body[0] < '0' || body[0] > '9'))))
    return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(lower.c_str(), &end);
  if (end != lower.c_str() + lower.size()) return std::nullopt;
  return value;
}

}  // namespace quire::jinja
