// Attributes, items and slices, with the order of lookups of Jinja2's sandbox: x.name is an
// attribute first and an item second, x['name'] the other way round.
#include "jinja/interpreter.h"
#include "jinja/python_text.h"

#include <algorithm>
#include <optional>

namespace quire::jinja {
namespace {

// Methods that change their object: known, and refused.
bool changes_its_object(const Value& of, std::string_view name) {
  constexpr std::string_view of_lists[] = {"append", "clear",  "pop",  "reverse",
                                           "insert", "extend", "sort", "remove"};
  constexpr std::string_view of_dicts[] = {"clear", "pop", "popitem", "setdefault", "update"};
  const auto has = [&](const auto& names) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
  };
  return (of.is(Kind::list) && has(of_lists)) || (of.is(Kind::dict) && has(of_dicts));
}

// Attributes that every Python object has, and no template may see.
bool is_internal(std::string_view name) {
  constexpr std::string_view names[] = {
      "__class__",     "__dict__",         "__doc__",     "__init__",         "__new__",
      "__repr__",      "__str__",          "__module__",  "__subclasshook__", "__reduce__",
      "__reduce_ex__", "__getattribute__", "__setattr__", "__delattr__",      "__dir__",
      "__eq__",        "__ne__",           "__lt__",      "__le__",           "__gt__",
      "__ge__",        "__hash__",         "__sizeof__",  "__format__",       "__init_subclass__"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// What Python's getattr finds; missing when there is no such attribute.
Result<Value> python_attribute(Interpreter& in, const Value& of, std::string_view name) {
  if (of.is(Kind::undefined)) {
    if (is_internal(name)) return make_unsafe(name, of);
    return fail(Fault::bad_format, "{}", undefined_reason(of));
  }
  if (of.is(Kind::name_space)) {
    const Value* value = of.name_space().attributes.find(name);
    if (value != nullptr) return *value;
  } else if (of.is(Kind::loop)) {
    Value value = TRY(loop_attribute(in, of, name));
    if (!value.is(Kind::missing)) return value;
  } else if (of.is(Kind::callable)) {
    Value value = of.callable().attribute(name);
    if (!value.is(Kind::missing)) return value;
  } else if (of.is(Kind::tuple) && of.sequence().grouped) {
    if (name == "grouper") return of.sequence().items[0];
    if (name == "list") return of.sequence().items[1];
  }
  if (of.is_number() && (name == "real" || (of.is_integral() && name == "numerator")))
    return of.is_integral() ? Value(of.integer()) : of;
  if (of.is_number() && name == "imag") return of.is_integral() ? Value(int64_t{0}) : Value(0.0);
  if (of.is_integral() && name == "denominator") return Value(int64_t{1});
  if (changes_its_object(of, name) || is_internal(name)) return make_unsafe(name, of);
  if (const Builtin* method = find_builtin(methods(of), name))
    return in.keep(make_function(*method, of));
  return Value{};
}

// What Python's of[key] finds; missing for a LookupError or TypeError.
Result<Value> python_item(Interpreter& in, const Value& of, const Value& key) {
  if (of.is(Kind::undefined)) return fail(Fault::bad_format, "{}", undefined_reason(of));
  if (of.is(Kind::dict)) {
    TRY(in.step(key.weight()));
    const Value* value = of.dict().find(key);
    return value == nullptr ? Value{} : *value;
  }
  if (!key.is_integral()) return Value{};
  int64_t index = key.integer();
  if (of.is(Kind::list) || of.is(Kind::tuple) || of.is(Kind::range)) {
    const Values& items = of.sequence().items;
    const auto n = static_cast<int64_t>(items.size());
    if (index < 0) index += n;
    return index < 0 || index >= n ? Value{} : items[static_cast<size_t>(index)];
  }
  if (of.is(Kind::string)) {
    const Text& text = of.text();
    const auto n = static_cast<int64_t>(text.n_chars);
    if (index < 0) index += n;
    if (index < 0 || index >= n) return Value{};
    const auto at = static_cast<size_t>(index);
    if (text.n_chars == text.text.size()) return in.text(text.text.substr(at, 1), text.markup);
    TRY(in.step(text.text.size() / 64));
    const size_t begin = byte_of_char(text.text, at);
    const std::string_view rest = std::string_view(text.text).substr(begin);
    return in.text(std::string(rest.substr(0, byte_of_char(rest, 1))), text.markup);
  }
  return Value{};
}

Value nothing_there(const Value& of, const Value& key) {
  const char* type = type_name(of);
  if (key.is(Kind::string)) {
    constexpr size_t shown_max = 80;
    return make_undefined(of.is(Kind::none) ? fmt::format("'None' has no attribute '{}'",
                                                          key.string().substr(0, shown_max))
                                            : fmt::format("'{} object' has no attribute '{}'", type,
                                                          key.string().substr(0, shown_max)));
  }
  std::string shown;
  if (key.is_number() || key.is(Kind::none))
    static_cast<void>(append_repr(shown, key).has_value());
  else
    shown = fmt::format("of type {}", type_name(key));
  return make_undefined(fmt::format("{} object has no element {}", type, shown));
}

struct Bounds {
  int64_t start = 0, step = 1, n = 0;
};

// Python's slice.indices.
Result<Bounds> slice_bounds(int64_t length, const Value& start, const Value& stop,
                            const Value& step) {
  const auto number = [](const Value& value) -> Result<std::optional<int64_t>> {
    if (value.is(Kind::none)) return std::optional<int64_t>();
    if (value.is_integral()) return std::optional<int64_t>(value.integer());
    return fail(Fault::bad_format, "slice indices must be integers or None, not {}",
                type_name(value));
  };
  const std::optional<int64_t> first = TRY(number(start)), last = TRY(number(stop)),
                               stride = TRY(number(step));
  Bounds bounds;
  bounds.step = stride.value_or(1);
  if (bounds.step == 0) return fail(Fault::bad_format, "slice step cannot be zero");
  // Far beyond any length all strides are the same; this one can be negated.
  bounds.step = std::clamp(bounds.step, -(int64_t{1} << 40), int64_t{1} << 40);
  const int64_t low = bounds.step < 0 ? -1 : 0, high = bounds.step < 0 ? length - 1 : length;
  const auto place = [&](int64_t at) {
    if (at < 0) at = std::max(at, -length - 1) + length;
    return std::clamp(at, low, high);
  };
  bounds.start = first ? place(*first) : bounds.step < 0 ? high : low;
  const int64_t end = last ? place(*last) : bounds.step < 0 ? low : high;
  const int64_t distance = bounds.step < 0 ? bounds.start - end : end - bounds.start;
  const int64_t stride_size = bounds.step < 0 ? -bounds.step : bounds.step;
  bounds.n = distance <= 0 ? 0 : (distance - 1) / stride_size + 1;
  return bounds;
}

std::string slice_text(const Text& text, const Bounds& bounds) {
  const auto n = static_cast<size_t>(bounds.n);
  if (n == 0) return {};
  const std::string_view all = text.text;
  if (bounds.step == 1) {
    const size_t begin = text.n_chars == all.size()
                             ? static_cast<size_t>(bounds.start)
                             : byte_of_char(all, static_cast<size_t>(bounds.start));
    const std::string_view rest = all.substr(begin);
    return std::string(rest.substr(0, text.n_chars == all.size() ? n : byte_of_char(rest, n)));
  }
  std::vector<size_t> begins;
  for (size_t i = 0; i < all.size(); ++i)
    if ((static_cast<unsigned char>(all[i]) & 0xC0) != 0x80) begins.push_back(i);
  begins.push_back(all.size());
  std::string out;
  for (int64_t i = 0; i < bounds.n; ++i) {
    const auto at = static_cast<size_t>(bounds.start + i * bounds.step);
    out += all.substr(begins[at], begins[at + 1] - begins[at]);
  }
  return out;
}

}  // namespace

Result<Value> Interpreter::attribute(const Value& of, std::string_view name) {
  Value found = TRY(python_attribute(*this, of, name));
  if (!found.is(Kind::missing)) return found;
  const Value key{std::string(name)};
  if (of.is(Kind::dict))
    if (const Value* value = of.dict().find(name)) return *value;
  return nothing_there(of, key);
}

Result<Value> Interpreter::item(const Value& of, const Value& key) {
  Value found = TRY(python_item(*this, of, key));
  if (found.is(Kind::missing) && key.is(Kind::string))
    found = TRY(python_attribute(*this, of, key.string()));
  return found.is(Kind::missing) ? nothing_there(of, key) : found;
}

Result<Value> Interpreter::slice(const Value& of, const Value& start, const Value& stop,
                                 const Value& step_value) {
  if (of.is(Kind::undefined)) return fail(Fault::bad_format, "{}", undefined_reason(of));
  if (of.is(Kind::string)) {
    const Text& whole = of.text();
    const Bounds bounds =
        TRY(slice_bounds(static_cast<int64_t>(whole.n_chars), start, stop, step_value));
    TRY(step(whole.text.size() / 64));
    return text(slice_text(whole, bounds), whole.markup);
  }
  if (!of.is(Kind::list) && !of.is(Kind::tuple) && !of.is(Kind::range))
    return fail(Fault::bad_format, "'{}' object is not subscriptable", type_name(of));
  const Values& items = of.sequence().items;
  const Bounds bounds =
      TRY(slice_bounds(static_cast<int64_t>(items.size()), start, stop, step_value));
  Values part;
  for (int64_t i = 0; i < bounds.n; ++i)
    part.push_back(items[static_cast<size_t>(bounds.start + i * bounds.step)]);
  if (of.is(Kind::tuple)) return keep(make_tuple(std::move(part)));
  if (of.is(Kind::list)) return keep(make_list(std::move(part)));
  auto range = std::make_shared<Sequence>(std::move(part));
  const auto& old = of.sequence().range;
  range->range[0] = old[0] + bounds.start * old[2];
  range->range[2] = old[2] * bounds.step;
  range->range[1] = range->range[0] + bounds.n * range->range[2];
  return keep(Value(Kind::range, std::move(range)));
}

}  // namespace quire::jinja
