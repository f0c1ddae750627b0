#include "corpus/words.h"

#include "base/check.h"

#include <array>

namespace quire {
namespace {

struct Pair {
  std::string_view word, form;
};

constexpr Pair kPlurals[] = {
    {"mouse", "mice"},    {"child", "children"},  {"foot", "feet"},      {"tooth", "teeth"},
    {"goose", "geese"},   {"man", "men"},         {"woman", "women"},    {"sheep", "sheep"},
    {"fish", "fish"},     {"deer", "deer"},       {"leaf", "leaves"},    {"loaf", "loaves"},
    {"knife", "knives"},  {"shelf", "shelves"},   {"wolf", "wolves"},    {"calf", "calves"},
    {"scarf", "scarves"}, {"potato", "potatoes"}, {"tomato", "tomatoes"}};

constexpr Pair kPasts[] = {
    {"be", "was"},     {"bake", "baked"},    {"begin", "began"},   {"bite", "bit"},
    {"blow", "blew"},  {"break", "broke"},   {"bring", "brought"}, {"build", "built"},
    {"buy", "bought"}, {"catch", "caught"},  {"come", "came"},     {"cut", "cut"},
    {"dig", "dug"},    {"do", "did"},        {"draw", "drew"},     {"drink", "drank"},
    {"eat", "ate"},    {"fall", "fell"},     {"feed", "fed"},      {"feel", "felt"},
    {"find", "found"}, {"fly", "flew"},      {"forget", "forgot"}, {"get", "got"},
    {"give", "gave"},  {"go", "went"},       {"grow", "grew"},     {"have", "had"},
    {"hear", "heard"}, {"hide", "hid"},      {"hold", "held"},     {"keep", "kept"},
    {"know", "knew"},  {"leave", "left"},    {"lose", "lost"},     {"make", "made"},
    {"meet", "met"},   {"pay", "paid"},      {"put", "put"},       {"read", "read"},
    {"ride", "rode"},  {"ring", "rang"},     {"run", "ran"},       {"say", "said"},
    {"see", "saw"},    {"sell", "sold"},     {"shine", "shone"},   {"sing", "sang"},
    {"sit", "sat"},    {"sleep", "slept"},   {"swim", "swam"},     {"take", "took"},
    {"tell", "told"},  {"think", "thought"}, {"throw", "threw"},   {"wake", "woke"},
    {"wear", "wore"},  {"win", "won"},       {"write", "wrote"},   {"sweep", "swept"},
    {"spin", "spun"},  {"steal", "stole"},   {"stand", "stood"},   {"understand", "understood"}};

constexpr Pair kComparatives[] = {{"good", "better"}, {"bad", "worse"}, {"far", "farther"}};
constexpr Pair kSuperlatives[] = {{"good", "best"}, {"bad", "worst"}, {"far", "farthest"}};

template <size_t N>
std::string_view look_up(const Pair (&table)[N], std::string_view word) {
  for (const Pair& pair : table) {
    if (pair.word == word) return pair.form;
  }
  return {};
}

bool is_vowel(char c) { return std::string_view("aeiou").find(c) != std::string_view::npos; }

int n_vowel_groups(std::string_view word) {
  int n = 0;
  bool in_group = false;
  for (const char c : word) {
    const bool vowel = is_vowel(c) || c == 'y';
    if (vowel && !in_group) ++n;
    in_group = vowel;
  }
  if (n > 1 && word.ends_with('e') && !word.ends_with("le")) --n;
  return n;
}

// run, stop, big: one short vowel, then one consonant that doubles before -ed, -ing, -er.
bool doubles_last(std::string_view word) {
  const size_t n = word.size();
  if (n < 3 || n_vowel_groups(word) != 1) return false;
  const char last = word[n - 1];
  return !is_vowel(last) && std::string_view("wxyh").find(last) == std::string_view::npos &&
         is_vowel(word[n - 2]) && !is_vowel(word[n - 3]);
}

bool ends_consonant_y(std::string_view word) {
  return word.size() > 1 && word.ends_with('y') && !is_vowel(word[word.size() - 2]);
}

// The stem ready for a suffix that starts with e: try -> tri, stop -> stopp, bake -> bak.
std::string stem_before_e(std::string_view word) {
  std::string stem(word);
  if (stem.ends_with('e')) {
    stem.pop_back();
  } else if (ends_consonant_y(stem)) {
    stem.back() = 'i';
  } else if (doubles_last(stem)) {
    stem.push_back(stem.back());
  }
  return stem;
}

std::string with_s(std::string_view word) {
  std::string out(word);
  if (ends_consonant_y(word)) {
    out.back() = 'i';
    return out + "es";
  }
  for (const std::string_view ending : {"s", "x", "z", "ch", "sh"}) {
    if (word.ends_with(ending)) return out + "es";
  }
  return out + "s";
}

}  // namespace

std::string plural(std::string_view noun) {
  // Only the last word of "toy train" or "wooden spoon" changes; in "jar of honey" the first does.
  if (const size_t of = noun.find(" of "); of != std::string_view::npos) {
    return plural(noun.substr(0, of)) + std::string(noun.substr(of));
  }
  const size_t space = noun.rfind(' ');
  const size_t start = space == std::string_view::npos ? 0 : space + 1;
  const std::string_view last = noun.substr(start);
  const std::string_view irregular = look_up(kPlurals, last);
  return std::string(noun.substr(0, start)) +
         (irregular.empty() ? with_s(last) : std::string(irregular));
}

std::string past(std::string_view verb) {
  // Only the first word of "pick up" changes.
  const size_t end = std::min(verb.find(' '), verb.size());
  const std::string_view first = verb.substr(0, end);
  const std::string_view irregular = look_up(kPasts, first);
  return (irregular.empty() ? stem_before_e(first) + "ed" : std::string(irregular)) +
         std::string(verb.substr(end));
}

std::string ing(std::string_view verb) {
  const size_t end = std::min(verb.find(' '), verb.size());
  std::string first(verb.substr(0, end));
  if (first.ends_with('e') && !first.ends_with("ee") && first != "be") {
    first.pop_back();
  } else if (doubles_last(first) || first == "forget" || first == "begin") {
    first.push_back(first.back());
  }
  return first + "ing" + std::string(verb.substr(end));
}

std::string third_person(std::string_view verb) {
  const size_t end = std::min(verb.find(' '), verb.size());
  const std::string_view first = verb.substr(0, end);
  std::string form = first == "have"                  ? "has"
                     : first == "be"                  ? "is"
                     : first == "go" || first == "do" ? std::string(first) + "es"
                                                      : with_s(first);
  return form + std::string(verb.substr(end));
}

std::string comparative(std::string_view adjective) {
  if (const auto irregular = look_up(kComparatives, adjective); !irregular.empty()) {
    return std::string(irregular);
  }
  const int n = n_vowel_groups(adjective);
  if (n > 2 || (n == 2 && !adjective.ends_with('y') && !adjective.ends_with("le"))) {
    return "more " + std::string(adjective);
  }
  return stem_before_e(adjective) + "er";
}

std::string superlative(std::string_view adjective) {
  if (const auto irregular = look_up(kSuperlatives, adjective); !irregular.empty()) {
    return std::string(irregular);
  }
  const int n = n_vowel_groups(adjective);
  if (n > 2 || (n == 2 && !adjective.ends_with('y') && !adjective.ends_with("le"))) {
    return "most " + std::string(adjective);
  }
  return stem_before_e(adjective) + "est";
}

bool takes_an(std::string_view word) {
  if (word.empty()) return false;
  const char first = static_cast<char>(word[0] | 0x20);
  if (word[0] >= '0' && word[0] <= '9') {
    return word[0] == '8' || word == "11" || word == "18";
  }
  if (word.starts_with("hour") || word.starts_with("honest")) return true;
  for (const std::string_view start : {"one", "uni", "use", "usu", "eu"}) {
    if (word.starts_with(start)) return false;
  }
  return is_vowel(first);
}

std::string number_words(int64_t n) {
  static constexpr std::array<std::string_view, 20> kSmall = {
      "zero",     "one",     "two",     "three",     "four",     "five",    "six",
      "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
      "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
  static constexpr std::array<std::string_view, 10> kTens = {
      "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
  CHECK(n >= 0 && n < 1000);
  if (n < 20) return std::string(kSmall[static_cast<size_t>(n)]);
  if (n < 100) {
    std::string out(kTens[static_cast<size_t>(n / 10)]);
    if (n % 10 != 0) out += "-" + std::string(kSmall[static_cast<size_t>(n % 10)]);
    return out;
  }
  std::string out = std::string(kSmall[static_cast<size_t>(n / 100)]) + " hundred";
  if (n % 100 != 0) out += " and " + number_words(n % 100);
  return out;
}

}  // namespace quire
