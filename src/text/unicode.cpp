#include "text/unicode.h"

#include "base/check.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <span>

namespace quire {
namespace {

struct Run {
  uint32_t first;
  Category category;
};
constexpr Run category_runs[] = {
#define RUN(first, name) {first, Category::name},
#include "text/unicode_tables.inc"
#undef RUN
};

struct ScriptRun {
  uint32_t first;
  uint16_t script;
};
constexpr ScriptRun script_runs[] = {
#define SCRIPT(first, number) {first, number},
#include "text/unicode_tables.inc"
#undef SCRIPT
};

struct Range {
  uint32_t first, last;
};
constexpr Range punctuation_ranges[] = {
#define PUNCTUATION(first, last) {first, last},
#include "text/unicode_tables.inc"
#undef PUNCTUATION
};
constexpr Range numeric_ranges[] = {
#define NUMERIC(first, last) {first, last},
#include "text/unicode_tables.inc"
#undef NUMERIC
};
constexpr Range bert_control_ranges[] = {
#define BERT_CONTROL(first, last) {first, last},
#include "text/unicode_tables.inc"
#undef BERT_CONTROL
};
constexpr Range bert_accent_ranges[] = {
#define BERT_ACCENT(first, last) {first, last},
#include "text/unicode_tables.inc"
#undef BERT_ACCENT
};
constexpr Range combining_mark_ranges[] = {
#define COMBINING_MARK(first, last) {first, last},
#include "text/unicode_tables.inc"
#undef COMBINING_MARK
};
constexpr Range han_ranges[] = {
#define HAN(first, last) {first, last},
#include "text/unicode_tables.inc"
#undef HAN
};

bool in_ranges(std::span<const Range> ranges, char32_t code) {
  const auto range = std::ranges::lower_bound(ranges, code, {}, &Range::last);
  return range != ranges.end() && range->first <= code;
}

}  // namespace

CategoryTable::CategoryTable() {
  uint32_t n_blocks = 0;
  size_t run = 0;
  for (uint32_t block = 0; block < std::size(index_); ++block) {
    DCHECK(n_blocks < n_blocks_max);
    Category* fresh = blocks_ + n_blocks * block_size;
    for (uint32_t i = 0; i < block_size; ++i) {
      const uint32_t code = block * block_size + i;
      while (run + 1 < std::size(category_runs) && category_runs[run + 1].first <= code) ++run;
      fresh[i] = category_runs[run].category;
    }
    // Equal blocks are kept once. Neighbours are equal more often than not, so the search goes
    // back.
    uint32_t same = n_blocks;
    while (same > 0 && std::memcmp(blocks_ + (same - 1) * block_size, fresh, block_size) != 0) {
      --same;
    }
    index_[block] = static_cast<uint16_t>(same > 0 ? same - 1 : n_blocks);
    if (same == 0) ++n_blocks;
  }
}

const CategoryTable& CategoryTable::get() {
  static const CategoryTable table;
  return table;
}

bool is_white_space(char32_t code) {
  if (code < 0x80) return code == ' ' || (code >= '\t' && code <= '\r');
  return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
         code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool is_number(char32_t code) {
  if (code < 0x80) return code >= '0' && code <= '9';
  return in_ranges(numeric_ranges, code);
}

bool is_punctuation(char32_t code) {
  if (code < 0x80) {
    return (code >= '!' && code <= '/') || (code >= ':' && code <= '@') ||
           (code >= '[' && code <= '`') || (code >= '{' && code <= '~');
  }
  return in_ranges(punctuation_ranges, code);
}

bool is_word_character(char32_t code) {
  constexpr CategorySet word =
      any_letter | any_mark | categories(Category::Nd, Category::Nl, Category::Pc);
  return CategoryTable::get().in(code, word) || code == 0x200C || code == 0x200D ||
         (code >= 0x24B6 && code <= 0x24E9) || (code >= 0x1F130 && code <= 0x1F149) ||
         (code >= 0x1F150 && code <= 0x1F169) || (code >= 0x1F170 && code <= 0x1F189);
}

bool is_han(char32_t code) { return code >= 0x2E80 && in_ranges(han_ranges, code); }

bool is_chinese(char32_t code) {
  return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x20000 && code <= 0x2A6DF) ||
         (code >= 0x2A700 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
         (code >= 0x2F800 && code <= 0x2FA1F);
}

bool is_bert_control(char32_t code) {
  if (code >= 0x20 && code < 0x7F) return false;
  return in_ranges(bert_control_ranges, code);
}
bool is_bert_accent(char32_t code) { return code >= 0x300 && in_ranges(bert_accent_ranges, code); }
bool is_combining_mark(char32_t code) {
  return code >= 0x300 && in_ranges(combining_mark_ranges, code);
}

int script_of(char32_t code) {
  const auto* next = std::ranges::upper_bound(script_runs, code, {}, &ScriptRun::first);
  return (next - 1)->script;
}

}  // namespace quire
