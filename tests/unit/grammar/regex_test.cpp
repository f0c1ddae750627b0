#include "grammar/regex.h"

#include "unit/grammar/support.h"

namespace quire {
namespace {

bool matches(std::string_view regex, std::string_view text) {
  const auto automaton = compiled(OutputGrammar::from_regex(regex, "r"));
  return automaton != nullptr && accepts(automaton, text);
}

bool found(std::string_view regex, std::string_view text) {
  Grammar grammar;
  const auto write = [](Grammar& g, const std::vector<CodeRange>& r) { return g.characters(r); };
  const auto body = regex_expression(grammar, regex, "r", RegexSpan::anywhere, write);
  if (!body.has_value()) {
    ADD_FAILURE() << body.error().text;
    return false;
  }
  const RuleId root = grammar.add_rule("root");
  grammar.define(root, *body);
  grammar.set_root(root);
  const auto automaton = Automaton::compile(grammar, "r");
  return automaton.has_value() && accepts(*automaton, text);
}

std::string error_of(std::string_view regex) {
  const auto result = OutputGrammar::from_regex(regex, "r");
  return result.has_value() ? "no error" : result.error().text;
}

TEST(Regex, EveryPartOfTheNotation) {
  EXPECT_TRUE(matches("(?:ab|c)*d{2,3}?[x-z]+", "abcabddz"));
  EXPECT_FALSE(matches("(?:ab|c)*d{2,3}?[x-z]+", "abcabdz"));
  EXPECT_TRUE(matches("(?<year>\\d{4})-(\\d\\d)", "2024-02"));
  EXPECT_TRUE(matches("\\w+\\s\\S\\D\\W", "a_9\u00A0xyé"));
  EXPECT_TRUE(matches("[\\w.+-]+@[^\\s@]+", "a.b+c-d@é.x"));
  EXPECT_TRUE(
      matches("\\x41\\u00e9\\u{1F600}\\uD83D\\uDE00\\t\\/\\.\\cJ\\0", {"Aé😀😀\t/.\n\0", 16}));
  EXPECT_TRUE(matches("\\p{Lu}\\p{L}+\\P{L}", "Éléa1"));
  EXPECT_FALSE(matches("\\p{Lu}", "é"));
  EXPECT_TRUE(matches("{a}{1}[\\]a]?", "{a}"));
  EXPECT_TRUE(matches("a{,2}", "a{,2}"));
  EXPECT_FALSE(matches(".", "\n"));
  EXPECT_TRUE(matches("[^a]", "\n"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("a||b", ""));
}

TEST(Regex, AnchorsHoldWhereTheyStand) {
  EXPECT_TRUE(matches("^ab$", "ab"));
  EXPECT_EQ(error_of("a^b"), "r: nothing follows this grammar: rule 'root' has no text that ends");
  EXPECT_TRUE(found("b", "abc"));
  EXPECT_TRUE(found("^a", "abc"));
  EXPECT_FALSE(found("^b", "abc"));
  EXPECT_TRUE(found("c$", "abc"));
  EXPECT_FALSE(found("b$", "abc"));
  EXPECT_TRUE(found("^(a|b)+$", "abba"));
  EXPECT_FALSE(found("^(a|b)+$", "abbac"));
  EXPECT_TRUE(found("^x|b", "abc"));
  EXPECT_TRUE(found("^x|b", "xac"));
  EXPECT_FALSE(found("^x|b", "acx"));
  EXPECT_TRUE(found("(^x|y)z", "ayzb"));
  EXPECT_FALSE(found("(^x|y)z", "axzb"));
  EXPECT_FALSE(found("^$", "a"));
  EXPECT_TRUE(found("^$", ""));
  EXPECT_TRUE(found("^a*$", ""));
  EXPECT_TRUE(found("^a*$", "aa"));
  EXPECT_FALSE(found("^a*$", "aab"));
  EXPECT_FALSE(found("^a*$", "baa"));
  EXPECT_TRUE(found("^.*$", "any text"));
  EXPECT_TRUE(found("^a?b?$", "b"));
  EXPECT_FALSE(found("^a?b?$", "ba"));
  EXPECT_TRUE(found("a*$", "bcaa"));
  EXPECT_TRUE(found("^a*", "b"));
  EXPECT_TRUE(found("(^a*$|b)", "xbx"));
  EXPECT_FALSE(found("(^a*$|b)", "xax"));
}

TEST(Regex, WhatCannotBeEnforcedIsAnErrorThatSaysWhy) {
  EXPECT_EQ(error_of("a(?=b)"),
            "r: the regular expression 'a(?=b)' has look-around (offset 3), which a grammar cannot "
            "enforce");
  EXPECT_EQ(error_of("(a)\\1"),
            "r: the regular expression '(a)\\1' has a back reference (offset 4), which a grammar "
            "cannot enforce");
  for (const char* regex : {"\\bword", "(?i)a", "a++", "(?>a)", "(?<!a)b", "a*^b", "(a$)*b"}) {
    const auto result = OutputGrammar::from_regex(regex, "r");
    ASSERT_FALSE(result.has_value()) << regex;
    EXPECT_EQ(result.error().fault, Fault::unsupported) << regex;
  }
}

TEST(Regex, ErrorsSayWhere) {
  EXPECT_EQ(error_of("a)b"),
            "r: the regular expression 'a)b' has a ')' without its '(' (offset 1)");
  for (const char* regex : {"(a", "[a", "a**", "*", "[b-a]", "a{3,2}", "\\", "\\q", "\\u12",
                            "\\p{X}", "(?<a", "\xFF", "[\\d-z-\\w]x{2}{3}"}) {
    const auto result = OutputGrammar::from_regex(regex, "r");
    ASSERT_FALSE(result.has_value()) << regex;
    EXPECT_EQ(result.error().fault, Fault::bad_format) << regex;
  }
}

TEST(Regex, WhatIsTooLargeIsOneErrorAtOnce) {
  EXPECT_EQ(error_of("a{1000000000}"),
            "r: 1000000000 repetitions (offset 2), at most 1000000 are supported");
  EXPECT_EQ(error_of(std::string(60'000, '(') + std::string(60'000, ')')),
            "r: groups nest more than 200 deep (offset 200)");
  EXPECT_EQ(OutputGrammar::from_regex("((a{1000}){1000}){1000}", "r").error().fault, Fault::limit);
}

TEST(Choices, AreTakenAsTheyStand) {
  const auto automaton = compiled(OutputGrammar::from_choices({"yes", "no.*", "yes!"}, "c"));
  EXPECT_TRUE(accepts(automaton, "yes"));
  EXPECT_TRUE(accepts(automaton, "yes!"));
  EXPECT_TRUE(accepts(automaton, "no.*"));
  EXPECT_FALSE(accepts(automaton, "no"));
  EXPECT_EQ(OutputGrammar::from_choices({}, "c").error().fault, Fault::usage);
}

}  // namespace
}  // namespace quire
