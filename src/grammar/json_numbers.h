// The numbers of JSON between two bounds, as a grammar of their digits.
//
//   [3, 25]   is   [3-9] | 1 [0-9] | 2 [0-5]
//
// So that an answer ends, numbers have at most 16 digits before the point unless a bound has more,
// at most 16 behind it, and an exponent of two digits. Bounded numbers have no exponent.
#pragma once
#include "grammar/decimal.h"
#include "grammar/grammar.h"

#include <optional>

namespace quire {

struct NumberBound {
  Decimal value;
  bool exclusive = false;
};

struct NumberRange {
  std::optional<NumberBound> min, max;
};

ExpressionId integers(Grammar& grammar, const NumberRange& range);
ExpressionId numbers(Grammar& grammar, const NumberRange& range);
// Whole multiples of a number from 1 to multiple_max, not below zero when `negative` is not wanted.
constexpr uint32_t multiple_max = 1000;
enum class Negative : uint8_t { no, yes };
ExpressionId multiples(Grammar& grammar, uint32_t of, Negative negative);

}  // namespace quire
