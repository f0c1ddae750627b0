// Automaton: a grammar, checked and compiled to what a parser steps through byte by byte.
//
// Every rule becomes a small automaton over bytes (characters as their UTF-8, so a token may end
// inside a character) whose edges also call other rules. Repetitions are written out, within
// GrammarLimits::states_max. What can never end (`loop ::= "a" loop`) is taken out, so that every
// state that is reached can be completed; left recursion and ambiguity need no care here, the
// parser (parse_states.h) has no trouble with them.
//
// Immutable, shared by threads.
#pragma once
#include "base/result.h"
#include "grammar/grammar.h"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

class Automaton {
 public:
  struct ByteEdge {
    uint8_t first, last;
    uint32_t target;
  };
  struct CallEdge {
    RuleId rule;
    uint32_t target;
  };
  struct TokenEdge {
    uint32_t terminal;  // of tokens()
    uint32_t target;
  };
  struct Rule {
    uint32_t start = 0;
    bool nullable = false;  // matches the empty text
    std::string name;
  };

  // bad_format for a rule that is used and not defined, and for a grammar that no text of finite
  // length follows; limit for one that is too large. `name` opens the error text.
  static Result<std::shared_ptr<const Automaton>> compile(const Grammar& grammar,
                                                          std::string_view name);

  size_t n_states() const { return final_.size(); }
  std::span<const ByteEdge> byte_edges(uint32_t state) const {
    return slice(byte_edges_, bytes_at_, state);
  }
  std::span<const CallEdge> call_edges(uint32_t state) const {
    return slice(call_edges_, calls_at_, state);
  }
  std::span<const TokenEdge> token_edges(uint32_t state) const {
    return slice(token_edges_, tokens_at_, state);
  }
  bool final(uint32_t state) const { return final_[state] != 0; }
  // No edge leaves it.
  bool last(uint32_t state) const {
    return byte_edges(state).empty() && call_edges(state).empty() && token_edges(state).empty();
  }
  const Rule& rule(RuleId id) const { return rules_[id]; }
  size_t n_rules() const { return rules_.size(); }
  RuleId root() const { return root_; }
  const std::vector<TokenTerminal>& tokens() const { return tokens_; }

  // Bytes that no edge tells apart have the same class.
  uint8_t byte_class(uint8_t byte) const { return class_of_[byte]; }
  size_t n_classes() const { return class_byte_.size(); }
  uint8_t class_byte(size_t byte_class) const {
    return class_byte_[byte_class];
  }  // one of its bytes

  // Positions in a long repetition that look alike for some bytes: {100,1000} of a letter is the
  // same after 3 and after 7 of them, as far as tokens of up to 64 bytes can tell. alike(state) is
  // the one that stands for all of its kind, and for how many bytes it does.
  struct Alike {
    uint32_t state;
    uint32_t n_bytes;
  };
  static constexpr uint32_t any_bytes = UINT32_MAX;
  Alike alike(uint32_t state) const {
    return alike_.empty() ? Alike{state, any_bytes} : alike_[state];
  }

 private:
  friend class AutomatonCompiler;
  template <class T>
  static std::span<const T> slice(const std::vector<T>& all, const std::vector<uint32_t>& at,
                                  uint32_t i) {
    return std::span(all).subspan(at[i], at[i + 1] - at[i]);
  }

  std::vector<ByteEdge> byte_edges_;
  std::vector<CallEdge> call_edges_;
  std::vector<TokenEdge> token_edges_;
  std::vector<uint32_t> bytes_at_, calls_at_, tokens_at_;  // n_states + 1 each
  std::vector<uint8_t> final_;
  std::vector<Alike> alike_;  // empty: each is alike only to itself
  std::vector<Rule> rules_;
  std::vector<TokenTerminal> tokens_;
  std::array<uint8_t, 256> class_of_{};
  std::vector<uint8_t> class_byte_;
  RuleId root_ = 0;
};

}  // namespace quire
