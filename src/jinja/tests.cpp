// Tests: what stands behind `is`.
#include "jinja/interpreter.h"
#include "jinja/python_text.h"

namespace quire::jinja {
namespace {

Result<Value> is_defined(Call& c) { return Value(!c.self.is(Kind::undefined)); }
Result<Value> is_undefined(Call& c) { return Value(c.self.is(Kind::undefined)); }
Result<Value> is_none(Call& c) { return Value(c.self.is(Kind::none)); }
Result<Value> is_boolean(Call& c) { return Value(c.self.is(Kind::boolean)); }
Result<Value> is_true(Call& c) { return Value(c.self.is(Kind::boolean) && c.self.boolean()); }
Result<Value> is_false(Call& c) { return Value(c.self.is(Kind::boolean) && !c.self.boolean()); }
Result<Value> is_integer(Call& c) { return Value(c.self.is(Kind::integer)); }
Result<Value> is_float(Call& c) { return Value(c.self.is(Kind::real)); }
Result<Value> is_number(Call& c) { return Value(c.self.is_number()); }
Result<Value> is_string(Call& c) { return Value(c.self.is(Kind::string)); }
Result<Value> is_mapping(Call& c) { return Value(c.self.is(Kind::dict)); }

// Whatever has a length and can be indexed; an undefined value counts, as its attributes cannot be
// asked for.
Result<Value> is_sequence(Call& c) {
  return Value(c.self.is(Kind::string) || c.self.is(Kind::list) || c.self.is(Kind::tuple) ||
               c.self.is(Kind::dict) || c.self.is(Kind::range) || c.self.is(Kind::undefined));
}

Result<Value> is_iterable(Call& c) {
  return Value(c.self.is(Kind::string) || c.self.is_sequence() || c.self.is(Kind::dict) ||
               c.self.is(Kind::undefined) || c.self.is(Kind::loop));
}

// An undefined value has a method for being called: one that fails.
Result<Value> is_callable(Call& c) {
  return Value(c.self.is(Kind::callable) || c.self.is(Kind::loop) || c.self.is(Kind::undefined));
}

Result<Value> is_sameas(Call& c) { return Value(identical(c.self, c[0])); }
Result<Value> is_escaped(Call& c) {
  return Value(c.self.is(Kind::string) && c.self.text().markup == Markup::yes);
}

Result<Value> is_lower_case(Call& c) {
  const std::string text = TRY(c.in.str(c.self));
  return Value(is_lower(text));
}

Result<Value> is_upper_case(Call& c) {
  const std::string text = TRY(c.in.str(c.self));
  return Value(is_upper(text));
}

Result<Value> remainder_is(Call& c, const Value& divisor, int64_t wanted) {
  const Value rest = TRY(binary(c.in, Operator::modulo, c.self, divisor));
  return Value(equal(rest, Value(wanted)));
}

Result<Value> is_odd(Call& c) { return remainder_is(c, Value(int64_t{2}), 1); }
Result<Value> is_even(Call& c) { return remainder_is(c, Value(int64_t{2}), 0); }
Result<Value> is_divisible(Call& c) { return remainder_is(c, c[0], 0); }

template <Operator op>
Result<Value> compares(Call& c) {
  const bool holds = TRY(compare(c.in, op, c.self, c[0]));
  return Value(holds);
}

Result<Value> is_filter(Call& c) {
  TRY(c.in.check_key(c.self));
  return Value(c.self.is(Kind::string) && find_builtin(filters(), c.self.string()) != nullptr);
}
Result<Value> is_test(Call& c) {
  TRY(c.in.check_key(c.self));
  return Value(c.self.is(Kind::string) && find_builtin(tests(), c.self.string()) != nullptr);
}

constexpr Builtin rows[] = {
    {"defined", "", is_defined},
    {"undefined", "", is_undefined},
    {"none", "", is_none},
    {"boolean", "", is_boolean},
    {"true", "", is_true},
    {"false", "", is_false},
    {"integer", "", is_integer},
    {"float", "", is_float},
    {"number", "", is_number},
    {"string", "", is_string},
    {"mapping", "", is_mapping},
    {"sequence", "", is_sequence},
    {"iterable", "", is_iterable},
    {"callable", "", is_callable},
    {"sameas", "other", is_sameas},
    {"escaped", "", is_escaped},
    {"lower", "", is_lower_case},
    {"upper", "", is_upper_case},
    {"odd", "", is_odd},
    {"even", "", is_even},
    {"divisibleby", "num", is_divisible},
    {"in", "seq", compares<Operator::in>},
    {"filter", "", is_filter},
    {"test", "", is_test},
    {"==", "other/", compares<Operator::equal>},
    {"eq", "other/", compares<Operator::equal>},
    {"equalto", "other/", compares<Operator::equal>},
    {"!=", "other/", compares<Operator::not_equal>},
    {"ne", "other/", compares<Operator::not_equal>},
    {">", "other/", compares<Operator::greater>},
    {"gt", "other/", compares<Operator::greater>},
    {"greaterthan", "other/", compares<Operator::greater>},
    {">=", "other/", compares<Operator::greater_equal>},
    {"ge", "other/", compares<Operator::greater_equal>},
    {"<", "other/", compares<Operator::less>},
    {"lt", "other/", compares<Operator::less>},
    {"lessthan", "other/", compares<Operator::less>},
    {"<=", "other/", compares<Operator::less_equal>},
    {"le", "other/", compares<Operator::less_equal>},
};

}  // namespace

std::span<const Builtin> tests() { return rows; }

}  // namespace quire::jinja
