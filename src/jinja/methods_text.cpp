// Methods of strings, as Python's str has them.
#include "jinja/interpreter.h"
#include "jinja/methods.h"
#include "jinja/python_text.h"
#include "text/utf8.h"

#include <algorithm>

namespace quire::jinja {
namespace {

Result<Value> same_kind(Call& c, std::string text) {
  return c.in.text(std::move(text), c.self.text().markup);
}

template <std::string (*change)(std::string_view)>
Result<Value> changed(Call& c) {
  return same_kind(c, change(c.self.string()));
}

template <bool (*is)(std::string_view)>
Result<Value> asked(Call& c) {
  return Value(is(c.self.string()));
}

// The characters to strip: None and no argument mean white space.
Result<StripSet> strip_set(Call& c) {
  if (!c.has(0) || c[0].is(Kind::none)) return StripSet{};
  return StripSet(TRY(c.string(0)));
}

template <std::string_view (*cut)(std::string_view, StripSet)>
Result<Value> stripped(Call& c) {
  const StripSet set = TRY(strip_set(c));
  return same_kind(c, std::string(cut(c.self.string(), set)));
}

Result<Value> list_of(Call& c, const std::vector<std::string_view>& parts) {
  Values items;
  for (const std::string_view part : parts) items.push_back(TRY(same_kind(c, std::string(part))));
  return c.in.list(std::move(items));
}

template <auto at_words, auto at_separator>
Result<Value> split(Call& c) {
  const int64_t n_max = TRY(c.integer(1, -1));
  if (!c.has(0) || c[0].is(Kind::none)) return list_of(c, at_words(c.self.string(), n_max));
  const std::string_view separator = TRY(c.string(0));
  if (separator.empty()) return fail(Fault::bad_format, "empty separator");
  return list_of(c, at_separator(c.self.string(), separator, n_max));
}

Result<Value> splitlines(Call& c) {
  return list_of(c, split_lines(c.self.string(), c.flag(0) ? LineEnds::keep : LineEnds::drop));
}

Result<Value> three_parts(Call& c, std::string_view a, std::string_view b, std::string_view d) {
  Values parts;
  for (const std::string_view part : {a, b, d})
    parts.push_back(TRY(same_kind(c, std::string(part))));
  return c.in.keep(make_tuple(std::move(parts)));
}

Result<Value> partition(Call& c) {
  const std::string_view text = c.self.string(), separator = TRY(c.string(0));
  if (separator.empty()) return fail(Fault::bad_format, "empty separator");
  const size_t found = find_text(text, separator);
  if (found == text.npos) return three_parts(c, text, "", "");
  return three_parts(c, text.substr(0, found), separator, text.substr(found + separator.size()));
}

Result<Value> rpartition(Call& c) {
  const std::string_view text = c.self.string(), separator = TRY(c.string(0));
  if (separator.empty()) return fail(Fault::bad_format, "empty separator");
  const size_t found = rfind_text(text, separator);
  if (found == text.npos) return three_parts(c, "", "", text);
  return three_parts(c, text.substr(0, found), separator, text.substr(found + separator.size()));
}

// A part of the text between two positions in characters, as find and its kin take them.
struct Part {
  std::string_view text;
  size_t first_byte = 0;
  bool valid = true;  // whether the start lies within the text
};

Result<Part> part_of(Call& c, size_t first_slot) {
  const Text& whole = c.self.text();
  const auto n = static_cast<int64_t>(whole.n_chars);
  const auto place = [&](size_t slot, int64_t fallback) -> Result<int64_t> {
    if (!c.has(slot) || c[slot].is(Kind::none)) return fallback;
    const int64_t at = TRY(c.integer(slot));
    return at < 0 ? std::max<int64_t>(0, at < -n ? 0 : at + n) : at;
  };
  const int64_t start = TRY(place(first_slot, 0)), end = std::min(n, TRY(place(first_slot + 1, n)));
  Part part;
  part.valid = start <= n && start <= end;
  if (!part.valid) return part;
  part.first_byte = byte_of_char(whole.text, static_cast<size_t>(start));
  const size_t last_byte = byte_of_char(whole.text, static_cast<size_t>(end));
  part.text = std::string_view(whole.text).substr(part.first_byte, last_byte - part.first_byte);
  TRY(c.in.step(whole.text.size() / 64));
  return part;
}

enum class Side : uint8_t { first, last };
enum class Absent : uint8_t { minus_one, error };

template <Side side, Absent absent>
Result<Value> find(Call& c) {
  const std::string_view wanted = TRY(c.string(0));
  const Part part = TRY(part_of(c, 1));
  const size_t found = !part.valid           ? std::string_view::npos
                       : side == Side::first ? find_text(part.text, wanted)
                                             : rfind_text(part.text, wanted);
  if (found == std::string_view::npos) {
    if (absent == Absent::error) return fail(Fault::bad_format, "substring not found");
    return Value(int64_t{-1});
  }
  return Value(static_cast<int64_t>(n_chars(c.self.string().substr(0, part.first_byte + found))));
}

Result<Value> count(Call& c) {
  const std::string_view wanted = TRY(c.string(0));
  const Part part = TRY(part_of(c, 1));
  return Value(static_cast<int64_t>(part.valid ? count_text(part.text, wanted) : 0));
}

template <bool at_start>
Result<Value> has_affix(Call& c) {
  const Part part = TRY(part_of(c, 1));
  Values wanted{c[0]};
  if (c[0].is(Kind::tuple)) wanted = c[0].sequence().items;
  for (const Value& affix : wanted) {
    if (!affix.is(Kind::string))
      return fail(Fault::bad_format, "{} first arg must be str or a tuple of str, not {}",
                  at_start ? "startswith" : "endswith", type_name(affix));
    const bool has =
        at_start ? part.text.starts_with(affix.string()) : part.text.ends_with(affix.string());
    if (part.valid && has) return Value(true);
  }
  return Value(false);
}

Result<Value> removeprefix(Call& c) {
  std::string_view text = c.self.string();
  const std::string_view prefix = TRY(c.string(0));
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return same_kind(c, std::string(text));
}

Result<Value> removesuffix(Call& c) {
  std::string_view text = c.self.string();
  const std::string_view suffix = TRY(c.string(0));
  if (text.ends_with(suffix)) text.remove_suffix(suffix.size());
  return same_kind(c, std::string(text));
}

Result<Value> replace(Call& c) {
  const std::string_view from = TRY(c.string(0)), to = TRY(c.string(1));
  const int64_t n = TRY(c.integer(2, -1));
  return replace_text(c.in, c.self.string(), from, to, n, c.self.text().markup);
}

Result<Value> join(Call& c) {
  std::string out;
  size_t i = 0;
  for (const Value& item : TRY(c.in.iterate(c[0]))) {
    if (!item.is(Kind::string))
      return fail(Fault::bad_format, "sequence item {}: expected str instance, {} found", i,
                  type_name(item));
    if (i++ > 0) out += c.self.string();
    out += item.string();
    TRY(c.in.check_text(out.size()));
  }
  return same_kind(c, std::move(out));
}

template <Padding padding>
Result<Value> pad(Call& c) {
  const int64_t width = TRY(c.integer(0));
  const std::string_view fill = TRY(c.string(1, " "));
  if (n_chars(fill) != 1)
    return fail(Fault::bad_format, "The fill character must be exactly one character long");
  return pad_text(c.in, c.self.string(), width, fill, padding, c.self.text().markup);
}

Result<Value> zfill(Call& c) {
  const int64_t width = TRY(c.integer(0));
  const Text& text = c.self.text();
  const auto n = static_cast<int64_t>(text.n_chars);
  if (width <= n) return same_kind(c, text.text);
  TRY(c.in.check_text(static_cast<size_t>(width)));
  const size_t sign = text.text.starts_with('+') || text.text.starts_with('-') ? 1 : 0;
  return same_kind(c, text.text.substr(0, sign) + std::string(static_cast<size_t>(width - n), '0') +
                          text.text.substr(sign));
}

Result<Value> expandtabs(Call& c) {
  const int64_t size = std::clamp<int64_t>(TRY(c.integer(0, 8)), 0, 1000);
  std::string out;
  int64_t column = 0;
  for (const char byte : c.self.string()) {
    if (byte == '\t') {
      const int64_t n = size > 0 ? size - column % size : 0;
      out.append(static_cast<size_t>(n), ' ');
      column += n;
      TRY(c.in.check_text(out.size()));
      continue;
    }
    out += byte;
    if (byte == '\n' || byte == '\r')
      column = 0;
    else if ((static_cast<unsigned char>(byte) & 0xC0) != 0x80)
      ++column;
  }
  return same_kind(c, std::move(out));
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_printable_text(std::string_view text) {
  // Every character of repr() is the character itself, but for quotes and backslashes.
  std::string plain(text);
  std::erase_if(plain, [](char c) { return c == '\\' || c == '\'' || c == '"'; });
  return string_repr(plain).size() == plain.size() + 2;
}

Result<Value> format(Call& c) {
  return format_braces(c.in, c.self.string(), Arguments{std::move(c.rest), std::move(c.named)});
}

Result<Value> format_map(Call& c) {
  if (!c[0].is(Kind::dict)) return fail(Fault::bad_format, "format_map() needs a dict");
  Arguments arguments;
  for (const auto& [key, value] : c[0].dict().entries)
    if (key.is(Kind::string)) arguments.named.emplace_back(std::string(key.string()), value);
  return format_braces(c.in, c.self.string(), arguments);
}

Result<Value> refused(Call& /*c*/) {
  return fail(Fault::unsupported, "this method of strings is not supported in templates");
}

constexpr Builtin rows[] = {
    {"capitalize", "", changed<capitalize>},
    {"casefold", "", changed<fold_case>},
    {"center", "width/ fillchar?/", pad<Padding::both>},
    {"count", "sub/ start?/ end?/", count},
    {"encode", "*", refused},
    {"endswith", "suffix/ start?/ end?/", has_affix<false>},
    {"expandtabs", "tabsize?", expandtabs},
    {"find", "sub/ start?/ end?/", find<Side::first, Absent::minus_one>},
    {"format", "*", format},
    {"format_map", "mapping/", format_map},
    {"index", "sub/ start?/ end?/", find<Side::first, Absent::error>},
    {"isalnum", "", asked<all_alnum>},
    {"isalpha", "", asked<all_alpha>},
    {"isascii", "", asked<is_ascii>},
    {"isdecimal", "", asked<all_decimal>},
    {"isdigit", "", asked<all_digit>},
    {"isidentifier", "", asked<is_identifier>},
    {"islower", "", asked<is_lower>},
    {"isnumeric", "", asked<all_numeric>},
    {"isprintable", "", asked<is_printable_text>},
    {"isspace", "", asked<all_space>},
    {"istitle", "", asked<is_title>},
    {"isupper", "", asked<is_upper>},
    {"join", "iterable/", join},
    {"ljust", "width/ fillchar?/", pad<Padding::right>},
    {"lower", "", changed<to_lower>},
    {"lstrip", "chars?/", stripped<python_lstrip>},
    {"maketrans", "*", refused},
    {"partition", "sep/", partition},
    {"removeprefix", "prefix/", removeprefix},
    {"removesuffix", "suffix/", removesuffix},
    {"replace", "old/ new/ count?", replace},
    {"rfind", "sub/ start?/ end?/", find<Side::last, Absent::minus_one>},
    {"rindex", "sub/ start?/ end?/", find<Side::last, Absent::error>},
    {"rjust", "width/ fillchar?/", pad<Padding::left>},
    {"rpartition", "sep/", rpartition},
    {"rsplit", "sep? maxsplit?", split<rsplit_words, rsplit_at>},
    {"rstrip", "chars?/", stripped<python_rstrip>},
    {"split", "sep? maxsplit?", split<split_words, split_at>},
    {"splitlines", "keepends?", splitlines},
    {"startswith", "prefix/ start?/ end?/", has_affix<true>},
    {"strip", "chars?/", stripped<python_strip>},
    {"swapcase", "", changed<swap_case>},
    {"title", "", changed<to_title>},
    {"translate", "*", refused},
    {"upper", "", changed<to_upper>},
    {"zfill", "width/", zfill},
};

}  // namespace

std::span<const Builtin> text_methods() { return rows; }

Result<Value> replace_text(Interpreter& in, std::string_view text, std::string_view from,
                           std::string_view to, int64_t n, Markup markup) {
  std::string out;
  size_t at = 0;
  if (from.empty()) {
    // Between all characters, and at both ends.
    for (int64_t i = 0; n < 0 || i < n; ++i) {
      out += to;
      if (at >= text.size()) break;
      const size_t next = at + std::max<size_t>(1, utf8_at(text, at).n_bytes);
      out += text.substr(at, next - at);
      at = next;
      TRY(in.check_text(out.size()));
    }
  } else {
    for (int64_t i = 0; n < 0 || i < n; ++i) {
      const size_t found = find_text(text, from, at);
      if (found == text.npos) break;
      out += text.substr(at, found - at);
      out += to;
      at = found + from.size();
      TRY(in.check_text(out.size()));
    }
  }
  out += text.substr(std::min(at, text.size()));
  return in.text(std::move(out), markup);
}

Result<Value> pad_text(Interpreter& in, std::string_view text, int64_t width, std::string_view fill,
                       Padding padding, Markup markup) {
  const auto n = static_cast<int64_t>(n_chars(text));
  if (width <= n) return in.text(std::string(text), markup);
  const auto n_fill = static_cast<uint64_t>(width - n);
  TRY(in.check_text(n_fill > SIZE_MAX / 8 ? SIZE_MAX : text.size() + n_fill * fill.size()));
  // Python puts the odd one to the left when the width is odd, too.
  const uint64_t left = padding == Padding::left ? n_fill
                        : padding == Padding::right
                            ? 0
                            : n_fill / 2 + (n_fill & static_cast<uint64_t>(width) & 1);
  std::string out;
  for (uint64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (uint64_t i = left; i < n_fill; ++i) out += fill;
  return in.text(std::move(out), markup);
}

}  // namespace quire::jinja
