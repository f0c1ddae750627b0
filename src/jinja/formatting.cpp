// printf-style formatting (`%` and the filter `format`) and str.format().
//
// Source: the Python library reference, "printf-style String Formatting" and "Format String
// Syntax".
#include "jinja/interpreter.h"
#include "jinja/python_text.h"
#include "text/utf8.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace quire::jinja {
namespace {

constexpr int width_max = 1'000'000, precision_max = 400;

// What both languages can say about a field.
struct Spec {
  std::string fill = " ";
  char align = '\0';  // < > = ^
  char sign = '-';
  bool alternate = false, zero = false, percent_style = false;
  int width = 0;
  int precision = -1;
  char grouping = '\0';
  char type = '\0';
};

std::string in_base(uint64_t value, int base, bool upper) {
  char buffer[66];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, base);
  std::string text(buffer, static_cast<size_t>(end - buffer));
  if (upper)
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

// A separator between groups of digits, from the right.
std::string grouped(const std::string& digits, char separator, size_t n) {
  if (separator == '\0') return digits;
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % n == 0) out += separator;
    out += digits[i];
  }
  return out;
}

std::string real_digits(double size, const Spec& spec) {
  if (std::isnan(size))
    return spec.type == 'F' || spec.type == 'E' || spec.type == 'G' ? "NAN" : "nan";
  if (std::isinf(size))
    return spec.type == 'F' || spec.type == 'E' || spec.type == 'G' ? "INF" : "inf";
  const int precision = spec.precision < 0 ? 6 : spec.precision;
  const char* hash = spec.alternate ? "#" : "";
  std::string text;
  const auto print = [&](char type) {
    const std::string format = std::string("%") + hash + ".*" + type;
    char buffer[1024];
    const int n = std::snprintf(buffer, sizeof buffer, format.c_str(), precision, size);
    return std::string(buffer, static_cast<size_t>(std::clamp(n, 0, 1023)));
  };
  if (spec.type == '%') {
    size *= 100;
    text = print('f') + "%";
  } else if (spec.type == '\0') {
    // As repr without a precision, as g with one, but never without a point or an exponent.
    if (spec.precision < 0) return float_text(size);
    text = print('g');
    if (text.find_first_of(".en") == text.npos) text += ".0";
  } else {
    text = print(spec.type == 'n' ? 'g' : spec.type);
  }
  const size_t whole = std::min(text.find_first_not_of("0123456789"), text.size());
  return grouped(text.substr(0, whole), spec.grouping, 3) + text.substr(whole);
}

// Sign, prefix and digits with the field's padding around or between them.
std::string pad_number(bool negative, const std::string& prefix, const std::string& digits,
                       const Spec& spec) {
  std::string head = negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
  head += prefix;
  const size_t n = head.size() + digits.size();
  const size_t n_fill =
      static_cast<size_t>(spec.width) > n ? static_cast<size_t>(spec.width) - n : 0;
  std::string fill;
  const bool zero = spec.zero && spec.align != '<' && (spec.align == '\0' || spec.align == '=');
  for (size_t i = 0; i < n_fill; ++i) fill += zero ? "0" : spec.fill;
  if (zero || spec.align == '=') return head + fill + digits;
  if (spec.align == '<') return head + digits + fill;
  if (spec.align == '^') {
    const size_t left = n_fill / 2 * spec.fill.size();
    return fill.substr(0, left) + head + digits + fill.substr(left);
  }
  return fill + head + digits;
}

std::string pad_string(std::string_view text, const Spec& spec) {
  if (spec.precision >= 0)
    text = text.substr(0, byte_of_char(text, static_cast<size_t>(spec.precision)));
  const size_t n = n_chars(text);
  const size_t n_fill =
      static_cast<size_t>(spec.width) > n ? static_cast<size_t>(spec.width) - n : 0;
  const char align = spec.align == '\0' ? (spec.percent_style ? '>' : '<') : spec.align;
  const size_t left = align == '<' ? 0 : align == '^' ? n_fill / 2 : n_fill;
  std::string out;
  for (size_t i = 0; i < left; ++i) out += spec.fill;
  out += text;
  for (size_t i = left; i < n_fill; ++i) out += spec.fill;
  return out;
}

std::string format_integer(int64_t value, const Spec& spec) {
  const bool negative = value < 0;
  const uint64_t size = negative ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  const char type = spec.type;
  const int base = type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
  std::string digits = in_base(size, base, type == 'X');
  if (spec.percent_style)
    while (static_cast<int>(digits.size()) < spec.precision) digits.insert(digits.begin(), '0');
  digits = grouped(digits, spec.grouping, base == 10 ? 3 : 4);
  const std::string prefix = spec.alternate && base != 10 ? std::string("0") + type : "";
  return pad_number(negative, prefix, digits, spec);
}

std::string format_real(double value, const Spec& spec) {
  const bool negative = std::signbit(value) && !std::isnan(value);
  return pad_number(negative, "", real_digits(std::fabs(value), spec), spec);
}

Result<int64_t> whole_number(const Value& value, char type) {
  if (value.is_integral()) return value.integer();
  if (value.is(Kind::undefined)) return fail(Fault::bad_format, "{}", undefined_reason(value));
  const bool takes_real = type == 'd' || type == 'i' || type == 'u';
  if (!value.is(Kind::real) || !takes_real)
    return fail(Fault::bad_format, "%{} format: a number is required, not {}", type,
                type_name(value));
  const double whole = std::trunc(value.real());
  if (!(std::fabs(whole) < 0x1p63)) return fail(Fault::limit, "a number does not fit into 64 bits");
  return static_cast<int64_t>(whole);
}

// One run over a printf-style format.
class PercentFormat {
 public:
  PercentFormat(Interpreter& in, std::string_view format, const Value& arguments)
      : in_(in), format_(format), arguments_(arguments) {
    if (arguments.is(Kind::tuple))
      values_ = arguments.sequence().items;
    else
      values_ = {arguments};
  }

  Result<std::string> run() {
    while (at_ < format_.size()) {
      const size_t percent = std::min(format_.find('%', at_), format_.size());
      out_ += format_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ < format_.size()) TRY(field());
      TRY(in_.check_text(out_.size()));
    }
    const bool all_used = next_ >= values_.size() || arguments_.is(Kind::dict) ||
                          arguments_.is(Kind::list) || arguments_.is(Kind::range) ||
                          arguments_.is(Kind::undefined);
    if (!all_used)
      return fail(Fault::bad_format, "not all arguments converted during string formatting");
    return std::move(out_);
  }

 private:
  char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

  Result<Value> next_value() {
    if (used_name_) return named_;
    if (next_ >= values_.size())
      return fail(Fault::bad_format, "not enough arguments for format string");
    return values_[next_++];
  }

  Result<int> number(int most) {
    if (peek() == '*') {
      ++at_;
      const Value value = TRY(next_value());
      if (!value.is_integral()) return fail(Fault::bad_format, "* wants int");
      if (value.integer() < -most || value.integer() > most)
        return fail(Fault::limit, "a field of {} characters is too wide", value.integer());
      return static_cast<int>(value.integer());
    }
    int n = 0;
    while (peek() >= '0' && peek() <= '9') {
      n = n * 10 + (format_[at_++] - '0');
      if (n > most) return fail(Fault::limit, "a field wider than {} characters is refused", most);
    }
    return n;
  }

  Result<void> field() {
    Spec spec;
    spec.percent_style = true;
    ++at_;
    used_name_ = false;
    if (peek() == '(') TRY(name());
    for (; at_ < format_.size() && std::string_view("-+ #0").find(peek()) != std::string_view::npos;
         ++at_) {
      if (peek() == '-') spec.align = '<';
      if (peek() == '+' || (peek() == ' ' && spec.sign != '+')) spec.sign = peek();
      if (peek() == '#') spec.alternate = true;
      if (peek() == '0') spec.zero = true;
    }
    spec.width = TRY(number(width_max));
    if (spec.width < 0) spec.align = '<', spec.width = -spec.width;
    if (peek() == '.') {
      ++at_;
      spec.precision = std::max(0, TRY(number(precision_max)));
    }
    while (at_ < format_.size() && std::string_view("hlL").find(peek()) != std::string_view::npos)
      ++at_;
    if (at_ >= format_.size()) return fail(Fault::bad_format, "incomplete format");
    spec.type = format_[at_++];
    if (spec.type == '%') {
      out_ += '%';
      return {};
    }
    const Value value = TRY(next_value());
    return convert(value, spec);
  }

  Result<void> name() {
    int depth = 1;
    const size_t begin = ++at_;
    for (; at_ < format_.size(); ++at_) {
      depth += peek() == '(' ? 1 : peek() == ')' ? -1 : 0;
      if (depth == 0) break;
    }
    if (depth != 0) return fail(Fault::bad_format, "incomplete format key");
    const std::string key(format_.substr(begin, at_++ - begin));
    if (!arguments_.is(Kind::dict)) return fail(Fault::bad_format, "format requires a mapping");
    const Value* value = arguments_.dict().find(std::string_view(key));
    if (value == nullptr) return fail(Fault::bad_format, "no value named '{}'", key);
    named_ = *value;
    used_name_ = true;
    return {};
  }

  Result<void> convert(const Value& value, Spec spec) {
    switch (spec.type) {
      case 's': {
        const std::string text = TRY(in_.str(value));
        out_ += pad_string(text, spec);
        return {};
      }
      case 'r':
      case 'a': {
        std::string text;
        TRY(append_repr(text, value, in_.print_limit()));
        out_ += pad_string(text, spec);
        return {};
      }
      case 'c': {
        spec.precision = -1;
        if (value.is(Kind::string) && value.text().n_chars == 1) {
          out_ += pad_string(value.string(), spec);
          return {};
        }
        if (!value.is_integral()) return fail(Fault::bad_format, "%c requires int or char");
        const int64_t code = value.integer();
        if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
          return fail(Fault::bad_format, "%c: {} is no character", code);
        std::string text;
        append_utf8(text, static_cast<char32_t>(code));
        out_ += pad_string(text, spec);
        return {};
      }
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X': {
        const int64_t whole = TRY(whole_number(value, spec.type));
        if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
        out_ += format_integer(whole, spec);
        return {};
      }
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (value.is(Kind::undefined))
          return fail(Fault::bad_format, "{}", undefined_reason(value));
        if (!value.is_number())
          return fail(Fault::bad_format, "must be real number, not {}", type_name(value));
        out_ += format_real(value.real(), spec);
        return {};
      default:
        return fail(Fault::bad_format, "unsupported format character '{}'", spec.type);
    }
  }

  Interpreter& in_;
  std::string_view format_;
  const Value& arguments_;
  Values values_;
  size_t at_ = 0, next_ = 0;
  bool used_name_ = false;
  Value named_;
  std::string out_;
};

// One run over a format with braces.
class BraceFormat {
 public:
  BraceFormat(Interpreter& in, const Arguments& arguments) : in_(in), arguments_(arguments) {}

  Result<std::string> run(std::string_view format, int depth) {
    if (depth > 2) return fail(Fault::bad_format, "Max string recursion exceeded");
    std::string out;
    for (size_t i = 0; i < format.size();) {
      const char c = format[i];
      if ((c == '{' || c == '}') && i + 1 < format.size() && format[i + 1] == c) {
        out += c;
        i += 2;
      } else if (c == '}') {
        return fail(Fault::bad_format, "Single '}}' encountered in format string");
      } else if (c == '{') {
        int open = 1;
        size_t end = i + 1;
        for (; end < format.size(); ++end) {
          open += format[end] == '{' ? 1 : format[end] == '}' ? -1 : 0;
          if (open == 0) break;
        }
        if (open != 0) return fail(Fault::bad_format, "expected '}}' before end of string");
        out += TRY(field(format.substr(i + 1, end - i - 1), depth));
        i = end + 1;
      } else {
        out += c;
        ++i;
      }
      TRY(in_.check_text(out.size()));
    }
    return out;
  }

 private:
  Result<std::string> field(std::string_view text, int depth) {
    const size_t name_end = std::min(text.find_first_of("!:"), text.size());
    const Value value = TRY(find(text.substr(0, name_end)));
    std::string_view rest = text.substr(name_end);
    Value shown = value;
    if (rest.starts_with('!')) {
      const char how = rest.size() > 1 ? rest[1] : '\0';
      std::string converted;
      if (how == 's')
        converted = TRY(in_.str(value));
      else if (how == 'r' || how == 'a')
        TRY(append_repr(converted, value, in_.print_limit()));
      else
        return fail(Fault::bad_format, "unknown conversion in a format string");
      shown = Value(std::move(converted));
      rest = rest.substr(2);
      if (!rest.empty() && rest[0] != ':')
        return fail(Fault::bad_format, "expected ':' after conversion specifier");
    }
    std::string spec;
    if (rest.starts_with(':')) spec = TRY(run(rest.substr(1), depth + 1));
    return convert(shown, spec);
  }

  // "name.attribute[item]"
  Result<Value> find(std::string_view name) {
    const size_t first_end = std::min(name.find_first_of(".["), name.size());
    Value value = TRY(argument(name.substr(0, first_end)));
    name.remove_prefix(first_end);
    while (!name.empty()) {
      if (name[0] == '.') {
        const size_t end = std::min(name.find_first_of(".[", 1), name.size());
        value = TRY(in_.attribute(value, name.substr(1, end - 1)));
        name.remove_prefix(end);
        continue;
      }
      const size_t end = name.find(']');
      if (name[0] != '[' || end == name.npos)
        return fail(Fault::bad_format, "Missing ']' in format string");
      const std::string_view key = name.substr(1, end - 1);
      const auto number = all_decimal(key) ? parse_python_int(key, 10) : std::nullopt;
      value = TRY(in_.item(value, number ? Value(number->value) : Value(std::string(key))));
      name.remove_prefix(end + 1);
    }
    return value;
  }

  Result<Value> argument(std::string_view name) {
    if (name.empty() || all_decimal(name)) {
      const auto number = name.empty() ? ParsedInt{n_auto_++, false} : parse_python_int(name, 10);
      if (!number || static_cast<uint64_t>(number->value) >= arguments_.positional.size())
        return fail(Fault::bad_format, "no argument {} for the format string",
                    name.empty() ? n_auto_ - 1 : number->value);
      return arguments_.positional[static_cast<size_t>(number->value)];
    }
    for (const auto& [known, value] : arguments_.named)
      if (known == name) return value;
    return fail(Fault::bad_format, "no argument '{}' for the format string", name);
  }

  Result<Spec> parse_spec(std::string_view text) {
    Spec spec;
    const auto is_align = [](char c) { return c == '<' || c == '>' || c == '=' || c == '^'; };
    const size_t first = text.empty() ? 0 : std::max<size_t>(1, utf8_at(text, 0).n_bytes);
    if (text.size() > first && is_align(text[first])) {
      spec.fill = text.substr(0, first);
      spec.align = text[first];
      text.remove_prefix(first + 1);
    } else if (!text.empty() && is_align(text[0])) {
      spec.align = text[0];
      text.remove_prefix(1);
    }
    const auto take = [&](std::string_view any) {
      if (text.empty() || any.find(text[0]) == any.npos) return '\0';
      const char c = text[0];
      text.remove_prefix(1);
      return c;
    };
    if (const char sign = take("+- ")) spec.sign = sign;
    spec.alternate = take("#") != '\0';
    if (take("0") != '\0' && spec.align == '\0') spec.zero = true;
    const auto number = [&](int most, int& value) -> Result<void> {
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error == std::errc::invalid_argument) return {};
      if (error != std::errc{} || value > most)
        return fail(Fault::limit, "a field wider than {} characters is refused", most);
      text.remove_prefix(static_cast<size_t>(end - text.data()));
      return {};
    };
    if (!text.empty() && text[0] != '-') TRY(number(width_max, spec.width));
    spec.grouping = take(",_");
    if (take(".") != '\0') {
      if (text.empty() || text[0] < '0' || text[0] > '9')
        return fail(Fault::bad_format, "Format specifier missing precision");
      TRY(number(precision_max, spec.precision));
    }
    spec.type = text.empty() ? '\0' : text[0];
    if (text.size() > 1) return fail(Fault::bad_format, "Invalid format specifier");
    return spec;
  }

  Result<std::string> convert(const Value& value, const std::string& spec_text) {
    if (spec_text.empty()) return in_.str(value);
    Spec spec = TRY(parse_spec(spec_text));
    const auto is_one_of = [&](std::string_view types) {
      return spec.type == '\0' || types.find(spec.type) != types.npos;
    };
    if (value.is(Kind::string)) {
      if (!is_one_of("s") || spec.align == '=' || spec.sign != '-' || spec.alternate ||
          spec.grouping != '\0')
        return fail(Fault::bad_format, "Invalid format specifier '{}' for a string", spec_text);
      if (spec.zero) spec.fill = "0";
      return pad_string(value.string(), spec);
    }
    const bool real_type =
        spec.type != '\0' && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
    if (value.is(Kind::real) || (value.is_integral() && real_type)) {
      if (!real_type && spec.type != '\0' && spec.type != 'n')
        return fail(Fault::bad_format, "Unknown format code '{}' for a float", spec.type);
      return format_real(value.real(), spec);
    }
    if (value.is_integral()) {
      if (!is_one_of("bcdoxXn") || spec.precision >= 0)
        return fail(Fault::bad_format, "Invalid format specifier '{}' for an integer", spec_text);
      if (value.is(Kind::boolean) && spec.type == '\0') spec.type = 'd';
      if (spec.type != 'c') return format_integer(value.integer(), spec);
      std::string text;
      if (value.integer() < 0 || value.integer() > 0x10FFFF)
        return fail(Fault::bad_format, "{} is no character", value.integer());
      append_utf8(text, static_cast<char32_t>(value.integer()));
      return pad_string(text, spec);
    }
    return fail(Fault::bad_format, "unsupported format string for a value of type {}",
                type_name(value));
  }

  Interpreter& in_;
  const Arguments& arguments_;
  int64_t n_auto_ = 0;
};

}  // namespace

Result<Value> format_percent(Interpreter& in, std::string_view format, const Value& arguments,
                             Markup markup) {
  std::string text = TRY(PercentFormat(in, format, arguments).run());
  return in.text(std::move(text), markup);
}

Result<Value> format_braces(Interpreter& in, std::string_view format, const Arguments& arguments) {
  std::string text = TRY(BraceFormat(in, arguments).run(format, 0));
  return in.text(std::move(text));
}

}  // namespace quire::jinja
