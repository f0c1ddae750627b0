// What a template can call: filters, tests, methods and global functions of this program, and the
// macros of the template itself.
//
// A builtin is a row of a table: its name, the names of its parameters, and a function. Arguments
// are bound to parameters as Python does it, so `x|default('a', boolean=true)` arrives as two
// values in order.
#pragma once
#include "jinja/value.h"

#include <span>
#include <string_view>
#include <vector>

namespace quire::jinja {

class Interpreter;

// Arguments as they stand in the template.
struct Arguments {
  Values positional;
  std::vector<Named> named;
};

// A builtin at work.
struct Call {
  Interpreter& in;
  const Value& self;  // what is filtered or tested, or whose method it is
  std::vector<Value> slots;
  Values rest;               // further positional arguments, when the builtin takes any number
  std::vector<Named> named;  // and named ones

  bool has(size_t i) const { return !slots[i].is(Kind::missing); }
  const Value& operator[](size_t i) const { return slots[i]; }
  // An argument that must be of a kind; `fallback` when it was not given.
  Result<int64_t> integer(size_t i, int64_t fallback = 0) const;
  Result<std::string_view> string(size_t i, std::string_view fallback = {}) const;
  bool flag(size_t i, bool fallback = false) const { return has(i) ? truth(slots[i]) : fallback; }
};

using Function = Result<Value> (*)(Call& call);

struct Builtin {
  std::string_view name;
  // Names of parameters with a space between; '?' ends an optional one, '/' one that has no name
  // for callers, a final '*' takes any further arguments.
  std::string_view params;
  Function function;
};

// The row of that name, or nullptr. The tables are sorted by nothing: they are short.
const Builtin* find_builtin(std::span<const Builtin> table, std::string_view name);

std::span<const Builtin> filters();
std::span<const Builtin> tests();
std::span<const Builtin> global_functions();
// Methods of strings, dicts and other values; empty for a kind without any.
std::span<const Builtin> methods(const Value& self);

Result<Value> call_builtin(Interpreter& in, const Builtin& builtin, const Value& self,
                           Arguments arguments);

// A value that can be called.
struct Callable : Object {
  std::string name;
  virtual Result<Value> call(Interpreter& in, Arguments arguments) const = 0;
  // Attributes other than those all callables have; missing when there is none of that name.
  virtual Value attribute(std::string_view /*which*/) const { return {}; }
  virtual std::string repr() const { return fmt::format("<function {}>", name); }
};

// A builtin function, or a method with the value it belongs to.
Value make_function(const Builtin& builtin, const Value& self = {});

struct Scope;
struct Stmt;

// The variable `loop` of a for statement, and where it stands. Items that a condition lets through
// are found one by one, as the body may change what the condition asks for.
struct LoopState : Object {
  Values items;  // from item `next` on not looked at yet
  size_t next = 0;
  bool accepted = false;  // whether all that are left have passed the condition
  int64_t index0 = -1, depth0 = 0;
  int64_t length = -1;           // unknown
  Value before, current, after;  // after: looked at already; missing when not
  Value last_changed;
  const Stmt* statement = nullptr;
  std::shared_ptr<Scope> scope;  // around the statement
};
// loop.index and so on; missing when there is no such attribute.
Result<Value> loop_attribute(Interpreter& in, const Value& loop, std::string_view name);

}  // namespace quire::jinja
