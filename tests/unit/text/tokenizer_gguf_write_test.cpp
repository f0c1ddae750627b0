// Tokenizers of the Hugging Face format written into GGUF and read back.
#include "unit/text/support.h"

#include "format/gguf.h"
#include "format/gguf_write.h"
#include "format/printable.h"
#include "text/tokenizer_io.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace quire {
namespace {

using testing::HasSubstr;

struct Written {
  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<std::string> notes;
};

// Through the bytes of a GGUF file.
Written through_gguf(const TokenizerSpec& spec, const GgufTokenizerOptions& options = {}) {
  GgufWriter writer;
  auto notes = write_tokenizer_metadata(writer, spec, options);
  EXPECT_TRUE(notes) << (notes ? "" : notes.error().text);
  if (!notes) return {};
  const auto bytes = writer.metadata_file();
  EXPECT_TRUE(bytes);
  const auto file = GgufFile::assemble(*bytes, {}, nullptr, "written.gguf");
  EXPECT_TRUE(file) << (file ? "" : file.error().text);
  auto tokenizer = Tokenizer::from_gguf(*file);
  EXPECT_TRUE(tokenizer) << (tokenizer ? "" : tokenizer.error().text);
  return {tokenizer.value_or(nullptr), *std::move(notes)};
}

// Texts that tokenizer.json and GGUF cut alike: what tells them apart is stated in notes.
enum class Texts { all, without_spaces_around, ascii, printable_ascii };

bool taken(const std::string& text, Texts texts) {
  const auto has = [&](const char* part) { return text.find(part) != text.npos; };
  if (has("<") || has("word")) return false;  // added tokens with wishes
  const int least = texts == Texts::printable_ascii ? 0x20 : 0;
  if (texts == Texts::ascii || texts == Texts::printable_ascii)
    return std::ranges::all_of(text, [&](unsigned char c) { return c >= least && c < 0x80; });
  if (texts == Texts::all) return true;
  const auto is_space = [](char c) { return std::string_view(" \n\r\t").contains(c); };
  return !text.empty() && !is_space(text.front()) && !is_space(text.back()) &&
         !has("\xE2\x96\x81") && !has("\n\n");
}

void expect_same_ids(const char* json, Texts texts) {
  const auto before = golden_tokenizer(json);
  ASSERT_NE(before, nullptr);
  const auto after = through_gguf(before->spec()).tokenizer;
  ASSERT_NE(after, nullptr);
  int n_compared = 0;
  for (const std::string& text : hard_texts()) {
    if (!taken(text, texts)) continue;
    EXPECT_EQ(encoded(*after, text), encoded(*before, text)) << json << ": " << printable(text);
    ++n_compared;
  }
  EXPECT_GT(n_compared, 15);
  EXPECT_EQ(after->bos(), before->bos());
  EXPECT_EQ(after->eos(), before->eos());
}

TEST(TokenizerIntoGguf, ByteLevelBpeKeepsItsIds) {
  for (const char* name : {"bytes-gpt2.json", "bytes-llama3.json", "bytes-cased.json"})
    expect_same_ids(name, Texts::all);
  expect_same_ids("bytes-nfc-prefix.json", Texts::ascii);
}

TEST(TokenizerIntoGguf, CharacterBpeKeepsItsIds) {
  expect_same_ids("pieces-prepend.json", Texts::all);
  expect_same_ids("pieces-metaspace.json", Texts::without_spaces_around);
}

TEST(TokenizerIntoGguf, UnigramKeepsItsIds) {
  expect_same_ids("unigram.json", Texts::without_spaces_around);
  expect_same_ids("unigram-bytes.json", Texts::printable_ascii);
}

TEST(TokenizerIntoGguf, WordPieceKeepsItsIds) { expect_same_ids("wordpiece.json", Texts::all); }

TEST(TokenizerIntoGguf, WhatReadersDoDifferentlyIsSaid) {
  const auto notes = through_gguf(golden_tokenizer("bytes-nfc-prefix.json")->spec()).notes;
  EXPECT_THAT(notes, testing::Contains(HasSubstr("NFC")));
  EXPECT_THAT(notes, testing::Contains(HasSubstr("white space")));
}

TEST(TokenizerIntoGguf, IdsBeyondTheVocabularyAreFilledUpToTheEmbedding) {
  const auto before = golden_tokenizer("wordpiece.json");
  const int32_t n = before->n_vocab();
  const auto after = through_gguf(before->spec(), {.n_vocab = n + 5}).tokenizer;
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(after->n_vocab(), n + 5);
  EXPECT_EQ(after->type(n + 4), TokenType::unused);
}

TEST(TokenizerIntoGguf, EndsOfTurnsAndTheChatTemplateGoWithIt) {
  TokenizerSpec spec = golden_tokenizer("bytes-llama3.json")->spec();
  spec.chat_template = "{{ messages }}";
  spec.eos = 5;
  spec.end_of_generation = {5, 7};
  const auto after = through_gguf(spec).tokenizer;
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(after->chat_template(), spec.chat_template);
  EXPECT_EQ(after->eot(), 7);
  EXPECT_THAT(after->end_of_generation(), testing::IsSupersetOf({5, 7}));
}

std::string refusal(const TokenizerSpec& spec, const std::string& pre = "") {
  GgufWriter writer;
  const auto notes = write_tokenizer_metadata(writer, spec, {.pre = pre});
  EXPECT_FALSE(notes);
  return notes ? "" : notes.error().text;
}

TEST(TokenizerIntoGguf, MergesThatScoresCannotTellAreRefused) {
  TokenizerSpec spec = golden_tokenizer("pieces-prepend.json")->spec();
  std::swap(spec.merges.front(), spec.merges.back());
  spec.merges.insert(spec.merges.begin(), spec.merges.back());
  EXPECT_THAT(refusal(spec), HasSubstr("merges"));
  TokenizerSpec fewer = golden_tokenizer("pieces-prepend.json")->spec();
  fewer.merges.erase(fewer.merges.begin() + static_cast<int64_t>(fewer.merges.size()) / 2);
  EXPECT_THAT(refusal(fewer), HasSubstr("merges"));
}

TEST(TokenizerIntoGguf, AnUnnamedPatternIsRefusedUnlessOneIsNamed) {
  TokenizerSpec spec = golden_tokenizer("bytes-llama3.json")->spec();
  spec.pre_tokenizers.resize(1);
  spec.pre_tokenizers[0].pattern.text = "[a-z]+";
  EXPECT_THAT(refusal(spec), HasSubstr("--pre"));
  EXPECT_THAT(refusal(spec, "nobody-knows"), HasSubstr("nobody-knows"));
  EXPECT_NE(through_gguf(spec, {.pre = "llama-bpe"}).tokenizer, nullptr);
}

TEST(TokenizerIntoGguf, AnExpressionWrittenOtherwiseGetsTheNameThatCutsTheSame) {
  const TokenizerSpec plain = golden_tokenizer("bytes-gpt2.json")->spec();
  ASSERT_EQ(plain.pre_tokenizers.size(), 1u);
  // In a group; and as what lies between the matches, of which there is nothing.
  TokenizerSpec grouped = plain;
  grouped.pre_tokenizers[0].pattern.text = "(?:" + plain.pre_tokenizers[0].pattern.text + ")";
  TokenizerSpec inverted = plain;
  inverted.pre_tokenizers[0].invert = true;
  inverted.pre_tokenizers[0].behavior = SplitBehavior::removed;
  for (const TokenizerSpec& spec : {grouped, inverted}) {
    const Written written = through_gguf(spec);
    ASSERT_NE(written.tokenizer, nullptr);
    EXPECT_EQ(written.tokenizer->spec().pre, "gpt-2");
    EXPECT_THAT(written.notes, testing::Contains(HasSubstr("'gpt-2' cuts")));
  }
  // A little thing makes it another one.
  TokenizerSpec other = plain;
  other.pre_tokenizers[0].pattern.text = "(?:" + plain.pre_tokenizers[0].pattern.text + "|x)";
  EXPECT_EQ(through_gguf(other).tokenizer->spec().pre, "gpt-2");  // never reached
  other.pre_tokenizers[0].pattern.text = "(?:x|" + plain.pre_tokenizers[0].pattern.text + ")";
  EXPECT_THAT(refusal(other), HasSubstr("--pre"));
}

TEST(TokenizerIntoGguf, WordLevelHasNoKindInGguf) {
  EXPECT_THAT(refusal(golden_tokenizer("words.json")->spec()), HasSubstr("wordlevel"));
}

}  // namespace
}  // namespace quire
