// English word forms for the tales: plurals, past tenses, -ing forms, comparatives, numbers in
// words. Rules first, a table of irregular words for the rest; only words a young child knows are
// expected. Everything is ASCII and independent of the locale.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace quire {

std::string plural(std::string_view noun);            // box -> boxes, mouse -> mice
std::string past(std::string_view verb);              // stop -> stopped, run -> ran
std::string ing(std::string_view verb);               // make -> making, sit -> sitting
std::string third_person(std::string_view verb);      // try -> tries, go -> goes
std::string comparative(std::string_view adjective);  // big -> bigger, careful -> more careful
std::string superlative(std::string_view adjective);  // big -> biggest, good -> best
// True when the word (or run of digits) takes "an": apple, hour, 8, 11; not unicorn, one.
bool takes_an(std::string_view word);
// 0 -> "zero", 21 -> "twenty-one", up to 999 ("three hundred and five").
std::string number_words(int64_t n);

// "do not" -> "don't", "it is late" -> "it's late", all through a finished text; never before a
// stop, where "Yes, it is." must stay.
std::string contracted(std::string_view text);
// Alternatives that mean the same in every sentence of the tales, "began to|started to", when text
// starts with such a phrase and the phrase ends at a word's end; else empty. length is its length.
std::string_view same_meaning(std::string_view text, size_t& length);

}  // namespace quire
