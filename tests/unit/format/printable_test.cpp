#include "format/printable.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

TEST(Printable, WellFormedTextStays) {
  EXPECT_EQ(printable("blk.0.attn_q.weight žluť 猫 🐈"), "blk.0.attn_q.weight žluť 猫 🐈");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, ControlsAndReorderingMarksAreSpelledOut) {
  EXPECT_EQ(printable(std::string_view("a\0b\x1b[2J\x7f\n\t", 10)), "a\\x00b\\x1b[2J\\x7f\\n\\x09");
  EXPECT_EQ(printable("\u0085"), "\\xc2\\x85");
  EXPECT_EQ(printable("x\u202Ey"), "x\\xe2\\x80\\xaey");
}

TEST(Printable, BrokenUtf8IsSpelledOut) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80");                    // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(printable("\xe7\x8c"), "\\xe7\\x8c");                    // cut short
  EXPECT_EQ(printable("\x80y"), "\\x80y");
}

TEST(Printable, LongTextIsCutAtACharacter) {
  EXPECT_EQ(printable(std::string(100, 'x'), 5), "xxxxx...");
  EXPECT_EQ(printable("猫猫猫", 4), "猫猫...");
  EXPECT_EQ(printable("xxxxx", 5), "xxxxx");
}

}  // namespace
}  // namespace quire
