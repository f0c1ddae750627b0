// Random grammars over the letters a, b and é, and what they mean, worked out in the plainest way.
#pragma once
#include "base/rng.h"
#include "grammar/grammar.h"

#include <set>
#include <string>
#include <vector>

namespace quire {

class RandomGrammar {
 public:
  explicit RandomGrammar(uint64_t seed) : rng_(seed) {
    const auto n_rules = static_cast<RuleId>(1 + rng_.below(4));
    for (RuleId i = 0; i < n_rules; ++i) grammar_.add_rule("r" + std::to_string(i));
    for (RuleId i = 0; i < n_rules; ++i) grammar_.define(i, random_expression(3));
    grammar_.set_root(0);
  }
  const Grammar& grammar() const { return grammar_; }

  // Whether the root matches the whole text: for every rule and place the places where it may end,
  // grown until nothing is added.
  bool matches(const std::string& text) {
    text_ = text;
    ends_.assign(grammar_.n_rules(), std::vector<std::set<size_t>>(text.size() + 1));
    for (bool grew = true; grew;) {
      grew = false;
      for (RuleId r = 0; r < grammar_.n_rules(); ++r)
        for (size_t at = 0; at <= text.size(); ++at)
          for (const size_t end : ends_of(*grammar_.definition(r), at))
            grew |= ends_[r][at].insert(end).second;
    }
    return ends_[grammar_.root()][0].contains(text.size());
  }

 private:
  ExpressionId random_expression(int depth) {
    const uint64_t kind = depth == 0 ? rng_.below(4) : rng_.below(9);
    if (kind == 0) return grammar_.text(rng_.below(2) != 0 ? "a" : "ab");
    if (kind == 1) return grammar_.characters({{'a', 'a' + static_cast<char32_t>(rng_.below(2))}});
    if (kind == 2) return grammar_.characters({{U'b', U'b'}, {U'é', U'é'}});
    if (kind == 3 || kind == 4)
      return grammar_.rule(static_cast<RuleId>(rng_.below(grammar_.n_rules())));
    if (kind == 5 || kind == 6) {
      const auto min = static_cast<uint32_t>(rng_.below(3));
      const uint64_t more = rng_.below(4);
      return grammar_.repeat(random_expression(depth - 1), min,
                             more == 3 ? Grammar::unbounded : min + static_cast<uint32_t>(more));
    }
    std::vector<ExpressionId> parts;
    for (uint64_t n = 1 + rng_.below(3); n > 0; --n) parts.push_back(random_expression(depth - 1));
    return kind == 7 ? grammar_.sequence(parts) : grammar_.choice(parts);
  }

  std::set<size_t> ends_of(ExpressionId id, size_t at) {
    const Expression& e = grammar_.expression(id);
    std::set<size_t> ends;
    switch (e.kind) {
      case Expression::Kind::nothing:
      case Expression::Kind::token:
        return ends;
      case Expression::Kind::text:
        if (std::string_view(text_).substr(at).starts_with(grammar_.text(e))) ends.insert(at + e.n);
        return ends;
      case Expression::Kind::characters:
        for (const CodeRange& range : grammar_.ranges(e))
          for (char32_t code = range.first; code <= range.last; ++code) {
            const std::string one = code == U'é' ? "é" : std::string(1, static_cast<char>(code));
            if (std::string_view(text_).substr(at).starts_with(one)) ends.insert(at + one.size());
          }
        return ends;
      case Expression::Kind::rule:
        return ends_[e.first][at];
      case Expression::Kind::choice:
        for (const ExpressionId part : grammar_.children(e)) ends.merge(ends_of(part, at));
        return ends;
      case Expression::Kind::sequence:
        ends = {at};
        for (const ExpressionId part : grammar_.children(e)) ends = after(ends, part);
        return ends;
      case Expression::Kind::repeat:
        break;
    }
    const ExpressionId part = grammar_.children(e)[0];
    std::set<size_t> now = {at};
    for (uint32_t i = 0; i < e.min; ++i) now = after(now, part);
    ends = now;
    const uint32_t more = e.max == Grammar::unbounded ? 12 : e.max - e.min;
    for (uint32_t i = 0; i < more; ++i) {
      now = after(now, part);
      ends.insert(now.begin(), now.end());
    }
    return ends;
  }
  std::set<size_t> after(const std::set<size_t>& places, ExpressionId part) {
    std::set<size_t> ends;
    for (const size_t place : places) ends.merge(ends_of(part, place));
    return ends;
  }

  Rng rng_;
  Grammar grammar_;
  std::string text_;
  std::vector<std::vector<std::set<size_t>>> ends_;  // by rule and place
};

}  // namespace quire
