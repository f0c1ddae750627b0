// tokenizer.model and what Hugging Face keeps beside it. Ids are those of the goldens
// (golden_test.cpp); here is what the files beside it change, and what is damaged.
#include "text/sentencepiece.h"

#include "base/file.h"
#include "text/tokenizer_io.h"
#include "unit/base/temporary_folder.h"
#include "unit/text/support.h"

#include <gmock/gmock.h>

namespace quire {
namespace {

std::string model_bytes(const std::string& name) {
  return read_file(QUIRE_SOURCE_DIR "/tests/golden/text/" + name + ".model").value();
}

// A field of a message: a number, or bytes.
std::string number_field(char number, char value) {
  return {static_cast<char>(number << 3), value};
}
std::string bytes_field(char number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}
std::string piece(const std::string& text, char type = 1) {
  return bytes_field(1, bytes_field(1, text) + number_field(3, type));
}

TEST(Sentencepiece, TheModelIsTheOneThatAGgufHas) {
  for (const char* name : {"pieces", "pieces-tidy", "unigram-t5", "unigram-bytes-t5"}) {
    const auto spec = read_sentencepiece(model_bytes(name), name);
    ASSERT_TRUE(spec.has_value()) << spec.error().text;
    const auto gguf = golden_tokenizer((std::string(name) + ".gguf").c_str());
    ASSERT_NE(gguf, nullptr);
    const TokenizerSpec& other = gguf->spec();
    EXPECT_EQ(spec->kind, other.kind) << name;
    EXPECT_EQ(spec->pieces, other.pieces) << name;
    EXPECT_EQ(spec->scores, other.scores) << name;
    EXPECT_EQ(spec->types, other.types) << name;
    EXPECT_EQ(spec->add_space_prefix, other.add_space_prefix) << name;
    EXPECT_EQ(spec->remove_extra_whitespaces, other.remove_extra_whitespaces) << name;
    EXPECT_EQ(spec->eos, other.eos) << name;
    EXPECT_EQ(spec->prefix_ids, other.prefix_ids) << name;
    EXPECT_EQ(spec->suffix_ids, other.suffix_ids) << name;
  }
}

class SentencepieceFolder : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file(folder_ / name, text).has_value());
  }
  std::vector<int32_t> ids(std::string_view text) {
    const auto tokenizer = load_tokenizer(folder_.path());
    EXPECT_TRUE(tokenizer.has_value()) << (tokenizer ? "" : tokenizer.error().text);
    return tokenizer ? encoded(**tokenizer, text, {}) : std::vector<int32_t>();
  }
  TemporaryFolder folder_;
};

TEST_F(SentencepieceFolder, FilesBesideItAddTokensAndSayWhatIsPutAround) {
  put("tokenizer.model", model_bytes("pieces"));
  const std::vector<int32_t> plain = ids("boats");
  ASSERT_EQ(plain.front(), 1);
  put("tokenizer_config.json", R"({"add_bos_token": false, "add_eos_token": true,
      "eos_token": {"content": "<|end|>"}, "chat_template": "{{ messages }}",
      "added_tokens_decoder": {"641": {"content": "<|end|>", "special": true},
                               "2": {"content": "</s>", "special": true}}})");
  put("added_tokens.json", R"({"<|tool|>": 640})");
  std::vector<int32_t> wanted(plain.begin() + 1, plain.end());
  wanted.push_back(641);
  EXPECT_EQ(ids("boats"), wanted);
  EXPECT_EQ(ids("<|tool|><|end|></s>"), (std::vector<int32_t>{640, 641, 2, 641}));
  const auto tokenizer = load_tokenizer(folder_.path());
  EXPECT_EQ((*tokenizer)->chat_template(), "{{ messages }}");
  EXPECT_EQ((*tokenizer)->n_vocab(), 642);
  EXPECT_EQ((*tokenizer)->spec().eos, 641);
  // The text of an unspecial token is shown, that of a special one is not.
  EXPECT_EQ((*tokenizer)->decode(std::vector<int32_t>{640, 641}), "<|tool|>");
}

TEST_F(SentencepieceFolder, ATokenizerJsonComesFirst) {
  put("tokenizer.model", model_bytes("pieces"));
  put("tokenizer.json", read_file(QUIRE_SOURCE_DIR "/tests/golden/text/bytes-gpt2.json").value());
  EXPECT_EQ((*load_tokenizer(folder_.path()))->spec().kind, "gpt2");
}

TEST_F(SentencepieceFolder, FilesBesideItThatDoNotFitAreErrors) {
  put("tokenizer.model", model_bytes("pieces"));
  for (const char* config : {"[]", R"({"added_tokens_decoder": {"x": {"content": "a"}}})",
                             R"({"added_tokens_decoder": {"640": {}}})",
                             R"({"added_tokens_decoder": {"99999999": {"content": "a"}}})",
                             R"({"added_tokens_decoder": {"1": {"content": "not <s>"}}})"}) {
    put("tokenizer_config.json", config);
    const auto tokenizer = load_tokenizer(folder_.path());
    ASSERT_FALSE(tokenizer.has_value()) << config;
    EXPECT_EQ(tokenizer.error().fault, Fault::bad_format) << config;
  }
  put("tokenizer_config.json", "{}");
  for (const char* added : {"3", R"({"a": "b"})", R"({"a": -1})", R"({"a": 99999999})"}) {
    put("added_tokens.json", added);
    EXPECT_EQ(load_tokenizer(folder_.path()).error().fault, Fault::bad_format) << added;
  }
}

TEST(Sentencepiece, DamagedFilesAreErrors) {
  const std::string whole = model_bytes("unigram-t5");
  size_t n_wrong = 0;
  for (size_t n = 0; n < whole.size(); n += 13) {
    const auto spec = read_sentencepiece(std::string_view(whole).substr(0, n), "x");
    if (!spec) {
      EXPECT_EQ(spec.error().fault, Fault::bad_format) << n;
    }
    n_wrong += spec ? 0 : 1;
  }
  EXPECT_GT(n_wrong, 100u);
  const std::string huge =
      "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
      "a";  // a length of 2^63
  const std::string long_number = "\x08" + std::string(11, '\xff') + std::string(1, '\x01');
  for (const std::string& bytes :
       {std::string(), std::string("text"), huge, long_number, std::string("\x0b"),
        std::string("\x00\x01", 2), piece("a", 7), piece("a", 0)})
    EXPECT_EQ(read_sentencepiece(bytes, "x").error().fault, Fault::bad_format);
}

TEST(Sentencepiece, KindsThatAreNotKnownSaySo) {
  const std::string pieces = piece("<unk>", 2) + piece("a");
  EXPECT_TRUE(read_sentencepiece(pieces, "x").has_value());
  for (const std::string& more :
       {bytes_field(2, number_field(3, 3)), bytes_field(2, number_field(3, 4)),
        bytes_field(2, std::string("\xc0\x01\x01", 3)), bytes_field(3, number_field(5, 0))}) {
    const auto spec = read_sentencepiece(pieces + more, "x");
    ASSERT_FALSE(spec.has_value());
    EXPECT_EQ(spec.error().fault, Fault::unsupported) << spec.error().text;
  }
}

}  // namespace
}  // namespace quire
