#include "unit/grammar/random_grammar.h"
#include "unit/grammar/support.h"

namespace quire {
namespace {

// All texts over the alphabet, the shorter first.
std::vector<std::string> all_texts(size_t n_letters_max) {
  std::vector<std::string> texts = {""};
  size_t begin = 0;
  for (size_t n = 0; n < n_letters_max; ++n) {
    const size_t end = texts.size();
    for (size_t i = begin; i < end; ++i)
      for (const char* letter : {"a", "b", "é"}) texts.push_back(texts[i] + letter);
    begin = end;
  }
  return texts;
}

TEST(ParseStates, AcceptWhatAPlainReadingOfRandomGrammarsAccepts) {
  const std::vector<std::string> texts = all_texts(5);
  int n_accepted = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    RandomGrammar random(seed);
    const auto automaton = Automaton::compile(random.grammar(), "test");
    ASSERT_TRUE(automaton.has_value() || automaton.error().fault == Fault::bad_format);
    std::set<std::string> accepted;
    for (const std::string& text : texts)
      if (random.matches(text)) accepted.insert(text);
    if (!automaton.has_value()) {
      EXPECT_TRUE(accepted.empty()) << "seed " << seed;
      continue;
    }
    ParseStates states(*automaton);
    for (const std::string& text : texts) {
      const Follows answer = follows(states, text);
      ASSERT_EQ(answer == Follows::to_the_end, accepted.contains(text))
          << "seed " << seed << ", text '" << text << "'";
      if (!accepted.contains(text)) continue;
      ++n_accepted;
      for (size_t n = 0; n < text.size(); ++n)
        ASSERT_NE(follows(states, text.substr(0, n)), Follows::no) << "seed " << seed;
    }
  }
  EXPECT_GT(n_accepted, 2000);
}

TEST(ParseStates, StaysInOneStateInsideAString) {
  const auto automaton = compiled(OutputGrammar::from_gbnf("root ::= \"'\" [^']* \"'\"", "test"));
  ParseStates states(automaton);
  const StateId inside = states.next(states.start(), '\'');
  EXPECT_EQ(states.next(states.next(inside, 'a'), 'b'), inside);
}

TEST(ParseStates, RightRecursionDoesNotGrow) {
  const auto automaton =
      compiled(OutputGrammar::from_gbnf("root ::= \"x\" tail\ntail ::= | [ab] tail", "test"));
  ParseStates states(automaton);
  StateId at = states.next(states.start(), 'x');
  for (int i = 0; i < 10'000; ++i) at = states.next(at, i % 2 == 0 ? 'a' : 'b');
  EXPECT_TRUE(states.accepts(at));
  EXPECT_LT(states.n_states(), 10u);
}

TEST(ParseStates, LeftRecursionCountsItsLeaves) {
  const char* grammar = "root ::= sum\nsum ::= sum \"+\" n | n\nn ::= [0-9]+ | \"(\" sum \")\"";
  EXPECT_TRUE(gbnf_accepts(grammar, "1+(2+3)+4"));
  EXPECT_FALSE(gbnf_accepts(grammar, "1+(2+3+4"));
  EXPECT_FALSE(gbnf_accepts(grammar, "1++2"));
}

TEST(ParseStates, FollowsHundredThousandOpenBrackets) {
  const auto automaton =
      compiled(OutputGrammar::from_gbnf("root ::= \"(\" root \")\" | \"x\"", "test"));
  ParseStates states(automaton);
  StateId at = states.start();
  for (int i = 0; i < 100'000; ++i) at = states.next(at, '(');
  at = states.next(at, 'x');
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_FALSE(states.accepts(at));
    at = states.next(at, ')');
  }
  EXPECT_TRUE(states.complete(at));
}

TEST(ParseStates, AnAmbiguousGrammarEndsAtItsLimit) {
  const auto automaton =
      compiled(OutputGrammar::from_gbnf("root ::= root root root | root root | \"a\"", "test"));
  ParseLimits limits;
  limits.items_max = 20'000;
  ParseStates states(automaton, limits);
  StateId at = states.start();
  for (int i = 0; i < 2000 && !states.full(); ++i) at = states.next(at, 'a');
  EXPECT_TRUE(states.full());
  states.restart();
  EXPECT_TRUE(states.accepts(states.next(states.start(), 'a')));
}

TEST(Automaton, NamesARuleWithoutEndAndOneThatIsMissing) {
  const auto endless = OutputGrammar::from_gbnf("root ::= \"a\" root", "test");
  ASSERT_FALSE(endless.has_value());
  EXPECT_EQ(endless.error().text,
            "test: nothing follows this grammar: rule 'root' has no text that ends");
  const auto missing = OutputGrammar::from_gbnf("root ::= other", "test");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().text, "test: rule 'other' is used but not defined");
}

}  // namespace
}  // namespace quire
