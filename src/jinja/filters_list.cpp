// Filters of what can be gone through.
#include "jinja/filters.h"
#include "jinja/interpreter.h"
#include "jinja/python_text.h"

#include <algorithm>
#include <array>

namespace quire::jinja {
namespace {

// "a.b.0": the way from an item to what is asked of it.
Values path_of(const Value& attribute) {
  Values parts;
  if (attribute.is(Kind::missing) || attribute.is(Kind::none)) return parts;
  if (!attribute.is(Kind::string)) return {attribute};
  for (const std::string_view part : split_at(attribute.string(), ".", -1)) {
    const auto number = all_digit(part) ? parse_python_int(part, 10) : std::nullopt;
    if (number && !number->too_big)
      parts.emplace_back(number->value);
    else
      parts.emplace_back(std::string(part));
  }
  return parts;
}

Result<Value> follow(Interpreter& in, Value item, const Values& path, const Value& fallback = {}) {
  for (const Value& part : path) {
    item = TRY(in.item(item, part));
    const bool replaced =
        item.is(Kind::undefined) && !fallback.is(Kind::missing) && !fallback.is(Kind::none);
    if (replaced) item = fallback;
  }
  return item;
}

enum class Case : uint8_t { matters, ignored };

Result<Value> folded(Interpreter& in, Value value, Case letters) {
  if (letters == Case::matters || !value.is(Kind::string)) return value;
  return in.text(to_lower(value.string()));
}

Case case_flag(const Call& c, size_t i) { return c.flag(i) ? Case::matters : Case::ignored; }

// Key of an item for sorting by one attribute or several ("age,name").
Result<Value> sort_key(Interpreter& in, const Value& item, const std::vector<Values>& paths,
                       Case letters) {
  Values key;
  for (const Values& path : paths) {
    Value value = TRY(follow(in, item, path));
    key.push_back(TRY(folded(in, std::move(value), letters)));
  }
  return make_list(std::move(key));
}

Result<Value> sort(Call& c) {
  Values items = TRY(c.in.iterate(c.self));
  std::vector<Values> paths;
  if (c.has(2) && c[2].is(Kind::string)) {
    for (const std::string_view one : split_at(c[2].string(), ",", -1))
      paths.push_back(path_of(Value(std::string(one))));
  } else {
    paths.push_back(path_of(c[2]));
  }
  Values keys;
  for (const Value& item : items) keys.push_back(TRY(sort_key(c.in, item, paths, case_flag(c, 1))));
  items = TRY(sort_by(c.in, std::move(items), std::move(keys),
                      c.flag(0) ? Order::descending : Order::ascending));
  return c.in.list(std::move(items));
}

Result<Value> dictsort(Call& c) {
  const std::string_view by = TRY(c.string(1, "key"));
  if (by != "key" && by != "value")
    return fail(Fault::bad_format, "You can only sort by either \"key\" or \"value\"");
  if (!c.self.is(Kind::dict))
    return fail(Fault::bad_format, "dictsort needs a dict, not '{}'", type_name(c.self));
  Values items, keys;
  for (const auto& [key, value] : c.self.dict().entries) {
    items.push_back(make_tuple({key, value}));
    keys.push_back(TRY(folded(c.in, by == "key" ? key : value, case_flag(c, 0))));
  }
  items = TRY(sort_by(c.in, std::move(items), std::move(keys),
                      c.flag(2) ? Order::descending : Order::ascending));
  return c.in.list(std::move(items));
}

Result<Value> unique(Call& c) {
  const Values path = path_of(c[1]);
  Dict seen;
  Values kept;
  for (const Value& item : TRY(c.in.iterate(c.self))) {
    Value key = TRY(follow(c.in, item, path));
    key = TRY(folded(c.in, std::move(key), case_flag(c, 0)));
    TRY(c.in.check_key(key));
    if (seen.find(key) != nullptr) continue;
    seen.set(key, Value::none());
    kept.push_back(item);
  }
  return c.in.keep(make_iterator(std::move(kept)));
}

template <Operator better>
Result<Value> extreme(Call& c) {
  const Values path = path_of(c[1]);
  Value best, best_key;
  for (const Value& item : TRY(c.in.iterate(c.self))) {
    Value key = TRY(follow(c.in, item, path));
    key = TRY(folded(c.in, std::move(key), case_flag(c, 0)));
    if (!best_key.is(Kind::missing) && !TRY(compare(c.in, better, key, best_key))) continue;
    best = item, best_key = std::move(key);
  }
  return best.is(Kind::missing) ? make_undefined("No aggregated item, sequence was empty.") : best;
}

Result<Value> join(Call& c) {
  const std::string separator = c.has(0) ? TRY(c.in.str(c[0])) : std::string();
  const Values path = path_of(c[1]);
  std::string out;
  bool first = true;
  for (const Value& item : TRY(c.in.iterate(c.self))) {
    if (!first) out += separator;
    first = false;
    const Value value = TRY(follow(c.in, item, path));
    TRY(append_str(out, value, c.in.print_limit()));
  }
  return c.in.text(std::move(out));
}

Result<Value> first(Call& c) {
  if (c.self.is(Kind::iterator)) {
    const Sequence& sequence = c.self.sequence();
    if (sequence.next < sequence.items.size()) return sequence.items[sequence.next++];
    return make_undefined("No first item, sequence was empty.");
  }
  const Values items = TRY(c.in.iterate(c.self));
  return items.empty() ? make_undefined("No first item, sequence was empty.") : items.front();
}

Result<Value> last(Call& c) {
  if (c.self.is(Kind::iterator))
    return fail(Fault::bad_format, "'{}' object is not reversible", type_name(c.self));
  const Values items = TRY(c.in.iterate(c.self));
  return items.empty() ? make_undefined("No last item, sequence was empty.") : items.back();
}

Result<Value> length(Call& c) {
  const int64_t n = TRY(c.in.length(c.self));
  return Value(n);
}

Result<Value> list(Call& c) {
  Values items = TRY(c.in.iterate(c.self));
  return c.in.list(std::move(items));
}

Result<Value> items(Call& c) {
  if (c.self.is(Kind::undefined)) return make_iterator({});
  if (!c.self.is(Kind::dict))
    return fail(Fault::bad_format, "Can only get item pairs from a mapping.");
  Values pairs;
  for (const auto& [key, value] : c.self.dict().entries) pairs.push_back(make_tuple({key, value}));
  return c.in.keep(make_iterator(std::move(pairs)));
}

Result<Value> reverse(Call& c) {
  if (c.self.is(Kind::string)) {
    std::string out;
    const std::string_view text = c.self.string();
    for (size_t end = text.size(); end > 0;) {
      size_t begin = end - 1;
      while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
      out += text.substr(begin, end - begin);
      end = begin;
    }
    return c.in.text(std::move(out), c.self.text().markup);
  }
  Values items = TRY(c.in.iterate(c.self));
  std::reverse(items.begin(), items.end());
  if (c.self.is(Kind::iterator) || c.self.is(Kind::undefined)) return c.in.list(std::move(items));
  return c.in.keep(make_iterator(std::move(items), "list_reverseiterator"));
}

Result<Value> sum(Call& c) {
  const Values path = path_of(c[0]);
  Value total = c.has(1) ? c[1] : Value(int64_t{0});
  if (total.is(Kind::string)) return fail(Fault::bad_format, "sum() can't sum strings");
  for (const Value& item : TRY(c.in.iterate(c.self))) {
    const Value value = TRY(follow(c.in, item, path));
    total = TRY(binary(c.in, Operator::add, total, value));
  }
  return total;
}

Result<Value> batch(Call& c) {
  const int64_t n = TRY(c.integer(0));
  const bool fill = c.has(1) && !c[1].is(Kind::none);
  Values rows, row;
  for (Value& item : TRY(c.in.iterate(c.self))) {
    if (static_cast<int64_t>(row.size()) == n)
      rows.push_back(TRY(c.in.list(std::exchange(row, {}))));
    row.push_back(std::move(item));
  }
  if (!row.empty()) {
    if (fill && n > static_cast<int64_t>(row.size())) {
      TRY(c.in.step(static_cast<uint64_t>(n)));
      row.resize(static_cast<size_t>(n), c[1]);
    }
    rows.push_back(TRY(c.in.list(std::move(row))));
  }
  return c.in.keep(make_iterator(std::move(rows)));
}

Result<Value> slice(Call& c) {
  const int64_t n_slices = TRY(c.integer(0));
  const Values items = TRY(c.in.iterate(c.self));
  if (n_slices == 0) return fail(Fault::bad_format, "division by zero");
  const bool fill = c.has(1) && !c[1].is(Kind::none);
  const auto n = static_cast<int64_t>(items.size());
  Values rows;
  if (n_slices > 0) TRY(c.in.step(static_cast<uint64_t>(n_slices)));
  int64_t at = 0;
  for (int64_t i = 0; i < n_slices; ++i) {
    const bool extra = i < n % n_slices;
    Values row;
    for (int64_t k = 0; k < n / n_slices + (extra ? 1 : 0); ++k)
      row.push_back(items[static_cast<size_t>(at++)]);
    if (fill && !extra) row.push_back(c[1]);
    rows.push_back(TRY(c.in.list(std::move(row))));
  }
  return c.in.keep(make_iterator(std::move(rows)));
}

Result<Value> groupby(Call& c) {
  const Values path = path_of(c[0]);
  const Case letters = case_flag(c, 2);
  Values items = TRY(c.in.iterate(c.self)), keys;
  for (const Value& item : items) {
    Value key = TRY(follow(c.in, item, path, c[1]));
    keys.push_back(TRY(folded(c.in, std::move(key), letters)));
  }
  items = TRY(sort_by(c.in, std::move(items), std::move(keys), Order::ascending));
  Values groups, group;
  Value group_key, group_name;
  const auto close = [&]() -> Result<void> {
    if (group.empty()) return {};
    const Value members = TRY(c.in.list(std::exchange(group, {})));
    auto pair = std::make_shared<Sequence>(Values{group_name, members});
    pair->grouped = true;
    groups.emplace_back(Kind::tuple, std::move(pair));
    return {};
  };
  for (const Value& item : items) {
    // The name of a group is that of its first item, in its own letters.
    const Value name = TRY(follow(c.in, item, path, c[1]));
    const Value key = TRY(folded(c.in, name, letters));
    TRY(c.in.step(key.weight()));
    if (group.empty() || !equal(key, group_key)) {
      TRY(close());
      group_key = key, group_name = name;
    }
    group.push_back(item);
  }
  TRY(close());
  return c.in.list(std::move(groups));
}

Result<Value> map(Call& c) {
  Values results;
  if (!truth(c.self)) return make_iterator({});
  Values items = TRY(c.in.iterate(c.self));
  const auto named = [&](std::string_view name) {
    const auto found = std::find_if(c.named.begin(), c.named.end(),
                                    [&](const Named& n) { return n.first == name; });
    return found == c.named.end() ? Value{} : found->second;
  };
  if (c.rest.empty() && !named("attribute").is(Kind::missing)) {
    for (const Named& known : c.named)
      if (known.first != "attribute" && known.first != "default")
        return fail(Fault::bad_format, "Unexpected keyword argument '{}'", known.first);
    const Values path = path_of(named("attribute"));
    for (const Value& item : items)
      results.push_back(TRY(follow(c.in, item, path, named("default"))));
    return c.in.keep(make_iterator(std::move(results)));
  }
  if (c.rest.empty()) return fail(Fault::bad_format, "map requires a filter argument");
  if (!c.rest[0].is(Kind::string))
    return fail(Fault::bad_format, "the name of a filter is a string");
  const Arguments more{Values(c.rest.begin() + 1, c.rest.end()), c.named};
  for (const Value& item : items)
    results.push_back(TRY(c.in.call_filter(c.rest[0].string(), item, more)));
  return c.in.keep(make_iterator(std::move(results)));
}

enum class Keep : uint8_t { passing, failing };
enum class Of : uint8_t { item, attribute };

template <Keep kept, Of of>
Result<Value> select(Call& c) {
  if (!truth(c.self)) return make_iterator({});
  constexpr size_t n_before = of == Of::attribute ? 1 : 0;
  if (c.rest.size() < n_before)
    return fail(Fault::bad_format, "Missing parameter for attribute name");
  const Values path = of == Of::attribute ? path_of(c.rest[0]) : Values{};
  const bool has_test = c.rest.size() > n_before;
  if (has_test && !c.rest[n_before].is(Kind::string))
    return fail(Fault::bad_format, "the name of a test is a string");
  Arguments more;
  if (has_test) {
    more.positional.assign(c.rest.begin() + static_cast<ptrdiff_t>(n_before) + 1, c.rest.end());
    more.named = c.named;
  }
  Values results;
  for (const Value& item : TRY(c.in.iterate(c.self))) {
    const Value value = TRY(follow(c.in, item, path));
    const bool passes =
        has_test ? TRY(c.in.call_test(c.rest[n_before].string(), value, more)) : truth(value);
    if (passes == (kept == Keep::passing)) results.push_back(item);
  }
  return c.in.keep(make_iterator(std::move(results)));
}

constexpr Builtin rows[] = {
    {"batch", "linecount fill_with?", batch},
    {"count", "", length},
    {"dictsort", "case_sensitive? by? reverse?", dictsort},
    {"first", "", first},
    {"groupby", "attribute default? case_sensitive?", groupby},
    {"items", "", items},
    {"join", "d? attribute?", join},
    {"last", "", last},
    {"length", "", length},
    {"list", "", list},
    {"map", "*", map},
    {"max", "case_sensitive? attribute?", extreme<Operator::greater>},
    {"min", "case_sensitive? attribute?", extreme<Operator::less>},
    {"reject", "*", select<Keep::failing, Of::item>},
    {"rejectattr", "*", select<Keep::failing, Of::attribute>},
    {"reverse", "", reverse},
    {"select", "*", select<Keep::passing, Of::item>},
    {"selectattr", "*", select<Keep::passing, Of::attribute>},
    {"slice", "slices fill_with?", slice},
    {"sort", "reverse? case_sensitive? attribute?", sort},
    {"sum", "attribute? start?", sum},
    {"unique", "case_sensitive? attribute?", unique},
};

}  // namespace

std::span<const Builtin> list_filters() { return rows; }

std::span<const Builtin> filters() {
  // One table of both halves, made once.
  static const std::vector<Builtin> all = [] {
    std::vector<Builtin> table;
    for (const auto part : {text_filters(), list_filters()})
      table.insert(table.end(), part.begin(), part.end());
    return table;
  }();
  return all;
}

}  // namespace quire::jinja
