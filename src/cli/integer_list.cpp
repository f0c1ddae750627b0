#include "cli/integer_list.h"

#include <charconv>

namespace quire {
namespace {

constexpr size_t numbers_max = 1000;

struct List {
  std::string_view flag;
  int64_t least, most;
  std::vector<int64_t> numbers = {};

  // Takes a number off the front of text.
  Result<int64_t> number(std::string_view& text) const {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end == text.data())
      return fail(Fault::usage, "{}: '{}' is not a whole number", flag, text);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (value < least || value > most)
      return fail(Fault::usage, "{}: {} is out of range, {} to {}", flag, value, least, most);
    return value;
  }
  Result<void> add(int64_t value) {
    if (numbers.size() == numbers_max)
      return fail(Fault::usage, "{}: more than {} numbers", flag, numbers_max);
    numbers.push_back(value);
    return {};
  }
  // "8", "1-8", "1-8+2" or "1-8*2"
  Result<void> add_item(std::string_view item) {
    const std::string_view whole = item;
    const int64_t first = TRY(number(item));
    if (item.empty()) return add(first);
    int64_t last = first, step = 1;
    char kind = '+';
    if (item.front() == '-') {
      item.remove_prefix(1);
      last = TRY(number(item));
      if (!item.empty() && (item.front() == '+' || item.front() == '*')) {
        kind = item.front();
        item.remove_prefix(1);
        step = TRY(number(item));
      }
    }
    if (!item.empty())
      return fail(Fault::usage, "{}: '{}' is no number and no range such as 1-8, 1-8+2 or 1-8*2",
                  flag, whole);
    if (kind == '+' ? step < 1 : step < 2 || first < 1)
      return fail(Fault::usage, "{}: the range '{}' never ends", flag, whole);
    for (int64_t value = first; value <= last; value = kind == '+' ? value + step : value * step)
      TRY(add(value));
    return {};
  }
};

}  // namespace

Result<std::vector<int64_t>> integer_list(std::string_view flag, std::string_view text,
                                          int64_t least, int64_t most) {
  List list{flag, least, most};
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    TRY(list.add_item(text.substr(begin, comma - begin)));
    begin = comma + 1;
  }
  return list.numbers;
}

}  // namespace quire
