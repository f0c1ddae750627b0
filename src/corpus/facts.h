// Ground truth of the tales: every fact of the world (corpus/world.h) as a question, its one right
// answer, three wrong answers of the same sort, and a sentence that states it; then sums, with
// numbers that the tales use as well. The wording is that of the fact sheets in the tales.
#pragma once
#include "base/function_ref.h"
#include "base/result.h"
#include "base/rng.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

struct Fact {
  std::string_view kind;             // price, material, use, ..., plus, minus, times, total
  std::string subject;               // "kettle"; the two numbers of a sum, "3 4"
  std::string question;              // "How much is a kettle?"
  std::string answer;                // "four coins"
  std::string statement;             // "A kettle costs four coins."
  std::vector<std::string> choices;  // the answer and three others, in an order set by the seed
};

// All facts of the world and all sums, in an order set by the seed; no question comes twice.
std::vector<Fact> world_facts(uint64_t seed);
// One line: {"question":...,"answer":...,"kind":...,"subject":...,"statement":...,"choices":[...]}
std::string fact_json(const Fact& fact);

}  // namespace quire
