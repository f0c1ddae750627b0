#include "engine/thinking_budget.h"

#include "text/tokenizer_io.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

class ThinkingBudgetTest : public testing::Test {
 protected:
  void SetUp() override {
    tokenizer_ = *load_tokenizer(QUIRE_SOURCE_DIR "/tests/golden/text/bytes-plain.gguf");
    closing_ = ids("</think>\n");
  }
  std::vector<int32_t> ids(std::string_view text) {
    return *tokenizer_->encode(text,
                               {AddSpecial::never, ParseSpecial::as_text, InvalidUtf8::reference});
  }
  std::shared_ptr<ThinkingBudget> budget(int64_t n, bool thinking) {
    return *ThinkingBudget::create({n, "<think>", "</think>", thinking, closing_}, tokenizer_,
                                   nullptr);
  }
  // The only token that may come next, or -1 where the answer is free.
  int32_t forced(ThinkingBudget& b) {
    const TokenSet set = *b.allowed();
    int32_t only = -1;
    for (int32_t id = 0; !set.empty() && id < tokenizer_->n_vocab(); ++id)
      if (contains(set, id)) {
        EXPECT_EQ(only, -1);
        only = id;
      }
    return only;
  }

  std::shared_ptr<const Tokenizer> tokenizer_;
  std::vector<int32_t> closing_;
};

TEST_F(ThinkingBudgetTest, ClosesTheThinkingThatThePromptOpened) {
  const auto b = budget(3, true);
  const int32_t letter = ids("x")[0];
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(forced(*b), -1);
    ASSERT_TRUE(b->accept(letter).has_value());
  }
  for (const int32_t id : closing_) {
    EXPECT_EQ(forced(*b), id);
    ASSERT_TRUE(b->accept(id).has_value());
  }
  EXPECT_EQ(forced(*b), -1);
  EXPECT_EQ(b->n_thinking(), 3);
}

TEST_F(ThinkingBudgetTest, CountsFromWhereTheModelOpensIt) {
  const auto b = budget(1, false);
  for (const int32_t id : ids("Hello <think>")) {
    EXPECT_EQ(forced(*b), -1);
    ASSERT_TRUE(b->accept(id).has_value());
  }
  ASSERT_TRUE(b->accept(ids("x")[0]).has_value());
  EXPECT_EQ(forced(*b), closing_[0]);
}

TEST_F(ThinkingBudgetTest, LeavesThinkingAloneThatEndsByItself) {
  const auto b = budget(100, true);
  for (const int32_t id : ids("so</think>")) ASSERT_TRUE(b->accept(id).has_value());
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(b->accept(ids("x")[0]).has_value());
  EXPECT_EQ(forced(*b), -1);
}

TEST_F(ThinkingBudgetTest, NothingToCloseWithIsAnError) {
  EXPECT_EQ(ThinkingBudget::create({1, "", "", true, {}}, tokenizer_, nullptr).error().fault,
            Fault::usage);
  EXPECT_EQ(
      ThinkingBudget::create({1, "", "x", true, {1 << 30}}, tokenizer_, nullptr).error().fault,
      Fault::usage);
}

}  // namespace
}  // namespace quire
