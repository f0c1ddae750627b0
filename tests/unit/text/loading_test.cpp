// Files that are wrong or ask for what is not there: one clear error each.
#include "unit/text/support.h"

#include "format/gguf.h"
#include "format/gguf_write.h"

#include <gmock/gmock.h>

#include <filesystem>

namespace quire {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// A whole tokenizer.json: two letters and one merge.
json small() {
  return json::parse(R"({
    "added_tokens": [{"id": 3, "content": "<s>", "special": true}],
    "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
}

Result<std::shared_ptr<const Tokenizer>> load(const json& file) {
  return Tokenizer::from_json(file.dump(), {}, "small.json");
}

void expect_error(const json& file, Fault fault, const std::string& text) {
  const auto tokenizer = load(file);
  ASSERT_FALSE(tokenizer.has_value()) << "should say: " << text;
  EXPECT_EQ(tokenizer.error().fault, fault) << tokenizer.error().text;
  EXPECT_THAT(tokenizer.error().text, HasSubstr(text));
  EXPECT_THAT(tokenizer.error().text, HasSubstr("small.json"));
}

TEST(TokenizerJson, TheSmallFileLoads) {
  const auto tokenizer = load(small());
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  EXPECT_EQ(encoded(**tokenizer, "abba<s>"), (std::vector<int32_t>{2, 1, 0, 3}));
  EXPECT_TRUE((*tokenizer)->is_special(3));
  EXPECT_EQ((*tokenizer)->bos(), 3);
}

// The text is that of the `tokenizers` library.
TEST(TokenizerJson, TheDecoderStripTakesSpacesOfAddedTokensToo) {
  json file = small();
  file["added_tokens"] = {{{"id", 3}, {"content", " <x> "}, {"special", true}},
                          {{"id", 4}, {"content", "  sp"}, {"special", false}}};
  file["decoder"] = {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 1}};
  const auto tokenizer = load(file);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  const std::vector<int32_t> ids = {0, 3, 0, 4, 3, 0};
  EXPECT_EQ((*tokenizer)->decode(ids, {ShowSpecial::show}), "a<x>a sp<x>a");
}

// Ids of the `tokenizers` library, here and below.
TEST(TokenizerJson, WordsAreNotMadeOfTokensThatAreOnlyAdded) {
  json file = small();
  file["added_tokens"] = {{{"id", 4}, {"content", "ab"}, {"single_word", true}}};
  file["pre_tokenizer"] = {{"type", "WhitespaceSplit"}};
  file["model"] = {{"type", "WordPiece"},
                   {"unk_token", "u"},
                   {"vocab", {{"u", 0}, {"a", 1}, {"##b", 2}, {"##a", 3}}}};
  auto tokenizer = load(file);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  EXPECT_EQ(encoded(**tokenizer, "ab abab aba"), (std::vector<int32_t>{4, 1, 2, 3, 2, 1, 2, 3}));
  EXPECT_EQ((*tokenizer)->id_of("ab"), 4);
  file["added_tokens"][0]["id"] = 3;
  file["pre_tokenizer"] = nullptr;
  file["model"] = {{"type", "BPE"},
                   {"ignore_merges", true},
                   {"vocab", {{"a", 0}, {"b", 1}, {"c", 2}}},
                   {"merges", json::array()}};
  tokenizer = load(file);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  EXPECT_EQ(encoded(**tokenizer, "aba"), (std::vector<int32_t>{0, 1, 0}));
  EXPECT_EQ(encoded(**tokenizer, "ab"), (std::vector<int32_t>{3}));
}

TEST(TokenizerJson, WordsOfOneLength) {
  json file = small();
  file["pre_tokenizer"] = {{"type", "FixedLength"}, {"length", 2}};
  file["model"] = {{"type", "WordLevel"},
                   {"unk_token", "u"},
                   {"vocab", {{"u", 0}, {"ab", 1}, {"c", 2}, {"日本", 3}, {"c\n", 5}}}};
  file["added_tokens"] = json::array();
  const auto tokenizer = load(file);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  EXPECT_EQ(encoded(**tokenizer, "ababc\n日本"), (std::vector<int32_t>{1, 1, 5, 3}));
  EXPECT_EQ(encoded(**tokenizer, "ababc"), (std::vector<int32_t>{1, 1, 2}));
  for (const json& length : {json(0), json(-1), json(65536), json("2")}) {
    file["pre_tokenizer"]["length"] = length;
    expect_error(file, Fault::bad_format, "FixedLength");
  }
}

TEST(TokenizerJson, UnknownComponentsAreNamed) {
  json file = small();
  file["model"]["type"] = "Psychic";
  expect_error(file, Fault::unsupported, "model 'Psychic'");
  for (const char* part : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    file = small();
    file[part] = {{"type", "Wishful"}};
    expect_error(file, Fault::unsupported, std::string(part) + " 'Wishful'");
  }
}

TEST(TokenizerJson, DropoutIsIgnoredWithANote) {
  json file = small();
  file["model"]["dropout"] = 0.1;
  const auto tokenizer = load(file);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  ASSERT_EQ((*tokenizer)->spec().notes.size(), 1u);
  EXPECT_THAT((*tokenizer)->spec().notes[0], HasSubstr("dropout"));
}

TEST(TokenizerJson, WrongVocabulariesAreRefused) {
  json file = small();
  file["model"]["merges"] = {"a c"};
  expect_error(file, Fault::bad_format, "there is no piece 'c'");
  file["model"]["merges"] = {"b a"};
  expect_error(file, Fault::bad_format, "there is no piece 'ba'");
  file["model"]["merges"] = {"abc"};
  expect_error(file, Fault::bad_format, "merge 0");
  file["model"]["merges"] = json::array({json::array({"a", 1})});
  expect_error(file, Fault::bad_format, "merge 0");
  file = small();
  file["model"]["vocab"]["b"] = 0;
  expect_error(file, Fault::bad_format, "id 0");
  file["model"]["vocab"]["b"] = 2000000000;
  expect_error(file, Fault::bad_format, "2000000000");
  file["model"]["vocab"]["b"] = -1;
  expect_error(file, Fault::bad_format, "-1");
  file["model"]["vocab"]["b"] = 1.5;
  expect_error(file, Fault::bad_format, "1.5");
  file["model"]["vocab"] = json::object();
  file["model"]["merges"] = json::array();
  file["added_tokens"] = json::array();
  expect_error(file, Fault::bad_format, "without tokens");
  file = small();
  file["added_tokens"][0]["id"] = 1;
  expect_error(file, Fault::bad_format, "id 1");
  file = small();
  file["added_tokens"][0]["content"] = std::string(5000, 'x');
  expect_error(file, Fault::limit, "5000 bytes");
}

TEST(TokenizerJson, PatternsThatCannotBeRunAsTheyAreMeantAreRefused) {
  const auto with_pattern = [](const char* pattern) {
    json file = small();
    file["pre_tokenizer"] = {{"type", "Split"},
                             {"pattern", {{"Regex", pattern}}},
                             {"behavior", "Isolated"},
                             {"invert", false}};
    return file;
  };
  expect_error(with_pattern("(a"), Fault::bad_format, "(a");
  expect_error(with_pattern("[a&&[b]]"), Fault::unsupported, "set");
  expect_error(with_pattern("[a[b]]"), Fault::unsupported, "set");
  json file = with_pattern("a");
  file["pre_tokenizer"]["behavior"] = "Sometimes";
  expect_error(file, Fault::bad_format, "Sometimes");
  file["pre_tokenizer"]["pattern"] = json::object();
  expect_error(file, Fault::bad_format, "no pattern");
}

TEST(TokenizerJson, APatternThatNeverEndsIsStopped) {
  json file = small();
  file["pre_tokenizer"] = {{"type", "Split"},
                           {"pattern", {{"Regex", "(a+)+[bc]"}}},
                           {"behavior", "Isolated"},
                           {"invert", false}};
  const auto tokenizer = load(file);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  const auto ids = (*tokenizer)->encode(std::string(64, 'a'));
  ASSERT_FALSE(ids.has_value());
  EXPECT_EQ(ids.error().fault, Fault::limit);
  EXPECT_THAT(ids.error().text, HasSubstr("(a+)+[bc]"));
}

TEST(TokenizerJson, NormalizationThatBlowsTextUpIsStopped) {
  json file = small();
  json steps = json::array();
  for (int i = 0; i < 20; ++i) {
    steps.push_back(
        {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aaaaaaaaaaaaaaaa"}});
  }
  file["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
  const auto tokenizer = load(file);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  EXPECT_EQ((*tokenizer)->encode("aaaa").error().fault, Fault::limit);
}

TEST(TokenizerJson, TheConfigurationNamesTheEnds) {
  json file = small();
  file["added_tokens"].push_back({{"id", 4}, {"content", "<stop>"}, {"special", true}});
  const char* config =
      R"({"bos_token": {"content": "<s>"}, "eos_token": "<stop>", "chat_template": "hello"})";
  const auto tokenizer = Tokenizer::from_json(file.dump(), config);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  EXPECT_EQ((*tokenizer)->bos(), 3);
  EXPECT_EQ((*tokenizer)->eos(), 4);
  EXPECT_TRUE((*tokenizer)->is_end_of_generation(4));
  EXPECT_EQ((*tokenizer)->chat_template(), "hello");
}

class TokenizerGguf : public testing::Test {
 protected:
  // Writes the metadata that fill() adds and reads it back as a tokenizer.
  template <class Fill>
  Result<std::shared_ptr<const Tokenizer>> load_with(Fill fill) {
    GgufWriter writer;
    fill(writer);
    const std::string path = testing::TempDir() + "/" +
                             testing::UnitTest::GetInstance()->current_test_info()->name() +
                             ".gguf";
    TRY(writer.write(path));
    auto tokenizer = load_tokenizer(path);
    std::filesystem::remove(path);
    return tokenizer;
  }
  static void add(GgufWriter& writer, const char* model, const char* pre) {
    const std::vector<std::string> tokens = {"a", "b", "ab", "<e>"};
    const std::vector<std::string> merges = {"a b"};
    const std::vector<int32_t> types = {1, 1, 1, 3};
    writer.add_string("tokenizer.ggml.model", model);
    if (pre != nullptr) writer.add_string("tokenizer.ggml.pre", pre);
    writer.add_strings("tokenizer.ggml.tokens", std::span<const std::string>(tokens));
    writer.add_strings("tokenizer.ggml.merges", std::span<const std::string>(merges));
    writer.add_i32s("tokenizer.ggml.token_type", types);
  }
};

TEST_F(TokenizerGguf, AnUnknownPreTokenizerIsRefusedByNameWithTheKnownOnes) {
  const auto tokenizer = load_with([](GgufWriter& w) { add(w, "gpt2", "tomorrow"); });
  ASSERT_FALSE(tokenizer.has_value());
  EXPECT_EQ(tokenizer.error().fault, Fault::unsupported);
  EXPECT_THAT(tokenizer.error().text, HasSubstr("'tomorrow'"));
  EXPECT_THAT(tokenizer.error().text, HasSubstr("qwen2"));
}

TEST_F(TokenizerGguf, TheUnknownPreTokenizerCanBeOverridden) {
  GgufWriter writer;
  add(writer, "gpt2", "tomorrow");
  const std::string path = testing::TempDir() + "/override.gguf";
  ASSERT_TRUE(writer.write(path).has_value());
  const auto file = GgufFile::open(path);
  ASSERT_TRUE(file.has_value());
  const auto tokenizer = Tokenizer::from_gguf(*file, "gpt-2");
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  EXPECT_EQ(encoded(**tokenizer, "aba<e>"), (std::vector<int32_t>{2, 0, 3}));
  std::filesystem::remove(path);
}

TEST_F(TokenizerGguf, UnknownKindsAreRefusedByName) {
  const auto tokenizer = load_with([](GgufWriter& w) { add(w, "rwkv", nullptr); });
  ASSERT_FALSE(tokenizer.has_value());
  EXPECT_EQ(tokenizer.error().fault, Fault::unsupported);
  EXPECT_THAT(tokenizer.error().text, HasSubstr("'rwkv'"));
}

TEST_F(TokenizerGguf, IdsOutsideTheVocabularyAreRefused) {
  const auto tokenizer = load_with([](GgufWriter& w) {
    add(w, "gpt2", "gpt-2");
    w.add_u32("tokenizer.ggml.eos_token_id", 4);
  });
  ASSERT_FALSE(tokenizer.has_value());
  EXPECT_EQ(tokenizer.error().fault, Fault::bad_format);
  EXPECT_THAT(tokenizer.error().text, HasSubstr("eos is token 4"));
}

TEST_F(TokenizerGguf, ScoresThatAreNotNumbersAreRefused) {
  const auto tokenizer = load_with([](GgufWriter& w) {
    add(w, "llama", nullptr);
    const std::vector<float> scores = {0, 0, std::numeric_limits<float>::quiet_NaN(), 0};
    w.add_f32s("tokenizer.ggml.scores", scores);
  });
  ASSERT_FALSE(tokenizer.has_value());
  EXPECT_THAT(tokenizer.error().text, HasSubstr("score"));
}

TEST_F(TokenizerGguf, MissingScoresAreRefused) {
  const auto tokenizer = load_with([](GgufWriter& w) { add(w, "llama", nullptr); });
  ASSERT_FALSE(tokenizer.has_value());
  EXPECT_THAT(tokenizer.error().text, HasSubstr("tokenizer.ggml.scores"));
}

TEST_F(TokenizerGguf, EveryNamedPreTokenizerCompiles) {
  int n = 0;
  for (const char* pre : {
#define PRE_TOKENIZER(name, pattern, defaults) name,
#include "text/pre_tokenizers.inc"
#undef PRE_TOKENIZER
       }) {
    const auto tokenizer = load_with([&](GgufWriter& w) { add(w, "gpt2", pre); });
    ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
    EXPECT_EQ(encoded(**tokenizer, "ab"), (std::vector<int32_t>{2})) << pre;
    ++n;
  }
  EXPECT_GT(n, 40);
}

// A run of one character of any class, a million long, and what brings patterns to try again.
TEST_F(TokenizerGguf, NoNamedPatternGivesUpOnLongRuns) {
  std::vector<std::string> texts;
  for (const char* unit : {"a", "A", " ", "\n", "1", "!", "\u00E9", "\u4E00", "\u0301", "aA", "' ",
                           "\r", "\t ", "a1", " \n"}) {
    std::string text;
    while (text.size() < 100'000) text += unit;
    texts.push_back(std::move(text));
  }
  for (const char* pre : {"default", "gpt-2", "llama-bpe", "qwen2", "gpt-4o", "tekken",
                          "deepseek-llm", "deepseek-coder", "deepseek-v3", "falcon", "starcoder",
                          "bloom", "viking", "bailingmoe", "seed-coder", "qwen35"}) {
    const auto tokenizer = load_with([&](GgufWriter& w) { add(w, "gpt2", pre); });
    ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
    for (const std::string& text : texts) {
      const auto ids = (*tokenizer)->encode(text);
      EXPECT_TRUE(ids.has_value()) << pre << ": " << ids.error().text;
    }
  }
}

TEST(TokenizerFiles, WrongPathsAreNamed) {
  EXPECT_EQ(load_tokenizer("/nonexistent/x.gguf").error().fault, Fault::not_found);
  EXPECT_EQ(load_tokenizer("/nonexistent/tokenizer.json").error().fault, Fault::not_found);
  EXPECT_EQ(load_tokenizer(testing::TempDir()).error().fault, Fault::not_found);
}

void expect_same(const Tokenizer& before, const Tokenizer& after,
                 const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    const auto ids = encoded(before, text);
    EXPECT_EQ(encoded(after, text), ids) << before.spec().name;
    EXPECT_EQ(after.decode(ids), before.decode(ids)) << before.spec().name;
  }
}

// The ids of the hard text stay the same through both file formats.
TEST(TokenizerFiles, WrittenTokenizersReadBackTheSame) {
  const auto texts = hard_texts();
  for (const char* name : {"bytes-plain.gguf", "pieces.gguf", "pieces-tidy.gguf"}) {
    const auto before = golden_tokenizer(name);
    ASSERT_NE(before, nullptr);
    GgufWriter writer;
    ASSERT_TRUE(write_tokenizer_metadata(writer, before->spec()).has_value());
    const std::string path = testing::TempDir() + "/written.gguf";
    ASSERT_TRUE(writer.write(path).has_value());
    const auto after = load_tokenizer(path);
    std::filesystem::remove(path);
    ASSERT_TRUE(after.has_value()) << after.error().text;
    expect_same(*before, **after, texts);
    if (before->spec().kind != "gpt2") continue;
    const auto written = tokenizer_json(before->spec());
    ASSERT_TRUE(written.has_value()) << written.error().text;
    const auto from_json = Tokenizer::from_json(*written);
    ASSERT_TRUE(from_json.has_value()) << from_json.error().text;
    expect_same(*before, **from_json, texts);
  }
}

TEST(TokenizerFiles, WhatGgufCannotDescribeIsRefused) {
  const auto characters = golden_tokenizer("characters.json");
  ASSERT_NE(characters, nullptr);
  GgufWriter writer;
  EXPECT_EQ(write_tokenizer_metadata(writer, characters->spec()).error().fault, Fault::unsupported);
  EXPECT_EQ(tokenizer_json(characters->spec()).error().fault, Fault::unsupported);
}

}  // namespace
}  // namespace quire
