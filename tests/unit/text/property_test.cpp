// What must hold for any text.
#include "unit/text/support.h"

#include "base/rng.h"
#include "text/utf8.h"

#include <thread>

namespace quire {
namespace {

constexpr uint64_t seed = 20240601;

// Bytes that are often almost UTF-8: pieces of hard text, cut and joined anywhere, with noise.
std::string random_bytes(Rng& rng, const std::vector<std::string>& texts) {
  std::string out;
  const uint64_t n_parts = 1 + rng.below(6);
  for (uint64_t i = 0; i < n_parts; ++i) {
    const std::string& text = texts[rng.below(texts.size())];
    const size_t from = rng.below(text.size() + 1);
    out += text.substr(from, rng.below(40));
    if (rng.below(2) == 0) continue;
    for (uint64_t n = rng.below(6); n > 0; --n) out += static_cast<char>(rng.below(256));
  }
  return out;
}

std::string streamed(const std::shared_ptr<const Tokenizer>& tokenizer,
                     const std::vector<int32_t>& ids, DecodeOptions options = {},
                     StreamDecoder::Replace replace = StreamDecoder::Replace::nothing) {
  StreamDecoder decoder(tokenizer, options, replace);
  std::string text;
  for (const int32_t id : ids) text += decoder.push(id);
  return text + decoder.flush();
}

TEST(TokenizerProperties, ByteLevelBpeGivesEveryByteStringBack) {
  const auto texts = hard_texts();
  for (const char* file :
       {"bytes-gpt2.json", "bytes-llama3.json", "bytes-cased.json", "bytes-plain.gguf"}) {
    const auto tokenizer = golden_tokenizer(file);
    ASSERT_NE(tokenizer, nullptr);
    Rng rng(seed);
    for (int i = 0; i < 2000; ++i) {
      // Two of the tokens that swallow spaces would break the promise; as text they do not.
      const std::string text = random_bytes(rng, texts);
      ASSERT_EQ(tokenizer->decode(encoded(*tokenizer, text, text_only)), text)
          << file << ", seed " << seed << ", text " << i;
    }
  }
}

TEST(TokenizerProperties, SentencePieceGivesEveryByteStringBackWhenInvalidBytesAreKept) {
  const auto texts = hard_texts();
  const auto tokenizer = golden_tokenizer("pieces.gguf");
  ASSERT_NE(tokenizer, nullptr);
  const EncodeOptions keep = {AddSpecial::never, ParseSpecial::as_text, InvalidUtf8::keep};
  Rng rng(seed);
  for (int i = 0; i < 2000; ++i) {
    std::string text = random_bytes(rng, texts);
    // U+2581 in the text cannot be told from a space: that is how sentencepiece is made.
    for (size_t at; (at = text.find("\xE2\x96\x81")) != std::string::npos;) text.erase(at, 3);
    ASSERT_EQ(tokenizer->decode(encoded(*tokenizer, text, keep)), text)
        << "seed " << seed << ", text " << i;
  }
}

TEST(TokenizerProperties, AStreamGivesTheBytesOfTheWhole) {
  const auto texts = hard_texts();
  for (const char* file : {"bytes-gpt2.json", "pieces.gguf", "pieces-prepend.json"}) {
    const auto tokenizer = golden_tokenizer(file);
    ASSERT_NE(tokenizer, nullptr);
    Rng rng(seed);
    for (int i = 0; i < 500; ++i) {
      const auto ids = encoded(*tokenizer, random_bytes(rng, texts));
      for (const ShowSpecial special : {ShowSpecial::hide, ShowSpecial::show}) {
        for (const DecodeAt at : {DecodeAt::start, DecodeAt::middle}) {
          const DecodeOptions options = {special, at};
          ASSERT_EQ(streamed(tokenizer, ids, options), tokenizer->decode(ids, options))
              << file << ", text " << i;
        }
      }
    }
  }
}

TEST(TokenizerProperties, EveryPartOfAReplacingStreamIsUtf8AndTheWholeIsTheRepairedText) {
  const auto texts = hard_texts();
  const auto tokenizer = golden_tokenizer("bytes-gpt2.json");
  ASSERT_NE(tokenizer, nullptr);
  Rng rng(seed);
  for (int i = 0; i < 1000; ++i) {
    const auto ids = encoded(*tokenizer, random_bytes(rng, texts));
    StreamDecoder decoder(tokenizer, {}, StreamDecoder::Replace::invalid);
    std::string whole;
    for (size_t k = 0; k <= ids.size(); ++k) {
      const std::string part = k < ids.size() ? decoder.push(ids[k]) : decoder.flush();
      ASSERT_EQ(utf8_valid_prefix(part), part.size());
      whole += part;
    }
    ASSERT_EQ(whole, tokenizer->readable(tokenizer->decode(ids)));
  }
}

TEST(TokenizerProperties, AStreamHoldsBackOnlyWhatCanStillBecomeACharacter) {
  const auto tokenizer = golden_tokenizer("bytes-plain.gguf");
  ASSERT_NE(tokenizer, nullptr);
  const auto byte = [&](const char* piece) { return tokenizer->id_of(piece).value_or(-1); };
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(byte("\u00F0")), "");  // F0
  EXPECT_EQ(decoder.push(byte("\u0141")), "");  // 9F
  EXPECT_EQ(decoder.push(byte("a")),
            "\xF0\x9F"
            "a");                               // no character can come of it any more
  EXPECT_EQ(decoder.push(byte("\u00E2")), "");  // E2
  EXPECT_EQ(decoder.flush(), "\xE2");
  EXPECT_EQ(decoder.push(byte("\u0122")), "\x80");  // 80 begins nothing
}

TEST(TokenizerProperties, AStreamStripsTheFirstSpaceOnlyAtTheStart) {
  const auto tokenizer = golden_tokenizer("pieces.gguf");
  ASSERT_NE(tokenizer, nullptr);
  const auto ids = encoded(*tokenizer, "the boats", without_ends);
  EXPECT_EQ(streamed(tokenizer, ids), "the boats");
  EXPECT_EQ(streamed(tokenizer, ids, {ShowSpecial::hide, DecodeAt::middle}), " the boats");
}

TEST(TokenizerProperties, IdsDoNotDependOnWhatCameBeforeInALongText) {
  // Long texts go through the word cache, short ones do not.
  const auto texts = hard_texts();
  for (const char* file : {"bytes-gpt2.json", "pieces.gguf", "pieces-prepend.json"}) {
    const auto tokenizer = golden_tokenizer(file);
    ASSERT_NE(tokenizer, nullptr);
    std::string text = "The lighthouse counted boats\n";
    std::vector<int32_t> want = encoded(*tokenizer, text, text_only);
    const auto line = want;
    std::string many;
    std::vector<int32_t> all;
    for (int i = 0; i < 200; ++i) many += text;
    const auto got = encoded(*tokenizer, many, text_only);
    // A line's end and the next line's start are one text, so compare what decoding gives and that
    // the first line is unchanged.
    EXPECT_EQ(tokenizer->decode(got), many) << file;
    ASSERT_GE(got.size(), line.size() - 1);
    EXPECT_TRUE(std::equal(line.begin(), line.end() - 1, got.begin())) << file;
  }
}

TEST(TokenizerProperties, ThreadsMayShareATokenizer) {
  const auto tokenizer = golden_tokenizer("bytes-cased.json");
  ASSERT_NE(tokenizer, nullptr);
  std::string text;
  for (const std::string& hard : hard_texts()) text += hard;
  const auto want = encoded(*tokenizer, text);
  std::vector<std::thread> threads;
  std::vector<int> n_equal(4);
  for (size_t t = 0; t < n_equal.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) n_equal[t] += tokenizer->encode(text).value() == want ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int n : n_equal) EXPECT_EQ(n, 20);
}

TEST(TokenizerProperties, IdsOutsideTheVocabularyAreHarmless) {
  const auto tokenizer = golden_tokenizer("pieces.gguf");
  ASSERT_NE(tokenizer, nullptr);
  for (const int32_t id : {-1, INT32_MIN, INT32_MAX, tokenizer->n_vocab()}) {
    EXPECT_EQ(tokenizer->piece(id), "");
    EXPECT_EQ(tokenizer->type(id), TokenType::unused);
    EXPECT_FALSE(tokenizer->is_special(id));
    EXPECT_FALSE(tokenizer->is_end_of_generation(id));
    EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{id}), "");
  }
}

}  // namespace
}  // namespace quire
