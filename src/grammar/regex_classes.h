// The sets of characters that regular expressions have names for, and cases of letters.
#pragma once
#include "grammar/grammar.h"

#include <optional>
#include <string_view>
#include <vector>

namespace quire {

// Of \d, \D, \w, \W, \s and \S; nothing for another letter.
std::optional<std::vector<CodeRange>> regex_class(char letter);
// Of \p{...}: a general category ("Lu") or a group of them ("L"). Sorted, without surrogates.
std::optional<std::vector<CodeRange>> regex_category(std::string_view name);
std::vector<CodeRange> regex_line_ends();
// The range, and what its letters are in upper and lower case (simple mappings, the Turkish ones
// left out).
std::vector<CodeRange> with_other_cases(CodeRange range);

}  // namespace quire
