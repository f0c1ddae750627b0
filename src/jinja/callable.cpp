#include "jinja/callable.h"

#include "jinja/interpreter.h"

#include <algorithm>

namespace quire::jinja {
namespace {

// One parameter of a Builtin::params text.
struct ParameterRow {
  std::string_view name;
  bool optional = false, unnamed = false;
};

std::vector<ParameterRow> parse_params(std::string_view params, bool& takes_rest) {
  std::vector<ParameterRow> rows;
  takes_rest = false;
  while (!params.empty()) {
    const size_t end = std::min(params.find(' '), params.size());
    ParameterRow row{.name = params.substr(0, end)};
    params.remove_prefix(std::min(end + 1, params.size()));
    if (row.name == "*") {
      takes_rest = true;
      continue;
    }
    for (; row.name.ends_with('?') || row.name.ends_with('/'); row.name.remove_suffix(1))
      (row.name.ends_with('?') ? row.optional : row.unnamed) = true;
    rows.push_back(row);
  }
  return rows;
}

Result<void> bind(Call& call, const Builtin& builtin, Arguments& arguments) {
  bool takes_rest = false;
  const std::vector<ParameterRow> rows = parse_params(builtin.params, takes_rest);
  call.slots.resize(rows.size());
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    if (i < rows.size())
      call.slots[i] = std::move(arguments.positional[i]);
    else if (takes_rest)
      call.rest.push_back(std::move(arguments.positional[i]));
    else
      return fail(Fault::bad_format, "{}() takes at most {} arguments, {} given", builtin.name,
                  rows.size(), arguments.positional.size());
  }
  for (auto& [name, value] : arguments.named) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const ParameterRow& r) {
      return !r.unnamed && r.name == name;
    });
    if (row == rows.end()) {
      if (!takes_rest)
        return fail(Fault::bad_format, "{}() has no argument '{}'", builtin.name, name);
      call.named.emplace_back(std::move(name), std::move(value));
      continue;
    }
    Value& slot = call.slots[static_cast<size_t>(row - rows.begin())];
    if (!slot.is(Kind::missing))
      return fail(Fault::bad_format, "{}() got two values for '{}'", builtin.name, name);
    slot = std::move(value);
  }
  for (size_t i = 0; i < rows.size(); ++i)
    if (call.slots[i].is(Kind::missing) && !rows[i].optional)
      return fail(Fault::bad_format, "{}() needs the argument '{}'", builtin.name, rows[i].name);
  return {};
}

struct BuiltinFunction : Callable {
  BuiltinFunction(const Builtin& the_builtin, Value the_self)
      : builtin(the_builtin), self(std::move(the_self)) {
    name = builtin.name;
    depth = self.depth() + 1;
    weight = self.weight() + 1;
  }
  Result<Value> call(Interpreter& in, Arguments arguments) const override {
    return call_builtin(in, builtin, self, std::move(arguments));
  }
  std::string repr() const override {
    if (self.is(Kind::missing)) return fmt::format("<function {}>", name);
    return fmt::format("<built-in method {} of {} object>", name, type_name(self));
  }
  const Builtin& builtin;
  Value self;
};

}  // namespace

Result<int64_t> Call::integer(size_t i, int64_t fallback) const {
  if (!has(i)) return fallback;
  if (slots[i].is_integral()) return slots[i].integer();
  if (slots[i].is(Kind::undefined))
    return fail(Fault::bad_format, "{}", undefined_reason(slots[i]));
  return fail(Fault::bad_format, "'{}' object cannot be interpreted as an integer",
              type_name(slots[i]));
}

Result<std::string_view> Call::string(size_t i, std::string_view fallback) const {
  if (!has(i)) return fallback;
  if (slots[i].is(Kind::string)) return slots[i].string();
  if (slots[i].is(Kind::undefined))
    return fail(Fault::bad_format, "{}", undefined_reason(slots[i]));
  return fail(Fault::bad_format, "a string is needed, not '{}'", type_name(slots[i]));
}

const Builtin* find_builtin(std::span<const Builtin> table, std::string_view name) {
  const auto row = std::find_if(table.begin(), table.end(),
                                [&](const Builtin& builtin) { return builtin.name == name; });
  return row == table.end() ? nullptr : &*row;
}

Result<Value> call_builtin(Interpreter& in, const Builtin& builtin, const Value& self,
                           Arguments arguments) {
  Call call{.in = in, .self = self, .slots = {}, .rest = {}, .named = {}};
  TRY(bind(call, builtin, arguments));
  return builtin.function(call);
}

Value make_function(const Builtin& builtin, const Value& self) {
  return {Kind::callable, std::make_shared<BuiltinFunction>(builtin, self)};
}

}  // namespace quire::jinja
