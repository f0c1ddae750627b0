#include "grammar/regex_classes.h"

#include "text/unicode.h"

#include <utf8proc.h>

#include <array>
#include <iterator>
#include <map>
#include <mutex>

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

namespace {

std::vector<CodeRange> ranges_of(CategorySet set) {
  const CategoryTable& table = CategoryTable::get();
  std::vector<CodeRange> ranges;
  for (char32_t code = 0; code <= code_point_max; ++code) {
    if (!table.in(code, set)) continue;
    if (!ranges.empty() && ranges.back().last + 1 == code)
      ranges.back().last = code;
    else
      ranges.push_back({code, code});
  }
  return normalize(ranges);
}

// Letters that differ in case only, at least two each.
using CaseGroups = std::vector<std::vector<char32_t>>;
CaseGroups case_groups() {
  constexpr char32_t cased_max = 0x1FFFF, dotted_i = 0x130, dotless_i = 0x131;
  std::map<char32_t, std::vector<char32_t>> by_upper;
  for (char32_t code = 0; code <= cased_max; ++code) {
    const auto lower = utf8proc_tolower(static_cast<utf8proc_int32_t>(code));
    const auto upper = static_cast<char32_t>(utf8proc_toupper(lower));
    if (code != dotted_i && code != dotless_i) by_upper[upper].push_back(code);
  }
  CaseGroups groups;
  for (auto& [upper, members] : by_upper)
    if (members.size() > 1) groups.push_back(std::move(members));
  return groups;
}

}  // namespace

std::optional<std::vector<CodeRange>> regex_category(std::string_view name) {
  static std::array<std::vector<CodeRange>, std::size(category_names)> all;
  static std::array<std::once_flag, std::size(category_names)> made;
  for (size_t i = 0; i < std::size(category_names); ++i) {
    if (category_names[i].name != name) continue;
    std::call_once(made[i], [i] { all[i] = ranges_of(category_names[i].set); });
    return all[i];
  }
  return std::nullopt;
}

std::vector<CodeRange> with_other_cases(CodeRange range) {
  static const CaseGroups groups = case_groups();
  static const auto group_of = [] {
    std::map<char32_t, const std::vector<char32_t>*> map;
    for (const auto& group : groups)
      for (const char32_t code : group) map[code] = &group;
    return map;
  }();
  std::vector<CodeRange> all{range};
  for (auto at = group_of.lower_bound(range.first); at != group_of.end() && at->first <= range.last;
       ++at)
    for (const char32_t code : *at->second)
      if (code < range.first || code > range.last) all.push_back({code, code});
  return normalize(all);
}

std::vector<CodeRange> regex_line_ends() { return {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}; }

}  // namespace quire
