#include "grammar/utf8_ranges.h"

#include <string>

#include "text/utf8.h"

namespace quire {

void append_utf8_ranges(std::vector<ByteRanges>& out, CodeRange range) {
  std::vector<CodeRange> open = {range};
  constexpr char32_t last_of_length[] = {0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
  while (!open.empty()) {
    const CodeRange r = open.back();
    open.pop_back();
    // Both ends have the same number of bytes,
    bool cut = false;
    for (const char32_t last : last_of_length) {
      if (r.first > last || r.last <= last) continue;
      open.push_back({last + 1, r.last});
      open.push_back({r.first, last});
      cut = true;
      break;
    }
    // and where leading bytes differ, the rest runs from its first to its last value.
    for (int shift = 6; !cut && shift <= 18; shift += 6) {
      const char32_t mask = (char32_t{1} << shift) - 1;
      if (r.last <= 0x7F || (r.first & ~mask) == (r.last & ~mask)) continue;
      if ((r.first & mask) != 0) {
        open.push_back({(r.first | mask) + 1, r.last});
        open.push_back({r.first, r.first | mask});
        cut = true;
      } else if ((r.last & mask) != mask) {
        open.push_back({r.last & ~mask, r.last});
        open.push_back({r.first, (r.last & ~mask) - 1});
        cut = true;
      }
    }
    if (cut) continue;
    std::string first, last;
    append_utf8(first, r.first);
    append_utf8(last, r.last);
    ByteRanges one;
    one.n = static_cast<int>(first.size());
    for (size_t i = 0; i < first.size(); ++i)
      one.bytes[i] = {static_cast<uint8_t>(first[i]), static_cast<uint8_t>(last[i])};
    out.push_back(one);
  }
}

}  // namespace quire
