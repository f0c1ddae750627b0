// The syntax of Lark grammars (lark.h) as a tree.
#pragma once
#include "base/result.h"
#include "grammar/grammar.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

struct LarkNode {
  enum class Kind : uint8_t { text, range, regex, name, token, json, sequence, choice, repeat };
  Kind kind = Kind::sequence;
  bool ignore_case = false;        // of text and regex
  bool dot_is_any = false;         // of regex
  std::string text;                // what is matched, the expression, the name, the schema
  CodeRange range = {};            // of range
  int32_t token_id = -1;           // of token; -1: by its text
  std::vector<uint32_t> children;  // indices in LarkTree::nodes
  uint32_t min = 0, max = 0;       // of repeat
};

struct LarkDefinition {
  std::string name;
  uint32_t body = 0;
};

struct LarkTree {
  std::vector<LarkNode> nodes;  // children before their parents
  std::vector<LarkDefinition> definitions;
  std::vector<uint32_t> ignored;  // of %ignore
};

// Terminals are in capitals, rules in small letters; underscores may stand in front.
bool is_lark_terminal(std::string_view name);
// With the terminals that are imported: those of the library "common", as `common.NAME`, and what
// they are made of.
Result<LarkTree> parse_lark_tree(std::string_view text, std::string_view name,
                                 const GrammarLimits& limits);

}  // namespace quire
