// A range of code points as ranges of UTF-8 bytes:  U+0080..U+FFFF  is  [C2-DF][80-BF],
// [E0][A0-BF][80-BF], [E1-EC][80-BF][80-BF] and so on. As in Cox, "Regular expression matching in
// the wild", 2010.
#pragma once
#include "grammar/grammar.h"

#include <array>
#include <vector>

namespace quire {

struct ByteRange {
  uint8_t first, last;
};

struct ByteRanges {
  std::array<ByteRange, 4> bytes;
  int n = 0;
};

// Appends the sequences whose union is the range. No surrogates in it.
void append_utf8_ranges(std::vector<ByteRanges>& out, CodeRange range);

}  // namespace quire
