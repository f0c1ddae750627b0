// What the tests of grammars share: does a text follow, and a vocabulary of a few tokens.
#pragma once
#include "grammar/gbnf.h"
#include "grammar/parse_states.h"
#include "grammar/token_masks.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

inline std::shared_ptr<const Automaton> compiled(Result<OutputGrammar> grammar) {
  if (!grammar.has_value()) {
    ADD_FAILURE() << grammar.error().text;
    return nullptr;
  }
  return grammar->automaton;
}

enum class Follows { no, so_far, to_the_end };

inline Follows follows(ParseStates& states, std::string_view text) {
  StateId at = states.start();
  for (const char c : text) at = states.next(at, static_cast<uint8_t>(c));
  return at == dead_state     ? Follows::no
         : states.accepts(at) ? Follows::to_the_end
                              : Follows::so_far;
}

inline bool accepts(const std::shared_ptr<const Automaton>& automaton, std::string_view text) {
  ParseStates states(automaton);
  return follows(states, text) == Follows::to_the_end;
}

inline bool gbnf_accepts(std::string_view grammar, std::string_view text) {
  const auto automaton = compiled(OutputGrammar::from_gbnf(grammar, "test"));
  return automaton != nullptr && accepts(automaton, text);
}

// All single bytes that appear in `bytes`, and `words`; the last token ends the generation.
inline std::shared_ptr<const TokenVocabulary> small_vocabulary(std::vector<std::string> words) {
  std::vector<std::string> names = words;
  names.push_back("<end>");
  words.push_back("");
  const auto end = static_cast<int32_t>(words.size() - 1);
  return TokenVocabulary::create(std::move(words), std::move(names), {end});
}

}  // namespace quire
