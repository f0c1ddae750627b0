#include "engine/allowed_tokens.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

std::vector<int32_t> members(TokenSet set) {
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < static_cast<int32_t>(set.size() * 64); ++id)
    if (contains(set, id)) ids.push_back(id);
  return ids;
}

std::shared_ptr<AllowedTokens> only(std::vector<int32_t> ids,
                                    std::shared_ptr<TokenConstraint> inner = nullptr) {
  return AllowedTokens::create(ids, 200, std::move(inner)).value();
}

TEST(AllowedTokens, AreThoseOfTheListAndNoOthers) {
  const auto some = only({199, 3, 64, 3});
  EXPECT_EQ(members(some->allowed().value()), (std::vector<int32_t>{3, 64, 199}));
  ASSERT_TRUE(some->accept(64).has_value());
  EXPECT_EQ(members(some->allowed().value()), (std::vector<int32_t>{3, 64, 199}));
  EXPECT_FALSE(some->finished());
}

TEST(AllowedTokens, AreThoseThatTheFormOfTheAnswerAllowsToo) {
  const auto both = only({3, 4, 70}, only({4, 70, 90}));
  EXPECT_EQ(members(both->allowed().value()), (std::vector<int32_t>{4, 70}));
  const auto none = only({1}, only({2}));
  EXPECT_TRUE(members(none->allowed().value()).empty());
  EXPECT_FALSE(none->allowed().value().empty());  // an empty span would allow all
}

TEST(AllowedTokens, MustBeInTheVocabulary) {
  for (const auto& ids : {std::vector<int32_t>{}, {200}, {-1}, {5, INT32_MAX}}) {
    const auto bad = AllowedTokens::create(ids, 200, nullptr);
    ASSERT_FALSE(bad.has_value());
    EXPECT_EQ(bad.error().fault, Fault::usage);
  }
}

}  // namespace
}  // namespace quire
