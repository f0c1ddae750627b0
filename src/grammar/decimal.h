// A number of JSON, exactly: sign, digits before and behind the point.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace quire {

struct Decimal {
  bool negative = false;
  std::string whole = "0";  // without leading zeros, "0" for none
  std::string fraction;     // without trailing zeros

  // Nothing for text that is no number, or one of more than digits_max digits when written out.
  static constexpr int digits_max = 400;
  static std::optional<Decimal> parse(std::string_view text);
  bool is_zero() const { return whole == "0" && fraction.empty(); }
  bool is_integer() const { return fraction.empty(); }
};

int compare(const Decimal& a, const Decimal& b);             // below, equal to or above 0
int compare_digits(std::string_view a, std::string_view b);  // of whole numbers
std::string next_digits(std::string digits);                 // + 1
std::string previous_digits(std::string digits);             // - 1, of what is above 0

}  // namespace quire
