#include "grammar/grammar.h"

#include "base/check.h"

#include <algorithm>

namespace quire {
namespace {

constexpr char32_t surrogates_first = 0xD800, surrogates_last = 0xDFFF;
constexpr size_t expression_depth_max = 2000;  // compile() recurses so deep, in small frames

}  // namespace

std::vector<CodeRange> normalize(const std::vector<CodeRange>& ranges) {
  std::vector<CodeRange> sound;
  for (CodeRange r : ranges) {
    r.last = std::min(r.last, code_point_max);
    if (r.first < surrogates_first && r.last >= surrogates_first)
      sound.push_back({r.first, surrogates_first - 1});
    if (r.first >= surrogates_first && r.first <= surrogates_last) r.first = surrogates_last + 1;
    if (r.last >= surrogates_first && r.first < surrogates_first) r.first = surrogates_last + 1;
    if (r.first <= r.last && !(r.last >= surrogates_first && r.last <= surrogates_last))
      sound.push_back(r);
  }
  std::sort(sound.begin(), sound.end(),
            [](const CodeRange& a, const CodeRange& b) { return a.first < b.first; });
  std::vector<CodeRange> joined;
  for (const CodeRange& r : sound) {
    if (!joined.empty() && r.first <= joined.back().last + 1)
      joined.back().last = std::max(joined.back().last, r.last);
    else
      joined.push_back(r);
  }
  return joined;
}

std::vector<CodeRange> complement(const std::vector<CodeRange>& ranges) {
  std::vector<CodeRange> rest;
  char32_t next = 0;
  for (const CodeRange& r : normalize(ranges)) {
    if (r.first > next) rest.push_back({next, r.first - 1});
    next = r.last + 1;
  }
  if (next <= code_point_max) rest.push_back({next, code_point_max});
  return normalize(rest);
}

void Grammar::fail_with(Error error) {
  if (!error_) error_ = std::move(error);
}

ExpressionId Grammar::add(const Expression& expression) {
  if (expressions_.size() >= limits_.expressions_max)
    fail_with({Fault::limit, fmt::format("the grammar has more than {} parts: make it smaller",
                                         limits_.expressions_max)});
  if (expression.depth > expression_depth_max)
    fail_with({Fault::limit, fmt::format("the grammar nests more than {} deep: give inner parts "
                                         "rules of their own",
                                         expression_depth_max)});
  if (expressions_.empty()) expressions_.emplace_back();
  if (!ok()) return 0;
  expressions_.push_back(expression);
  return static_cast<ExpressionId>(expressions_.size() - 1);
}

ExpressionId Grammar::nothing() {
  if (expressions_.empty()) expressions_.emplace_back();
  return 0;
}

ExpressionId Grammar::empty() { return text(""); }

ExpressionId Grammar::text(std::string_view utf8) {
  if (!ok()) return nothing();
  Expression e{.kind = Expression::Kind::text};
  e.first = static_cast<uint32_t>(text_.size());
  e.n = static_cast<uint32_t>(utf8.size());
  text_ += utf8;
  return add(e);
}

ExpressionId Grammar::characters(const std::vector<CodeRange>& ranges) {
  const std::vector<CodeRange> sound = normalize(ranges);
  if (!ok() || sound.empty()) return nothing();
  if (ranges_.size() + sound.size() > 4 * limits_.expressions_max) {
    fail_with({Fault::limit, fmt::format("the grammar's sets of characters have more than {} "
                                         "ranges: make it smaller",
                                         4 * limits_.expressions_max)});
    return nothing();
  }
  Expression e{.kind = Expression::Kind::characters};
  e.first = static_cast<uint32_t>(ranges_.size());
  e.n = static_cast<uint32_t>(sound.size());
  ranges_.insert(ranges_.end(), sound.begin(), sound.end());
  return add(e);
}

ExpressionId Grammar::token(TokenTerminal terminal) {
  if (!ok()) return nothing();
  Expression e{.kind = Expression::Kind::token};
  e.first = static_cast<uint32_t>(tokens_.size());
  tokens_.push_back(std::move(terminal));
  return add(e);
}

ExpressionId Grammar::add_parent(Expression::Kind kind, std::span<const ExpressionId> parts) {
  if (!ok()) return nothing();
  Expression e{.kind = kind};
  e.first = static_cast<uint32_t>(children_.size());
  e.n = static_cast<uint32_t>(parts.size());
  for (const ExpressionId part : parts)
    e.depth = std::max<uint16_t>(e.depth, static_cast<uint16_t>(expressions_[part].depth + 1));
  children_.insert(children_.end(), parts.begin(), parts.end());
  return add(e);
}

ExpressionId Grammar::sequence(std::span<const ExpressionId> parts) {
  if (parts.empty()) return empty();
  if (parts.size() == 1) return parts[0];
  return add_parent(Expression::Kind::sequence, parts);
}

ExpressionId Grammar::sequence(std::initializer_list<ExpressionId> parts) {
  return sequence(std::span(parts.begin(), parts.size()));
}

ExpressionId Grammar::choice(std::span<const ExpressionId> parts) {
  if (parts.empty()) return nothing();
  if (parts.size() == 1) return parts[0];
  return add_parent(Expression::Kind::choice, parts);
}

ExpressionId Grammar::choice(std::initializer_list<ExpressionId> parts) {
  return choice(std::span(parts.begin(), parts.size()));
}

ExpressionId Grammar::repeat(ExpressionId part, uint32_t min, uint32_t max) {
  CHECK(min <= max);
  if (max == 0) return empty();
  if (min == 1 && max == 1) return part;
  if (!ok()) return nothing();
  Expression e{.kind = Expression::Kind::repeat};
  e.depth = static_cast<uint16_t>(expressions_[part].depth + 1);
  e.first = static_cast<uint32_t>(children_.size());
  e.n = 1;
  e.min = min;
  e.max = max;
  children_.push_back(part);
  return add(e);
}

ExpressionId Grammar::rule(RuleId id) {
  CHECK(id < rules_.size());
  Expression e{.kind = Expression::Kind::rule};
  e.first = id;
  return add(e);
}

RuleId Grammar::add_rule(std::string name) {
  rules_.push_back({std::move(name), std::nullopt});
  return static_cast<RuleId>(rules_.size() - 1);
}

void Grammar::define(RuleId id, ExpressionId expression) {
  CHECK(id < rules_.size());
  rules_[id].expression = expression;
}

ExpressionId Grammar::as_rule(std::string name, ExpressionId expression) {
  const RuleId id = add_rule(std::move(name));
  define(id, expression);
  return rule(id);
}

}  // namespace quire
