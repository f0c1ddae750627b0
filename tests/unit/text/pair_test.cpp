#include "text/pair.h"

#include "text/tokenizer_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

using ::testing::ElementsAre;

// Words of one letter between control tokens.
std::shared_ptr<const Tokenizer> words(const char* end, std::vector<int32_t> suffix) {
  TokenizerSpec spec;
  spec.name = "words";
  spec.kind = "wordlevel";
  spec.pieces = {"[CLS]", end, "a", "b", "[UNK]"};
  spec.types = {TokenType::control, TokenType::control, TokenType::normal, TokenType::normal,
                TokenType::unknown};
  spec.pre_tokenizers = {{.kind = PreTokenizerSpec::Kind::whitespace_split}};
  spec.bos = 0;
  spec.sep = 1;
  spec.unk = 4;
  spec.prefix_ids = {0};
  spec.suffix_ids = std::move(suffix);
  return *Tokenizer::create(std::move(spec));
}

TEST(EncodePair, PutsASeparatorBehindBothTextsAsBertDoes) {
  const auto pair = *encode_pair(*words("[SEP]", {1}), "a b", "b");
  EXPECT_THAT(pair.ids, ElementsAre(0, 2, 3, 1, 3, 1));
  EXPECT_THAT(pair.types, ElementsAre(0, 0, 0, 0, 1, 1));
}

TEST(EncodePair, PutsTwoSeparatorsBetweenThemAsRobertaDoes) {
  const auto pair = *encode_pair(*words("</s>", {1}), "a", "b");
  EXPECT_THAT(pair.ids, ElementsAre(0, 2, 1, 1, 3, 1));
  EXPECT_THAT(pair.types, ElementsAre(0, 0, 0, 0, 0, 0));
}

TEST(EncodePair, RefusesATokenizerWithoutSeparators) {
  const auto pair = encode_pair(*words("[SEP]", {}), "a", "b");
  ASSERT_FALSE(pair.has_value());
  EXPECT_EQ(pair.error().fault, Fault::unsupported);
}

}  // namespace
}  // namespace quire
