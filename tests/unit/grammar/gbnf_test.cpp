#include "grammar/gbnf.h"

#include "unit/grammar/support.h"

namespace quire {
namespace {

std::string error_of(std::string_view grammar) {
  const auto result = OutputGrammar::from_gbnf(grammar, "g");
  return result.has_value() ? "no error" : result.error().text;
}

TEST(Gbnf, ReadsEveryPartOfTheNotation) {
  const char* grammar = R"(# a comment
root ::= greeting ", " (name |
         "the " [^a-zA-Z"\]\n] .   # over two lines
         ) "!"? [.;]{2} ws{0,1}
greeting ::=
  "h\x69" | "\u00e9\U0001F600" | "\"\\\t"
name ::= [A-Z] [a-z-]+ | [-x] [\]\[] ("ab"){1,} | "y"{ 2 , 3 }
ws ::= | " " ws
)";
  for (const char* text : {"hi, Anna..", "é😀, Anna-lena!;.", "\"\\\t, the 1x..", "hi, -]ab..",
                           "hi, x[abab!.. ", "hi, yy..", "hi, yyy.. ", "hi, the éé.."})
    EXPECT_TRUE(gbnf_accepts(grammar, text)) << text;
  for (const char* text : {"hi, anna..", "hi, A..", "hi, Anna.", "hi, the ax..", "hi, x[..",
                           "hi, y..", "hi, yyyy..", "hi, the \n1.."})
    EXPECT_FALSE(gbnf_accepts(grammar, text)) << text;
}

TEST(Gbnf, ARepetitionIsOfTheWholeLiteral) {
  EXPECT_TRUE(gbnf_accepts("root ::= \"ab\"+", "abab"));
  EXPECT_FALSE(gbnf_accepts("root ::= \"ab\"+", "abb"));
}

TEST(Gbnf, CharactersAreCodePoints) {
  const char* grammar = "root ::= [ぁ-ゟ]+ [\\U00010000-\\U0010FFFF]";
  EXPECT_TRUE(gbnf_accepts(grammar, "ひらがな😀"));
  EXPECT_FALSE(gbnf_accepts(grammar, "カ😀"));
  EXPECT_TRUE(gbnf_accepts("root ::= [^x]", "\xF4\x8F\xBF\xBF"));
  EXPECT_FALSE(gbnf_accepts("root ::= [^x]", "\xED\xA0\x80"));  // a surrogate
  EXPECT_FALSE(gbnf_accepts("root ::= .", "\xC0\x80"));         // overlong
  EXPECT_TRUE(gbnf_accepts("root ::= .", "\n"));
}

TEST(Gbnf, GamesAndSumsAsTheyArePublished) {
  const char* chess = R"(root ::= "1. " move " " move "\n" ([1-9] [0-9]? ". " move " " move "\n")+
move ::= (pawn | piece | castle) [+#]?
piece ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
pawn ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
castle ::= "O-O" "-O"?)";
  EXPECT_TRUE(gbnf_accepts(chess, "1. e4 e5\n2. Nf3 Nc6\n3. O-O dxe8=Q+\n"));
  EXPECT_FALSE(gbnf_accepts(chess, "1. e4 e9\n2. Nf3 Nc6\n"));
  const char* sums = R"g(root ::= (expr "=" ws term "\n")+
expr ::= term ([-+*/] term)*
term ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num ::= [0-9]+ ws
ws ::= [ \t\n]*)g";
  EXPECT_TRUE(gbnf_accepts(sums, "(a +2 )*b3 = x\n1+1= 2\n"));
  EXPECT_FALSE(gbnf_accepts(sums, "a+ = x\n"));
}

TEST(Gbnf, ErrorsSayWhereAndWhat) {
  EXPECT_EQ(error_of(""), "g: the grammar has no rule 'root' to begin with");
  EXPECT_EQ(error_of("root := \"a\""), "g: line 1, column 6: '::=' is expected, not ':= \"a\"'");
  EXPECT_EQ(error_of("root ::= \"a"), "g: line 1, column 10: this text in quotes has no end");
  EXPECT_EQ(error_of("x ::= \"b\"\nroot ::= (\"a\""),
            "g: line 2, column 10: this group has no ')'");
  EXPECT_EQ(error_of("root ::= \"a\")"), "g: line 1, column 13: ')' is not part of a rule");
  EXPECT_EQ(error_of("root ::= [b-a]"), "g: line 1, column 14: the range ends before it begins");
  EXPECT_EQ(error_of("root ::= \"\\q\""), "g: line 1, column 11: '\\q\"' is no escape");
  EXPECT_EQ(error_of("root ::= *"), "g: line 1, column 10: nothing stands before '*' to repeat");
  EXPECT_EQ(error_of("root ::= \"a\"{3,2}"), "g: line 1, column 13: 3 is more than 2");
  EXPECT_EQ(error_of("root ::= \"a\"\nroot ::= \"b\""),
            "g: line 2, column 5: rule 'root' is defined twice");
  EXPECT_EQ(error_of("root ::= \"\xFF\""), "g: line 1, column 11: the text is not UTF-8");
  EXPECT_EQ(error_of("root ::= \"\\uD800\""), "g: line 1, column 17: U+D800 is no character");
}

TEST(Gbnf, WhatIsTooLargeIsOneErrorAtOnce) {
  EXPECT_EQ(error_of("root ::= \"a\"{1,1000000000}"),
            "g: 1000000000 repetitions (offset 15), at most 1000000 are supported");
  EXPECT_EQ(error_of("root ::= " + std::string(60'000, '(') + "\"a\"" + std::string(60'000, ')')),
            "g: groups nest more than 200 deep (offset 209): give inner ones rules of their own");
  EXPECT_EQ(error_of("root ::= ((((\"a\"{1000}){1000}){1000}){1000}){1000}"),
            "g: the grammar needs more than 1000000 states (in rule 'root'): use smaller counts in "
            "its repetitions");
  EXPECT_EQ(error_of("root ::= (\"a\"?){300000}"),
            "g: rule 'root' has too many ways to leave out its parts: repeat parts that cannot be "
            "empty");
  EXPECT_EQ(error_of(std::string(2 << 20, '#')),
            "g: a grammar of 2097152 bytes, at most 1048576 are supported");
}

TEST(Gbnf, ALongChainOfRulesIsFine) {
  std::string grammar = "root ::= r0\n";
  for (int i = 0; i < 20'000; ++i)
    grammar += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + "\n";
  grammar += "r20000 ::= \"a\" | \"\"\n";
  EXPECT_TRUE(gbnf_accepts(grammar, "a"));
  EXPECT_TRUE(gbnf_accepts(grammar, ""));
}

}  // namespace
}  // namespace quire
