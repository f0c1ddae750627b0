// What a request says about the form of its answer, compiled before anything is generated.
//
//   auto grammar = TRY(OutputGrammar::from_json_schema(text, "response_format"));
//   grammar.start = GrammarStart::after_marker("</think>");      // think freely first
//   then GrammarMaskCache::constraint() of engine/grammar_constraint.h makes request.constraint
//
// Immutable and cheap to copy: sequences and threads share what was compiled. Compiling takes time
// and memory in proportion to the grammar, within GrammarLimits; a server keeps what it compiled.
#pragma once
#include "base/result.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

class Automaton;
class Grammar;

struct GrammarLimits {
  size_t text_bytes_max = 1 << 20;     // of a grammar, a schema or an expression
  size_t depth_max = 200;              // of groups, schemas, arrays in one another
  size_t expressions_max = 1'000'000;  // nodes of the grammar
  size_t states_max = 1'000'000;       // of its automaton, repetitions written out
};

// Where the grammar begins in the answer.
struct GrammarStart {
  std::vector<std::string> markers;  // behind the first of these; empty: at once
  bool marker_required = true;       // no: an answer without any marker is free to its end
  bool repeats = false;              // behind the grammar's end the answer is free again
  static GrammarStart at_once() { return {}; }
  static GrammarStart after_marker(std::string marker) {
    return {{std::move(marker)}, true, false};
  }
};

struct OutputGrammar {
  std::shared_ptr<const Automaton> automaton;
  GrammarStart start;

  // `name` ("--grammar", "response_format") opens the error texts. bad_format for what does not
  // follow the notation, unsupported for what cannot be enforced, limit for what is too large.
  static Result<OutputGrammar> from_gbnf(std::string_view text, std::string_view name,
                                         const GrammarLimits& limits = {});
  static Result<OutputGrammar> from_lark(std::string_view text, std::string_view name,
                                         const GrammarLimits& limits = {});
  // In one of these two notations: `name ::=` or `name:` begins them.
  static Result<OutputGrammar> from_grammar(std::string_view text, std::string_view name,
                                            const GrammarLimits& limits = {});
  static Result<OutputGrammar> from_json_schema(std::string_view text, std::string_view name,
                                                const GrammarLimits& limits = {});
  static Result<OutputGrammar> from_regex(std::string_view text, std::string_view name,
                                          const GrammarLimits& limits = {});
  static Result<OutputGrammar> from_choices(const std::vector<std::string>& choices,
                                            std::string_view name,
                                            const GrammarLimits& limits = {});
  static Result<OutputGrammar> any_json(const GrammarLimits& limits = {});  // an object
  static Result<OutputGrammar> compile(const Grammar& grammar, std::string_view name);
};

}  // namespace quire
