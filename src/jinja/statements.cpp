// Statements: what writes text, sets variables, and decides what runs.
#include "jinja/interpreter.h"
#include "jinja/python_text.h"

#include <algorithm>

namespace quire::jinja {
namespace {

constexpr size_t captured_max = 100'000;  // scopes that macros keep alive

// A macro of the template with the scope it was defined in, or the body of a call block.
struct MacroFunction : Callable {
  const Stmt* statement = nullptr;
  std::shared_ptr<Scope> scope;

  Result<Value> call(Interpreter& in, Arguments arguments) const override {
    return in.call_macro(*statement, scope, std::move(arguments));
  }
  Value attribute(std::string_view which) const override {
    if (which == "name") return name.empty() ? Value::none() : Value(name);
    if (which == "catch_kwargs") return Value(statement->uses_kwargs);
    if (which == "catch_varargs") return Value(statement->uses_varargs);
    if (which == "caller") return Value(statement->uses_caller);
    if (which != "arguments") return {};
    Values names;
    for (const Parameter& parameter : statement->parameters) names.emplace_back(parameter.name);
    return make_tuple(std::move(names));
  }
  std::string repr() const override {
    return name.empty() ? "<Macro anonymous>" : fmt::format("<Macro {}>", string_repr(name));
  }
};

std::shared_ptr<Scope> inner_scope(const std::shared_ptr<Scope>& outer) {
  auto scope = std::make_shared<Scope>();
  scope->parent = outer;
  return scope;
}

}  // namespace

Result<Rendered> Interpreter::run(const Body& body) {
  stack_base_ = static_cast<const char*>(__builtin_frame_address(0));
  const Flow flow = TRY(exec(body));
  static_cast<void>(flow);
  return Rendered{std::move(output_), std::move(generated_)};
}

Result<void> Interpreter::write(std::string_view text) {
  if (out_->size() + text.size() > options_.limits.output_bytes_max)
    return fail(Fault::limit, "the template writes more than {} bytes",
                options_.limits.output_bytes_max);
  TRY(step(text.size() / 64));
  *out_ += text;
  return {};
}

Result<void> Interpreter::print(const Value& value) {
  if (value.is(Kind::string)) return write(value.string());
  const size_t before = out_->size();
  TRY(append_str(*out_, value, print_limit()));
  return step((out_->size() - before) / 64);
}

Result<Interpreter::Captured> Interpreter::capture(const Body& body) {
  Captured captured;
  std::string* const before = std::exchange(out_, &captured.text);
  const ScopeGuard guard(scope_, inner_scope(scope_));
  Result<Flow> flow = exec(body);
  out_ = before;
  captured.flow = TRY(std::move(flow));
  return captured;
}

Result<Interpreter::Flow> Interpreter::exec(const Body& body) {
  for (const Stmt& statement : body) {
    const Flow flow = TRY(exec(statement));
    if (flow != Flow::on) return flow;
  }
  return Flow::on;
}

Result<Interpreter::Flow> Interpreter::exec(const Stmt& statement) {
  TRY(step());
  TRY(check_stack());
  line_ = statement.line;
  switch (statement.kind) {
    case StmtKind::text:
      TRY(write(statement.name));
      return Flow::on;
    case StmtKind::print: {
      const Value value = TRY(eval(*statement.value));
      line_ = statement.line;
      TRY(print(value));
      return Flow::on;
    }
    case StmtKind::branch:
      return exec_branch(statement);
    case StmtKind::loop: {
      const Value iterable = TRY(eval(*statement.value));
      return exec_loop(statement, iterable, 0);
    }
    case StmtKind::assign: {
      const Value value = TRY(eval(*statement.value));
      line_ = statement.line;
      TRY(assign(*statement.target, value));
      return Flow::on;
    }
    case StmtKind::assign_all:
      return exec_assign_all(statement);
    case StmtKind::macro:
      scope_->set(statement.name, TRY(make_macro(statement)));
      return Flow::on;
    case StmtKind::call:
      TRY(exec_call(statement));
      return Flow::on;
    case StmtKind::filter:
      return exec_filter(statement);
    case StmtKind::with:
      return exec_with(statement);
    case StmtKind::scope:
    case StmtKind::generation:
      return exec_scope(statement);
    case StmtKind::leave_loop:
      return Flow::leave_loop;
    case StmtKind::next_round:
      return Flow::next_round;
    case StmtKind::refused:
      return fail(Fault::unsupported, "'{}' needs other templates, and there are none",
                  statement.name);
  }
  return Flow::on;
}

Result<Interpreter::Flow> Interpreter::exec_branch(const Stmt& statement) {
  for (const Branch& branch : statement.branches) {
    const Value condition = TRY(eval(*branch.condition));
    if (truth(condition)) return exec(branch.body);
  }
  return exec(statement.otherwise);
}

Result<Value> Interpreter::next_item(LoopState& loop) {
  const Stmt& statement = *loop.statement;
  while (loop.next < loop.items.size()) {
    Value item = loop.items[loop.next++];
    if (!statement.condition || loop.accepted) return item;
    const ScopeGuard guard(scope_, inner_scope(loop.scope));
    TRY(assign(*statement.target, item));
    const Value passes = TRY(eval(*statement.condition));
    if (truth(passes)) return item;
  }
  return Value{};
}

Result<Interpreter::Flow> Interpreter::exec_loop(const Stmt& statement, const Value& iterable,
                                                 int64_t depth0) {
  line_ = statement.line;
  const auto state = std::make_shared<LoopState>();
  state->items = TRY(iterate(iterable));
  if (!statement.condition) state->length = static_cast<int64_t>(state->items.size());
  state->depth0 = depth0;
  state->depth = 1 + iterable.depth();
  state->statement = &statement;
  state->scope = scope_;
  const Value loop = TRY(keep(Value(Kind::loop, state)));
  std::shared_ptr<Scope> round = inner_scope(scope_);
  bool completed = false;
  while (true) {
    Value item = state->after.is(Kind::missing) ? TRY(next_item(*state))
                                                : std::exchange(state->after, Value{});
    if (item.is(Kind::missing)) break;
    ++state->index0;
    state->before = std::exchange(state->current, item);
    // A macro or a namespace may hold on to the scope of a round; then the next gets a new one.
    if (round.use_count() > 1)
      round = inner_scope(scope_);
    else
      round->variables.clear();
    round->set("loop", loop);
    const ScopeGuard guard(scope_, round);
    line_ = statement.line;
    TRY(assign(*statement.target, item));
    const Flow flow = TRY(exec(statement.body));
    if (flow == Flow::leave_loop) break;
    completed = completed || flow == Flow::on;
  }
  // A value that outlives the loop must not hold on to scopes.
  state->scope.reset();
  // Jinja2's else is for loops of which no round came to its end, be it for a break or a continue.
  if (completed || statement.otherwise.empty()) return Flow::on;
  const ScopeGuard guard(scope_, inner_scope(scope_));
  return exec(statement.otherwise);
}

Result<Value> Interpreter::call_loop(LoopState& loop, const Value& items) {
  if (!loop.statement->recursive)
    return fail(Fault::bad_format, "only a loop marked 'recursive' can be called");
  if (loop.scope == nullptr) return fail(Fault::bad_format, "this loop has ended");
  if (n_calls_ >= options_.limits.calls_max)
    return fail(Fault::limit, "loops call each other more than {} deep", options_.limits.calls_max);
  std::string text;
  std::string* const before = std::exchange(out_, &text);
  const ScopeGuard guard(scope_, loop.scope);
  ++n_calls_;
  Result<Flow> flow = exec_loop(*loop.statement, items, loop.depth0 + 1);
  --n_calls_;
  out_ = before;
  if (!flow.has_value()) return std::unexpected(flow.error());
  return this->text(std::move(text));
}

Result<void> Interpreter::assign(const Expr& target, const Value& value) {
  if (target.kind == ExprKind::name) {
    scope_->set(target.name, value);
    return {};
  }
  if (target.kind == ExprKind::attribute) {
    const Value of = TRY(eval_name(*target.parts[0]));
    if (!of.is(Kind::name_space))
      return fail(Fault::bad_format, "cannot assign attribute on non-namespace object");
    if (target.name.starts_with('_'))
      return fail(Fault::bad_format, "a namespace cannot have the attribute '{}'", target.name);
    of.name_space().attributes.set(Value(target.name), value);
    // Its depth stays that of an empty one: a walk through it is bounded by itself.
    return {};
  }
  const Values items = TRY(iterate(value));
  if (items.size() != target.parts.size())
    return fail(Fault::bad_format, "{} values to unpack, expected {}", items.size(),
                target.parts.size());
  for (size_t i = 0; i < items.size(); ++i) TRY(assign(*target.parts[i], items[i]));
  return {};
}

Result<Interpreter::Flow> Interpreter::exec_assign_all(const Stmt& statement) {
  Captured written = TRY(capture(statement.body));
  if (written.flow != Flow::on) return written.flow;
  Value value = TRY(text(std::move(written.text)));
  if (statement.value) {
    const ScopeGuard guard(scope_, inner_scope(scope_));
    value = TRY(eval_filters(*statement.value, value));
  }
  line_ = statement.line;
  TRY(assign(*statement.target, value));
  return Flow::on;
}

Result<Value> Interpreter::make_macro(const Stmt& statement) {
  auto macro = std::make_shared<MacroFunction>();
  macro->name = statement.kind == StmtKind::macro ? statement.name : "caller";
  macro->statement = &statement;
  macro->scope = scope_;
  if (captured_.empty() || captured_.back() != scope_) captured_.push_back(scope_);
  if (captured_.size() > captured_max)
    return fail(Fault::limit, "more than {} macros are defined", captured_max);
  return keep(Value(Kind::callable, std::move(macro)));
}

Result<void> Interpreter::exec_call(const Stmt& statement) {
  const Value caller = TRY(make_macro(statement));
  const Value value = TRY(eval_call(*statement.value, &caller));
  line_ = statement.line;
  return print(value);
}

Result<Interpreter::Flow> Interpreter::exec_filter(const Stmt& statement) {
  Captured written = TRY(capture(statement.body));
  if (written.flow != Flow::on) return written.flow;
  const Value value = TRY(text(std::move(written.text)));
  const Value filtered = TRY(eval_filters(*statement.value, value));
  line_ = statement.line;
  TRY(print(filtered));
  return Flow::on;
}

Result<Interpreter::Flow> Interpreter::exec_with(const Stmt& statement) {
  const std::shared_ptr<Scope> inner = inner_scope(scope_);
  std::vector<Value> values;  // they do not see the new names yet
  values.reserve(statement.bindings.size());
  for (const auto& [target, value] : statement.bindings) values.push_back(TRY(eval(*value)));
  const ScopeGuard guard(scope_, inner);
  for (size_t i = 0; i < values.size(); ++i) TRY(assign(*statement.bindings[i].first, values[i]));
  return exec(statement.body);
}

Result<Interpreter::Flow> Interpreter::exec_scope(const Stmt& statement) {
  const size_t begin = out_->size();
  const bool in_output = out_ == &output_;
  const ScopeGuard guard(scope_, inner_scope(scope_));
  const Flow flow = TRY(exec(statement.body));
  if (statement.kind == StmtKind::generation && in_output)
    generated_.push_back({begin, out_->size()});
  return flow;
}

// Arguments to parameters, in the macro's own scope.
Result<void> Interpreter::bind_parameters(const Stmt& macro, Arguments& arguments) {
  const char* name = macro.name.empty() ? "caller" : macro.name.c_str();
  const auto take_named = [&](std::string_view wanted) {
    const auto found = std::find_if(arguments.named.begin(), arguments.named.end(),
                                    [&](const Named& named) { return named.first == wanted; });
    if (found == arguments.named.end()) return Value{};
    Value value = std::move(found->second);
    arguments.named.erase(found);
    return value;
  };
  bool has_caller = false;
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const Parameter& parameter = macro.parameters[i];
    has_caller = has_caller || parameter.name == "caller";
    Value value =
        i < arguments.positional.size() ? arguments.positional[i] : take_named(parameter.name);
    if (value.is(Kind::missing) && parameter.fallback) value = TRY(eval(*parameter.fallback));
    if (value.is(Kind::missing))
      value = make_undefined(fmt::format("parameter '{}' was not provided", parameter.name));
    scope_->set(parameter.name, std::move(value));
  }
  if (macro.uses_caller && !has_caller) {
    Value caller = take_named("caller");
    if (caller.is(Kind::missing)) caller = make_undefined("No caller defined");
    scope_->set("caller", std::move(caller));
  }
  if (macro.uses_kwargs) {
    auto rest = std::make_shared<Dict>();
    for (auto& [key, value] : arguments.named) rest->set(Value(key), value);
    scope_->set("kwargs", TRY(keep(make_dict(std::move(rest)))));
  } else if (!arguments.named.empty()) {
    return fail(Fault::bad_format, "macro '{}' takes no keyword argument '{}'", name,
                arguments.named[0].first);
  }
  const size_t n = macro.parameters.size();
  if (macro.uses_varargs) {
    Values rest;
    for (size_t i = n; i < arguments.positional.size(); ++i)
      rest.push_back(arguments.positional[i]);
    scope_->set("varargs", TRY(keep(make_tuple(std::move(rest)))));
  } else if (arguments.positional.size() > n) {
    return fail(Fault::bad_format, "macro '{}' takes not more than {} arguments", name, n);
  }
  return {};
}

Result<Value> Interpreter::call_macro(const Stmt& macro, const std::shared_ptr<Scope>& scope,
                                      Arguments arguments) {
  if (n_calls_ >= options_.limits.calls_max)
    return fail(Fault::limit, "macros call each other more than {} deep",
                options_.limits.calls_max);
  const ScopeGuard guard(scope_, inner_scope(scope));
  TRY(bind_parameters(macro, arguments));
  ++n_calls_;
  Result<Captured> written = capture(macro.body);
  --n_calls_;
  if (!written.has_value()) return std::unexpected(written.error());
  return text(std::move(written->text));
}

Result<Value> loop_attribute(Interpreter& in, const Value& loop_value, std::string_view name) {
  LoopState& loop = loop_value.loop();
  if (name == "index") return Value(loop.index0 + 1);
  if (name == "index0") return Value(loop.index0);
  if (name == "first") return Value(loop.index0 == 0);
  if (name == "depth") return Value(loop.depth0 + 1);
  if (name == "depth0") return Value(loop.depth0);
  if (name == "previtem")
    return loop.index0 <= 0 ? make_undefined("there is no previous item") : loop.before;
  if (name == "last" || name == "nextitem") {
    if (loop.after.is(Kind::missing)) loop.after = TRY(in.next_item(loop));
    const bool none = loop.after.is(Kind::missing);
    if (name == "last") return Value(none);
    return none ? make_undefined("there is no next item") : loop.after;
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    if (loop.length < 0) {
      // All that are left are looked at now, and stand as they are.
      Values rest;
      while (true) {
        Value item = TRY(in.next_item(loop));
        if (item.is(Kind::missing)) break;
        rest.push_back(std::move(item));
      }
      loop.length = static_cast<int64_t>(rest.size()) + loop.index0 + 1 +
                    (loop.after.is(Kind::missing) ? 0 : 1);
      loop.accepted = true;
      loop.items = std::move(rest);
      loop.next = 0;
    }
    if (name == "length") return Value(loop.length);
    return Value(loop.length - loop.index0 - (name == "revindex0" ? 1 : 0));
  }
  if (const Builtin* method = find_builtin(methods(loop_value), name))
    return in.keep(make_function(*method, loop_value));
  return Value{};
}

}  // namespace quire::jinja
