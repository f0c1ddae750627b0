#include "jinja/value.h"

#include "jinja/callable.h"
#include "text/utf8.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace quire::jinja {
namespace {

constexpr size_t linear_entries_max = 8;  // below, looking through the entries beats hashing

size_t count_chars(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

bool is_list_like(const Value& value) {
  return value.is(Kind::list) || value.is(Kind::tuple) || value.is(Kind::range);
}

bool equal_dicts(const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const auto& entry) {
    const Value* other = b.find(entry.first);
    return other != nullptr && equal(entry.second, *other);
  });
}

// Integers themselves would be a poor hash: whoever writes them could put all into one bucket. The
// finalizer of MurmurHash3 (Appleby, public domain).
size_t mixed(int64_t integer) {
  auto bits = static_cast<uint64_t>(integer);
  bits = (bits ^ (bits >> 33)) * 0xff51afd7ed558ccdu;
  bits = (bits ^ (bits >> 33)) * 0xc4ceb9fe1a85ec53u;
  return bits ^ (bits >> 33);
}

// The same items in any order; in this order when they cannot be hashed.
bool equal_sets(const Values& a, const Values& b) {
  if (a.size() != b.size()) return false;
  if (!std::all_of(b.begin(), b.end(), is_hashable))
    return std::equal(a.begin(), a.end(), b.begin(), equal);
  Dict set;
  for (const Value& item : b) set.set(item, Value::none());
  return std::all_of(a.begin(), a.end(), [&](const Value& item) { return set.find(item); });
}

}  // namespace

Value::Value(std::string text, Markup markup)
    : kind_(Kind::string), object_(std::make_shared<Text>(std::move(text), markup)) {}

const Text& Value::text() const { return static_cast<const Text&>(*object_); }
std::string_view Value::string() const { return text().text; }
const Sequence& Value::sequence() const { return static_cast<const Sequence&>(*object_); }
const Dict& Value::dict() const { return static_cast<const Dict&>(*object_); }
const UndefinedInfo* Value::undefined_info() const {
  return static_cast<const UndefinedInfo*>(object_.get());
}
NameSpace& Value::name_space() const {
  return const_cast<NameSpace&>(static_cast<const NameSpace&>(*object_));
}
const Callable& Value::callable() const { return static_cast<const Callable&>(*object_); }
LoopState& Value::loop() const {
  return const_cast<LoopState&>(static_cast<const LoopState&>(*object_));
}

Value Value::undefined(std::string name) {
  auto info = std::make_shared<UndefinedInfo>();
  info->name = std::move(name);
  return {Kind::undefined, std::move(info)};
}

Text::Text(std::string the_text, Markup the_markup)
    : text(std::move(the_text)), n_chars(count_chars(text)), markup(the_markup) {}

Sequence::Sequence(Values the_items) : items(std::move(the_items)) {
  for (const Value& item : items) {
    depth = std::max(depth, item.depth());
    weight = std::min(weight_max, weight + item.weight());
  }
  ++depth;
}

Value make_list(Values items) { return {Kind::list, std::make_shared<Sequence>(std::move(items))}; }

Value make_tuple(Values items) {
  return {Kind::tuple, std::make_shared<Sequence>(std::move(items))};
}

Value make_view(const char* name, Values items) {
  auto view = std::make_shared<Sequence>(std::move(items));
  view->name = name;
  return {Kind::view, std::move(view)};
}

Value make_iterator(Values items, const char* name) {
  auto iterator = std::make_shared<Sequence>(std::move(items));
  iterator->name = name;
  return {Kind::iterator, std::move(iterator)};
}

Value make_dict(std::shared_ptr<Dict> dict) { return {Kind::dict, std::move(dict)}; }

Value make_undefined(std::string message) {
  auto info = std::make_shared<UndefinedInfo>();
  info->message = std::move(message);
  return {Kind::undefined, std::move(info)};
}

Value make_unsafe(std::string_view attribute, const Value& of) {
  auto info = std::make_shared<UndefinedInfo>();
  info->message =
      fmt::format("access to attribute '{}' of '{}' object is unsafe", attribute, type_name(of));
  return {Kind::undefined, std::move(info)};
}

std::string undefined_reason(const Value& value) {
  const UndefinedInfo* info = value.undefined_info();
  if (info == nullptr) return "a value is undefined";
  return info->message.empty() ? fmt::format("'{}' is undefined", info->name) : info->message;
}

ptrdiff_t Dict::position(const Value& key) const {
  if (index_.empty()) {
    for (size_t i = 0; i < entries.size(); ++i)
      if (equal(entries[i].first, key)) return static_cast<ptrdiff_t>(i);
    return -1;
  }
  const auto [first, last] = index_.equal_range(hash(key));
  for (auto at = first; at != last; ++at)
    if (equal(entries[at->second].first, key)) return static_cast<ptrdiff_t>(at->second);
  return -1;
}

const Value* Dict::find(const Value& key) const {
  if (!is_hashable(key)) return nullptr;
  const ptrdiff_t at = position(key);
  return at < 0 ? nullptr : &entries[static_cast<size_t>(at)].second;
}

const Value* Dict::find(std::string_view key) const {
  if (!index_.empty()) return find(Value(std::string(key)));
  for (const auto& [name, value] : entries)
    if (name.is(Kind::string) && name.string() == key) return &value;
  return nullptr;
}

void Dict::set(const Value& key, Value value) {
  depth = std::max({depth, 1 + value.depth(), 1 + key.depth()});
  weight = std::min(weight_max, weight + key.weight() + value.weight());
  if (const ptrdiff_t at = position(key); at >= 0) {
    entries[static_cast<size_t>(at)].second = std::move(value);
    return;
  }
  entries.emplace_back(key, std::move(value));
  if (!index_.empty()) {
    index_.emplace(hash(key), entries.size() - 1);
  } else if (entries.size() > linear_entries_max) {
    for (size_t i = 0; i < entries.size(); ++i) index_.emplace(hash(entries[i].first), i);
  }
}

void Dict::clear() {
  index_.clear();
  entries.clear();
}

const char* type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::missing:
    case Kind::undefined:
      return "Undefined";
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::real:
      return "float";
    case Kind::string:
      return value.text().markup == Markup::yes ? "Markup" : "str";
    case Kind::list:
      return "list";
    case Kind::tuple:
      return "tuple";
    case Kind::dict:
      return "dict";
    case Kind::range:
      return "range";
    case Kind::view:
    case Kind::iterator:
      return value.sequence().name.c_str();
    case Kind::name_space:
      return "Namespace";
    case Kind::callable:
      return "function";
    case Kind::loop:
      return "LoopContext";
  }
  return "?";
}

bool truth(const Value& value) {
  switch (value.kind()) {
    case Kind::missing:
    case Kind::undefined:
    case Kind::none:
      return false;
    case Kind::boolean:
    case Kind::integer:
      return value.integer() != 0;
    case Kind::real:
      return value.real() != 0;
    case Kind::string:
      return !value.string().empty();
    case Kind::list:
    case Kind::tuple:
    case Kind::range:
    case Kind::view:
      return !value.sequence().items.empty();
    case Kind::dict:
      return !value.dict().entries.empty();
    case Kind::iterator:
    case Kind::name_space:
    case Kind::callable:
    case Kind::loop:
      return true;
  }
  return false;
}

bool is_hashable(const Value& value) {
  if (value.is(Kind::list) || value.is(Kind::dict)) return false;
  if (value.is(Kind::view)) return value.sequence().name == "dict_values";
  if (!value.is(Kind::tuple)) return true;
  const Values& items = value.sequence().items;
  return std::all_of(items.begin(), items.end(), is_hashable);
}

bool identical(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is(Kind::none)) return true;
  if (a.is(Kind::real)) return a.real() == b.real();
  if (a.is_integral()) return a.integer() == b.integer();
  if (a.is(Kind::string)) return a.text().markup == b.text().markup && a.string() == b.string();
  // There is one empty tuple.
  if (a.is(Kind::tuple) && a.sequence().items.empty() && b.sequence().items.empty()) return true;
  return a.object() == b.object();
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
    // An integer equals a float only when the float is exactly it.
    if (a.is_integral() != b.is_integral()) {
      const double real = a.is_integral() ? b.real() : a.real();
      const int64_t integer = a.is_integral() ? a.integer() : b.integer();
      return real >= -0x1p63 && real < 0x1p63 && std::trunc(real) == real &&
             static_cast<int64_t>(real) == integer;
    }
    return a.real() == b.real();
  }
  if (a.kind() != b.kind()) return false;
  if (a.object() != nullptr && a.object() == b.object()) return true;
  switch (a.kind()) {
    case Kind::missing:
    case Kind::undefined:
    case Kind::none:
      return true;
    case Kind::string:
      return a.string() == b.string();
    case Kind::dict:
      return equal_dicts(a.dict(), b.dict());
    case Kind::view:
      if (a.sequence().name != b.sequence().name || a.sequence().name == "dict_values")
        return false;
      return equal_sets(a.sequence().items, b.sequence().items);
    default:
      break;
  }
  if (!is_list_like(a)) return false;
  const Values &left = a.sequence().items, &right = b.sequence().items;
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), equal);
}

size_t hash(const Value& value) {
  switch (value.kind()) {
    case Kind::boolean:
    case Kind::integer:
      return mixed(value.integer());
    case Kind::real: {
      const double real = value.real();
      if (real >= -0x1p63 && real < 0x1p63 && std::trunc(real) == real)
        return mixed(static_cast<int64_t>(real));
      return std::hash<double>{}(real);
    }
    case Kind::string:
      return std::hash<std::string_view>{}(value.string());
    case Kind::tuple:
    case Kind::range: {
      size_t sum = 0x345678;
      for (const Value& item : value.sequence().items) sum = sum * 1000003 ^ hash(item);
      return sum;
    }
    case Kind::undefined:
    case Kind::none:
    case Kind::missing:
      return static_cast<size_t>(value.kind());
    default:
      return std::hash<const void*>{}(value.object().get());
  }
}

}  // namespace quire::jinja
