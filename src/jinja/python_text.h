// Strings as Python sees them: sequences of code points with its white space, its case mappings and
// its rules for numbers. All texts are UTF-8.
//
// Sources: the Python library reference (str); the Unicode standard, sections 3.13 and 5.18, for
// full case mappings (SpecialCasing.txt).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quire::jinja {

bool is_python_space(char32_t code);  // str.isspace
// Every character of the text, or of white space when `chars` is nullopt, off one end.
using StripSet = std::optional<std::string_view>;
std::string_view python_lstrip(std::string_view text, StripSet chars = {});
std::string_view python_rstrip(std::string_view text, StripSet chars = {});
std::string_view python_strip(std::string_view text, StripSet chars = {});

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);  // str.title
std::string capitalize(std::string_view text);
std::string swap_case(std::string_view text);
std::string fold_case(std::string_view text);

// str.isalpha and its kin: whether all characters are of the class, and there is one.
bool all_alpha(std::string_view text);
bool all_decimal(std::string_view text);
bool all_digit(std::string_view text);
bool all_numeric(std::string_view text);
bool all_alnum(std::string_view text);
bool all_space(std::string_view text);
bool is_lower(std::string_view text);
bool is_upper(std::string_view text);
bool is_title(std::string_view text);
bool is_identifier(std::string_view text);

// str.splitlines
enum class LineEnds { drop, keep };
std::vector<std::string_view> split_lines(std::string_view text, LineEnds ends);
// str.split() and str.rsplit() at white space; n_max pieces are cut off, -1: all.
std::vector<std::string_view> split_words(std::string_view text, int64_t n_max);
std::vector<std::string_view> rsplit_words(std::string_view text, int64_t n_max);
// At a separator that is not empty.
std::vector<std::string_view> split_at(std::string_view text, std::string_view separator,
                                       int64_t n_max);
std::vector<std::string_view> rsplit_at(std::string_view text, std::string_view separator,
                                        int64_t n_max);

// Linear in the length of both, unlike std::string_view::find. npos when there is none.
size_t find_text(std::string_view text, std::string_view what, size_t from = 0);
size_t rfind_text(std::string_view text, std::string_view what);
size_t count_text(std::string_view text, std::string_view what);

// What \w, \d and letters are to Python's regular expressions.
bool is_word(char32_t code);
bool is_decimal_digit(char32_t code);

std::u32string code_points(std::string_view text);
std::string to_utf8(std::u32string_view text);
// Code points of a text, and the byte at which one begins (text.size() beyond the last).
size_t n_chars(std::string_view text);
size_t byte_of_char(std::string_view text, size_t n_chars_before);

// int(text, base) and float(text); nullopt when Python raises ValueError.
struct ParsedInt {
  int64_t value = 0;
  bool too_big = false;  // an integer, but not of 64 bits
};
std::optional<ParsedInt> parse_python_int(std::string_view text, int base);
std::optional<double> parse_python_float(std::string_view text);

}  // namespace quire::jinja
