// Arithmetic and comparison as Python does them, on 64-bit integers.
#include "jinja/interpreter.h"

#include <algorithm>
#include <cmath>

namespace quire::jinja {
namespace {

const char* symbol(Operator op) {
  switch (op) {
    case Operator::add:
      return "+";
    case Operator::subtract:
      return "-";
    case Operator::multiply:
      return "*";
    case Operator::divide:
      return "/";
    case Operator::floor_divide:
      return "//";
    case Operator::modulo:
      return "%";
    case Operator::power:
      return "**";
    case Operator::less:
      return "<";
    case Operator::less_equal:
      return "<=";
    case Operator::greater:
      return ">";
    case Operator::greater_equal:
      return ">=";
    default:
      return "==";
  }
}

std::unexpected<Error> no_operation(Operator op, const Value& a, const Value& b) {
  for (const Value* value : {&a, &b})
    if (value->is(Kind::undefined)) return fail(Fault::bad_format, "{}", undefined_reason(*value));
  return fail(Fault::bad_format, "unsupported operand types for {}: '{}' and '{}'", symbol(op),
              type_name(a), type_name(b));
}

std::unexpected<Error> overflow() {
  return fail(Fault::limit, "the result does not fit into an integer of 64 bits");
}

std::unexpected<Error> by_zero() { return fail(Fault::bad_format, "division by zero"); }

Result<Value> integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return fail(Fault::bad_format, "zero cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return overflow();
  }
  return Value(result);
}

Result<Value> integer_arithmetic(Operator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Operator::add:
      return __builtin_add_overflow(a, b, &result) ? Result<Value>(overflow()) : Value(result);
    case Operator::subtract:
      return __builtin_sub_overflow(a, b, &result) ? Result<Value>(overflow()) : Value(result);
    case Operator::multiply:
      return __builtin_mul_overflow(a, b, &result) ? Result<Value>(overflow()) : Value(result);
    case Operator::divide:
      if (b == 0) return by_zero();
      return Value(static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)));
    case Operator::floor_divide:
    case Operator::modulo: {
      if (b == 0) return by_zero();
      if (b == -1 && a == INT64_MIN)
        return op == Operator::modulo ? Result<Value>(Value(int64_t{0})) : overflow();
      // Python rounds down, C++ towards zero.
      const bool adjust = a % b != 0 && (a % b < 0) != (b < 0);
      return op == Operator::modulo ? Value(a % b + (adjust ? b : 0))
                                    : Value(a / b - (adjust ? 1 : 0));
    }
    default:
      return integer_power(a, b);
  }
}

Result<Value> real_arithmetic(Operator op, double a, double b) {
  switch (op) {
    case Operator::add:
      return Value(a + b);
    case Operator::subtract:
      return Value(a - b);
    case Operator::multiply:
      return Value(a * b);
    case Operator::divide:
      if (b == 0) return by_zero();
      return Value(a / b);
    case Operator::floor_divide:
    case Operator::modulo: {
      if (b == 0) return by_zero();
      double rest = std::fmod(a, b);
      double quotient = (a - rest) / b;
      if (rest != 0 && (rest < 0) != (b < 0)) rest += b, quotient -= 1;
      if (rest == 0) rest = std::copysign(0.0, b);
      if (op == Operator::modulo) return Value(rest);
      if (quotient == 0) return Value(std::copysign(0.0, a / b));
      const double floored = std::floor(quotient);
      return Value(quotient - floored > 0.5 ? floored + 1 : floored);
    }
    default: {
      if (a == 0 && b < 0)
        return fail(Fault::bad_format, "zero cannot be raised to a negative power");
      const double result = std::pow(a, b);
      if (std::isnan(result) && !std::isnan(a) && !std::isnan(b))
        return fail(Fault::unsupported, "the power is a complex number");
      if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
        return fail(Fault::bad_format, "the result of ** is too large");
      return Value(result);
    }
  }
}

Result<Value> repeat(Interpreter& in, const Value& what, int64_t n) {
  n = std::max<int64_t>(n, 0);
  if (what.is(Kind::string)) {
    const std::string_view text = what.string();
    size_t n_bytes = 0;
    if (__builtin_mul_overflow(text.size(), static_cast<size_t>(n), &n_bytes)) n_bytes = SIZE_MAX;
    TRY(in.check_text(n_bytes));
    std::string out;
    out.reserve(n_bytes);
    for (int64_t i = 0; i < n && !text.empty(); ++i) out += text;
    return in.text(std::move(out), what.text().markup);
  }
  const Values& items = what.sequence().items;
  size_t n_items = 0;
  if (__builtin_mul_overflow(items.size(), static_cast<size_t>(n), &n_items)) n_items = SIZE_MAX;
  TRY(in.step(n_items));
  if (n_items > in.options().limits.memory_bytes_max / sizeof(Value))
    return fail(Fault::limit, "a list of {} items is too long", n_items);
  Values out;
  out.reserve(n_items);
  for (int64_t i = 0; i < n && !items.empty(); ++i)
    out.insert(out.end(), items.begin(), items.end());
  return in.keep(what.is(Kind::list) ? make_list(std::move(out)) : make_tuple(std::move(out)));
}

bool is_repeatable(const Value& value) {
  return value.is(Kind::string) || value.is(Kind::list) || value.is(Kind::tuple);
}

// `+` of two texts or two lists. Markup takes in plain text escaped.
Result<Value> join(Interpreter& in, const Value& a, const Value& b) {
  if (a.is(Kind::string)) {
    TRY(in.check_text(a.string().size() + b.string().size()));
    const bool a_markup = a.text().markup == Markup::yes, b_markup = b.text().markup == Markup::yes;
    if (!a_markup && !b_markup) return in.text(std::string(a.string()) + std::string(b.string()));
    std::string out = a_markup ? std::string(a.string()) : escape_html(a.string());
    out += b_markup ? std::string(b.string()) : escape_html(b.string());
    return in.text(std::move(out), Markup::yes);
  }
  Values items = a.sequence().items;
  items.insert(items.end(), b.sequence().items.begin(), b.sequence().items.end());
  return in.keep(a.is(Kind::list) ? make_list(std::move(items)) : make_tuple(std::move(items)));
}

// -1, 0 or 1; 2 when a NaN is among them.
int order_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral())
    return a.integer() < b.integer() ? -1 : a.integer() > b.integer() ? 1 : 0;
  const auto x = static_cast<long double>(a.is_integral() ? static_cast<long double>(a.integer())
                                                          : static_cast<long double>(a.real()));
  const auto y = static_cast<long double>(b.is_integral() ? static_cast<long double>(b.integer())
                                                          : static_cast<long double>(b.real()));
  return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
}

// -1, 0, 1 or 2 as above.
Result<int> order(Operator op, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return order_numbers(a, b);
  if (a.is(Kind::string) && b.is(Kind::string)) {
    const int sign = a.string().compare(b.string());  // the order of UTF-8 is that of code points
    return sign < 0 ? -1 : sign > 0 ? 1 : 0;
  }
  if (a.kind() == b.kind() && (a.is(Kind::list) || a.is(Kind::tuple))) {
    const Values &left = a.sequence().items, &right = b.sequence().items;
    for (size_t i = 0; i < std::min(left.size(), right.size()); ++i)
      if (!identical(left[i], right[i]) && !equal(left[i], right[i]))
        return order(op, left[i], right[i]);
    return left.size() < right.size() ? -1 : left.size() > right.size() ? 1 : 0;
  }
  for (const Value* value : {&a, &b})
    if (value->is(Kind::undefined)) return fail(Fault::bad_format, "{}", undefined_reason(*value));
  return fail(Fault::bad_format, "'{}' not supported between instances of '{}' and '{}'",
              symbol(op), type_name(a), type_name(b));
}

}  // namespace

Result<Value> binary(Interpreter& in, Operator op, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return integer_arithmetic(op, a.integer(), b.integer());
    return real_arithmetic(op, a.real(), b.real());
  }
  if (op == Operator::modulo && a.is(Kind::string)) {
    Arguments arguments;
    return format_percent(in, a.string(), b, a.text().markup);
  }
  if (op == Operator::add && a.kind() == b.kind() && is_repeatable(a)) return join(in, a, b);
  if (op == Operator::multiply && is_repeatable(a) && b.is_integral())
    return repeat(in, a, b.integer());
  if (op == Operator::multiply && a.is_integral() && is_repeatable(b))
    return repeat(in, b, a.integer());
  return no_operation(op, a, b);
}

Result<Value> negative(const Value& value) {
  if (value.is_integral()) return integer_arithmetic(Operator::subtract, 0, value.integer());
  if (value.is(Kind::real)) return Value(-value.real());
  if (value.is(Kind::undefined)) return fail(Fault::bad_format, "{}", undefined_reason(value));
  return fail(Fault::bad_format, "bad operand type for unary -: '{}'", type_name(value));
}

Result<Value> positive(const Value& value) {
  if (value.is_integral()) return Value(value.integer());
  if (value.is(Kind::real)) return value;
  if (value.is(Kind::undefined)) return fail(Fault::bad_format, "{}", undefined_reason(value));
  return fail(Fault::bad_format, "bad operand type for unary +: '{}'", type_name(value));
}

Result<bool> compare(Interpreter& in, Operator op, const Value& a, const Value& b) {
  TRY(in.step(std::min(a.weight(), b.weight())));
  if (a.is(Kind::string) && b.is(Kind::string))
    TRY(in.step(std::min(a.string().size(), b.string().size()) / 64));
  switch (op) {
    case Operator::equal:
      return equal(a, b);
    case Operator::not_equal:
      return !equal(a, b);
    case Operator::in:
      return in.contains(b, a);
    case Operator::not_in: {
      const bool found = TRY(in.contains(b, a));
      return !found;
    }
    default:
      break;
  }
  const int sign = TRY(order(op, a, b));
  if (op == Operator::less) return sign == -1;
  if (op == Operator::greater) return sign == 1;
  if (op == Operator::less_equal) return sign == -1 || sign == 0;
  return sign == 0 || sign == 1;
}

// Merge sort: a comparison may fail, and one that contradicts itself (NaN) must do no harm.
Result<Values> sort_by(Interpreter& in, Values items, Values keys, Order order_wanted) {
  const size_t n = items.size();
  std::vector<size_t> from(n), to(n);
  for (size_t i = 0; i < n; ++i) from[i] = i;
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t begin = 0; begin < n; begin += 2 * width) {
      const size_t middle = std::min(begin + width, n), end = std::min(begin + 2 * width, n);
      size_t left = begin, right = middle;
      for (size_t out = begin; out < end; ++out) {
        bool take_right = left == middle;
        if (left < middle && right < end) {
          const Value &a = keys[from[left]], &b = keys[from[right]];
          // Equal ones keep their order, also when the largest comes first.
          take_right = order_wanted == Order::ascending ? TRY(compare(in, Operator::less, b, a))
                                                        : TRY(compare(in, Operator::less, a, b));
        }
        to[out] = from[take_right ? right++ : left++];
      }
    }
    std::swap(from, to);
  }
  Values sorted;
  sorted.reserve(n);
  for (const size_t i : from) sorted.push_back(std::move(items[i]));
  return sorted;
}

}  // namespace quire::jinja
