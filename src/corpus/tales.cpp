#include "corpus/tales.h"

#include "corpus/facts.h"
#include "corpus/plots.h"
#include "corpus/words.h"
#include "format/json.h"

namespace quire {
namespace {

// Of a hundred documents so many are fact sheets; these are short, about a tenth of the bytes.
constexpr uint64_t kFactSheetsPercent = 28;
constexpr uint64_t kContractingPercent = 40;

}  // namespace

TaleGrammar tales_grammar() {
  TaleGrammar grammar;
  add_cast(grammar);
  add_words(grammar);
  add_phrases(grammar);
  add_home_plots(grammar);
  add_town_plots(grammar);
  add_nature_plots(grammar);
  add_play_plots(grammar);
  add_heart_plots(grammar);
  add_number_plots(grammar);
  add_wonder_plots(grammar);
  add_fact_sheets(grammar);
  grammar.link();
  return grammar;
}

Tales::Tales(uint64_t seed) : seed_(seed), grammar_(tales_grammar()) {}

void Tales::document(uint64_t i, std::string& document) const {
  uint64_t mixed = seed_;
  splitmix64(mixed);
  mixed ^= i * 0x9e3779b97f4a7c15u;
  Rng rng(splitmix64(mixed));
  document.clear();
  if (rng.below(100) < kFactSheetsPercent) {
    grammar_.say("facts", rng, document);
    return;
  }
  // A narrator who says "didn't" says so all the time.
  const bool contracts = rng.below(100) < kContractingPercent;
  grammar_.say("plot", rng, document);
  if (contracts) document = contracted(document);
}

Result<uint64_t> write_tales(const TalesOptions& options,
                             FunctionRef<Result<void>(std::string_view)> sink) {
  uint64_t n_documents = 0, n_bytes = 0;
  const auto fits = [&](const std::string& text) { return text.size() <= options.bytes - n_bytes; };
  if (options.format == TalesFormat::facts) {
    for (const Fact& fact : world_facts(options.seed)) {
      const std::string line = fact_json(fact) + "\n";
      if (!fits(line)) break;
      TRY(sink(line));
      n_bytes += line.size();
      ++n_documents;
    }
    return n_documents;
  }
  const Tales tales(options.seed);
  std::string document;
  for (;; ++n_documents) {
    tales.document(n_documents, document);
    if (options.format == TalesFormat::jsonl) {
      document = "{\"text\":" + json_quoted(document) + "}\n";
    } else {
      document += "\n<|endoftext|>\n";
    }
    if (!fits(document)) return n_documents;
    TRY(sink(document));
    n_bytes += document.size();
  }
}

}  // namespace quire
