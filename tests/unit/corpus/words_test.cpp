#include "corpus/words.h"

#include "corpus/grammar.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

TEST(Words, PluralsFollowTheRulesAndTheExceptions) {
  EXPECT_EQ(plural("cat"), "cats");
  EXPECT_EQ(plural("box"), "boxes");
  EXPECT_EQ(plural("cherry"), "cherries");
  EXPECT_EQ(plural("toy"), "toys");
  EXPECT_EQ(plural("mouse"), "mice");
  EXPECT_EQ(plural("scarf"), "scarves");
  EXPECT_EQ(plural("loaf of bread"), "loaves of bread");
  EXPECT_EQ(plural("toy train"), "toy trains");
}

TEST(Words, VerbsHaveTheirPastAndIngForms) {
  EXPECT_EQ(past("walk"), "walked");
  EXPECT_EQ(past("stop"), "stopped");
  EXPECT_EQ(past("try"), "tried");
  EXPECT_EQ(past("go"), "went");
  EXPECT_EQ(past("pick up"), "picked up");
  EXPECT_EQ(ing("make"), "making");
  EXPECT_EQ(ing("sit"), "sitting");
  EXPECT_EQ(ing("see"), "seeing");
  EXPECT_EQ(third_person("try"), "tries");
  EXPECT_EQ(third_person("go"), "goes");
}

TEST(Words, AdjectivesCompare) {
  EXPECT_EQ(comparative("big"), "bigger");
  EXPECT_EQ(comparative("happy"), "happier");
  EXPECT_EQ(comparative("good"), "better");
  EXPECT_EQ(comparative("careful"), "more careful");
  EXPECT_EQ(superlative("nice"), "nicest");
  EXPECT_EQ(superlative("beautiful"), "most beautiful");
}

TEST(Words, AnStandsBeforeVowelSounds) {
  for (const char* word : {"apple", "egg", "hour", "8", "11", "18", "umbrella"}) {
    EXPECT_TRUE(takes_an(word)) << word;
  }
  for (const char* word : {"cat", "one", "unicorn", "useful", "1", "10", ""}) {
    EXPECT_FALSE(takes_an(word)) << word;
  }
}

TEST(Words, NumbersAreSpelledOut) {
  EXPECT_EQ(number_words(0), "zero");
  EXPECT_EQ(number_words(13), "thirteen");
  EXPECT_EQ(number_words(40), "forty");
  EXPECT_EQ(number_words(21), "twenty-one");
  EXPECT_EQ(number_words(305), "three hundred and five");
}

TEST(Words, ContractionsStayOutBeforeAStop) {
  EXPECT_EQ(contracted("I do not know. It is late. Yes, it is."),
            "I don't know. It's late. Yes, it is.");
  EXPECT_EQ(contracted("Let us go. \"I am here,\" said Kit is."),
            "Let's go. \"I'm here,\" said Kit is.");
}

TEST(TaleGrammar, FinishedTextHasCapitalsSpacesAndArticles) {
  std::string out;
  finish_text("a  apple fell . \"oh!\" said tom. \"it is a hour late.\" he ran // then it rained ,",
              out);
  EXPECT_EQ(out,
            "An apple fell. \"Oh!\" said tom. \"It is an hour late.\" He ran\nThen it rained,");
  out.clear();
  finish_text("\"why?,\" she said. \"look!\" it was a cat. \"no!\" he said. Mr. Hobb came.", out);
  EXPECT_EQ(out, "\"Why?\" she said. \"Look!\" It was a cat. \"No!\" he said. Mr. Hobb came.");
}

TEST(TaleGrammar, SlotsNumbersRulesAndChoicesAreSpoken) {
  TaleGrammar grammar;
  Entity apple;
  apple[Form::name] = "apple";
  apple[Form::s] = "apples";
  apple.number = 2;
  grammar.add_pool("fruit", {apple});
  grammar.add_rule("word", "[ripe|ripe]");
  grammar.add_rule("price", "{x} costs {y.d}.");
  grammar.add_rule("top",
                   "{n:=3..3}{t:=fruit}{p:=t.price}{sum:=n+p}{w:=<word>}"
                   "{n} {w} {t#n}, {sum.d}. a {*fruit}. one {t#one}. <price:t,p>");
  grammar.add_rule("start", "{one:=1..1}<top>");
  grammar.link();
  Rng rng(1);
  std::string out;
  grammar.say("start", rng, out);
  EXPECT_EQ(out, "Three ripe apples, 5. An apple. One apple. Apple costs 2.");
}

TEST(TaleGrammar, NoAlternativeComesBackBeforeAllWereTaken) {
  TaleGrammar grammar;
  grammar.add_rule("word", "[a1|b1|c1|d1]");
  grammar.add_rule("top", "1 <word> <word> <word> <word>");
  grammar.link();
  Rng rng(7);
  std::string out;
  grammar.say("top", rng, out);
  for (const char* word : {"a1", "b1", "c1", "d1"}) EXPECT_NE(out.find(word), std::string::npos);
}

TEST(GrammarDeathTest, ATemplateWithAnUnknownNameIsOurOwnMistake) {
  TaleGrammar grammar;
  grammar.add_rule("top", "<missing>");
  EXPECT_DEATH(grammar.link(), "no rule <missing>");
}

}  // namespace
}  // namespace quire
