#include "grammar/regex_classes.h"

#include "text/unicode.h"

namespace quire {
namespace {

struct CategoryName {
  std::string_view name;
  CategorySet set;
};

constexpr CategorySet all_controls = categories(Category::Cc, Category::Cw);

constexpr CategoryName category_names[] = {
    {"L", any_letter},
    {"Letter", any_letter},
    {"Lu", categories(Category::Lu)},
    {"Ll", categories(Category::Ll)},
    {"Lt", categories(Category::Lt)},
    {"Lm", categories(Category::Lm)},
    {"Lo", categories(Category::Lo)},
    {"M", any_mark},
    {"Mn", categories(Category::Mn)},
    {"Mc", categories(Category::Mc)},
    {"Me", categories(Category::Me)},
    {"N", any_number},
    {"Nd", categories(Category::Nd)},
    {"Nl", categories(Category::Nl)},
    {"No", categories(Category::No)},
    {"P", any_punctuation},
    {"Pc", categories(Category::Pc)},
    {"Pd", categories(Category::Pd)},
    {"Ps", categories(Category::Ps)},
    {"Pe", categories(Category::Pe)},
    {"Pi", categories(Category::Pi)},
    {"Pf", categories(Category::Pf)},
    {"Po", categories(Category::Po)},
    {"S", any_symbol},
    {"Sm", categories(Category::Sm)},
    {"Sc", categories(Category::Sc)},
    {"Sk", categories(Category::Sk)},
    {"So", categories(Category::So)},
    {"Z", categories(Category::Zs, Category::Zl, Category::Zp)},
    {"Zs", categories(Category::Zs)},
    {"Zl", categories(Category::Zl)},
    {"Zp", categories(Category::Zp)},
    {"Cc", all_controls},
    {"Cf", categories(Category::Cf)},
};

const std::vector<CodeRange> digits = {{'0', '9'}};
const std::vector<CodeRange> word = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const std::vector<CodeRange> spaces = {
    {'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
    {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};

}  // namespace

std::optional<std::vector<CodeRange>> regex_class(char letter) {
  switch (letter) {
    case 'd':
      return digits;
    case 'D':
      return complement(digits);
    case 'w':
      return word;
    case 'W':
      return complement(word);
    case 's':
      return spaces;
    case 'S':
      return complement(spaces);
    default:
      return std::nullopt;
  }
}

std::optional<std::vector<CodeRange>> regex_category(std::string_view name) {
  for (const CategoryName& known : category_names) {
    if (known.name != name) continue;
    const CategoryTable& table = CategoryTable::get();
    std::vector<CodeRange> ranges;
    for (char32_t code = 0; code <= code_point_max; ++code) {
      if (!table.in(code, known.set)) continue;
      if (!ranges.empty() && ranges.back().last + 1 == code)
        ranges.back().last = code;
      else
        ranges.push_back({code, code});
    }
    return normalize(ranges);
  }
  return std::nullopt;
}

std::vector<CodeRange> regex_line_ends() { return {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}; }

}  // namespace quire
