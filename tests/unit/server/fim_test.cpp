#include "server/fim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire::server {
namespace {

using testing::ElementsAre;

// Letters a to d and a line feed, and the control tokens whose names are given, from 5 on.
std::shared_ptr<const Tokenizer> tokenizer(const std::vector<std::string>& control) {
  std::string json = R"({"added_tokens":[)";
  for (size_t i = 0; i < control.size(); ++i)
    json += (i == 0 ? "" : ",") + std::string(R"({"id":)") + std::to_string(5 + i) +
            R"(,"content":")" + control[i] +
            R"(","special":true,"normalized":false,"lstrip":false,"rstrip":false,)"
            R"("single_word":false})";
  json += R"(],"model":{"type":"BPE","vocab":{"a":0,"b":1,"c":2,"d":3,"\n":4},"merges":[]}})";
  const auto made = Tokenizer::from_json(json, {}, "test");
  EXPECT_TRUE(made.has_value()) << made.error().text;
  return *made;
}

TEST(Fim, PrefixSuffixMiddleEachBehindItsToken) {
  const auto t = tokenizer({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"});
  const auto ids = fim_tokens(*t, "m", {.prefix = "ab", .suffix = "c", .middle = "d"});
  ASSERT_TRUE(ids.has_value()) << ids.error().message;
  EXPECT_THAT(*ids, ElementsAre(5, 0, 1, 6, 2, 7, 3));
}

TEST(Fim, OtherFilesComeFirst) {
  const auto t = tokenizer({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"});
  FimParts parts{.prefix = "a", .suffix = "b"};
  parts.files = {{"c", "d"}};
  const auto ids = fim_tokens(*t, "m", parts);
  ASSERT_TRUE(ids.has_value()) << ids.error().message;
  // The file, then this one; letters that the vocabulary does not have are left out.
  EXPECT_EQ(std::vector<int32_t>(ids->begin(), ids->begin() + 4),
            (std::vector<int32_t>{8, 2, 4, 3}));
  EXPECT_THAT(std::vector<int32_t>(ids->end() - 5, ids->end()), ElementsAre(5, 0, 6, 1, 7));
}

TEST(Fim, AModelWithoutTheTokensIs501) {
  const auto ids = fim_tokens(*tokenizer({"<|fim_prefix|>"}), "m", {.prefix = "a", .suffix = "b"});
  ASSERT_FALSE(ids.has_value());
  EXPECT_EQ(ids.error().status, 501);
}

}  // namespace
}  // namespace quire::server
