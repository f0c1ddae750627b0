// str() and repr() of values, as Python writes them.
#include "jinja/callable.h"
#include "jinja/value.h"
#include "text/utf8.h"

#include <utf8proc.h>

#include <charconv>
#include <cmath>

namespace quire::jinja {
namespace {

// Python's str.isprintable: neither a control, format, surrogate, private, unassigned nor separator
// character, the space excepted.
bool is_printable(char32_t code) {
  if (code == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

void append_escaped(std::string& out, char32_t code) {
  const auto number = static_cast<uint32_t>(code);
  if (number < 0x100)
    out += fmt::format("\\x{:02x}", number);
  else if (number < 0x10000)
    out += fmt::format("\\u{:04x}", number);
  else
    out += fmt::format("\\U{:08x}", number);
}

class Printer {
 public:
  Printer(std::string& out, PrintLimit limit) : out_(out), bytes_max_(limit.bytes_max) {}

  Result<void> repr(const Value& value) {
    if (out_.size() > bytes_max_)
      return fail(Fault::limit, "a printed value is longer than {} bytes", bytes_max_);
    if (depth_ > nesting_max)
      return fail(Fault::limit, "a value nests more than {} deep", nesting_max);
    ++depth_;
    Result<void> result = print(value);
    --depth_;
    return result;
  }

 private:
  Result<void> print(const Value& value) {
    switch (value.kind()) {
      case Kind::missing:
      case Kind::undefined:
        out_ += "Undefined";
        return {};
      case Kind::none:
        out_ += "None";
        return {};
      case Kind::boolean:
        out_ += value.boolean() ? "True" : "False";
        return {};
      case Kind::integer:
        out_ += fmt::format("{}", value.integer());
        return {};
      case Kind::real:
        out_ += float_text(value.real());
        return {};
      case Kind::string:
        return text(value.text());
      case Kind::list:
        return items(value.sequence().items, "[", "]");
      case Kind::tuple:
        return items(value.sequence().items, "(", value.sequence().items.size() == 1 ? ",)" : ")");
      case Kind::range:
        return range(value.sequence());
      case Kind::view:
        out_ += value.sequence().name;
        return items(value.sequence().items, "([", "])");
      case Kind::iterator:
        out_ += fmt::format("<{} object>", value.sequence().name);
        return {};
      case Kind::dict:
        return dict(value.dict());
      case Kind::name_space:
        out_ += "<Namespace ";
        TRY(dict(value.name_space().attributes));
        out_ += '>';
        return {};
      case Kind::callable:
        out_ += value.callable().repr();
        return {};
      case Kind::loop:
        out_ += fmt::format("<LoopContext {}/{}>", value.loop().index0 + 1, value.loop().length);
        return {};
    }
    return {};
  }
  Result<void> text(const Text& value) {
    if (value.markup == Markup::yes) out_ += "Markup(";
    out_ += string_repr(value.text);
    if (value.markup == Markup::yes) out_ += ')';
    return {};
  }
  Result<void> items(const Values& values, std::string_view open, std::string_view close) {
    out_ += open;
    bool first = true;
    for (const Value& item : values) {
      if (!first) out_ += ", ";
      first = false;
      TRY(repr(item));
    }
    out_ += close;
    return {};
  }
  Result<void> range(const Sequence& sequence) {
    const auto& [start, stop, step] = sequence.range;
    out_ += step == 1 ? fmt::format("range({}, {})", start, stop)
                      : fmt::format("range({}, {}, {})", start, stop, step);
    return {};
  }
  Result<void> dict(const Dict& dict) {
    out_ += '{';
    bool first = true;
    for (const auto& [key, value] : dict.entries) {
      if (!first) out_ += ", ";
      first = false;
      TRY(repr(key));
      out_ += ": ";
      TRY(repr(value));
    }
    out_ += '}';
    return {};
  }

  std::string& out_;
  size_t bytes_max_;
  int depth_ = 0;
};

}  // namespace

// The shortest digits that read back as the same double; an exponent below 1e-4 and from 1e16 on.
std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  std::string sign;
  if (text.starts_with('-')) sign = "-", text.remove_prefix(1);
  const size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 1) digits += text.substr(2, e - 2);
  int exponent = 0;
  const std::string_view power = text.substr(text[e + 1] == '+' ? e + 2 : e + 1);
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  if (exponent < -4 || exponent >= 16) {
    std::string mantissa = digits.substr(0, 1);
    if (digits.size() > 1) mantissa += "." + digits.substr(1);
    return fmt::format("{}{}e{}{:02}", sign, mantissa, exponent < 0 ? '-' : '+',
                       std::abs(exponent));
  }
  if (exponent < 0)
    return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const size_t n_whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= n_whole)
    return sign + digits + std::string(n_whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, n_whole) + "." + digits.substr(n_whole);
}

std::string string_repr(std::string_view text) {
  const bool single = text.find('\'') != text.npos && text.find('"') == text.npos;
  const char quote = single ? '"' : '\'';
  std::string out(1, quote);
  for (size_t i = 0; i < text.size();) {
    const Utf8Char next = utf8_at(text, i);
    const size_t n = next.n_bytes == 0 ? 1 : next.n_bytes;
    const char c = text[i];
    if (c == quote || c == '\\')
      out += '\\', out += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (is_printable(next.code))
      out += text.substr(i, n);
    else
      append_escaped(out, next.code);
    i += n;
  }
  return out += quote;
}

Result<void> append_repr(std::string& out, const Value& value, PrintLimit limit) {
  return Printer(out, limit).repr(value);
}

Result<void> append_str(std::string& out, const Value& value, PrintLimit limit) {
  if (value.is(Kind::string)) {
    if (out.size() + value.string().size() > limit.bytes_max)
      return fail(Fault::limit, "a text is longer than {} bytes", limit.bytes_max);
    out += value.string();
    return {};
  }
  if (value.is(Kind::undefined) || value.is(Kind::missing)) return {};
  return append_repr(out, value, limit);
}

}  // namespace quire::jinja
