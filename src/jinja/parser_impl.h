// The two halves of the parser: expressions (parser_expressions.cpp) and statements (parser.cpp).
#pragma once
#include "jinja/parser.h"

#include <algorithm>
#include <initializer_list>

namespace quire::jinja {

constexpr int parse_depth_max = 100;  // groups in groups, statements in statements
constexpr int height_max = 400;       // nodes on the way down an expression (a + b + c + ...)

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  Result<Body> run();

 private:
  enum class Condition : uint8_t { allowed, left };  // whether `a if b` belongs to the expression
  struct CallArguments {
    std::vector<ExprPtr> positional;
    std::vector<NamedExpr> named;
    ExprPtr star, double_star;
  };
  // Counts how deep the parser is; leaves when it is destroyed.
  struct Deeper {
    explicit Deeper(int& the_depth) : depth(the_depth) { ++depth; }
    ~Deeper() { --depth; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    int& depth;
  };
  Result<void> check_depth() const;

  // Tokens.
  const Token& now() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token take() { return at_ + 1 < tokens_.size() ? tokens_[at_++] : tokens_[at_]; }
  bool at_op(std::string_view text) const;
  bool at_name(std::string_view text) const;
  bool at_name(std::initializer_list<std::string_view> names) const;
  bool skip_op(std::string_view text);
  bool skip_name(std::string_view text);
  Result<void> expect_op(std::string_view text);
  Result<void> expect(TokenType type, const char* what);
  Result<std::string> expect_name();
  std::unexpected<Error> unexpected_token(std::string_view wanted) const;

  // Expressions.
  Result<ExprPtr> node(ExprKind kind, int line, std::vector<ExprPtr> parts, std::string name = {});
  static Result<ExprPtr> checked(ExprPtr expr);
  Result<ExprPtr> expression(Condition condition = Condition::allowed);
  Result<ExprPtr> conditional();
  Result<ExprPtr> either();
  Result<ExprPtr> both();
  Result<ExprPtr> negation();
  Result<ExprPtr> comparison();
  Result<ExprPtr> sum();
  Result<ExprPtr> concatenation();
  Result<ExprPtr> product();
  Result<ExprPtr> power();
  enum class Filters : uint8_t { with, without };
  Result<ExprPtr> unary(Filters filters);
  enum class Primary : uint8_t { any, with_namespace };
  Result<ExprPtr> primary(Primary what);
  struct TupleRule {
    bool simplified = false, parentheses = false, with_namespace = false;
    Condition condition = Condition::allowed;
    std::string_view end_name = {};  // a name that ends it
  };
  Result<ExprPtr> tuple(TupleRule rule);
  Result<ExprPtr> list();
  Result<ExprPtr> dict();
  Result<ExprPtr> postfix(ExprPtr expr);
  Result<ExprPtr> subscript(ExprPtr expr);
  Result<ExprPtr> subscribed(ExprPtr of, int line);
  Result<ExprPtr> call(ExprPtr callee);
  Result<ExprPtr> filters_and_tests(ExprPtr expr);
  enum class Pipe : uint8_t { needed, implied };
  Result<ExprPtr> filter_chain(ExprPtr expr, Pipe pipe);
  Result<ExprPtr> test(ExprPtr expr);
  Result<CallArguments> arguments();
  Result<ExprPtr> with_builtin(ExprPtr expr, CallArguments given);
  struct TargetRule {
    bool name_only = false, with_namespace = false;
    std::string_view end_name = {};
  };
  Result<ExprPtr> target(TargetRule rule);
  void note_special(const std::string& name);

  // Statements.
  Result<Body> body_until(std::initializer_list<std::string_view> ends);
  Result<Body> block_body(std::initializer_list<std::string_view> ends);
  Result<Stmt> statement();
  Result<Stmt> parse_set();
  Result<Stmt> parse_for();
  Result<Stmt> parse_if();
  Result<Stmt> parse_with();
  Result<Stmt> parse_macro();
  Result<Stmt> parse_call_block();
  Result<Stmt> parse_filter_block();
  Result<Stmt> parse_block();
  Result<Stmt> parse_autoescape();
  Result<Stmt> parse_refused();
  Result<void> parse_signature(Stmt& statement);
  Result<Body> macro_body(Stmt& statement, std::string_view end);
  Stmt begin(StmtKind kind);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int n_loops_ = 0;  // for statements around, within the innermost macro
  int n_soft_ = 0;   // if statements and choices around: an unknown filter may never be reached
  std::vector<std::string> unknown_;  // what is wrong with the filters and tests nothing has
  // Which special names the macros around, outermost first, have mentioned.
  struct Special {
    bool caller = false, varargs = false, kwargs = false;
  };
  std::vector<Special> macros_;
};

}  // namespace quire::jinja
