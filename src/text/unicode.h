// What a code point is: its general category (Unicode 16) as the expressions of published
// tokenizers see it, and the sets that other parts of the Hugging Face `tokenizers` library use,
// which come from older and newer editions. The tables are asked out of that library
// (tools/make_unicode_tables.py), because ids depend on them.
#pragma once
#include <cstdint>

namespace quire {

// Cn: not assigned. Cw: a control that is white space (tab to carriage return, U+0085); the white
// space is Cw, Zs, Zl and Zp.
enum class Category : uint8_t {
  Cn,
  Lu,
  Ll,
  Lt,
  Lm,
  Lo,
  Mn,
  Mc,
  Me,
  Nd,
  Nl,
  No,
  Pc,
  Pd,
  Ps,
  Pe,
  Pi,
  Pf,
  Po,
  Sm,
  Sc,
  Sk,
  So,
  Zs,
  Zl,
  Zp,
  Cc,
  Cw,
  Cf,
  Co,
  Cs,
};

// Sets of categories, one bit each.
using CategorySet = uint32_t;
template <class... Categories>
constexpr CategorySet categories(Categories... each) {
  return ((CategorySet{1} << static_cast<int>(each)) | ...);
}
constexpr CategorySet any_letter =
    categories(Category::Lu, Category::Ll, Category::Lt, Category::Lm, Category::Lo);
constexpr CategorySet any_mark = categories(Category::Mn, Category::Mc, Category::Me);
constexpr CategorySet any_number = categories(Category::Nd, Category::Nl, Category::No);
constexpr CategorySet any_punctuation =
    categories(Category::Pc, Category::Pd, Category::Ps, Category::Pe, Category::Pi, Category::Pf,
               Category::Po);
constexpr CategorySet any_symbol =
    categories(Category::Sm, Category::Sc, Category::Sk, Category::So);
constexpr CategorySet any_space =
    categories(Category::Cw, Category::Zs, Category::Zl, Category::Zp);

// Two-stage table over all code points.
class CategoryTable {
 public:
  // code < 0x110000.
  Category operator[](char32_t code) const {
    return blocks_[(static_cast<uint32_t>(index_[code >> block_bits]) << block_bits) |
                   (code & (block_size - 1))];
  }
  bool in(char32_t code, CategorySet set) const {
    return (set >> static_cast<int>((*this)[code]) & 1) != 0;
  }
  // The one there is; made at the first call.
  static const CategoryTable& get();

 private:
  CategoryTable();
  static constexpr int block_bits = 6;
  static constexpr uint32_t block_size = 1 << block_bits;
  static constexpr uint32_t n_blocks_max = 512;
  uint16_t index_[0x110000 >> block_bits];
  Category blocks_[n_blocks_max * block_size];
};

bool is_white_space(char32_t code);  // property White_Space
bool is_number(char32_t code);       // categories Nd, Nl, No, as the Digits pre-tokenizer has them
bool is_punctuation(char32_t code);  // as the Punctuation pre-tokenizer has it, ASCII symbols too
bool is_word_character(char32_t code);  // any_letter, marks, digits, connectors, joiners
bool is_han(char32_t code);             // property Script=Han
bool is_chinese(char32_t code);         // what BERT puts spaces around
bool is_bert_control(char32_t code);    // what BERT removes; U+0000 and U+FFFD too
bool is_bert_accent(char32_t code);     // marks that BERT removes
bool is_combining_mark(char32_t code);  // marks that StripAccents removes
// Of the UnicodeScripts pre-tokenizer: 0 joins with every other, the rest are arbitrary numbers.
int script_of(char32_t code);

}  // namespace quire
