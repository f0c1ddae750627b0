// Values of a template: what Python objects are to Jinja2, as far as a template can see them.
//
// Everything but a namespace is immutable, as in Jinja2's ImmutableSandboxedEnvironment, so values
// share their contents freely. How deep containers nest is counted when they are made and bounded:
// nothing that walks a value recursively can run out of stack.
//
// Sources: the Python language reference (data model, truth values, repr); jinja2 3.1 (Undefined).
#pragma once
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace quire::jinja {

// Bytes that the values of one rendering hold now, and the most they may.
struct Memory {
  size_t live_bytes = 0;
  size_t bytes_max = SIZE_MAX;
};

constexpr int nesting_max = 200;                    // containers in containers
constexpr uint64_t weight_max = uint64_t{1} << 40;  // where counting ends

enum class Kind : uint8_t {
  missing,  // no value at all: an argument that was not given
  undefined,
  none,
  boolean,
  integer,
  real,
  string,
  list,
  tuple,
  dict,
  range,
  view,      // dict.keys(), .values(), .items()
  iterator,  // what map, select and the like give: read once, from front to back
  name_space,
  callable,
  loop,
};

// What a value points to. `bytes` are given back to `memory` when the last owner is gone.
struct Object {
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() {
    if (memory != nullptr) memory->live_bytes -= bytes;
  }
  mutable Memory* memory = nullptr;
  mutable size_t bytes = 0;
  int depth = 0;        // containers nested in it, itself included
  uint64_t weight = 1;  // values in it, itself included, as often as a walk would meet them
};

enum class Markup : uint8_t { no, yes };

struct Text;
struct Sequence;
struct Dict;
struct UndefinedInfo;
struct NameSpace;
struct Callable;
struct LoopState;

class Value {
 public:
  Value() = default;  // missing
  Value(bool value) : kind_(Kind::boolean), integer_(value ? 1 : 0) {}
  Value(int64_t value) : kind_(Kind::integer), integer_(value) {}
  Value(double value) : kind_(Kind::real), real_(value) {}
  Value(std::string text, Markup markup = Markup::no);
  Value(Kind kind, std::shared_ptr<const Object> object)
      : kind_(kind), object_(std::move(object)) {}
  Value(const char*) = delete;
  static Value none() { return Value(Kind::none, nullptr); }
  static Value undefined(std::string name);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_number() const {
    return kind_ == Kind::boolean || kind_ == Kind::integer || kind_ == Kind::real;
  }
  bool is_integral() const { return kind_ == Kind::boolean || kind_ == Kind::integer; }
  // list, tuple, range, view or iterator: Sequence behind it
  bool is_sequence() const {
    return kind_ == Kind::list || kind_ == Kind::tuple || kind_ == Kind::range ||
           kind_ == Kind::view || kind_ == Kind::iterator;
  }

  // Each only for its kind.
  bool boolean() const { return integer_ != 0; }
  int64_t integer() const { return integer_; }
  double real() const { return kind_ == Kind::real ? real_ : static_cast<double>(integer_); }
  const Text& text() const;
  std::string_view string() const;
  const Sequence& sequence() const;
  const Dict& dict() const;
  const UndefinedInfo* undefined_info() const;
  NameSpace& name_space() const;
  const Callable& callable() const;
  LoopState& loop() const;

  const std::shared_ptr<const Object>& object() const { return object_; }
  int depth() const { return object_ ? object_->depth : 0; }
  uint64_t weight() const { return object_ ? object_->weight : 1; }

 private:
  Kind kind_ = Kind::missing;
  union {
    int64_t integer_ = 0;
    double real_;
  };
  std::shared_ptr<const Object> object_;
};

using Values = std::vector<Value>;
using Named = std::pair<std::string, Value>;

struct Text : Object {
  Text(std::string the_text, Markup the_markup);
  std::string text;
  size_t n_chars;  // code points; equal to the bytes when it is ASCII
  Markup markup;
};

struct Sequence : Object {
  explicit Sequence(Values the_items);
  Values items;
  std::string name;         // "dict_items" of a view, "generator" of an iterator
  mutable size_t next = 0;  // of an iterator
  int64_t range[3] = {};    // of a range: start, stop, step
  bool grouped = false;     // a tuple of groupby: its items are .grouper and .list, too
};

// Keeps the order in which keys came first. Keys are hashable: no lists, no dicts.
struct Dict : Object {
  Dict() { depth = 1; }
  std::vector<std::pair<Value, Value>> entries;
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  void set(const Value& key, Value value);
  void clear();

 private:
  ptrdiff_t position(const Value& key) const;
  std::unordered_multimap<size_t, size_t> index_;  // from a hash, once there are many
};

struct UndefinedInfo : Object {
  std::string name;     // of a variable that is not there
  std::string message;  // or the whole reason
};

struct NameSpace : Object {
  Dict attributes;
};

// Makers. `list` and the like take over the items.
Value make_list(Values items);
Value make_tuple(Values items);
Value make_view(const char* name, Values items);
Value make_iterator(Values items, const char* name = "generator");
Value make_dict(std::shared_ptr<Dict> dict);
Value make_undefined(std::string message);
Value make_unsafe(std::string_view attribute, const Value& of);

const char* type_name(const Value& value);  // Python's: "str", "int", "dict", ...
bool truth(const Value& value);
bool is_hashable(const Value& value);
// Python's ==; False between kinds that do not compare.
bool equal(const Value& a, const Value& b);
bool identical(const Value& a, const Value& b);
size_t hash(const Value& value);  // of hashable ones; equal values, equal hashes

// str() and repr(). They grow `out` to about bytes_max at most, and then fail with limit.
struct PrintLimit {
  size_t bytes_max = SIZE_MAX;
};
Result<void> append_str(std::string& out, const Value& value, PrintLimit limit = {});
Result<void> append_repr(std::string& out, const Value& value, PrintLimit limit = {});
std::string float_text(double value);              // as Python writes it
std::string string_repr(std::string_view text);    // in quotes, escaped
std::string undefined_reason(const Value& value);  // "'x' is undefined"

}  // namespace quire::jinja
