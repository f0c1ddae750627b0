// The syntax of regular expressions (regex.h) as a tree.
#pragma once
#include "base/result.h"
#include "grammar/grammar.h"
#include "grammar/regex.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace quire {

struct RegexNode {
  enum class Kind : uint8_t { characters, sequence, choice, repeat, begin, end };
  Kind kind = Kind::sequence;
  std::vector<CodeRange> ranges;   // of characters
  std::vector<uint32_t> children;  // indices in RegexTree::nodes
  uint32_t min = 0, max = 0;       // of repeat
};

struct RegexTree {
  std::vector<RegexNode> nodes;  // children before their parents
  uint32_t root = 0;
};

Result<RegexTree> parse_regex(std::string_view regex, std::string_view name,
                              const GrammarLimits& limits, const RegexFlags& flags);

}  // namespace quire
