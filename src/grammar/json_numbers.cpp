#include "grammar/json_numbers.h"

#include "base/check.h"

#include <algorithm>

namespace quire {
namespace {

constexpr uint32_t digits_usual = 16;

class Digits {
 public:
  explicit Digits(Grammar& grammar) : g_(grammar), digit_(between('0', '9')) {}

  ExpressionId between(char first, char last) {
    if (first > last) return g_.nothing();
    return g_.characters({{static_cast<char32_t>(first), static_cast<char32_t>(last)}});
  }
  ExpressionId one(char digit) { return between(digit, digit); }
  ExpressionId any(uint32_t min, uint32_t max) { return g_.repeat(digit_, min, max); }

  // Digits of the length of `low` that are no less, from its last digit to its first.
  ExpressionId at_least(std::string_view low) {
    ExpressionId rest = g_.empty();
    for (size_t i = low.size(); i-- > 0;) {
      const auto n = static_cast<uint32_t>(low.size() - i - 1);
      rest = g_.choice({g_.sequence({one(low[i]), rest}),
                        g_.sequence({between(static_cast<char>(low[i] + 1), '9'), any(n, n)})});
    }
    return rest;
  }
  ExpressionId at_most(std::string_view high) {
    ExpressionId rest = g_.empty();
    for (size_t i = high.size(); i-- > 0;) {
      const auto n = static_cast<uint32_t>(high.size() - i - 1);
      rest = g_.choice({g_.sequence({one(high[i]), rest}),
                        g_.sequence({between('0', static_cast<char>(high[i] - 1)), any(n, n)})});
    }
    return rest;
  }
  // low <= digits <= high, all of one length.
  ExpressionId same_length(std::string_view low, std::string_view high) {
    const auto differ = std::mismatch(low.begin(), low.end(), high.begin());
    const auto n_equal = static_cast<size_t>(differ.first - low.begin());
    if (n_equal == low.size()) return g_.text(low);
    const std::string_view low_rest = low.substr(n_equal + 1), high_rest = high.substr(n_equal + 1);
    const char a = low[n_equal], b = high[n_equal];
    const auto n = static_cast<uint32_t>(low_rest.size());
    return g_.sequence(
        {g_.text(low.substr(0, n_equal)),
         g_.choice(
             {g_.sequence({one(a), at_least(low_rest)}),
              g_.sequence({between(static_cast<char>(a + 1), static_cast<char>(b - 1)), any(n, n)}),
              g_.sequence({one(b), at_most(high_rest)})})});
  }

  // Whole numbers from low to high without leading zeros; high "": no bound.
  ExpressionId whole(const std::string& low, const std::string& high) {
    if (!high.empty() && compare_digits(low, high) > 0) return g_.nothing();
    std::vector<ExpressionId> parts;
    const size_t n_max = high.empty() ? low.size() : high.size();
    for (size_t n = low.size(); n <= n_max; ++n) {
      const std::string first = n == low.size() ? low : "1" + std::string(n - 1, '0');
      const std::string last = n == high.size() ? high : std::string(n, '9');
      parts.push_back(same_length(first, last));
    }
    if (high.empty()) {
      const auto n = static_cast<uint32_t>(low.size());
      parts.push_back(g_.sequence({between('1', '9'), any(n, std::max(n, digits_usual - 1))}));
    }
    return g_.choice(parts);
  }

  // What may stand behind a whole number: nothing, or a point and digits.
  struct Tail {
    bool empty;         // nothing may
    ExpressionId some;  // at least one digit, without the point
  };
  Tail any_tail() { return {true, any(1, digits_usual)}; }
  // 0.tail >= 0.low, or > when it is exclusive.
  Tail tail_from(std::string_view low, bool exclusive) {
    const ExpressionId zeros = g_.repeat(one('0'), 0, digits_usual - 1);
    Tail tail = {true, any(1, digits_usual)};
    if (exclusive)
      tail = {false, g_.sequence({zeros, between('1', '9'), any(0, digits_usual - 1)})};
    for (size_t i = low.size(); i-- > 0;)
      tail = {false, g_.choice({g_.sequence({one(low[i]), optional_if(tail)}),
                                g_.sequence({between(static_cast<char>(low[i] + 1), '9'),
                                             any(0, digits_usual - 1)})})};
    return tail;
  }
  // 0.tail <= 0.high, or <.
  Tail tail_to(std::string_view high, bool exclusive) {
    Tail tail = {true, g_.repeat(one('0'), 1, digits_usual)};
    if (exclusive) tail = {false, g_.nothing()};
    for (size_t i = high.size(); i-- > 0;)
      tail = {true, g_.choice({g_.sequence({one(high[i]), optional_if(tail)}),
                               g_.sequence({between('0', static_cast<char>(high[i] - 1)),
                                            any(0, digits_usual - 1)})})};
    return tail;
  }
  Tail tail_between(const std::string& low, bool low_exclusive, const std::string& high,
                    bool high_exclusive) {
    size_t n = 0;
    while (n < low.size() && n < high.size() && low[n] == high[n]) ++n;
    Tail tail;
    if (n == low.size()) {
      // What is behind `low` only has to stay below the rest of high, and above zero.
      tail = tail_to(std::string_view(high).substr(n), high_exclusive);
      if (low_exclusive) {
        const std::string rest = high.substr(n);
        tail = above_zero(rest, high_exclusive);
      }
    } else if (n == high.size()) {
      return {false, g_.nothing()};  // high is the beginning of low: below it
    } else {
      const char a = low[n], b = high[n];
      const Tail from = tail_from(std::string_view(low).substr(n + 1), low_exclusive);
      const Tail to = tail_to(std::string_view(high).substr(n + 1), high_exclusive);
      tail = {false,
              g_.choice({g_.sequence({one(a), optional_if(from)}),
                         g_.sequence({between(static_cast<char>(a + 1), static_cast<char>(b - 1)),
                                      any(0, digits_usual - 1)}),
                         g_.sequence({one(b), optional_if(to)})})};
    }
    for (size_t i = n; i-- > 0;) tail = {false, g_.sequence({one(low[i]), optional_if(tail)})};
    return tail;
  }
  ExpressionId with_tail(ExpressionId whole_part, const Tail& tail) {
    const ExpressionId point = g_.sequence({g_.text("."), tail.some});
    return g_.sequence({whole_part, tail.empty ? g_.optional(point) : point});
  }

 private:
  ExpressionId optional_if(const Tail& tail) {
    return tail.empty ? g_.optional(tail.some) : tail.some;
  }
  // 0 < 0.tail <= 0.high (or <): zeros as high has them, then as tail_between.
  Tail above_zero(const std::string& high, bool exclusive) {
    if (high.empty()) return {false, g_.nothing()};
    const char b = high[0];
    const std::string rest = high.substr(1);
    if (b == '0') return {false, g_.sequence({one('0'), above_zero(rest, exclusive).some})};
    const Tail to = tail_to(rest, exclusive);
    const Tail from = tail_from("", true);
    return {
        false,
        g_.choice({g_.sequence({one('0'), from.some}),
                   g_.sequence({between('1', static_cast<char>(b - 1)), any(0, digits_usual - 1)}),
                   g_.sequence({one(b), optional_if(to)})})};
  }

  Grammar& g_;
  ExpressionId digit_;
};

struct Side {
  std::optional<NumberBound> min, max;  // of the size, without sign; min at least 0
};

// The part of a range on one side of zero, as sizes.
std::optional<Side> side_of(const NumberRange& range, bool negative) {
  Side side;
  const auto& near = negative ? range.max : range.min;
  const auto& far = negative ? range.min : range.max;
  if (far) {
    if (!far->value.is_zero() && far->value.negative != negative) return std::nullopt;
    side.max = far;
    side.max->value.negative = false;
  }
  if (near && (near->value.is_zero() || near->value.negative == negative)) {
    side.min = near;
    side.min->value.negative = false;
  }
  return side;
}

}  // namespace

ExpressionId integers(Grammar& grammar, const NumberRange& range) {
  Digits digits(grammar);
  std::vector<ExpressionId> parts;
  for (const bool negative : {true, false}) {
    const auto side = side_of(range, negative);
    if (!side) continue;
    std::string low = "0", high;
    if (side->min) {
      low = side->min->value.whole;
      if (!side->min->value.is_integer() || side->min->exclusive) low = next_digits(low);
    }
    if (side->max) {
      high = side->max->value.whole;
      if (side->max->exclusive && side->max->value.is_integer()) {
        if (high == "0") continue;
        high = previous_digits(high);
      }
    }
    if (negative && low == "0") low = "1";
    const ExpressionId whole = digits.whole(low, high);
    parts.push_back(negative ? grammar.sequence({grammar.text("-"), whole}) : whole);
  }
  return grammar.choice(parts);
}

ExpressionId numbers(Grammar& grammar, const NumberRange& range) {
  Digits digits(grammar);
  if (!range.min && !range.max) {
    const ExpressionId exponent = grammar.sequence(
        {grammar.characters({{'E', 'E'}, {'e', 'e'}}),
         grammar.optional(grammar.characters({{'+', '+'}, {'-', '-'}})), digits.any(1, 2)});
    return grammar.sequence({grammar.optional(grammar.text("-")),
                             digits.with_tail(digits.whole("0", ""), digits.any_tail()),
                             grammar.optional(exponent)});
  }
  std::vector<ExpressionId> parts;
  for (const bool negative : {true, false}) {
    const auto side = side_of(range, negative);
    if (!side) continue;
    NumberBound low = side->min.value_or(NumberBound{});
    // Zero has no sign here.
    if (negative && low.value.is_zero()) low.exclusive = true;
    std::vector<ExpressionId> ways;
    const Decimal& a = low.value;
    if (side->max) {
      const NumberBound& high = *side->max;
      const Decimal& b = high.value;
      const int order = compare_digits(a.whole, b.whole);
      if (order > 0) continue;
      if (order == 0) {
        ways.push_back(digits.with_tail(
            grammar.text(a.whole),
            digits.tail_between(a.fraction, low.exclusive, b.fraction, high.exclusive)));
      } else {
        ways.push_back(
            digits.with_tail(grammar.text(a.whole), digits.tail_from(a.fraction, low.exclusive)));
        ways.push_back(digits.with_tail(
            digits.whole(next_digits(a.whole), previous_digits(b.whole)), digits.any_tail()));
        ways.push_back(
            digits.with_tail(grammar.text(b.whole), digits.tail_to(b.fraction, high.exclusive)));
      }
    } else {
      ways.push_back(
          digits.with_tail(grammar.text(a.whole), digits.tail_from(a.fraction, low.exclusive)));
      ways.push_back(digits.with_tail(digits.whole(next_digits(a.whole), ""), digits.any_tail()));
    }
    const ExpressionId size = grammar.choice(ways);
    parts.push_back(negative ? grammar.sequence({grammar.text("-"), size}) : size);
  }
  return grammar.choice(parts);
}

// By the rest of division of what has been read: a rule for each rest.
ExpressionId multiples(Grammar& grammar, uint32_t of, Negative negative) {
  CHECK(of > 0);
  std::vector<RuleId> rests;
  rests.reserve(of);
  for (uint32_t r = 0; r < of; ++r) rests.push_back(grammar.add_rule("rest" + std::to_string(r)));
  Digits digits(grammar);
  const auto step = [&](uint32_t r, char first) {
    std::vector<ExpressionId> ways;
    for (char d = first; d <= '9'; ++d)
      ways.push_back(grammar.sequence(
          {digits.one(d), grammar.rule(rests[(10 * r + static_cast<uint32_t>(d - '0')) % of])}));
    return grammar.choice(ways);
  };
  for (uint32_t r = 0; r < of; ++r) {
    const ExpressionId more = step(r, '0');
    grammar.define(rests[r], r == 0 ? grammar.optional(more) : more);
  }
  const ExpressionId size = step(0, '1');
  return grammar.choice(
      {grammar.text("0"), negative == Negative::yes
                              ? grammar.sequence({grammar.optional(grammar.text("-")), size})
                              : size});
}

}  // namespace quire
