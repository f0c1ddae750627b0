// Filters of texts, numbers and single values.
#include "jinja/filters.h"
#include "jinja/interpreter.h"
#include "jinja/json.h"
#include "jinja/python_text.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace quire::jinja {
namespace {

// soft_str: markup stays markup.
Markup markup_of(const Value& value) {
  return value.is(Kind::string) ? value.text().markup : Markup::no;
}

template <std::string (*change)(std::string_view)>
Result<Value> changed(Call& c) {
  const std::string text = TRY(c.in.str(c.self));
  return c.in.text(change(text), markup_of(c.self));
}

// The filter's own rule for words: whatever follows white space, a hyphen or an opening bracket.
std::string title(std::string_view text) {
  std::string out;
  size_t i = 0;
  const auto separates = [](char32_t code) {
    return is_python_space(code) || code == '-' || code == '(' || code == '{' || code == '[' ||
           code == '<';
  };
  while (i < text.size()) {
    size_t end = i;
    const bool between = separates(utf8_at(text, i).code);
    while (end < text.size()) {
      const Utf8Char next = utf8_at(text, end);
      if (separates(next.code) != between) break;
      end += std::max<size_t>(1, next.n_bytes);
    }
    const std::string_view word = text.substr(i, end - i);
    const size_t first = std::max<size_t>(1, utf8_at(word, 0).n_bytes);
    out += to_upper(word.substr(0, first)) + to_lower(word.substr(first));
    i = end;
  }
  return out;
}

Result<Value> trim(Call& c) {
  const std::string text = TRY(c.in.str(c.self));
  StripSet chars;
  if (c.has(0) && !c[0].is(Kind::none)) chars = TRY(c.string(0));
  return c.in.text(std::string(python_strip(text, chars)), markup_of(c.self));
}

Result<Value> string(Call& c) {
  if (c.self.is(Kind::string)) return c.self;
  std::string text = TRY(c.in.str(c.self));
  return c.in.text(std::move(text));
}

Result<Value> default_value(Call& c) {
  const bool use = c.self.is(Kind::undefined) || (c.flag(1) && !truth(c.self));
  if (!use) return c.self;
  return c.has(0) ? c[0] : Value(std::string());
}

Result<Value> replace(Call& c) {
  const std::string text = TRY(c.in.str(c.self)), from = TRY(c.in.str(c[0])),
                    to = TRY(c.in.str(c[1]));
  const bool all = !c.has(2) || c[2].is(Kind::none);
  const int64_t n = all ? -1 : TRY(c.integer(2));
  return replace_text(c.in, text, from, to, n, Markup::no);
}

Result<Value> center(Call& c) {
  const std::string text = TRY(c.in.str(c.self));
  const int64_t width = TRY(c.integer(0, 80));
  return pad_text(c.in, text, width, " ", Padding::both, markup_of(c.self));
}

Result<Value> indent(Call& c) {
  if (!c.self.is(Kind::string))
    return fail(Fault::bad_format, "indent needs a string, not '{}'", type_name(c.self));
  std::string indention;
  if (c.has(0) && c[0].is(Kind::string)) {
    indention = c[0].string();
  } else {
    const int64_t width = std::max<int64_t>(0, TRY(c.integer(0, 4)));
    TRY(c.in.check_text(static_cast<size_t>(width)));
    indention.assign(static_cast<size_t>(width), ' ');
  }
  const bool first = c.flag(1), blank = c.flag(2);
  const std::string text = std::string(c.self.string()) + "\n";
  const std::vector<std::string_view> lines = split_lines(text, LineEnds::drop);
  TRY(c.in.check_text(text.size() + lines.size() * indention.size()));
  std::string out = first ? indention : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !lines[i].empty())) out += indention;
    out += lines[i];
  }
  return c.in.text(std::move(out), markup_of(c.self));
}

Result<Value> truncate(Call& c) {
  const int64_t length = TRY(c.integer(0, 255));
  const std::string_view end = TRY(c.string(2, "..."));
  const bool has_leeway = c.has(3) && !c[3].is(Kind::none);
  const int64_t leeway = has_leeway ? TRY(c.integer(3)) : 5;
  const auto n_end = static_cast<int64_t>(n_chars(end));
  if (length < n_end)
    return fail(Fault::bad_format, "expected length >= {}, got {}", n_end, length);
  if (leeway < 0) return fail(Fault::bad_format, "expected leeway >= 0, got {}", leeway);
  const int64_t n = TRY(c.in.length(c.self));
  if (n - leeway <= length) return c.self;
  if (!c.self.is(Kind::string))
    return fail(Fault::bad_format, "truncate needs a string, not '{}'", type_name(c.self));
  const Text& text = c.self.text();
  std::string_view head = std::string_view(text.text).substr(
      0, byte_of_char(text.text, static_cast<size_t>(length - n_end)));
  if (!c.flag(1))
    if (const size_t space = head.rfind(' '); space != head.npos) head = head.substr(0, space);
  return c.in.text(std::string(head) + std::string(end), text.markup);
}

Result<Value> wordcount(Call& c) {
  const std::string text = TRY(c.in.str(c.self));
  int64_t n = 0;
  bool inside = false;
  for (size_t i = 0; i < text.size();) {
    const Utf8Char next = utf8_at(text, i);
    const bool word = is_word_character(next.code);
    n += word && !inside ? 1 : 0;
    inside = word;
    i += std::max<size_t>(1, next.n_bytes);
  }
  return Value(n);
}

// Percent-encoding (RFC 3986); '/' stays as it is in a plain text, and a query has + for spaces.
enum class Quoting : uint8_t { path, query };
std::string quote_url(std::string_view text, Quoting quoting) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '_' || c == '.' || c == '-' || c == '~';
    if (plain || (c == '/' && quoting == Quoting::path))
      out += c;
    else if (c == ' ' && quoting == Quoting::query)
      out += '+';
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<Value> urlencode(Call& c) {
  const bool pairs = c.self.is(Kind::dict) || (c.self.is_sequence() && !c.self.is(Kind::string));
  if (!pairs) {
    const std::string text = TRY(c.in.str(c.self));
    return c.in.text(quote_url(text, Quoting::path));
  }
  std::string out;
  const auto add = [&](const Value& key, const Value& value) -> Result<void> {
    const std::string name = TRY(c.in.str(key)), text = TRY(c.in.str(value));
    if (!out.empty()) out += '&';
    out += quote_url(name, Quoting::query) + "=" + quote_url(text, Quoting::query);
    return {};
  };
  if (c.self.is(Kind::dict)) {
    for (const auto& [key, value] : c.self.dict().entries) TRY(add(key, value));
  } else {
    for (const Value& pair : TRY(c.in.iterate(c.self))) {
      const Values two = TRY(c.in.iterate(pair));
      if (two.size() != 2) return fail(Fault::bad_format, "urlencode needs pairs");
      TRY(add(two[0], two[1]));
    }
  }
  return c.in.text(std::move(out));
}

// Without comments and tags, white space collapsed, and entities resolved.
Result<Value> striptags(Call& c) {
  std::string text = TRY(c.in.str(c.self));
  const auto cut = [&text](std::string_view open, std::string_view close) {
    std::string kept;
    size_t at = 0;
    while (true) {
      const size_t begin = find_text(text, open, at);
      const size_t end = begin == text.npos ? text.npos : find_text(text, close, begin);
      if (end == text.npos) break;
      kept.append(text, at, begin - at);
      at = end + close.size();
    }
    text = kept + text.substr(at);
  };
  cut("<!--", "-->");
  cut("<", ">");
  std::string joined;
  for (const std::string_view word : split_words(text, -1))
    joined += (joined.empty() ? "" : " ") + std::string(word);
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> entities = {{
      {"&lt;", "<"},
      {"&gt;", ">"},
      {"&quot;", "\""},
      {"&#34;", "\""},
      {"&#39;", "'"},
      {"&amp;", "&"},
  }};
  std::string out;
  for (size_t i = 0; i < joined.size();) {
    const auto found = std::find_if(entities.begin(), entities.end(), [&](const auto& entity) {
      return std::string_view(joined).substr(i).starts_with(entity.first);
    });
    out += found == entities.end() ? std::string_view(joined).substr(i, 1) : found->second;
    i += found == entities.end() ? 1 : found->first.size();
  }
  return c.in.text(std::move(out));
}

Result<Value> escape(Call& c) {
  if (markup_of(c.self) == Markup::yes) return c.self;
  const std::string text = TRY(c.in.str(c.self));
  return c.in.text(escape_html(text), Markup::yes);
}

Result<Value> force_escape(Call& c) {
  const std::string text = TRY(c.in.str(c.self));
  return c.in.text(escape_html(text), Markup::yes);
}

Result<Value> safe(Call& c) {
  std::string text = TRY(c.in.str(c.self));
  return c.in.text(std::move(text), Markup::yes);
}

Result<Value> xmlattr(Call& c) {
  if (!c.self.is(Kind::dict))
    return fail(Fault::bad_format, "'{}' object has no items()", type_name(c.self));
  std::string out;
  for (const auto& [key, value] : c.self.dict().entries) {
    if (value.is(Kind::none) || value.is(Kind::undefined)) continue;
    if (!key.is(Kind::string)) return fail(Fault::bad_format, "an attribute's name is a string");
    if (key.string().find_first_of(" \t\n\r\f\v/>=") != std::string_view::npos)
      return fail(Fault::bad_format, "invalid character in attribute name {}",
                  string_repr(key.string()));
    const std::string text = TRY(c.in.str(value));
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : " ", escape_html(key.string()),
                       markup_of(value) == Markup::yes ? text : escape_html(text));
  }
  const bool space = c.flag(0, true) && !out.empty();
  return c.in.text((space ? " " : "") + out);
}

Result<Value> to_int(Call& c) {
  Value fallback = c.has(0) ? c[0] : Value(int64_t{0});
  const int64_t base = TRY(c.integer(1, 10));
  if (c.self.is_integral()) return Value(c.self.integer());
  double real = 0;
  if (c.self.is(Kind::real)) {
    real = c.self.real();
    if (std::isinf(real))
      return fail(Fault::bad_format, "cannot convert float infinity to integer");
  } else if (c.self.is(Kind::string)) {
    if (base == 0 || (base >= 2 && base <= 36)) {
      const auto parsed = parse_python_int(c.self.string(), static_cast<int>(base));
      if (parsed && parsed->too_big)
        return fail(Fault::limit, "int: the number does not fit into 64 bits");
      if (parsed) return Value(parsed->value);
    }
    const auto parsed = parse_python_float(c.self.string());
    if (!parsed || std::isinf(*parsed)) return fallback;
    real = *parsed;
  } else if (c.self.is(Kind::undefined)) {
    return fail(Fault::bad_format, "{}", undefined_reason(c.self));
  } else {
    return fallback;
  }
  if (std::isnan(real)) return fallback;
  real = std::trunc(real);
  if (real < -0x1p63 || real >= 0x1p63)
    return fail(Fault::limit, "int: the number does not fit into 64 bits");
  return Value(static_cast<int64_t>(real));
}

Result<Value> to_float(Call& c) {
  Value fallback = c.has(0) ? c[0] : Value(0.0);
  if (c.self.is_number()) return Value(c.self.real());
  if (c.self.is(Kind::undefined)) return fail(Fault::bad_format, "{}", undefined_reason(c.self));
  if (!c.self.is(Kind::string)) return fallback;
  const auto parsed = parse_python_float(c.self.string());
  return parsed ? Value(*parsed) : fallback;
}

Result<Value> absolute(Call& c) {
  if (c.self.is_integral())
    return c.self.integer() < 0 ? negative(c.self) : Value(c.self.integer());
  if (c.self.is(Kind::real)) return Value(std::fabs(c.self.real()));
  if (c.self.is(Kind::undefined)) return fail(Fault::bad_format, "{}", undefined_reason(c.self));
  return fail(Fault::bad_format, "bad operand type for abs(): '{}'", type_name(c.self));
}

// Half to even, in decimal, of the exact value: what printf does.
Result<Value> round_common(const Value& value, int64_t digits) {
  if (value.is(Kind::real)) {
    const double real = value.real();
    if (!std::isfinite(real) || digits > 323) return value;
    if (digits >= 0)
      return Value(std::strtod(fmt::format("{:.{}f}", real, digits).c_str(), nullptr));
    if (digits < -308) return Value(std::copysign(0.0, real));
    const double scale = std::pow(10.0, static_cast<double>(-digits));
    return Value(std::nearbyint(real / scale) * scale);
  }
  const int64_t number = value.integer();
  if (digits >= 0) return Value(number);
  if (digits < -18) return Value(int64_t{0});
  int64_t scale = 1;
  for (int64_t i = 0; i < -digits; ++i) scale *= 10;
  const int64_t rest = ((number % scale) + scale) % scale;
  const int64_t low = number - rest;
  const bool up = rest > scale - rest || (rest == scale - rest && (low / scale) % 2 != 0);
  return Value(low + (up ? scale : 0));
}

Result<Value> round(Call& c) {
  const int64_t digits = TRY(c.integer(0, 0));
  const std::string_view method = TRY(c.string(1, "common"));
  if (method != "common" && method != "ceil" && method != "floor")
    return fail(Fault::bad_format, "method must be common, ceil or floor");
  if (c.self.is(Kind::undefined)) return fail(Fault::bad_format, "{}", undefined_reason(c.self));
  if (!c.self.is_number())
    return fail(Fault::bad_format, "type {} has no way to be rounded", type_name(c.self));
  if (method == "common") return round_common(c.self, digits);
  const Value scale = TRY(binary(c.in, Operator::power, Value(int64_t{10}), Value(digits)));
  const Value scaled = TRY(binary(c.in, Operator::multiply, c.self, scale));
  const double whole = method == "ceil" ? std::ceil(scaled.real()) : std::floor(scaled.real());
  if (!(std::fabs(whole) < 0x1p63))
    return fail(Fault::limit, "round: the number does not fit into 64 bits");
  return binary(c.in, Operator::divide, Value(static_cast<int64_t>(whole)), scale);
}

Result<Value> filesizeformat(Call& c) {
  double bytes = 0;
  if (c.self.is_number()) {
    bytes = c.self.real();
  } else {
    const auto parsed =
        c.self.is(Kind::string) ? parse_python_float(c.self.string()) : std::nullopt;
    if (!parsed) return fail(Fault::bad_format, "filesizeformat needs a number");
    bytes = *parsed;
  }
  const bool is_binary = c.flag(0);
  const double base = is_binary ? 1024 : 1000;
  if (bytes == 1) return c.in.text("1 Byte");
  if (std::isinf(bytes) && bytes < 0)
    return fail(Fault::bad_format, "filesizeformat cannot show minus infinity");
  // + 0.0, because Python's int() has no negative zero.
  if (bytes < base) return c.in.text(fmt::format("{:.0f} Bytes", std::trunc(bytes) + 0.0));
  constexpr std::string_view prefixes = "kMGTPEZY";
  double unit = base;
  size_t i = 0;
  for (; i < prefixes.size(); ++i) {
    unit *= base;
    if (bytes < unit) break;
  }
  i = std::min(i, prefixes.size() - 1);
  const char letter = is_binary && i == 0 ? 'K' : prefixes[i];
  return c.in.text(fmt::format("{:.1f} {}{}", base * bytes / unit, letter, is_binary ? "iB" : "B"));
}

Result<Value> format(Call& c) {
  const std::string text = TRY(c.in.str(c.self));
  if (!c.rest.empty() && !c.named.empty())
    return fail(Fault::bad_format,
                "can't handle positional and keyword arguments at the same time");
  if (c.named.empty())
    return format_percent(c.in, text, make_tuple(std::move(c.rest)), markup_of(c.self));
  auto dict = std::make_shared<Dict>();
  for (const auto& [name, value] : c.named) dict->set(Value(name), value);
  return format_percent(c.in, text, make_dict(std::move(dict)), markup_of(c.self));
}

Result<Value> tojson(Call& c) {
  JsonStyle style;
  style.ensure_ascii = c.flag(0);
  style.sort_keys = c.flag(3);
  style.bytes_max = c.in.options().limits.output_bytes_max;
  if (c.has(1) && !c[1].is(Kind::none)) {
    style.has_indent = true;
    constexpr int64_t indent_max = 1000;
    if (c[1].is(Kind::string))
      style.indent = c[1].string();
    else
      style.indent.assign(
          static_cast<size_t>(std::clamp<int64_t>(TRY(c.integer(1)), 0, indent_max)), ' ');
  }
  if (c.has(2) && !c[2].is(Kind::none)) {
    const Values two = TRY(c.in.iterate(c[2]));
    if (two.size() != 2 || !two[0].is(Kind::string) || !two[1].is(Kind::string))
      return fail(Fault::bad_format, "tojson: separators are two strings");
    style.has_separators = true;
    style.item_separator = two[0].string();
    style.key_separator = two[1].string();
  }
  std::string text = TRY(json_text(c.self, style));
  return c.in.text(std::move(text));
}

Result<Value> attr(Call& c) {
  const std::string_view name = TRY(c.string(0));
  // Only what is an attribute, not an item.
  if (c.self.is(Kind::dict) && find_builtin(methods(c.self), name) == nullptr)
    return make_undefined(fmt::format("'dict object' has no attribute '{}'", name));
  return c.in.attribute(c.self, name);
}

Result<Value> pprint(Call& c) {
  std::string text;
  TRY(append_repr(text, c.self, c.in.print_limit()));
  constexpr size_t line_max = 80;
  if (text.size() > line_max)
    return fail(Fault::unsupported, "pprint of a value longer than one line is not supported");
  return c.in.text(std::move(text));
}

constexpr Builtin rows[] = {
    {"abs", "", absolute},
    {"attr", "name", attr},
    {"capitalize", "", changed<capitalize>},
    {"center", "width?", center},
    {"d", "default_value? boolean?", default_value},
    {"default", "default_value? boolean?", default_value},
    {"e", "", escape},
    {"escape", "", escape},
    {"filesizeformat", "binary?", filesizeformat},
    {"float", "default?", to_float},
    {"forceescape", "", force_escape},
    {"format", "*", format},
    {"indent", "width? first? blank?", indent},
    {"int", "default? base?", to_int},
    {"lower", "", changed<to_lower>},
    {"pprint", "", pprint},
    {"replace", "old new count?", replace},
    {"round", "precision? method?", round},
    {"safe", "", safe},
    {"string", "", string},
    {"striptags", "", striptags},
    {"title", "", changed<title>},
    {"tojson", "ensure_ascii? indent? separators? sort_keys?", tojson},
    {"trim", "chars?", trim},
    {"truncate", "length? killwords? end? leeway?", truncate},
    {"upper", "", changed<to_upper>},
    {"urlencode", "", urlencode},
    {"urlize", "trim_url_limit? nofollow? target? rel? extra_schemes?", urlize},
    {"wordcount", "", wordcount},
    {"wordwrap", "width? break_long_words? wrapstring? break_on_hyphens?", wordwrap},
    {"xmlattr", "autospace?", xmlattr},
};

}  // namespace

std::span<const Builtin> text_filters() { return rows; }

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace quire::jinja
