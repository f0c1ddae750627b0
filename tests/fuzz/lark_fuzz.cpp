// A grammar in Lark's notation: compiled and walked, or refused with one line (grammar_walk.h).
#include "grammar_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quire;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  walk_grammar(OutputGrammar::from_lark(text, "fuzz", fuzz_limits()), size);
  return 0;
}
