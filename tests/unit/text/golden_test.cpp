// Ids against the Hugging Face `tokenizers` library and sentencepiece
// (tools/make_tokenizer_goldens.py).
#include "unit/text/support.h"

#include "format/printable.h"

namespace quire {
namespace {

struct GoldenTokenizer {
  const char* name;
  const char* file;
};

class Goldens : public testing::TestWithParam<GoldenTokenizer> {
 protected:
  // Calls check(text, case) for every text the reference takes.
  template <class Check>
  void for_each_case(Check check) {
    const auto texts = hard_texts();
    const auto cases = golden_json(std::string(GetParam().name) + ".ids.json");
    ASSERT_EQ(cases.size(), texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "text " << i << ": " << printable(texts[i]));
      if (!cases[i].is_null()) check(texts[i], cases[i]);
    }
  }
  void expect_ids(const char* key, EncodeOptions options) {
    const auto tokenizer = golden_tokenizer(GetParam().file);
    ASSERT_NE(tokenizer, nullptr);
    int n_compared = 0;
    for_each_case([&](const std::string& text, const nlohmann::json& golden) {
      // What special tokens taken as text become is stated where it differs.
      const bool stated = golden.contains(key);
      if (!stated && std::string(key) != "as_text") return;
      const auto& ids = golden[stated ? key : "never"];
      EXPECT_EQ(encoded(*tokenizer, text, options), ids.get<std::vector<int32_t>>());
      ++n_compared;
    });
    EXPECT_GT(n_compared, 50);
  }
};

TEST_P(Goldens, IdsAreThoseOfTheReference) { expect_ids("ids", {}); }

TEST_P(Goldens, IdsWithoutSpecialTokensAreThoseOfTheReference) {
  expect_ids("never", without_ends);
}

TEST_P(Goldens, SpecialTokensTakenAsTextAreThoseOfTheReference) {
  expect_ids("as_text", text_only);
}

TEST_P(Goldens, DecodedTextIsThatOfTheReference) {
  const auto tokenizer = golden_tokenizer(GetParam().file);
  ASSERT_NE(tokenizer, nullptr);
  for_each_case([&](const std::string& text, const nlohmann::json& golden) {
    // sentencepiece decodes what it normalized, of which there is no golden.
    const std::string_view file = GetParam().file;
    if (!golden.contains("never") || !file.ends_with(".json")) return;
    const auto ids = golden["never"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer->decode(ids), golden.value("decoded", text));
  });
}

INSTANTIATE_TEST_SUITE_P(
    , Goldens,
    testing::Values(
        GoldenTokenizer{"bytes-gpt2", "bytes-gpt2.json"},
        GoldenTokenizer{"bytes-nfc-prefix", "bytes-nfc-prefix.json"},
        GoldenTokenizer{"bytes-llama3", "bytes-llama3.json"},
        GoldenTokenizer{"bytes-cased", "bytes-cased.json"},
        GoldenTokenizer{"bytes-behaviors", "bytes-behaviors.json"},
        GoldenTokenizer{"bytes-plain", "bytes-plain.gguf"},
        GoldenTokenizer{"pieces", "pieces.gguf"}, GoldenTokenizer{"pieces", "pieces.model"},
        GoldenTokenizer{"pieces-tidy", "pieces-tidy.gguf"},
        GoldenTokenizer{"pieces-tidy", "pieces-tidy.model"},
        GoldenTokenizer{"pieces-prepend", "pieces-prepend.json"},
        GoldenTokenizer{"pieces-metaspace", "pieces-metaspace.json"},
        GoldenTokenizer{"characters", "characters.json"},
        GoldenTokenizer{"wordpiece", "wordpiece.json"},
        GoldenTokenizer{"wordpiece", "wordpiece.gguf"}, GoldenTokenizer{"unigram", "unigram.json"},
        GoldenTokenizer{"unigram-t5", "unigram-t5.gguf"},
        GoldenTokenizer{"unigram-t5", "unigram-t5.model"},
        GoldenTokenizer{"unigram-bytes", "unigram-bytes.json"},
        GoldenTokenizer{"unigram-bytes-t5", "unigram-bytes-t5.gguf"},
        GoldenTokenizer{"unigram-bytes-t5", "unigram-bytes-t5.model"},
        GoldenTokenizer{"words", "words.json"}, GoldenTokenizer{"suffix", "suffix.json"},
        GoldenTokenizer{"prefix", "prefix.json"}, GoldenTokenizer{"alphabet", "alphabet.json"},
        GoldenTokenizer{"spaces", "spaces.json"}),
    [](const auto& row) {
      std::string name = row.param.file;
      for (char& c : name) c = c == '-' || c == '.' ? '_' : c;
      return name;
    });

}  // namespace
}  // namespace quire
