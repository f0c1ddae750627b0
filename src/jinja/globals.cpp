// Functions that every template has: range, dict, namespace, cycler, joiner, and the two that
// transformers adds.
#include "jinja/interpreter.h"

#include <algorithm>
#include <ctime>

namespace quire::jinja {
namespace {

constexpr int64_t range_items_max = 100'000;  // as in Jinja2's sandbox

Result<Value> make_range(Call& c) {
  int64_t start = 0, stop = TRY(c.integer(0)), step = TRY(c.integer(2, 1));
  if (c.has(1)) start = stop, stop = TRY(c.integer(1));
  if (step == 0) return fail(Fault::bad_format, "range() arg 3 must not be zero");
  // In 128 bits nothing overflows.
  __extension__ using Wide = __int128;
  const Wide distance = step > 0 ? Wide{stop} - start : Wide{start} - stop;
  const Wide stride = step > 0 ? Wide{step} : -Wide{step};
  const Wide n = distance <= 0 ? Wide{0} : (distance - 1) / stride + 1;
  if (n > range_items_max)
    return fail(Fault::limit, "range() is too long: at most {} items", range_items_max);
  Values items;
  items.reserve(static_cast<size_t>(n));
  for (Wide i = 0; i < n; ++i) items.emplace_back(static_cast<int64_t>(start + i * step));
  auto range = std::make_shared<Sequence>(std::move(items));
  range->range[0] = start, range->range[1] = stop, range->range[2] = step;
  return c.in.keep(Value(Kind::range, std::move(range)));
}

// The entries of a dict, or pairs; then the named arguments.
Result<std::shared_ptr<Dict>> dict_of(Call& c) {
  auto dict = std::make_shared<Dict>();
  if (c.rest.size() > 1) return fail(Fault::bad_format, "dict expected at most 1 argument");
  if (!c.rest.empty() && c.rest[0].is(Kind::dict)) {
    for (const auto& [key, value] : c.rest[0].dict().entries) dict->set(key, value);
  } else if (!c.rest.empty()) {
    for (const Value& pair : TRY(c.in.iterate(c.rest[0]))) {
      const Values two = TRY(c.in.iterate(pair));
      if (two.size() != 2)
        return fail(Fault::bad_format, "dict() needs pairs of a key and a value");
      TRY(c.in.check_key(two[0]));
      dict->set(two[0], two[1]);
    }
  }
  for (const auto& [name, value] : c.named) dict->set(Value(name), value);
  TRY(c.in.step(dict->entries.size()));
  return dict;
}

Result<Value> make_dict_value(Call& c) {
  std::shared_ptr<Dict> dict = TRY(dict_of(c));
  return c.in.keep(make_dict(std::move(dict)));
}

Result<Value> make_name_space(Call& c) {
  const std::shared_ptr<Dict> attributes = TRY(dict_of(c));
  return c.in.new_name_space(*attributes);
}

// cycler(...) and joiner(...) change with each call: the one state besides namespaces.
struct Cycler : Callable {
  Values items;
  mutable size_t at = 0;
  Result<Value> call(Interpreter& /*in*/, Arguments /*arguments*/) const override {
    return fail(Fault::bad_format, "'Cycler' object is not callable");
  }
  Value attribute(std::string_view which) const override {
    return which == "current" ? items[at] : Value{};
  }
  std::string repr() const override { return "<Cycler>"; }
};

struct Joiner : Callable {
  Value separator;
  mutable bool used = false;
  Result<Value> call(Interpreter& /*in*/, Arguments /*arguments*/) const override {
    return std::exchange(used, true) ? separator : Value(std::string());
  }
  std::string repr() const override { return "<Joiner>"; }
};

Result<Value> make_cycler(Call& c) {
  if (c.rest.empty()) return fail(Fault::bad_format, "at least one item has to be provided");
  auto cycler = std::make_shared<Cycler>();
  cycler->name = "cycler";
  for (const Value& item : c.rest) cycler->depth = std::max(cycler->depth, 1 + item.depth());
  cycler->items = std::move(c.rest);
  return c.in.keep(Value(Kind::callable, std::move(cycler)));
}

Result<Value> make_joiner(Call& c) {
  auto joiner = std::make_shared<Joiner>();
  joiner->name = "joiner";
  joiner->separator = c.has(0) ? c[0] : Value(std::string(", "));
  joiner->depth = joiner->separator.depth() + 1;
  return c.in.keep(Value(Kind::callable, std::move(joiner)));
}

const Cycler* as_cycler(const Value& value) {
  return value.is(Kind::callable) ? dynamic_cast<const Cycler*>(&value.callable()) : nullptr;
}

Result<Value> cycler_next(Call& c) {
  const Cycler& cycler = *as_cycler(c.self);
  Value now = cycler.items[cycler.at];
  cycler.at = (cycler.at + 1) % cycler.items.size();
  return now;
}

Result<Value> cycler_reset(Call& c) {
  as_cycler(c.self)->at = 0;
  return Value::none();
}

constexpr Builtin cycler_rows[] = {{"next", "", cycler_next}, {"reset", "", cycler_reset}};

Result<Value> raise_exception(Call& c) {
  const std::string message = TRY(c.in.str(c[0]));
  return fail(Fault::bad_format, "{}", message);
}

Result<Value> strftime_now(Call& c) {
  const std::string format(TRY(c.string(0)));
  constexpr size_t format_bytes_max = 256, text_bytes_max = 8192;
  if (format.size() > format_bytes_max)
    return fail(Fault::limit, "strftime_now: a format has at most {} bytes", format_bytes_max);
  std::tm now{};
  if (c.in.options().now) {
    now = *c.in.options().now;
  } else {
    const std::time_t seconds = std::time(nullptr);
    ::localtime_r(&seconds, &now);
  }
  if (format.empty()) return c.in.text({});
  std::string text(text_bytes_max, '\0');
  text.resize(std::strftime(text.data(), text.size(), format.c_str(), &now));
  return c.in.text(std::move(text));
}

constexpr Builtin rows[] = {
    {"range", "start/ stop?/ step?/", make_range},
    {"dict", "*", make_dict_value},
    {"namespace", "*", make_name_space},
    {"cycler", "*", make_cycler},
    {"joiner", "sep?", make_joiner},
    {"raise_exception", "message", raise_exception},
    {"strftime_now", "format", strftime_now},
};

}  // namespace

std::span<const Builtin> global_functions() { return rows; }

std::span<const Builtin> cycler_methods(const Value& self) {
  return as_cycler(self) != nullptr ? std::span<const Builtin>(cycler_rows)
                                    : std::span<const Builtin>();
}

}  // namespace quire::jinja
