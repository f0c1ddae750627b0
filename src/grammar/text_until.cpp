#include "grammar/text_until.h"

#include "base/check.h"
#include "text/utf8.h"

#include <algorithm>
#include <vector>

namespace quire {

ExpressionId marker_text(Grammar& grammar, std::string_view marker) {
  TokenTerminal token;
  token.text = marker;
  token.optional = true;
  return grammar.choice({grammar.text(marker), grammar.token(std::move(token))});
}

// The automaton of Knuth, Morris and Pratt: a rule for each number of characters of the marker that
// the text ends with.
ExpressionId text_until(Grammar& grammar, std::string_view marker) {
  CHECK(!marker.empty());
  std::vector<char32_t> codes;
  for (size_t at = 0; at < marker.size();) {
    const Utf8Char one = utf8_at(marker, at);
    codes.push_back(one.n_bytes == 0 ? replacement_character : one.code);
    at += one.n_bytes == 0 ? 1 : one.n_bytes;
  }
  const size_t n = codes.size();
  std::vector<RuleId> seen;
  seen.reserve(n);
  for (size_t i = 0; i < n; ++i) seen.push_back(grammar.add_rule("until"));
  // After i characters of the marker and then `code`: so many of it.
  const auto step = [&](size_t i, char32_t code) {
    std::vector<char32_t> end(codes.begin(), codes.begin() + static_cast<ptrdiff_t>(i));
    end.push_back(code);
    size_t k = std::min(i + 1, n);
    while (k > 0 && !std::equal(codes.begin(), codes.begin() + static_cast<ptrdiff_t>(k),
                                end.end() - static_cast<ptrdiff_t>(k)))
      --k;
    return k;
  };
  TokenTerminal token;
  token.text = marker;
  token.optional = true;
  const ExpressionId as_token = grammar.token(std::move(token));
  for (size_t i = 0; i < n; ++i) {
    std::vector<ExpressionId> ways = {as_token};
    std::vector<CodeRange> own;
    for (size_t j = 0; j < n; ++j) {
      const CodeRange one = {codes[j], codes[j]};
      if (std::find(own.begin(), own.end(), one) != own.end()) continue;
      own.push_back(one);
      const size_t to = step(i, codes[j]);
      const ExpressionId letter = grammar.characters({one});
      ways.push_back(to == n ? letter : grammar.sequence({letter, grammar.rule(seen[to])}));
    }
    ways.push_back(grammar.sequence({grammar.characters(complement(own)), grammar.rule(seen[0])}));
    grammar.define(seen[i], grammar.choice(ways));
  }
  return grammar.rule(seen[0]);
}

}  // namespace quire
