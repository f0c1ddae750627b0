// Methods of everything but strings.
#include "jinja/methods.h"

#include "jinja/interpreter.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace quire::jinja {
namespace {

Result<Value> dict_get(Call& c) {
  TRY(c.in.check_key(c[0]));
  const Value* value = c.self.dict().find(c[0]);
  if (value != nullptr) return *value;
  return c.has(1) ? c[1] : Value::none();
}

enum class Of : uint8_t { keys, values, items };

template <Of of>
Result<Value> dict_view(Call& c) {
  Values all;
  for (const auto& [key, value] : c.self.dict().entries)
    all.push_back(of == Of::keys ? key : of == Of::values ? value : make_tuple({key, value}));
  const char* name = of == Of::keys ? "dict_keys" : of == Of::values ? "dict_values" : "dict_items";
  return c.in.keep(make_view(name, std::move(all)));
}

Result<Value> same(Call& c) { return c.self; }

Result<Value> list_count(Call& c) {
  int64_t n = 0;
  for (const Value& item : c.self.sequence().items) {
    TRY(c.in.step(std::min(item.weight(), c[0].weight())));
    n += equal(item, c[0]) ? 1 : 0;
  }
  return Value(n);
}

Result<Value> list_index(Call& c) {
  const Values& items = c.self.sequence().items;
  const auto n = static_cast<int64_t>(items.size());
  const auto place = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + n : at, 0, n); };
  const int64_t start = place(TRY(c.integer(1, 0))), stop = place(TRY(c.integer(2, n)));
  for (int64_t i = start; i < stop; ++i) {
    TRY(c.in.step(std::min(items[static_cast<size_t>(i)].weight(), c[0].weight())));
    if (equal(items[static_cast<size_t>(i)], c[0])) return Value(i);
  }
  return fail(Fault::bad_format, "the value is not in the {}", type_name(c.self));
}

Result<Value> is_integer(Call& c) {
  return Value(c.self.is_integral() || c.self.real() == std::floor(c.self.real()));
}

Result<Value> bit_length(Call& c) {
  const int64_t value = c.self.integer();
  const uint64_t size = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  return Value(static_cast<int64_t>(std::bit_width(size)));
}

Result<Value> loop_cycle(Call& c) {
  if (c.rest.empty()) return fail(Fault::bad_format, "no items for cycling given");
  const auto at = static_cast<size_t>(std::max<int64_t>(0, c.self.loop().index0));
  return c.rest[at % c.rest.size()];
}

Result<Value> loop_changed(Call& c) {
  LoopState& loop = c.self.loop();
  const Value now = TRY(c.in.keep(make_tuple(std::move(c.rest))));
  TRY(c.in.step(now.weight()));
  const bool changed = !equal(loop.last_changed, now);
  loop.last_changed = now;
  loop.depth = std::max(loop.depth, now.depth() + 1);
  return Value(changed);
}

constexpr Builtin of_dicts[] = {
    {"get", "key/ default?/", dict_get},
    {"items", "", dict_view<Of::items>},
    {"keys", "", dict_view<Of::keys>},
    {"values", "", dict_view<Of::values>},
    {"copy", "", same},
};
constexpr Builtin of_lists[] = {
    {"count", "value/", list_count},
    {"index", "value/ start?/ stop?/", list_index},
    {"copy", "", same},
};
constexpr Builtin of_tuples[] = {
    {"count", "value/", list_count},
    {"index", "value/ start?/ stop?/", list_index},
};
constexpr Builtin of_reals[] = {{"is_integer", "", is_integer}};
constexpr Builtin of_integers[] = {{"is_integer", "", is_integer}, {"bit_length", "", bit_length}};
constexpr Builtin of_loops[] = {{"cycle", "*", loop_cycle}, {"changed", "*", loop_changed}};

}  // namespace

std::span<const Builtin> methods(const Value& self) {
  switch (self.kind()) {
    case Kind::string:
      return text_methods();
    case Kind::dict:
      return of_dicts;
    case Kind::list:
      return of_lists;
    case Kind::tuple:
    case Kind::range:
      return of_tuples;
    case Kind::real:
      return of_reals;
    case Kind::boolean:
    case Kind::integer:
      return of_integers;
    case Kind::loop:
      return of_loops;
    case Kind::callable:
      return cycler_methods(self);
    default:
      return {};
  }
}

}  // namespace quire::jinja
