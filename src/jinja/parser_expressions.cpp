#include "jinja/parser_impl.h"

#include "format/printable.h"

#include <algorithm>
#include <optional>

namespace quire::jinja {
namespace {

struct OperatorName {
  std::string_view text;
  Operator op;
};

std::optional<Operator> find_operator(std::string_view text,
                                      std::initializer_list<OperatorName> of) {
  for (const OperatorName& row : of)
    if (row.text == text) return row.op;
  return std::nullopt;
}

std::vector<ExprPtr> parts_of(ExprPtr a, ExprPtr b) {
  std::vector<ExprPtr> parts;
  parts.push_back(std::move(a));
  parts.push_back(std::move(b));
  return parts;
}

std::vector<ExprPtr> parts_of(ExprPtr a) {
  std::vector<ExprPtr> parts;
  parts.push_back(std::move(a));
  return parts;
}

std::string describe(const Token& token) {
  switch (token.type) {
    case TokenType::end:
      return "the end of the template";
    case TokenType::variable_begin:
    case TokenType::variable_end:
    case TokenType::block_begin:
    case TokenType::block_end:
    case TokenType::op:
    case TokenType::name:
    case TokenType::number:
      return fmt::format("'{}'", printable(token.text, 60));
    case TokenType::string:
      return "a string";
    case TokenType::data:
      return "text";
  }
  return "?";
}

}  // namespace

bool Parser::at_op(std::string_view text) const {
  return now().type == TokenType::op && now().text == text;
}

bool Parser::at_name(std::string_view text) const {
  return now().type == TokenType::name && now().text == text;
}

bool Parser::at_name(std::initializer_list<std::string_view> names) const {
  return std::any_of(names.begin(), names.end(), [&](auto name) { return at_name(name); });
}

bool Parser::skip_op(std::string_view text) {
  const bool found = at_op(text);
  if (found) take();
  return found;
}

bool Parser::skip_name(std::string_view text) {
  const bool found = at_name(text);
  if (found) take();
  return found;
}

std::unexpected<Error> Parser::unexpected_token(std::string_view wanted) const {
  return fail(Fault::bad_format, "line {}: expected {}, not {}", now().line, wanted,
              describe(now()));
}

Result<void> Parser::expect_op(std::string_view text) {
  if (!skip_op(text)) return unexpected_token(fmt::format("'{}'", text));
  return {};
}

Result<void> Parser::expect(TokenType type, const char* what) {
  if (now().type != type) return unexpected_token(what);
  take();
  return {};
}

Result<std::string> Parser::expect_name() {
  if (now().type != TokenType::name) return unexpected_token("a name");
  return take().text;
}

Result<void> Parser::check_depth() const {
  if (depth_ > parse_depth_max)
    return fail(Fault::limit, "line {}: groups or statements nest more than {} deep", now().line,
                parse_depth_max);
  return {};
}

// Adds up the height, which bounds how deep a walk through the expression recurses.
Result<ExprPtr> Parser::checked(ExprPtr expr) {
  int height = 0;
  const auto take_part = [&](const ExprPtr& part) {
    if (part) height = std::max(height, part->height);
  };
  for (const ExprPtr& part : expr->parts) take_part(part);
  for (const ExprPtr& part : expr->positional) take_part(part);
  for (const NamedExpr& part : expr->named) take_part(part.value);
  take_part(expr->star);
  take_part(expr->double_star);
  expr->height = height + 1;
  if (expr->height > height_max)
    return fail(Fault::limit, "line {}: an expression has more than {} operations in a row",
                expr->line, height_max);
  return expr;
}

Result<ExprPtr> Parser::node(ExprKind kind, int line, std::vector<ExprPtr> parts,
                             std::string name) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->line = line;
  expr->parts = std::move(parts);
  expr->name = std::move(name);
  return checked(std::move(expr));
}

Result<ExprPtr> Parser::expression(Condition condition) {
  const Deeper deeper(depth_);
  TRY(check_depth());
  return condition == Condition::allowed ? conditional() : either();
}

Result<ExprPtr> Parser::conditional() {
  const int line = now().line;
  // Whether this is a choice is known only behind its first part, and in a choice an unknown filter
  // is no error yet.
  const size_t n_unknown = unknown_.size();
  bool is_choice = false;
  ++n_soft_;
  ExprPtr result = TRY(either());
  while (skip_name("if")) {
    is_choice = true;
    ExprPtr condition = TRY(either());
    ExprPtr otherwise;
    if (skip_name("else")) {
      const Deeper deeper(depth_);
      TRY(check_depth());
      otherwise = TRY(conditional());
    }
    std::vector<ExprPtr> parts = parts_of(std::move(condition), std::move(result));
    parts.push_back(std::move(otherwise));
    result = TRY(node(ExprKind::choice, line, std::move(parts)));
  }
  --n_soft_;
  if (is_choice) unknown_.resize(n_unknown);
  if (n_soft_ == 0 && unknown_.size() > n_unknown)
    return fail(Fault::bad_format, "{}", unknown_[n_unknown]);
  return result;
}

Result<ExprPtr> Parser::either() {
  const int line = now().line;
  ExprPtr left = TRY(both());
  while (skip_name("or")) {
    ExprPtr right = TRY(both());
    left = TRY(node(ExprKind::either, line, parts_of(std::move(left), std::move(right))));
  }
  return left;
}

Result<ExprPtr> Parser::both() {
  const int line = now().line;
  ExprPtr left = TRY(negation());
  while (skip_name("and")) {
    ExprPtr right = TRY(negation());
    left = TRY(node(ExprKind::both, line, parts_of(std::move(left), std::move(right))));
  }
  return left;
}

Result<ExprPtr> Parser::negation() {
  int n_not = 0;
  const int line = now().line;
  while (skip_name("not")) ++n_not;
  ExprPtr expr = TRY(comparison());
  for (; n_not > 0; --n_not) expr = TRY(node(ExprKind::negate, line, parts_of(std::move(expr))));
  return expr;
}

Result<ExprPtr> Parser::comparison() {
  const int line = now().line;
  std::vector<ExprPtr> parts = parts_of(TRY(sum()));
  std::vector<Operator> ops;
  while (true) {
    std::optional<Operator> op;
    if (now().type == TokenType::op)
      op = find_operator(now().text, {{"==", Operator::equal},
                                      {"!=", Operator::not_equal},
                                      {"<", Operator::less},
                                      {"<=", Operator::less_equal},
                                      {">", Operator::greater},
                                      {">=", Operator::greater_equal}});
    if (op) {
      take();
    } else if (skip_name("in")) {
      op = Operator::in;
    } else if (at_name("not") && look().type == TokenType::name && look().text == "in") {
      take();
      take();
      op = Operator::not_in;
    } else {
      break;
    }
    ops.push_back(*op);
    parts.push_back(TRY(sum()));
  }
  if (ops.empty()) return std::move(parts[0]);
  ExprPtr expr = TRY(node(ExprKind::compare, line, std::move(parts)));
  expr->ops = std::move(ops);
  return expr;
}

Result<ExprPtr> Parser::sum() {
  const int line = now().line;
  ExprPtr left = TRY(concatenation());
  while (at_op("+") || at_op("-")) {
    const Operator op = take().text == "+" ? Operator::add : Operator::subtract;
    ExprPtr right = TRY(concatenation());
    left = TRY(node(ExprKind::binary, line, parts_of(std::move(left), std::move(right))));
    left->ops = {op};
  }
  return left;
}

Result<ExprPtr> Parser::concatenation() {
  const int line = now().line;
  std::vector<ExprPtr> parts = parts_of(TRY(product()));
  while (skip_op("~")) parts.push_back(TRY(product()));
  if (parts.size() == 1) return std::move(parts[0]);
  return node(ExprKind::concat, line, std::move(parts));
}

Result<ExprPtr> Parser::product() {
  const int line = now().line;
  ExprPtr left = TRY(power());
  while (now().type == TokenType::op) {
    const auto op = find_operator(now().text, {{"*", Operator::multiply},
                                               {"/", Operator::divide},
                                               {"//", Operator::floor_divide},
                                               {"%", Operator::modulo}});
    if (!op) break;
    take();
    ExprPtr right = TRY(power());
    left = TRY(node(ExprKind::binary, line, parts_of(std::move(left), std::move(right))));
    left->ops = {*op};
  }
  return left;
}

Result<ExprPtr> Parser::power() {
  const int line = now().line;
  ExprPtr left = TRY(unary(Filters::with));
  while (skip_op("**")) {
    ExprPtr right = TRY(unary(Filters::with));
    left = TRY(node(ExprKind::binary, line, parts_of(std::move(left), std::move(right))));
    left->ops = {Operator::power};
  }
  return left;
}

Result<ExprPtr> Parser::unary(Filters filters) {
  const int line = now().line;
  ExprPtr expr;
  if (at_op("-") || at_op("+")) {
    const Deeper deeper(depth_);
    TRY(check_depth());
    const ExprKind kind = take().text == "-" ? ExprKind::minus : ExprKind::plus;
    ExprPtr operand = TRY(unary(Filters::without));
    expr = TRY(node(kind, line, parts_of(std::move(operand))));
  } else {
    expr = TRY(primary(Primary::any));
  }
  expr = TRY(postfix(std::move(expr)));
  if (filters == Filters::with) return filters_and_tests(std::move(expr));
  return expr;
}

void Parser::note_special(const std::string& name) {
  for (Special& macro : macros_) {
    if (name == "caller") macro.caller = true;
    if (name == "varargs") macro.varargs = true;
    if (name == "kwargs") macro.kwargs = true;
  }
}

Result<ExprPtr> Parser::primary(Primary what) {
  const int line = now().line;
  if (at_op("[")) return list();
  if (at_op("{")) return dict();
  if (skip_op("(")) {
    ExprPtr inside = TRY(tuple({.parentheses = true}));
    TRY(expect_op(")"));
    return inside;
  }
  Value value;
  if (now().type == TokenType::string) {
    std::string text;
    while (now().type == TokenType::string) text += take().text;
    value = Value(std::move(text));
  } else if (now().type == TokenType::number) {
    value = take().value;
  } else if (at_name({"true", "True", "false", "False"})) {
    value = Value((take().text[0] | 0x20) == 't');
  } else if (at_name({"none", "None"})) {
    take();
    value = Value::none();
  } else if (now().type == TokenType::name) {
    std::string name = take().text;
    note_special(name);
    ExprPtr expr = TRY(node(ExprKind::name, line, {}, std::move(name)));
    if (what == Primary::any || !skip_op(".")) return expr;
    std::string attribute = TRY(expect_name());
    return node(ExprKind::attribute, line, parts_of(std::move(expr)), std::move(attribute));
  } else {
    return unexpected_token("an expression");
  }
  ExprPtr constant = TRY(node(ExprKind::constant, line, {}));
  constant->value = std::move(value);
  return constant;
}

Result<ExprPtr> Parser::tuple(TupleRule rule) {
  const int line = now().line;
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) TRY(expect_op(","));
    if (now().type == TokenType::variable_end || now().type == TokenType::block_end || at_op(")") ||
        (!rule.end_name.empty() && at_name(rule.end_name)))
      break;
    if (rule.simplified)
      items.push_back(TRY(primary(rule.with_namespace ? Primary::with_namespace : Primary::any)));
    else
      items.push_back(TRY(expression(rule.condition)));
    if (!at_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !rule.parentheses) return unexpected_token("an expression");
  return node(ExprKind::tuple, line, std::move(items));
}

Result<ExprPtr> Parser::list() {
  const int line = take().line;
  std::vector<ExprPtr> items;
  while (!at_op("]")) {
    if (!items.empty()) TRY(expect_op(","));
    if (at_op("]")) break;
    items.push_back(TRY(expression()));
  }
  TRY(expect_op("]"));
  return node(ExprKind::list, line, std::move(items));
}

Result<ExprPtr> Parser::dict() {
  const int line = take().line;
  std::vector<ExprPtr> items;
  while (!at_op("}")) {
    if (!items.empty()) TRY(expect_op(","));
    if (at_op("}")) break;
    items.push_back(TRY(expression()));
    TRY(expect_op(":"));
    items.push_back(TRY(expression()));
  }
  TRY(expect_op("}"));
  return node(ExprKind::dict, line, std::move(items));
}

Result<ExprPtr> Parser::postfix(ExprPtr expr) {
  while (true) {
    if (at_op(".") || at_op("["))
      expr = TRY(subscript(std::move(expr)));
    else if (at_op("("))
      expr = TRY(call(std::move(expr)));
    else
      return expr;
  }
}

Result<ExprPtr> Parser::filters_and_tests(ExprPtr expr) {
  while (true) {
    if (at_op("|"))
      expr = TRY(filter_chain(std::move(expr), Pipe::needed));
    else if (at_name("is"))
      expr = TRY(test(std::move(expr)));
    else if (at_op("("))
      expr = TRY(call(std::move(expr)));
    else
      return expr;
  }
}

Result<ExprPtr> Parser::subscript(ExprPtr expr) {
  const Token token = take();
  if (token.text == "[") {
    ExprPtr item = TRY(subscribed(std::move(expr), token.line));
    TRY(expect_op("]"));
    return item;
  }
  if (now().type == TokenType::name)
    return node(ExprKind::attribute, token.line, parts_of(std::move(expr)), take().text);
  if (now().type != TokenType::number || !now().value.is(Kind::integer))
    return unexpected_token("a name or a number");
  ExprPtr index = TRY(node(ExprKind::constant, token.line, {}));
  index->value = take().value;
  return node(ExprKind::item, token.line, parts_of(std::move(expr), std::move(index)));
}

// What stands between brackets: an index, several (a tuple), or a slice.
Result<ExprPtr> Parser::subscribed(ExprPtr of, int line) {
  const auto at_end = [&] { return at_op("]") || at_op(",") || at_op(":"); };
  ExprPtr first;
  if (!at_op(":")) {
    if (at_op("]")) {  // x[]: indexed with an empty tuple
      ExprPtr nothing = TRY(node(ExprKind::tuple, line, {}));
      return node(ExprKind::item, line, parts_of(std::move(of), std::move(nothing)));
    }
    first = TRY(expression());
  }
  if (at_op(":")) {
    std::vector<ExprPtr> parts = parts_of(std::move(of), std::move(first));
    for (int i = 0; i < 2; ++i)
      parts.push_back(skip_op(":") && !at_end() ? TRY(expression()) : nullptr);
    if (at_op(","))
      return fail(Fault::unsupported, "line {}: slices in several dimensions are not supported",
                  line);
    return node(ExprKind::slice, line, std::move(parts));
  }
  if (!at_op(",")) return node(ExprKind::item, line, parts_of(std::move(of), std::move(first)));
  std::vector<ExprPtr> indices = parts_of(std::move(first));
  while (skip_op(",") && !at_op("]")) indices.push_back(TRY(expression()));
  ExprPtr index = TRY(node(ExprKind::tuple, line, std::move(indices)));
  return node(ExprKind::item, line, parts_of(std::move(of), std::move(index)));
}

Result<Parser::CallArguments> Parser::arguments() {
  const int line = now().line;
  TRY(expect_op("("));
  CallArguments given;
  const auto misplaced = [&] {
    return fail(Fault::bad_format, "line {}: arguments of a call are in the wrong order", line);
  };
  bool first = true;
  while (!at_op(")")) {
    if (!first) {
      TRY(expect_op(","));
      if (at_op(")")) break;
    }
    first = false;
    if (skip_op("*")) {
      if (given.star || given.double_star) return misplaced();
      given.star = TRY(expression());
    } else if (skip_op("**")) {
      if (given.double_star) return misplaced();
      given.double_star = TRY(expression());
    } else if (now().type == TokenType::name && look().type == TokenType::op &&
               look().text == "=") {
      if (given.double_star) return misplaced();
      std::string name = take().text;
      take();
      const auto same = [&](const NamedExpr& other) { return other.name == name; };
      if (std::any_of(given.named.begin(), given.named.end(), same))
        return fail(Fault::bad_format, "line {}: the argument '{}' is given twice", line, name);
      given.named.push_back({std::move(name), TRY(expression())});
    } else {
      if (given.star || given.double_star || !given.named.empty()) return misplaced();
      given.positional.push_back(TRY(expression()));
    }
  }
  TRY(expect_op(")"));
  return given;
}

Result<ExprPtr> Parser::with_builtin(ExprPtr expr, CallArguments given) {
  const bool is_filter = expr->kind == ExprKind::filter;
  expr->positional = std::move(given.positional);
  expr->named = std::move(given.named);
  expr->star = std::move(given.star);
  expr->double_star = std::move(given.double_star);
  expr->builtin = find_builtin(is_filter ? filters() : tests(), expr->name);
  // Within a condition a name that nothing has is an error only when it is reached, so that a
  // template can ask first (`is filter`).
  if (expr->builtin == nullptr) {
    unknown_.push_back(fmt::format("line {}: no {} named '{}'", expr->line,
                                   is_filter ? "filter" : "test", printable(expr->name, 60)));
    if (n_soft_ == 0) return fail(Fault::bad_format, "{}", unknown_.back());
  }
  return checked(std::move(expr));
}

Result<ExprPtr> Parser::call(ExprPtr callee) {
  const int line = now().line;
  CallArguments given = TRY(arguments());
  ExprPtr expr = TRY(node(ExprKind::call, line, parts_of(std::move(callee))));
  expr->positional = std::move(given.positional);
  expr->named = std::move(given.named);
  expr->star = std::move(given.star);
  expr->double_star = std::move(given.double_star);
  return checked(std::move(expr));
}

Result<ExprPtr> Parser::filter_chain(ExprPtr expr, Pipe pipe) {
  while (pipe == Pipe::implied || skip_op("|")) {
    pipe = Pipe::needed;
    const int line = now().line;
    std::string name = TRY(expect_name());
    while (skip_op(".")) name += "." + TRY(expect_name());
    CallArguments given;
    if (at_op("(")) given = TRY(arguments());
    ExprPtr filter = TRY(node(ExprKind::filter, line, parts_of(std::move(expr)), std::move(name)));
    expr = TRY(with_builtin(std::move(filter), std::move(given)));
  }
  return expr;
}

Result<ExprPtr> Parser::test(ExprPtr expr) {
  const int line = take().line;
  const bool negated = skip_name("not");
  std::string name = TRY(expect_name());
  while (skip_op(".")) name += "." + TRY(expect_name());
  CallArguments given;
  const bool has_argument = now().type == TokenType::name || now().type == TokenType::string ||
                            now().type == TokenType::number || at_op("[") || at_op("{");
  if (at_op("(")) {
    given = TRY(arguments());
  } else if (has_argument && !at_name({"else", "or", "and"})) {
    if (at_name("is"))
      return fail(Fault::bad_format, "line {}: tests cannot be chained with 'is'", line);
    ExprPtr argument = TRY(primary(Primary::any));
    given.positional.push_back(TRY(postfix(std::move(argument))));
  }
  ExprPtr result = TRY(node(ExprKind::test, line, parts_of(std::move(expr)), std::move(name)));
  result = TRY(with_builtin(std::move(result), std::move(given)));
  if (!negated) return result;
  return node(ExprKind::negate, line, parts_of(std::move(result)));
}

Result<ExprPtr> Parser::target(TargetRule rule) {
  const int line = now().line;
  if (rule.name_only) {
    std::string name = TRY(expect_name());
    return node(ExprKind::name, line, {}, std::move(name));
  }
  ExprPtr expr = TRY(tuple(
      {.simplified = true, .with_namespace = rule.with_namespace, .end_name = rule.end_name}));
  // Names, attributes of namespaces, and tuples of these.
  std::vector<const Expr*> open{expr.get()};
  while (!open.empty()) {
    const Expr* next = open.back();
    open.pop_back();
    const bool namespace_attribute = next->kind == ExprKind::attribute && rule.with_namespace;
    if (next->kind == ExprKind::tuple)
      for (const ExprPtr& part : next->parts) open.push_back(part.get());
    else if (next->kind != ExprKind::name && !namespace_attribute)
      return fail(Fault::bad_format, "line {}: only names can be assigned to", line);
  }
  return expr;
}

}  // namespace quire::jinja
