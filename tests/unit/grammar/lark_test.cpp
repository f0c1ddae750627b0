#include "grammar/lark.h"

#include "base/file.h"
#include "format/json.h"
#include "unit/grammar/support.h"

#include <nlohmann/json.hpp>

namespace quire {
namespace {

std::string lark_error(std::string_view grammar) {
  const auto result = OutputGrammar::from_lark(grammar, "g");
  return result.has_value() ? "no error" : result.error().text;
}

bool lark_accepts(std::string_view grammar, std::string_view text) {
  const auto automaton = compiled(OutputGrammar::from_lark(grammar, "test"));
  return automaton != nullptr && accepts(automaton, text);
}

// tests/golden/grammar/lark.json, made by tools/make_lark_goldens.py.
TEST(Lark, FollowsWhatLarksOwnParserFinds) {
  const auto file = read_file(QUIRE_SOURCE_DIR "/tests/golden/grammar/lark.json");
  ASSERT_TRUE(file.has_value()) << file.error().text;
  const auto golden = parse_json(*file, "lark.json");
  ASSERT_TRUE(golden.has_value()) << golden.error().text;
  ASSERT_GT(golden->size(), 40u);
  for (const auto& one : *golden) {
    const auto grammar = one[0].get<std::string>();
    if (one[1].is_null()) {
      EXPECT_NE(lark_error(grammar), "no error") << grammar;
      continue;
    }
    const auto automaton = compiled(OutputGrammar::from_lark(grammar, "golden"));
    ASSERT_NE(automaton, nullptr) << grammar;
    for (const auto& text : one[1])
      EXPECT_TRUE(accepts(automaton, text.get<std::string>())) << grammar << "\n" << text;
    for (const auto& text : one[2])
      EXPECT_FALSE(accepts(automaton, text.get<std::string>())) << grammar << "\n" << text;
  }
}

TEST(Lark, TakesWhatLlguidanceAdds) {
  const char* grammar = R"(%llguidance {}
start: "say " /(a|b)/{2,3} data
data: %json {"type": "object", "properties": {"n": {"const": "}\""}}, "required": ["n"],
             "additionalProperties": false}
)";
  EXPECT_TRUE(lark_accepts(grammar, R"(say ab{"n": "}\""})"));
  EXPECT_FALSE(lark_accepts(grammar, R"(say a{"n": "}\""})"));
  EXPECT_FALSE(lark_accepts(grammar, R"(say aba{"n": "}"})"));
  const auto tokens = OutputGrammar::from_lark("start: <|end|> <[7]>", "g");
  ASSERT_TRUE(tokens.has_value()) << tokens.error().text;
  ASSERT_EQ(tokens->automaton->tokens().size(), 2u);
  EXPECT_EQ(tokens->automaton->tokens()[0].text, "<|end|>");
  EXPECT_EQ(tokens->automaton->tokens()[1].id, 7);
}

TEST(Lark, AnEscapedTextEndsAtItsQuote) {
  const char* grammar = "start: ESCAPED_STRING\n%import common.ESCAPED_STRING";
  EXPECT_TRUE(lark_accepts(grammar, R"("a\"b\\")"));
  EXPECT_FALSE(lark_accepts(grammar, R"("a"b")"));
}

TEST(Lark, EmptyTextsAndEmptyMatchesAreFine) {
  EXPECT_TRUE(lark_accepts("start: \"\" /x*/ \"y\"", "y"));
  EXPECT_TRUE(lark_accepts("start: \"a\"\n%ignore /x*/", "xxa"));
}

TEST(Lark, ErrorsSayWhereAndWhat) {
  EXPECT_EQ(lark_error(""), "g: the grammar has no rule 'start' to begin with");
  EXPECT_EQ(lark_error("start \"a\""), "g: line 1, column 7: ':' is expected, not '\"a\"'");
  EXPECT_EQ(lark_error("start: \"a"), "g: line 1, column 8: this text in quotes has no end");
  EXPECT_EQ(lark_error("start: /a"), "g: line 1, column 8: this expression has no '/' at its end");
  EXPECT_EQ(lark_error("start: x\nx: (\"a\""), "g: line 2, column 4: this group has no ')'");
  EXPECT_EQ(lark_error("start: (\"a\"]"), "g: line 1, column 12: ']' is not part of a rule");
  EXPECT_EQ(lark_error("start: \"a\" * +"),
            "g: line 1, column 14: nothing stands before '+' to repeat");
  EXPECT_EQ(lark_error("start: \"a\"~3..2"), "g: line 1, column 11: 3 is more than 2");
  EXPECT_EQ(lark_error("start: \"ab\"..\"c\""),
            "g: line 1, column 8: a range goes from one character to one character");
  EXPECT_EQ(lark_error("start: \"b\"..\"a\""),
            "g: line 1, column 8: the range ends before it begins");
  EXPECT_EQ(lark_error("start: \"\\uD800\""), "g: line 1, column 15: U+D800 is no character");
  EXPECT_EQ(lark_error("start: \"\xFF\""), "g: line 1, column 9: the text is not UTF-8");
  EXPECT_EQ(lark_error("start: \"a\" -> x \"b\""),
            "g: line 1, column 17: '|' or the end of the line is expected, not '\"b\"'");
  EXPECT_EQ(lark_error("start: a"), "g: the grammar uses 'a', which is not defined");
  EXPECT_EQ(lark_error("start: WS"),
            "g: the grammar uses 'WS', which is not defined; %import common.WS brings in what the "
            "library knows");
  EXPECT_EQ(lark_error("start: A\nA: B\nB: \"x\" A"),
            "g: the terminal 'A' is made of itself: only rules may be");
  EXPECT_EQ(lark_error("start: A\nA: x\nx: \"x\""),
            "g: the terminal 'A' uses the rule 'x': terminals are made of texts, expressions and "
            "other terminals");
  EXPECT_EQ(lark_error("start: \"a\"\n%ignore start"),
            "g: the terminal '%ignore' uses the rule 'start': terminals are made of texts, "
            "expressions and other terminals");
  EXPECT_EQ(lark_error("%import common.NOSUCH\nstart: NOSUCH"),
            "g: line 1, column 22: the library has no 'common.NOSUCH'");
  EXPECT_EQ(lark_error("start: start \"a\""),
            "g: nothing follows this grammar: rule 'root' has no text that ends");
}

TEST(Lark, WhatCannotBeSaidIsRefusedByName) {
  EXPECT_EQ(lark_error("a{x}: x\nstart: a{\"b\"}"),
            "g: line 1, column 2: rules with parameters (name{...}) of Lark grammars are not "
            "supported");
  const std::pair<const char*, const char*> refused[] = {
      {"start[capture]: \"a\"", "attributes of rules"},
      {"%import python.NAME\nstart: NAME", "imports from elsewhere than 'common'"},
      {"%import commonplace.NAME\nstart: NAME", "imports from elsewhere than 'common'"},
      {"%declare A\nstart: A", "directives like %declare"},
      {"start: %regex {}", "parts like %regex"},
      {"start: ~\"a\"", "negated terminals"},
      {"start: A & B", "intersections"},
      {"start: /a/x", "flags of expressions"},
      {"start: /^a/", "^ or $"},
      {"start: /a(?=b)/", "look-around"}};
  for (const auto& [grammar, part] : refused)
    EXPECT_NE(lark_error(grammar).find(part), std::string::npos) << lark_error(grammar);
}

TEST(Lark, WhatIsTooLargeIsOneErrorAtOnce) {
  EXPECT_EQ(lark_error("start: \"a\"~1..1000000000"),
            "g: 1000000000 repetitions (offset 14), at most 1000000 are supported");
  EXPECT_EQ(lark_error("start: " + std::string(60'000, '(')),
            "g: groups nest more than 200 deep (offset 207): give inner ones rules of their own");
  EXPECT_EQ(lark_error("start: " + std::string(60'000, '[')),
            "g: groups nest more than 200 deep (offset 207): give inner ones rules of their own");
  std::string chain = "start: T0\n";
  for (int i = 0; i < 20'000; ++i)
    chain += "T" + std::to_string(i) + ": T" + std::to_string(i + 1) + "\n";
  EXPECT_TRUE(lark_accepts(chain + "T20000: \"a\"\n%ignore T1", "aaa"));
}

TEST(Lark, IsToldFromGbnf) {
  for (const char* text : {"start: \"a\"", " // x\n# y\n?start : \"a\"", "%import common.WS",
                           "a.2: \"b\"", "a{b}: b", "_x\t: y"})
    EXPECT_TRUE(looks_like_lark(text)) << text;
  for (const char* text : {"", "root ::= \"a\"", "# x\nroot::=\"a\"", "my-rule ::= x",
                           "root := \"a\"", "root", "\"a\""})
    EXPECT_FALSE(looks_like_lark(text)) << text;
  EXPECT_TRUE(OutputGrammar::from_grammar("start: \"a\"", "g").has_value());
  EXPECT_TRUE(OutputGrammar::from_grammar("root ::= \"a\"", "g").has_value());
}

}  // namespace
}  // namespace quire
