// What becomes of bytes that are no UTF-8. Expected texts are those of Python's
// bytes.decode("utf-8", "replace"), which follows the Unicode standard as Rust's lossy strings do.
#include "text/utf8.h"

#include "unit/text/support.h"

namespace quire {
namespace {

using namespace std::string_literals;
constexpr const char* r = "\uFFFD";

TEST(Utf8, OneReplacementStandsForTheBeginningOfACharacter) {
  const std::pair<std::string, std::string> cases[] = {{"\xE6\x97"
                                                        "A",
                                                        r + "A"s},
                                                       {"\xF0\x9F\x98", r},
                                                       {"\xF0\x9F"
                                                        "A\x80\xFF",
                                                        r + "A"s + r + r},
                                                       {"\xC0\xAF", r + ""s + r},
                                                       {"\xED\xA0\x80", r + ""s + r + r},
                                                       {"\xF4\x90\x80\x80", r + ""s + r + r + r},
                                                       {"\xE2\x82\xE2\x82\xAC", r + "\u20AC"s},
                                                       {"a\xC3", "a"s + r},
                                                       {"\xF1\x80\x80"
                                                        "A\xF1\x80",
                                                        r + "A"s + r},
                                                       {"\xE0\x80\x80", r + ""s + r + r},
                                                       {"\u00E9\U0001F600", "\u00E9\U0001F600"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(utf8_replace_invalid(bytes), text) << text;
}

TEST(Utf8, OrOneForEachByte) {
  EXPECT_EQ(utf8_replace_invalid("a\xE6\x97"
                                 "A",
                                 ReplaceEach::byte),
            "a"s + r + r + "A");
}

// The parts of a stream end where a character may still become whole, so they never cut a beginning
// in two.
TEST(Utf8, AStreamReplacesWhatTheWholeTextReplaces) {
  const auto alphabet = golden_tokenizer("bytes-plain.gguf");
  ASSERT_NE(alphabet, nullptr);
  const auto id = [&](const char* piece) { return alphabet->id_of(piece).value_or(-1); };
  StreamDecoder decoder(alphabet, {}, StreamDecoder::Replace::invalid);
  EXPECT_EQ(decoder.push(id("\u00E2")), "");   // E2
  EXPECT_EQ(decoder.push(id("\u0124")), "");   // 82
  EXPECT_EQ(decoder.push(id("a")), r + "a"s);  // neither is part of a character
  EXPECT_EQ(decoder.push(id("\u00F0")), "");   // F0
  EXPECT_EQ(decoder.push(id("\u0141")), "");   // 9F
  EXPECT_EQ(decoder.flush(), r);
}

TEST(Utf8, TokensOfOneByteAreReplacedEach) {
  const auto pieces = golden_tokenizer("pieces.gguf");
  ASSERT_NE(pieces, nullptr);
  EXPECT_EQ(pieces->readable("\xE6\x97"), r + ""s + r);
  const auto alphabet = golden_tokenizer("bytes-plain.gguf");
  ASSERT_NE(alphabet, nullptr);
  EXPECT_EQ(alphabet->readable("\xE6\x97"), r);
}

}  // namespace
}  // namespace quire
