// Expressions and everything builtins ask for; statements are in statements.cpp.
#include "jinja/interpreter.h"

#include "jinja/python_text.h"

#include <algorithm>

namespace quire::jinja {
namespace {

constexpr size_t object_bytes = 64;  // about what an empty text or list takes
constexpr uint64_t bytes_per_step = 64;
constexpr uint64_t steps_per_clock = 4096;  // a look at the clock costs as much as some steps
// A thread has 8 MiB of stack as a rule; what is below us is small.
constexpr ptrdiff_t stack_bytes_max = ptrdiff_t{2} << 20;

size_t bytes_of(const Value& value) {
  if (value.is(Kind::string)) return object_bytes + value.string().size();
  if (value.is_sequence()) return object_bytes + value.sequence().items.size() * sizeof(Value);
  // An entry, and its place in the index.
  if (value.is(Kind::dict))
    return 2 * object_bytes + value.dict().entries.size() * object_bytes * 2;
  if (value.is(Kind::loop)) return 4 * object_bytes + value.loop().items.size() * sizeof(Value);
  return 2 * object_bytes;
}

}  // namespace

void Scope::set(std::string_view name, Value value) {
  for (auto& [known, old] : variables)
    if (known == name) return void(old = std::move(value));
  variables.emplace_back(name, std::move(value));
}

const Value* Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get())
    for (const auto& [known, value] : scope->variables)
      if (known == name) return &value;
  return nullptr;
}

Interpreter::Interpreter(const Value& variables, const RenderOptions& options)
    : variables_(variables), options_(options), scope_(std::make_shared<Scope>()) {
  memory_.bytes_max = options_.limits.memory_bytes_max;
  deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(options_.limits.time_s_max));
}

Interpreter::~Interpreter() {
  for (const auto& scope : captured_) scope->variables.clear();
  for (const Value& space : name_spaces_) space.name_space().attributes.clear();
}

Result<void> Interpreter::step(uint64_t n) {
  const uint64_t before = n_steps_;
  n_steps_ += n;
  if (n_steps_ > options_.limits.steps_max)
    return fail(Fault::limit, "the template takes more than {} steps", options_.limits.steps_max);
  if (before / steps_per_clock != n_steps_ / steps_per_clock && Clock::now() > deadline_)
    return fail(Fault::limit, "the template takes more than {} s", options_.limits.time_s_max);
  return {};
}

Result<void> Interpreter::check_stack() const {
  const char* here = static_cast<const char*>(__builtin_frame_address(0));
  if (stack_base_ - here > stack_bytes_max)
    return fail(Fault::limit, "the template nests too deep");
  return {};
}

Result<void> Interpreter::check_text(size_t n_bytes) const {
  if (n_bytes > options_.limits.output_bytes_max)
    return fail(Fault::limit, "a text of {} bytes is too long, at most {}", n_bytes,
                options_.limits.output_bytes_max);
  return {};
}

Result<Value> Interpreter::keep(Value value) {
  const Object* object = value.object().get();
  if (object == nullptr || object->memory != nullptr) return value;
  if (value.depth() > nesting_max)
    return fail(Fault::limit, "lists and dicts nest more than {} deep", nesting_max);
  object->memory = &memory_;
  object->bytes = bytes_of(value);
  memory_.live_bytes += object->bytes;
  if (memory_.live_bytes > memory_.bytes_max)
    return fail(Fault::limit, "the template needs more than {} bytes of memory", memory_.bytes_max);
  TRY(step(1 + object->bytes / bytes_per_step));
  return value;
}

Result<Value> Interpreter::text(std::string text, Markup markup) {
  TRY(check_text(text.size()));
  return keep(Value(std::move(text), markup));
}

Result<std::string> Interpreter::str(const Value& value) {
  std::string out;
  TRY(append_str(out, value, print_limit()));
  TRY(step(out.size() / bytes_per_step));
  return out;
}

Result<Values> Interpreter::iterate(const Value& value) {
  Values items;
  switch (value.kind()) {
    case Kind::undefined:
      return items;
    case Kind::string: {
      const std::string_view text = value.string();
      for (size_t i = 0; i < text.size();) {
        size_t n = 1;
        while (i + n < text.size() && (static_cast<unsigned char>(text[i + n]) & 0xC0) == 0x80) ++n;
        items.push_back(TRY(this->text(std::string(text.substr(i, n)), value.text().markup)));
        i += n;
      }
      return items;
    }
    case Kind::list:
    case Kind::tuple:
    case Kind::range:
    case Kind::view:
      items = value.sequence().items;
      break;
    case Kind::iterator: {
      const Sequence& sequence = value.sequence();
      items.assign(sequence.items.begin() + static_cast<ptrdiff_t>(sequence.next),
                   sequence.items.end());
      sequence.next = sequence.items.size();
      break;
    }
    case Kind::dict:
      for (const auto& entry : value.dict().entries) items.push_back(entry.first);
      break;
    default:
      return fail(Fault::bad_format, "'{}' object is not iterable", type_name(value));
  }
  TRY(step(items.size()));
  return items;
}

Result<int64_t> Interpreter::length(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
      return 0;
    case Kind::string:
      return static_cast<int64_t>(value.text().n_chars);
    case Kind::list:
    case Kind::tuple:
    case Kind::range:
    case Kind::view:
      return static_cast<int64_t>(value.sequence().items.size());
    case Kind::dict:
      return static_cast<int64_t>(value.dict().entries.size());
    case Kind::loop: {
      const Value n = TRY(loop_attribute(*this, value, "length"));
      return n.integer();
    }
    default:
      return fail(Fault::bad_format, "object of type '{}' has no len()", type_name(value));
  }
}

Result<void> Interpreter::check_key(const Value& key) {
  TRY(step(key.weight()));
  if (!is_hashable(key)) return fail(Fault::bad_format, "unhashable type: '{}'", type_name(key));
  return {};
}

Result<Value> Interpreter::new_name_space(const Dict& attributes) {
  auto space = std::make_shared<NameSpace>();
  space->depth = 1;
  for (const auto& [name, value] : attributes.entries) {
    if (name.is(Kind::string) && name.string().starts_with('_'))
      return fail(Fault::bad_format,
                  "a namespace cannot have the attribute '{}': names with an underscore in front "
                  "are refused",
                  name.string());
    space->attributes.set(name, value);
  }
  Value result = TRY(keep(Value(Kind::name_space, std::move(space))));
  name_spaces_.push_back(result);
  return result;
}

Result<Value> Interpreter::eval(const Expr& expr) {
  TRY(step());
  TRY(check_stack());
  line_ = expr.line;
  switch (expr.kind) {
    case ExprKind::constant:
      return expr.value;
    case ExprKind::name:
      return eval_name(expr);
    case ExprKind::list:
    case ExprKind::tuple:
      return eval_items(expr);
    case ExprKind::dict:
      return eval_dict(expr);
    case ExprKind::attribute: {
      const Value of = TRY(eval(*expr.parts[0]));
      line_ = expr.line;
      return attribute(of, expr.name);
    }
    case ExprKind::item: {
      const Value of = TRY(eval(*expr.parts[0]));
      const Value key = TRY(eval(*expr.parts[1]));
      line_ = expr.line;
      return item(of, key);
    }
    case ExprKind::slice:
      return eval_slice(expr);
    case ExprKind::call:
      return eval_call(expr);
    case ExprKind::filter:
    case ExprKind::test:
      return eval_filter_or_test(expr);
    case ExprKind::negate: {
      const Value value = TRY(eval(*expr.parts[0]));
      return Value(!truth(value));
    }
    case ExprKind::minus:
    case ExprKind::plus: {
      const Value value = TRY(eval(*expr.parts[0]));
      line_ = expr.line;
      return expr.kind == ExprKind::minus ? negative(value) : positive(value);
    }
    case ExprKind::binary: {
      const Value a = TRY(eval(*expr.parts[0]));
      const Value b = TRY(eval(*expr.parts[1]));
      line_ = expr.line;
      return binary(*this, expr.ops[0], a, b);
    }
    case ExprKind::both:
    case ExprKind::either: {
      Value left = TRY(eval(*expr.parts[0]));
      if (truth(left) == (expr.kind == ExprKind::either)) return left;
      return eval(*expr.parts[1]);
    }
    case ExprKind::compare:
      return eval_compare(expr);
    case ExprKind::concat:
      return eval_concat(expr);
    case ExprKind::choice:
      return eval_choice(expr);
  }
  return Value::none();
}

Result<Value> Interpreter::eval_name(const Expr& expr) {
  if (const Value* value = scope_->find(expr.name)) return *value;
  if (const Value* value = variables_.dict().find(std::string_view(expr.name))) return *value;
  if (const Builtin* function = find_builtin(global_functions(), expr.name))
    return make_function(*function);
  return Value::undefined(expr.name);
}

Result<Value> Interpreter::eval_items(const Expr& expr) {
  Values items;
  items.reserve(expr.parts.size());
  for (const ExprPtr& part : expr.parts) items.push_back(TRY(eval(*part)));
  return keep(expr.kind == ExprKind::list ? make_list(std::move(items))
                                          : make_tuple(std::move(items)));
}

Result<Value> Interpreter::eval_dict(const Expr& expr) {
  auto dict = std::make_shared<Dict>();
  for (size_t i = 0; i < expr.parts.size(); i += 2) {
    const Value key = TRY(eval(*expr.parts[i]));
    Value value = TRY(eval(*expr.parts[i + 1]));
    TRY(check_key(key));
    dict->set(key, std::move(value));
  }
  return keep(make_dict(std::move(dict)));
}

Result<Value> Interpreter::eval_slice(const Expr& expr) {
  const Value of = TRY(eval(*expr.parts[0]));
  Value bounds[3] = {Value::none(), Value::none(), Value::none()};
  for (size_t i = 0; i < 3; ++i)
    if (expr.parts[i + 1]) bounds[i] = TRY(eval(*expr.parts[i + 1]));
  line_ = expr.line;
  return slice(of, bounds[0], bounds[1], bounds[2]);
}

Result<Arguments> Interpreter::eval_arguments(const Expr& expr) {
  Arguments arguments;
  for (const ExprPtr& part : expr.positional) arguments.positional.push_back(TRY(eval(*part)));
  for (const NamedExpr& part : expr.named)
    arguments.named.emplace_back(part.name, TRY(eval(*part.value)));
  if (expr.star) {
    const Value more = TRY(eval(*expr.star));
    for (Value& value : TRY(iterate(more))) arguments.positional.push_back(std::move(value));
  }
  if (expr.double_star) {
    const Value more = TRY(eval(*expr.double_star));
    if (!more.is(Kind::dict))
      return fail(Fault::bad_format, "argument after ** must be a mapping, not {}",
                  type_name(more));
    for (const auto& [name, value] : more.dict().entries) {
      if (!name.is(Kind::string)) return fail(Fault::bad_format, "keywords must be strings");
      for (const Named& known : arguments.named)
        if (known.first == name.string())
          return fail(Fault::bad_format, "the argument '{}' is given twice", known.first);
      arguments.named.emplace_back(std::string(name.string()), value);
    }
  }
  line_ = expr.line;
  return arguments;
}

Result<Value> Interpreter::eval_call(const Expr& expr, const Value* caller) {
  const Value callee = TRY(eval(*expr.parts[0]));
  Arguments arguments = TRY(eval_arguments(expr));
  if (caller != nullptr) {
    // `caller=` written out is a second value for it.
    for (const Named& known : arguments.named)
      if (known.first == "caller")
        return fail(Fault::bad_format, "the argument 'caller' is given twice");
    arguments.named.emplace_back("caller", *caller);
  }
  return call(callee, std::move(arguments));
}

Result<Value> Interpreter::eval_builtin(const Expr& expr, const Value& value) {
  Arguments arguments = TRY(eval_arguments(expr));
  if (expr.builtin == nullptr)
    return fail(Fault::bad_format, "no {} named '{}'",
                expr.kind == ExprKind::filter ? "filter" : "test", expr.name);
  return call_builtin(*this, *expr.builtin, value, std::move(arguments));
}

Result<Value> Interpreter::eval_filter_or_test(const Expr& expr) {
  const Value value = TRY(eval(*expr.parts[0]));
  return eval_builtin(expr, value);
}

Result<Value> Interpreter::eval_filters(const Expr& expr, const Value& innermost) {
  Value value = innermost;
  if (expr.parts[0]) value = TRY(eval_filters(*expr.parts[0], innermost));
  return eval_builtin(expr, value);
}

Result<Value> Interpreter::eval_compare(const Expr& expr) {
  Value left = TRY(eval(*expr.parts[0]));
  for (size_t i = 0; i < expr.ops.size(); ++i) {
    Value right = TRY(eval(*expr.parts[i + 1]));
    line_ = expr.line;
    const bool holds = TRY(compare(*this, expr.ops[i], left, right));
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Result<Value> Interpreter::eval_concat(const Expr& expr) {
  std::string all;
  for (const ExprPtr& part : expr.parts) {
    const Value value = TRY(eval(*part));
    TRY(append_str(all, value, print_limit()));
  }
  return text(std::move(all));
}

Result<Value> Interpreter::eval_choice(const Expr& expr) {
  const Value condition = TRY(eval(*expr.parts[0]));
  if (truth(condition)) return eval(*expr.parts[1]);
  if (expr.parts[2]) return eval(*expr.parts[2]);
  return make_undefined(fmt::format(
      "the inline if-expression on line {} evaluated to false and has no else", expr.line));
}

Result<Value> Interpreter::call(const Value& callee, Arguments arguments) {
  TRY(step());
  if (callee.is(Kind::undefined)) return fail(Fault::bad_format, "{}", undefined_reason(callee));
  if (callee.is(Kind::loop)) {
    if (arguments.positional.size() != 1 || !arguments.named.empty())
      return fail(Fault::bad_format, "loop() takes one argument, what to go through");
    return call_loop(callee.loop(), arguments.positional[0]);
  }
  if (!callee.is(Kind::callable))
    return fail(Fault::bad_format, "'{}' object is not callable", type_name(callee));
  // Kept here for as long as it runs: it may be the last owner of what it works on.
  const Value alive = callee;  // NOLINT(performance-unnecessary-copy-initialization)
  return alive.callable().call(*this, std::move(arguments));
}

Result<Value> Interpreter::call_filter(std::string_view name, const Value& value,
                                       Arguments arguments) {
  const Builtin* filter = find_builtin(filters(), name);
  if (filter == nullptr) return fail(Fault::bad_format, "no filter named '{}'", name);
  TRY(step());
  return call_builtin(*this, *filter, value, std::move(arguments));
}

Result<bool> Interpreter::call_test(std::string_view name, const Value& value,
                                    Arguments arguments) {
  const Builtin* test = find_builtin(tests(), name);
  if (test == nullptr) return fail(Fault::bad_format, "no test named '{}'", name);
  TRY(step());
  const Value result = TRY(call_builtin(*this, *test, value, std::move(arguments)));
  return truth(result);
}

Result<bool> Interpreter::contains(const Value& container, const Value& wanted) {
  switch (container.kind()) {
    case Kind::string:
      if (!wanted.is(Kind::string))
        return fail(Fault::bad_format, "'in <string>' requires string as left operand, not {}",
                    type_name(wanted));
      TRY(step(container.string().size() / bytes_per_step));
      return find_text(container.string(), wanted.string()) != std::string_view::npos;
    case Kind::dict:
      TRY(check_key(wanted));
      return container.dict().find(wanted) != nullptr;
    default: {
      for (const Value& item : TRY(iterate(container))) {
        TRY(step(std::min(item.weight(), wanted.weight())));
        if (identical(item, wanted) || equal(item, wanted)) return true;
      }
      return false;
    }
  }
}

}  // namespace quire::jinja
