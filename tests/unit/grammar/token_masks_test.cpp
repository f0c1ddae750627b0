#include "grammar/matcher.h"
#include "unit/grammar/random_grammar.h"
#include "unit/grammar/support.h"

namespace quire {
namespace {

const std::vector<std::string> words = {"a",
                                        "b",
                                        "\xC3",
                                        "\xA9",
                                        "é",
                                        "aa",
                                        "ab",
                                        "ba",
                                        "bb",
                                        "aé",
                                        "éa",
                                        "b\xC3",
                                        "\xA9"
                                        "a",
                                        "aaaa",
                                        "abab",
                                        "aab",
                                        "ab",
                                        "bbbbbbbbbb",
                                        "aaaaaaaaaaaaaaaaaaaa"};

std::shared_ptr<TokenMasks> masks_of(std::shared_ptr<const Automaton> automaton,
                                     const MaskLimits& limits = {}) {
  auto masks = TokenMasks::create(std::move(automaton), small_vocabulary(words), "test", limits);
  EXPECT_TRUE(masks.has_value());
  return *masks;
}

// The mask as the definition has it: one token after the other, in a parser of its own.
TokenMask plain_mask(const std::shared_ptr<const Automaton>& automaton, const std::string& text) {
  ParseStates states(automaton);
  TokenMask mask(1, 0);
  for (size_t i = 0; i < words.size(); ++i)
    if (follows(states, text + words[i]) != Follows::no) mask[0] |= uint64_t{1} << i;
  if (follows(states, text) == Follows::to_the_end) mask[0] |= uint64_t{1} << words.size();
  return mask;
}

// A walk of allowed tokens, each mask compared.
void walk(const std::shared_ptr<const Automaton>& automaton, GrammarMatcher& matcher, Rng& rng,
          int n_tokens) {
  std::string text;
  for (int n = 0; n < n_tokens; ++n) {
    const auto mask = matcher.allowed();
    ASSERT_TRUE(mask.has_value()) << mask.error().text;
    ASSERT_EQ(**mask, plain_mask(automaton, text)) << "after '" << text << "'";
    std::vector<int32_t> allowed;
    for (size_t i = 0; i < words.size(); ++i)
      if (((**mask)[0] >> i & 1) != 0) allowed.push_back(static_cast<int32_t>(i));
    if (allowed.empty()) return;
    const int32_t token = allowed[rng.below(allowed.size())];
    ASSERT_TRUE(matcher.accept(token).has_value());
    text += words[static_cast<size_t>(token)];
  }
}

TEST(TokenMasks, AreThoseOfOneTokenAfterTheOther) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    const RandomGrammar random(seed);
    const auto automaton = Automaton::compile(random.grammar(), "test");
    if (!automaton.has_value()) continue;
    const auto masks = masks_of(*automaton);
    Rng rng(seed);
    for (int i = 0; i < 3; ++i) {
      GrammarMatcher matcher(masks);
      walk(*automaton, matcher, rng, 12);
    }
  }
}

TEST(TokenMasks, AreRightNearTheEndsOfLongRepetitions) {
  for (const char* grammar :
       {"root ::= [ab]{0,40}", "root ::= [ab]{30,60} \"a\"", "root ::= ([ab]{2,15} \"é\"){3,20}",
        "root ::= item{10,50}\nitem ::= \"ab\"* | [ba]{9,12}", "root ::= [ab]{33,} \"é\"",
        "root ::= (\"a\" | \"b\" | \"\"){25,70} \"é\""}) {
    SCOPED_TRACE(grammar);
    const auto automaton = compiled(OutputGrammar::from_gbnf(grammar, "test"));
    const auto masks = masks_of(automaton);
    Rng rng(1);
    for (int i = 0; i < 4; ++i) {
      GrammarMatcher matcher(masks);
      walk(automaton, matcher, rng, 100);
    }
  }
}

TEST(TokenMasks, SurviveAParserThatForgets) {
  const auto automaton = compiled(
      OutputGrammar::from_gbnf("root ::= \"a\" root \"b\" | \"b\" root \"a\" | \"é\"", "test"));
  MaskLimits limits;
  limits.parse.items_max = 3000;
  limits.mask_bytes_max = 100;
  const auto masks = masks_of(automaton, limits);
  Rng rng(1);
  for (int i = 0; i < 60; ++i) {
    GrammarMatcher matcher(masks);
    walk(automaton, matcher, rng, 8);
  }
  EXPECT_GT(masks->age(), 1u);
}

TEST(GrammarMatcher, RollsBack) {
  const auto automaton = compiled(OutputGrammar::from_gbnf("root ::= \"a\"* \"b\" \"é\"", "test"));
  GrammarMatcher matcher(masks_of(automaton));
  ASSERT_TRUE(matcher.accept(0).has_value());
  const auto before = **matcher.allowed();
  ASSERT_TRUE(matcher.accept(0).has_value());
  ASSERT_TRUE(matcher.accept(1).has_value());
  EXPECT_NE(**matcher.allowed(), before);
  matcher.rollback(2);
  EXPECT_EQ(**matcher.allowed(), before);
  EXPECT_EQ(matcher.n_accepted(), 1u);
}

TEST(GrammarMatcher, RefusesWhatIsNotAllowedAndStaysWhereItWas) {
  const auto automaton = compiled(OutputGrammar::from_gbnf("root ::= \"ab\"", "test"));
  GrammarMatcher matcher(masks_of(automaton));
  EXPECT_EQ(matcher.accept(1).error().text, "test: token 1 ('b') does not follow the grammar");
  EXPECT_EQ(matcher.accept(-1).error().fault, Fault::usage);
  EXPECT_EQ(matcher.accept(1000).error().fault, Fault::usage);
  ASSERT_TRUE(matcher.accept(6).has_value());
  EXPECT_TRUE(*matcher.complete());
  EXPECT_TRUE(matcher.accept(static_cast<int32_t>(words.size())).has_value());  // the end
}

TEST(GrammarMatcher, KnowsWhatCanOnlyComeNext) {
  const auto automaton =
      compiled(OutputGrammar::from_gbnf("root ::= \"aab\" (\"a\" | \"bb\") \"é\"", "test"));
  GrammarMatcher matcher(masks_of(automaton));
  EXPECT_EQ(*matcher.forced_text(), "aab");
  ASSERT_EQ(*matcher.begin_with("aabb"), 4u);
  EXPECT_EQ(*matcher.forced_text(), "bé");
  EXPECT_EQ(*matcher.forced_text(1), "b");
}

TEST(GrammarMatcher, TokensThatTheGrammarNames) {
  const auto automaton =
      compiled(OutputGrammar::from_gbnf("root ::= \"a\" <end> \"b\" <[1]> !<[0]>", "test"));
  GrammarMatcher matcher(masks_of(automaton));
  const auto end = static_cast<int32_t>(words.size());
  ASSERT_TRUE(matcher.accept(0).has_value());
  EXPECT_EQ((**matcher.allowed())[0], uint64_t{1} << end);
  for (const int32_t token : {end, 1, 1}) ASSERT_TRUE(matcher.accept(token).has_value());
  const uint64_t mask = (**matcher.allowed())[0];
  EXPECT_EQ(mask, (uint64_t{1} << words.size()) - 2);  // all but token 0 and the end
  ASSERT_TRUE(matcher.accept(2).has_value());
  EXPECT_TRUE(*matcher.complete());
}

TEST(TokenMasks, ATokenThatIsNotInTheVocabularyIsAnError) {
  const auto automaton = compiled(OutputGrammar::from_gbnf("root ::= <nowhere>", "test"));
  const auto masks = TokenMasks::create(automaton, small_vocabulary(words), "--grammar");
  ASSERT_FALSE(masks.has_value());
  EXPECT_EQ(masks.error().text,
            "--grammar: the grammar names token '<nowhere>', which the vocabulary of this model "
            "does not have");
}

}  // namespace
}  // namespace quire
