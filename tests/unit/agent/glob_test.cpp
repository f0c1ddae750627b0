#include "agent/glob.h"

#include <gtest/gtest.h>

namespace quire::agent {
namespace {

bool fits(const std::string& pattern, std::string_view path) {
  return Glob::compile(pattern).value().matches(path);
}

TEST(Glob, APatternWithoutASlashIsForTheName) {
  EXPECT_TRUE(fits("*.cpp", "a.cpp"));
  EXPECT_TRUE(fits("*.cpp", "src/deep/a.cpp"));
  EXPECT_FALSE(fits("*.cpp", "a.cpp.txt"));
  EXPECT_FALSE(fits("src", "src/a"));
  EXPECT_TRUE(fits("**", "a/b/c"));
  EXPECT_TRUE(fits("*proj*", "my-project"));
}

TEST(Glob, APatternWithASlashIsForTheWholePath) {
  EXPECT_TRUE(fits("src/*.cpp", "src/a.cpp"));
  EXPECT_FALSE(fits("src/*.cpp", "src/b/a.cpp"));
  EXPECT_FALSE(fits("src/*.cpp", "x/src/a.cpp"));
  EXPECT_TRUE(fits("src/**/*.cpp", "src/a.cpp"));
  EXPECT_TRUE(fits("src/**/*.cpp", "src/b/c/a.cpp"));
  EXPECT_TRUE(fits("**/b/*", "b/a"));
  EXPECT_TRUE(fits("src/**", "src/b/c"));
  EXPECT_TRUE(fits("./src/a", "src/a"));
}

TEST(Glob, KnowsQuestionMarksSetsAndBraces) {
  EXPECT_TRUE(fits("a?c", "abc"));
  EXPECT_TRUE(fits("a?c",
                   "a\xC3\xA4"
                   "c"))
      << "a character of two bytes";
  EXPECT_FALSE(fits("a?c", "ac"));
  EXPECT_TRUE(fits("[a-c]x", "bx"));
  EXPECT_FALSE(fits("[!a-c]x", "bx"));
  EXPECT_TRUE(fits("[]]", "]"));
  EXPECT_TRUE(fits("[", "["));
  EXPECT_TRUE(fits("*.{cpp,h}", "a.h"));
  EXPECT_TRUE(fits("{a,b{c,d}}.x", "bd.x"));
  EXPECT_FALSE(fits("{a,b{c,d}}.x", "b.x"));
  EXPECT_TRUE(fits("{a}", "{a}"));
  EXPECT_TRUE(fits("\\*", "*"));
  EXPECT_FALSE(fits("\\*", "a"));
}

TEST(Glob, TakesNoLongerThanThereIsToSee) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  EXPECT_FALSE(fits(pattern + "b", std::string(2000, 'a')));
}

TEST(Glob, RefusesWhatStandsForTooMuch) {
  EXPECT_FALSE(Glob::compile(std::string(2000, 'a')).has_value());
  EXPECT_FALSE(Glob::compile("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}").has_value());
}

}  // namespace
}  // namespace quire::agent
