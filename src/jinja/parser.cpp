#include "jinja/parser.h"

#include "format/printable.h"
#include "jinja/parser_impl.h"

#include <algorithm>

namespace quire::jinja {

Stmt Parser::begin(StmtKind kind) {
  Stmt statement;
  statement.kind = kind;
  statement.line = now().line;
  return statement;
}

// Statements up to a tag that begins with one of the names, or to the end of the template when
// there are none. The name is the next token then.
Result<Body> Parser::body_until(std::initializer_list<std::string_view> ends) {
  const Deeper deeper(depth_);
  TRY(check_depth());
  Body body;
  while (now().type != TokenType::end) {
    if (now().type == TokenType::data) {
      Stmt text = begin(StmtKind::text);
      text.name = take().text;
      body.push_back(std::move(text));
    } else if (now().type == TokenType::variable_begin) {
      Stmt print = begin(StmtKind::print);
      take();
      print.value = TRY(tuple({}));
      TRY(expect(TokenType::variable_end, "'}}'"));
      body.push_back(std::move(print));
    } else {
      TRY(expect(TokenType::block_begin, "a tag"));
      if (at_name(ends)) return body;
      body.push_back(TRY(statement()));
      TRY(expect(TokenType::block_end, "'%}'"));
    }
  }
  if (ends.size() == 0) return body;
  std::string wanted;
  for (const std::string_view name : ends)
    wanted += fmt::format("{}{}", wanted.empty() ? "" : " or ", name);
  return fail(Fault::bad_format, "line {}: the template ends where {} should be", now().line,
              wanted);
}

// The same, from the end of the tag that opens the body.
Result<Body> Parser::block_body(std::initializer_list<std::string_view> ends) {
  skip_op(":");
  TRY(expect(TokenType::block_end, "'%}'"));
  return body_until(ends);
}

Result<Body> Parser::run() { return body_until({}); }

Result<Stmt> Parser::statement() {
  const Token tag = now();
  if (tag.type != TokenType::name) return unexpected_token("the name of a tag");
  if (tag.text == "set") return parse_set();
  if (tag.text == "for") return parse_for();
  if (tag.text == "if") return parse_if();
  if (tag.text == "with") return parse_with();
  if (tag.text == "macro") return parse_macro();
  if (tag.text == "call") return parse_call_block();
  if (tag.text == "filter") return parse_filter_block();
  if (tag.text == "block") return parse_block();
  if (tag.text == "autoescape") return parse_autoescape();
  if (tag.text == "print") {
    Stmt print = begin(StmtKind::print);
    take();
    // Several values stand one after the other.
    ExprPtr all = TRY(node(ExprKind::concat, print.line, {}));
    while (now().type != TokenType::block_end) {
      if (!all->parts.empty()) TRY(expect_op(","));
      all->parts.push_back(TRY(expression()));
    }
    print.value = TRY(checked(std::move(all)));
    return print;
  }
  if (tag.text == "generation") {
    Stmt generation = begin(StmtKind::generation);
    take();
    const int n_loops = std::exchange(n_loops_, 0);  // as in a call block
    generation.body = TRY(block_body({"endgeneration"}));
    n_loops_ = n_loops;
    take();
    return generation;
  }
  if (tag.text == "break" || tag.text == "continue") {
    if (n_loops_ == 0)
      return fail(Fault::bad_format, "line {}: '{}' outside of a loop", tag.line, tag.text);
    Stmt jump = begin(tag.text == "break" ? StmtKind::leave_loop : StmtKind::next_round);
    take();
    return jump;
  }
  if (at_name({"extends", "include", "import", "from"})) return parse_refused();
  return fail(Fault::bad_format, "line {}: unknown tag '{}'", tag.line, printable(tag.text, 60));
}

// There are no other templates to include or extend: an error if it is ever reached.
Result<Stmt> Parser::parse_refused() {
  Stmt refused = begin(StmtKind::refused);
  refused.name = take().text;
  while (now().type != TokenType::block_end && now().type != TokenType::end) take();
  return refused;
}

Result<Stmt> Parser::parse_set() {
  Stmt set = begin(StmtKind::assign);
  take();
  set.target = TRY(target({.with_namespace = true}));
  if (skip_op("=")) {
    set.value = TRY(tuple({}));
    return set;
  }
  set.kind = StmtKind::assign_all;
  set.value = TRY(filter_chain(nullptr, Pipe::needed));
  set.body = TRY(block_body({"endset"}));
  take();
  return set;
}

Result<Stmt> Parser::parse_for() {
  Stmt loop = begin(StmtKind::loop);
  take();
  loop.target = TRY(target({.end_name = "in"}));
  if (!skip_name("in")) return unexpected_token("'in'");
  loop.value = TRY(tuple({.condition = Condition::left, .end_name = "recursive"}));
  if (skip_name("if")) loop.condition = TRY(expression());
  loop.recursive = skip_name("recursive");
  // The body of a loop is looked at anew, whatever condition the loop stands in.
  const int n_soft = std::exchange(n_soft_, 0);
  ++n_loops_;
  loop.body = TRY(block_body({"endfor", "else"}));
  --n_loops_;
  if (take().text == "else") {
    loop.otherwise = TRY(block_body({"endfor"}));
    take();
  }
  n_soft_ = n_soft;
  return loop;
}

Result<Stmt> Parser::parse_if() {
  Stmt branch = begin(StmtKind::branch);
  ++n_soft_;
  while (true) {
    take();  // if, elif
    Branch next;
    next.condition = TRY(tuple({.condition = Condition::left}));
    next.body = TRY(block_body({"elif", "else", "endif"}));
    branch.branches.push_back(std::move(next));
    if (!at_name("elif")) break;
  }
  if (take().text == "else") {
    branch.otherwise = TRY(block_body({"endif"}));
    take();
  }
  --n_soft_;
  return branch;
}

Result<Stmt> Parser::parse_with() {
  Stmt with = begin(StmtKind::with);
  take();
  while (now().type != TokenType::block_end) {
    if (!with.bindings.empty()) TRY(expect_op(","));
    // One name, or a tuple of names in parentheses.
    ExprPtr name = at_op("(") ? TRY(primary(Primary::any)) : TRY(target({.name_only = true}));
    TRY(expect_op("="));
    with.bindings.emplace_back(std::move(name), TRY(expression()));
  }
  const int n_soft = std::exchange(n_soft_, 0);
  with.body = TRY(block_body({"endwith"}));
  n_soft_ = n_soft;
  take();
  return with;
}

Result<void> Parser::parse_signature(Stmt& statement) {
  TRY(expect_op("("));
  while (!at_op(")")) {
    if (!statement.parameters.empty()) TRY(expect_op(","));
    Parameter parameter;
    parameter.name = TRY(expect_name());
    if (skip_op("="))
      parameter.fallback = TRY(expression());
    else if (!statement.parameters.empty() && statement.parameters.back().fallback)
      return fail(Fault::bad_format,
                  "line {}: parameter '{}' needs a default, as one before it has", now().line,
                  parameter.name);
    const auto same = [&](const Parameter& other) { return other.name == parameter.name; };
    if (std::any_of(statement.parameters.begin(), statement.parameters.end(), same))
      return fail(Fault::bad_format, "line {}: parameter '{}' appears twice", now().line,
                  parameter.name);
    statement.parameters.push_back(std::move(parameter));
  }
  return expect_op(")");
}

// The body of a macro or call block, and which of the special names it mentions.
Result<Body> Parser::macro_body(Stmt& statement, std::string_view end) {
  const int n_loops = std::exchange(n_loops_, 0);
  const int n_soft = std::exchange(n_soft_, 0);
  macros_.emplace_back();
  Body body = TRY(block_body({end}));
  take();
  statement.uses_caller = macros_.back().caller;
  statement.uses_varargs = macros_.back().varargs;
  statement.uses_kwargs = macros_.back().kwargs;
  macros_.pop_back();
  n_loops_ = n_loops;
  n_soft_ = n_soft;
  for (const Parameter& parameter : statement.parameters) {
    if (parameter.name == "varargs") statement.uses_varargs = false;
    if (parameter.name == "kwargs") statement.uses_kwargs = false;
    if (parameter.name == "caller" && statement.uses_caller && !parameter.fallback)
      return fail(Fault::bad_format, "line {}: the parameter 'caller' of a macro needs a default",
                  statement.line);
  }
  return body;
}

Result<Stmt> Parser::parse_macro() {
  Stmt macro = begin(StmtKind::macro);
  take();
  macro.name = TRY(expect_name());
  TRY(parse_signature(macro));
  macro.body = TRY(macro_body(macro, "endmacro"));
  return macro;
}

Result<Stmt> Parser::parse_call_block() {
  Stmt call = begin(StmtKind::call);
  take();
  if (at_op("(")) TRY(parse_signature(call));
  call.value = TRY(expression());
  if (call.value->kind != ExprKind::call)
    return fail(Fault::bad_format, "line {}: a call block needs a call", call.line);
  call.body = TRY(macro_body(call, "endcall"));
  return call;
}

Result<Stmt> Parser::parse_filter_block() {
  Stmt filter = begin(StmtKind::filter);
  take();
  filter.value = TRY(filter_chain(nullptr, Pipe::implied));
  filter.body = TRY(block_body({"endfilter"}));
  take();
  return filter;
}

// A named block is rendered where it stands: there is no template that could extend this one.
Result<Stmt> Parser::parse_block() {
  Stmt block = begin(StmtKind::scope);
  take();
  block.name = TRY(expect_name());
  skip_name("scoped");
  skip_name("required");
  const int n_loops = std::exchange(n_loops_, 0);
  block.body = TRY(block_body({"endblock"}));
  n_loops_ = n_loops;
  take();
  skip_name(block.name);
  return block;
}

Result<Stmt> Parser::parse_autoescape() {
  Stmt scope = begin(StmtKind::scope);
  take();
  const ExprPtr wanted = TRY(expression());
  if (wanted->kind != ExprKind::constant || truth(wanted->value))
    return fail(Fault::unsupported, "line {}: autoescape is not supported: prompts are no HTML",
                scope.line);
  scope.body = TRY(block_body({"endautoescape"}));
  take();
  return scope;
}

Result<Body> parse(std::vector<Token> tokens) { return Parser(std::move(tokens)).run(); }

}  // namespace quire::jinja
