// What a template is parsed into: statements, with expressions in them.
#pragma once
#include "jinja/callable.h"
#include "jinja/value.h"

#include <memory>
#include <string>
#include <vector>

namespace quire::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class ExprKind : uint8_t {
  constant,   // value
  name,       // name
  list,       // parts: items
  tuple,      // parts: items; as a target, names to unpack into
  dict,       // parts: key, value, key, value, ...
  attribute,  // parts[0].name; as a target with a name in parts[0]: a namespace's attribute
  item,       // parts[0][parts[1]]
  slice,      // parts[0][parts[1] : parts[2] : parts[3]], null where left out
  call,       // parts[0](arguments)
  filter,     // parts[0] | name(arguments); parts[0] is null in filter and set blocks
  test,       // parts[0] is name(arguments)
  negate,     // not parts[0]
  minus,      // -parts[0]
  plus,       // +parts[0]
  binary,     // parts[0] op parts[1]; arithmetic
  both,       // parts[0] and parts[1]
  either,     // parts[0] or parts[1]
  compare,    // parts[0] ops[0] parts[1] ops[1] parts[2] ...
  concat,     // parts[0] ~ parts[1] ~ ...
  choice,     // parts[1] if parts[0] else parts[2], which may be null
};

enum class Operator : uint8_t {
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  power,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in,
};

struct NamedExpr {
  std::string name;
  ExprPtr value;
};

struct Expr {
  ExprKind kind = ExprKind::constant;
  int line = 0;
  int height = 1;  // nodes on the longest way down, for bounded recursion
  std::string name;
  Value value;
  std::vector<ExprPtr> parts;
  std::vector<Operator> ops;
  const Builtin* builtin = nullptr;  // of a filter or test; null: none has this name
  // of call, filter and test
  std::vector<ExprPtr> positional;
  std::vector<NamedExpr> named;
  ExprPtr star, double_star;
};

struct Stmt;
using Body = std::vector<Stmt>;

enum class StmtKind : uint8_t {
  text,        // name: as it is
  print,       // value
  branch,      // if: branches, otherwise
  loop,        // for target in value if condition: body, else otherwise
  assign,      // set target = value
  assign_all,  // set target | value: body (value null without filters)
  macro,       // macro name(parameters): body
  call,        // call(parameters) value: body
  filter,      // filter value: body
  with,        // with targets = values: body
  scope,       // block, autoescape false: body
  generation,  // the assistant's own words (transformers): body
  leave_loop,
  next_round,
  refused,  // name: why; an error when it is reached
};

struct Parameter {
  std::string name;
  ExprPtr fallback;  // null: none
};

struct Branch;

struct Stmt {
  StmtKind kind = StmtKind::text;
  int line = 0;
  std::string name;
  ExprPtr target, value, condition;
  bool recursive = false;
  // A macro that mentions these takes them.
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;
  std::vector<Parameter> parameters;
  std::vector<std::pair<ExprPtr, ExprPtr>> bindings;  // of with
  std::vector<Branch> branches;
  Body body, otherwise;
};

struct Branch {
  ExprPtr condition;
  Body body;
};

}  // namespace quire::jinja
