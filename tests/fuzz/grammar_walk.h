// What the fuzz targets of grammars share: a compiled grammar is walked along its own tokens,
// within small limits, and its promises are checked.
#pragma once
#include "grammar/automaton.h"
#include "grammar/matcher.h"
#include "grammar/output_grammar.h"

#include <cstdlib>
#include <string>
#include <vector>

namespace quire {

inline GrammarLimits fuzz_limits() {
  return {
      .text_bytes_max = 1 << 14, .depth_max = 40, .expressions_max = 20'000, .states_max = 20'000};
}

inline std::shared_ptr<const TokenVocabulary> fuzz_vocabulary() {
  std::vector<std::string> bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.emplace_back(1, static_cast<char>(byte));
  for (const char* word :
       {"ab", "{\"", "\":", "\",", "},", "true", "null", "12", " the", "\xC3\xA9"})
    bytes.emplace_back(word);
  bytes.emplace_back();
  std::vector<std::string> names = bytes;
  names.back() = "<end>";
  const auto end = static_cast<int32_t>(bytes.size() - 1);
  return TokenVocabulary::create(std::move(bytes), std::move(names), {end});
}

// An error is one line; a grammar never leads to a dead end, and accepts what it allows.
inline void walk_grammar(const Result<OutputGrammar>& grammar, uint64_t seed) {
  if (!grammar.has_value()) {
    if (grammar.error().text.empty() || grammar.error().text.find('\n') != std::string::npos)
      std::abort();
    return;
  }
  MaskLimits limits;
  limits.parse.items_max = 200'000;
  limits.parse.state_items_max = 5'000;
  static const auto vocabulary = fuzz_vocabulary();
  auto masks = TokenMasks::create(grammar->automaton, vocabulary, "fuzz", limits);
  if (!masks.has_value()) return;  // a token that is not there
  GrammarMatcher matcher(*masks);
  for (int step = 0; step < 12; ++step) {
    const auto mask = matcher.allowed();
    if (!mask.has_value()) return;  // too ambiguous
    std::vector<int32_t> allowed;
    for (size_t id = 0; id < vocabulary->n_tokens(); ++id)
      if (((**mask)[id / 64] >> (id % 64) & 1) != 0) allowed.push_back(static_cast<int32_t>(id));
    if (allowed.empty()) {
      // Every byte is a token, so only a grammar of named tokens may have nothing to go on with.
      if (grammar->automaton->tokens().empty() && !*matcher.accepts()) std::abort();
      return;
    }
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const auto accepted = matcher.accept(allowed[(seed >> 33) % allowed.size()]);
    if (!accepted.has_value() && accepted.error().fault != Fault::limit) std::abort();
    if (!accepted.has_value()) return;
  }
}

}  // namespace quire
