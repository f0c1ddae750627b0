// Runs one rendering of a template: statements write into the output, expressions make values.
// Everything that costs counts against the limits here.
#pragma once
#include "jinja/ast.h"
#include "jinja/template.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quire::jinja {

// Variables that are set in one place: the template, a macro, one round of a loop. A name that is
// not here is looked for outside. Names live in the template.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string_view, Value>> variables;

  void set(std::string_view name, Value value);
  const Value* find(std::string_view name) const;  // here and outside
};

class Interpreter {
 public:
  Interpreter(const Value& variables, const RenderOptions& options);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  Result<Rendered> run(const Body& body);
  int line() const { return line_; }  // of the operation that failed

  // For builtins.
  Result<void> step(uint64_t n = 1);
  // Counts what was made against the memory. Every new text, list, dict goes through one of these.
  Result<Value> keep(Value value);
  Result<Value> text(std::string text, Markup markup = Markup::no);
  Result<Value> list(Values items) { return keep(make_list(std::move(items))); }
  // Whether it can be a key of a dict; to be asked before a dict is.
  Result<void> check_key(const Value& key);
  // Whether a text of so many bytes may be made at all.
  Result<void> check_text(size_t n_bytes) const;
  PrintLimit print_limit() const { return {options_.limits.output_bytes_max}; }
  const RenderOptions& options() const { return options_; }

  Result<std::string> str(const Value& value);
  Result<Values> iterate(const Value& value);  // an iterator is used up by it
  Result<int64_t> length(const Value& value);
  Result<Value> attribute(const Value& of, std::string_view name);
  Result<Value> item(const Value& of, const Value& key);
  Result<Value> slice(const Value& of, const Value& start, const Value& stop, const Value& step);
  Result<Value> call(const Value& callee, Arguments arguments);
  Result<Value> call_filter(std::string_view name, const Value& value, Arguments arguments);
  Result<bool> call_test(std::string_view name, const Value& value, Arguments arguments);
  Result<bool> contains(const Value& container, const Value& item);
  Result<Value> call_macro(const Stmt& macro, const std::shared_ptr<Scope>& scope,
                           Arguments arguments);
  // The body of a recursive loop once more, over other items: loop(items).
  Result<Value> call_loop(LoopState& loop, const Value& items);
  // The next item of a loop that its condition lets through; missing after the last one.
  Result<Value> next_item(LoopState& loop);
  Result<Value> new_name_space(const Dict& attributes);

 private:
  enum class Flow : uint8_t { on, leave_loop, next_round };
  using Clock = std::chrono::steady_clock;

  Result<Value> eval(const Expr& expr);
  Result<Value> eval_name(const Expr& expr);
  Result<Value> eval_items(const Expr& expr);
  Result<Value> eval_dict(const Expr& expr);
  Result<Value> eval_slice(const Expr& expr);
  Result<Value> eval_call(const Expr& expr, const Value* caller = nullptr);
  Result<Value> eval_builtin(const Expr& expr, const Value& value);
  Result<Value> eval_filter_or_test(const Expr& expr);
  Result<Value> eval_compare(const Expr& expr);
  Result<Value> eval_concat(const Expr& expr);
  Result<Value> eval_choice(const Expr& expr);
  Result<Arguments> eval_arguments(const Expr& expr);
  // The value through filters whose innermost has no operand: those of set and filter blocks.
  Result<Value> eval_filters(const Expr& expr, const Value& innermost);

  Result<Flow> exec(const Body& body);
  Result<Flow> exec(const Stmt& statement);
  Result<Flow> exec_branch(const Stmt& statement);
  Result<Flow> exec_loop(const Stmt& statement, const Value& iterable, int64_t depth0);
  Result<Flow> exec_assign_all(const Stmt& statement);
  Result<void> exec_call(const Stmt& statement);
  Result<Flow> exec_filter(const Stmt& statement);
  Result<Flow> exec_with(const Stmt& statement);
  Result<Flow> exec_scope(const Stmt& statement);
  Result<void> assign(const Expr& target, const Value& value);
  Result<Value> make_macro(const Stmt& statement);
  Result<void> bind_parameters(const Stmt& macro, Arguments& arguments);
  // Text that a body writes, in a scope of its own.
  struct Captured {
    std::string text;
    Flow flow = Flow::on;  // other than on: a loop around is left, and the text with it
  };
  Result<Captured> capture(const Body& body);
  Result<void> write(std::string_view text);
  Result<void> print(const Value& value);
  Result<void> check_stack() const;

  const Value& variables_;
  RenderOptions options_;
  Memory memory_;  // before everything that holds values
  std::string output_;
  std::string* out_ = &output_;
  std::vector<GeneratedSpan> generated_;
  std::shared_ptr<Scope> scope_;
  // What values can form rings through: emptied at the end, so that nothing is left over.
  std::vector<std::shared_ptr<Scope>> captured_;
  std::vector<Value> name_spaces_;
  uint64_t n_steps_ = 0;
  int n_calls_ = 0;
  int line_ = 1;
  Clock::time_point deadline_;
  const char* stack_base_ = nullptr;
};

// A scope of its own for as long as it lives.
class ScopeGuard {
 public:
  ScopeGuard(std::shared_ptr<Scope>& current, std::shared_ptr<Scope> inner)
      : current_(current), before_(std::exchange(current, std::move(inner))) {}
  ~ScopeGuard() { current_ = std::move(before_); }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;
  const std::shared_ptr<Scope>& outer() const { return before_; }

 private:
  std::shared_ptr<Scope>& current_;
  std::shared_ptr<Scope> before_;
};

// Operators on values (operators.cpp). bad_format as Python raises TypeError, limit beyond 64 bits.
Result<Value> binary(Interpreter& in, Operator op, const Value& a, const Value& b);
Result<Value> negative(const Value& value);
Result<Value> positive(const Value& value);
Result<bool> compare(Interpreter& in, Operator op, const Value& a, const Value& b);
// Stable; keys[i] belongs to items[i]. The order is Python's <.
enum class Order : uint8_t { ascending, descending };
Result<Values> sort_by(Interpreter& in, Values items, Values keys, Order order);

// printf-style formatting, str.format() and format() (formatting.cpp).
Result<Value> format_percent(Interpreter& in, std::string_view format, const Value& arguments,
                             Markup markup);
Result<Value> format_braces(Interpreter& in, std::string_view format, const Arguments& arguments);

// Of texts; n replacements at most, -1: all (methods_text.cpp).
Result<Value> replace_text(Interpreter& in, std::string_view text, std::string_view from,
                           std::string_view to, int64_t n, Markup markup);
enum class Padding : uint8_t { left, right, both };  // where the fill goes
Result<Value> pad_text(Interpreter& in, std::string_view text, int64_t width, std::string_view fill,
                       Padding padding, Markup markup);

std::string escape_html(std::string_view text);

}  // namespace quire::jinja
