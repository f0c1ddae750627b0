// Tales: stories and facts in simple English about a small closed world (corpus/world.h), written
// by a grammar of the project's own (corpus/grammar.h), so that a model can be trained and measured
// with nothing to download. The same seed gives the same bytes on every machine: integers only, one
// random stream per document, no locale, no clock. docs/tales.md describes the world and the forms.
#pragma once
#include "base/function_ref.h"
#include "base/result.h"
#include "base/rng.h"
#include "corpus/grammar.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace quire {

enum class TalesFormat {
  text,   // documents, each followed by a line <|endoftext|>
  jsonl,  // {"text":"..."} per line
  facts   // {"question":...,"answer":...,"kind":...,"choices":[...],"statement":...} per line
};

struct TalesOptions {
  uint64_t seed = 1;
  uint64_t bytes = 40'000'000;  // at most this many are written, and no document is cut
  TalesFormat format = TalesFormat::text;
};

// The documents of one seed. Document i depends on (seed, i) alone. Constant after construction.
class Tales {
 public:
  explicit Tales(uint64_t seed);
  // Replaces document by the i-th one: one or more paragraphs, one per line, no newline at the end.
  void document(uint64_t i, std::string& document) const;
  const TaleGrammar& grammar() const { return grammar_; }

 private:
  uint64_t seed_;
  TaleGrammar grammar_;
};

// The whole grammar of the tales, linked: plots under the rule "plot", fact sheets under "facts".
TaleGrammar tales_grammar();

// Calls sink with whole documents, formatted, until the next one would pass options.bytes (or, for
// facts, until every fact has been told). Returns the number of documents, or the sink's error.
Result<uint64_t> write_tales(const TalesOptions& options,
                             FunctionRef<Result<void>(std::string_view)> sink);

}  // namespace quire
