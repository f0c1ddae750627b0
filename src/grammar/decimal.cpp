#include "grammar/decimal.h"

#include <algorithm>

namespace quire {

std::optional<Decimal> Decimal::parse(std::string_view text) {
  Decimal d;
  size_t at = 0;
  const auto digits = [&] {
    const size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return std::string(text.substr(begin, at - begin));
  };
  if (at < text.size() && text[at] == '-') d.negative = true, ++at;
  std::string whole = digits(), fraction;
  if (whole.empty()) return std::nullopt;
  if (at < text.size() && text[at] == '.') {
    ++at;
    fraction = digits();
  }
  int exponent = 0;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    const bool down = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::string power = digits();
    if (power.empty() || power.size() > 4) return std::nullopt;
    exponent = (down ? -1 : 1) * std::stoi(power);
  }
  if (at != text.size() || exponent > digits_max || exponent < -digits_max ||
      whole.size() + fraction.size() > digits_max)
    return std::nullopt;
  for (; exponent > 0; --exponent) {
    whole += fraction.empty() ? '0' : fraction[0];
    if (!fraction.empty()) fraction.erase(0, 1);
  }
  for (; exponent < 0; ++exponent) {
    fraction.insert(0, 1, whole.empty() ? '0' : whole.back());
    if (!whole.empty()) whole.pop_back();
  }
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  fraction.erase(fraction.find_last_not_of('0') + 1);
  d.whole = whole.empty() ? "0" : whole;
  d.fraction = fraction;
  if (d.is_zero()) d.negative = false;
  return d;
}

int compare_digits(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  int order = compare_digits(a.whole, b.whole);
  if (order == 0) order = a.fraction.compare(b.fraction);
  return a.negative ? -order : order;
}

std::string next_digits(std::string digits) {
  size_t at = digits.size();
  while (at > 0 && digits[at - 1] == '9') digits[--at] = '0';
  if (at == 0) return "1" + digits;
  ++digits[at - 1];
  return digits;
}

std::string previous_digits(std::string digits) {
  size_t at = digits.size();
  while (at > 0 && digits[at - 1] == '0') digits[--at] = '9';
  if (at == 0) return "0";
  --digits[at - 1];
  const size_t first = digits.find_first_not_of('0');
  return first == digits.npos ? "0" : digits.substr(first);
}

}  // namespace quire
