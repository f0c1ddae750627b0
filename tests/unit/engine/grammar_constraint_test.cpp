#include "engine/grammar_constraint.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

const std::vector<std::string> words = {"a",      "b",    "<think>", "</think>", "</",
                                        "think>", "k> a", " ",       "ab"};
constexpr int32_t end = 9;

std::shared_ptr<TokenMasks> masks_of(std::string_view regex) {
  std::vector<std::string> bytes = words, names = words;
  bytes.push_back("");
  names.push_back("<end>");
  bytes[3] = "";  // a control token: no text, but its name is the marker
  auto vocabulary = TokenVocabulary::create(std::move(bytes), std::move(names), {end});
  auto grammar = OutputGrammar::from_regex(regex, "test");
  EXPECT_TRUE(grammar.has_value());
  return *TokenMasks::create(grammar->automaton, std::move(vocabulary), "test");
}

std::vector<int32_t> allowed(GrammarConstraint& constraint) {
  const auto set = constraint.allowed();
  EXPECT_TRUE(set.has_value());
  std::vector<int32_t> ids;
  for (int32_t id = 0; id <= end; ++id)
    if (set->empty() || contains(*set, id)) ids.push_back(id);
  return ids;
}

using Ids = std::vector<int32_t>;
const Ids all_but_end = {0, 1, 2, 3, 4, 5, 6, 7, 8};

TEST(GrammarConstraint, HoldsFromTheFirstTokenAndEnds) {
  GrammarConstraint constraint(masks_of("ab?b"), GrammarStart::at_once());
  EXPECT_EQ(allowed(constraint), (Ids{0, 8}));
  ASSERT_TRUE(constraint.accept(8).has_value());
  EXPECT_EQ(allowed(constraint), (Ids{1, end}));
  EXPECT_FALSE(constraint.finished());
  ASSERT_TRUE(constraint.accept(1).has_value());
  EXPECT_TRUE(constraint.finished());
}

TEST(GrammarConstraint, IsFreeUntilItsMarkerWhichIsAControlToken) {
  GrammarConstraint constraint(masks_of("ab"), GrammarStart::after_marker("</think>"));
  for (const int32_t token : {2, 0, 4, 1}) {
    EXPECT_EQ(allowed(constraint), all_but_end);
    ASSERT_TRUE(constraint.accept(token).has_value());
  }
  ASSERT_TRUE(constraint.accept(3).has_value());
  EXPECT_TRUE(constraint.active());
  EXPECT_EQ(allowed(constraint), (Ids{0, 8}));
}

TEST(GrammarConstraint, AMarkerInPiecesAndTextBehindItInOneToken) {
  GrammarConstraint constraint(masks_of("ab"), GrammarStart::after_marker("think>"));
  for (const int32_t token : {4, 5}) ASSERT_TRUE(constraint.accept(token).has_value());
  EXPECT_EQ(allowed(constraint), (Ids{0, 8}));
  GrammarConstraint behind(masks_of("ab"), GrammarStart::after_marker("k>"));
  ASSERT_TRUE(behind.accept(6).has_value());  // "k> a": the blank is skipped
  EXPECT_EQ(allowed(behind), (Ids{1}));
}

TEST(GrammarConstraint, WithoutItsMarkerAnAnswerIsFreeWhereThatIsAllowed) {
  GrammarConstraint constraint(masks_of("ab"), {{"<think>"}, false, true});
  EXPECT_TRUE(constraint.allowed()->empty());
  ASSERT_TRUE(constraint.accept(2).has_value());
  EXPECT_EQ(allowed(constraint), (Ids{0, 8}));
  ASSERT_TRUE(constraint.accept(8).has_value());
  EXPECT_FALSE(constraint.finished());  // free again, until the next marker
  EXPECT_TRUE(constraint.allowed()->empty());
  ASSERT_TRUE(constraint.accept(2).has_value());
  EXPECT_EQ(allowed(constraint), (Ids{0, 8}));
}

TEST(GrammarConstraint, KnowsWhatCanOnlyComeNext) {
  GrammarConstraint constraint(masks_of("abbb?"), GrammarStart::at_once());
  EXPECT_EQ(*constraint.forced_text(), "abb");
}

}  // namespace
}  // namespace quire
