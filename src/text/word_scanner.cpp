#include "text/word_scanner.h"

#include <array>

namespace quire {
namespace expressions {

std::string contractions() { return "(?i:'s|'t|'re|'ve|'m|'ll|'d)"; }

std::string gpt2() {
  return R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
}

std::string llama3(std::string_view digits) {
  return contractions()
      .append(R"(|[^\r\n\p{L}\p{N}]?\p{L}+|)")
      .append(digits)
      .append(R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
}

std::string qwen35() {
  return contractions() + R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)"
                          R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
}

std::string seed_coder() {
  return contractions() + R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}|)"
                          R"( ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";
}

std::string bailingmoe() {
  return R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|)"
         R"(\s*[\r\n]|\s+(?!\S)|\s+)";
}

namespace {
std::string cased_words(std::string_view upper, std::string_view lower,
                        std::string_view contraction) {
  const std::string_view lead = R"([^\r\n\p{L}\p{N}]?)";
  return std::string(lead)
      .append(upper)
      .append("*")
      .append(lower)
      .append("+")
      .append(contraction)
      .append("|")
      .append(lead)
      .append(upper)
      .append("+")
      .append(lower)
      .append("*")
      .append(contraction)
      .append("|");
}
}  // namespace

std::string cased(std::string_view contraction, std::string_view digits) {
  return cased_words(R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])", R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])",
                     contraction)
      .append(digits)
      .append(R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
}

std::string kimi() {
  return R"([\p{Han}]+|)" +
         cased_words(R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]])",
                     R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]])", contractions() + "?") +
         R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
}

std::string deepseek3() {
  return R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|)"
         R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
         R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
}

std::string cjk() { return "[一-龥぀-ゟ゠-ヿ]+"; }

}  // namespace expressions

namespace {

struct Character {
  char32_t code;
  CategorySet set;  // one bit
  int n_bytes;
};

constexpr CategorySet ascii_set(int c) {
  if (c >= 9 && c <= 13) return categories(Category::Cw);
  if (c < 32 || c == 127) return categories(Category::Cc);
  if (c == ' ') return categories(Category::Zs);
  if (c >= '0' && c <= '9') return categories(Category::Nd);
  if (c >= 'A' && c <= 'Z') return categories(Category::Lu);
  if (c >= 'a' && c <= 'z') return categories(Category::Ll);
  if (c == '$') return categories(Category::Sc);
  if (c == '+' || c == '<' || c == '=' || c == '>' || c == '|' || c == '~') {
    return categories(Category::Sm);
  }
  if (c == '^' || c == '`') return categories(Category::Sk);
  return categories(Category::Po);  // which kind of punctuation makes no difference here
}

constexpr auto ascii_sets = [] {
  std::array<CategorySet, 128> sets{};
  for (size_t c = 0; c < 128; ++c) sets[c] = ascii_set(static_cast<int>(c));
  return sets;
}();

constexpr CategorySet upper_like =
    categories(Category::Lu, Category::Lt, Category::Lm, Category::Lo) | any_mark;
constexpr CategorySet lower_like = categories(Category::Ll, Category::Lm, Category::Lo) | any_mark;

// A place in well-formed UTF-8.
struct Cursor {
  const char* at;
  const char* end;
  const CategoryTable& table;

  bool done() const { return at == end; }
  unsigned char byte() const { return static_cast<unsigned char>(*at); }
  Character here() const {
    const unsigned char lead = byte();
    if (lead < 0x80) return {lead, ascii_sets[lead], 1};
    const auto tail = [&](int i) { return static_cast<char32_t>(at[i] & 0x3F); };
    char32_t code;
    int n;
    if (lead < 0xE0) {
      code = static_cast<char32_t>(lead & 0x1F) << 6 | tail(1);
      n = 2;
    } else if (lead < 0xF0) {
      code = static_cast<char32_t>(lead & 0x0F) << 12 | tail(1) << 6 | tail(2);
      n = 3;
    } else {
      code = static_cast<char32_t>(lead & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3);
      n = 4;
    }
    return {code, CategorySet{1} << static_cast<int>(table[code]), n};
  }
  // Past all characters of the set.
  void skip(CategorySet set) {
    while (at != end) {
      const unsigned char lead = byte();
      if (lead < 0x80) {
        if ((ascii_sets[lead] & set) == 0) return;
        ++at;
        continue;
      }
      const Character c = here();
      if ((c.set & set) == 0) return;
      at += c.n_bytes;
    }
  }
  bool is_in(CategorySet set) const { return !done() && (here().set & set) != 0; }
};

bool is_newline(char c) { return c == '\n' || c == '\r'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

enum class Case { exact, any };

// Bytes of 's 't 're 've 'm 'll 'd at a place, 0 for none. Without regard to case, U+017F is an s.
template <Case letter_case>
int contraction_bytes(const char* at, const char* end) {
  if (end - at < 2 || *at != '\'') return 0;
  const auto letter = [&](int i) { return letter_case == Case::any ? lower(at[i]) : at[i]; };
  const char first = letter(1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if (letter_case == Case::any && end - at >= 3 && at[1] == '\xC5' && at[2] == '\xBF') return 3;
  if (end - at < 3) return 0;
  const char second = letter(2);
  const bool is =
      (first == 'l' && second == 'l') || ((first == 'r' || first == 'v') && second == 'e');
  return is ? 3 : 0;
}

// \s+(?!\S)|\s+ : a run of white space without its last character, unless the text ends there.
const char* space_run(Cursor c) {
  const char* last = c.at;
  const char* begin = c.at;
  while (!c.done()) {
    const Character now = c.here();
    if ((now.set & any_space) == 0) break;
    last = c.at;
    c.at += now.n_bytes;
  }
  return c.done() || last == begin ? c.at : last;
}

// \s*[\r\n]+|\s+(?!\S)|\s+ : a run of white space up to its last line break, or as above.
const char* line_or_space_run(Cursor c) {
  const char* last = c.at;
  const char* begin = c.at;
  const char* behind_newline = nullptr;
  while (!c.done()) {
    const Character now = c.here();
    if ((now.set & any_space) == 0) break;
    last = c.at;
    c.at += now.n_bytes;
    if (is_newline(*last)) behind_newline = c.at;
  }
  if (behind_newline != nullptr) return behind_newline;
  return c.done() || last == begin ? c.at : last;
}

template <int n_max>  // 0: any number
const char* digit_run(Cursor c) {
  if (n_max == 0) {
    c.skip(any_number);
    return c.at;
  }
  for (int n = 0; n < n_max && c.is_in(any_number); ++n) c.at += c.here().n_bytes;
  return c.at;
}

// What may follow a run of punctuation.
enum class Tail { none, newlines, newlines_and_slashes };

template <Tail tail>
const char* with_tail(Cursor c) {
  while (tail != Tail::none && !c.done() &&
         (is_newline(*c.at) || (tail == Tail::newlines_and_slashes && *c.at == '/'))) {
    ++c.at;
  }
  return c.at;
}

//  ?[^\s\p{L}\p{N}]+ and a tail, or white space.
template <CategorySet letter, Tail tail>
const char* other_or_space(Cursor c, const Character& first) {
  constexpr CategorySet other = ~(any_space | any_number | letter);
  Cursor behind = c;
  if (first.code == ' ') ++behind.at;
  if (behind.is_in(other)) {
    behind.skip(other);
    return with_tail<tail>(behind);
  }
  return line_or_space_run(c);
}

const char* match_gpt2(const char* at, const char* end, const CategoryTable& table) {
  Cursor c{at, end, table};
  if (const int n = contraction_bytes<Case::exact>(at, end); n > 0) return at + n;
  constexpr CategorySet other = ~(any_space | any_letter | any_number);
  if (*c.at == ' ' && end - at > 1) ++c.at;
  const CategorySet set = c.here().set;
  for (const CategorySet run : {any_letter, any_number, other}) {
    if ((set & run) == 0) continue;
    c.skip(run);
    return c.at;
  }
  return space_run({at, end, table});
}

// llama3 and its relatives.
template <CategorySet letter, int n_digits, Tail tail>
const char* match_llama3(const char* at, const char* end, const CategoryTable& table) {
  Cursor c{at, end, table};
  if (const int n = contraction_bytes<Case::any>(at, end); n > 0) return at + n;
  const Character first = c.here();
  if ((first.set & letter) != 0) {
    c.skip(letter);
    return c.at;
  }
  if ((first.set & any_number) != 0) return digit_run<n_digits>(c);
  if (!is_newline(*at)) {
    Cursor word{at + first.n_bytes, end, table};
    if (word.is_in(letter)) {
      word.skip(letter);
      return word.at;
    }
  }
  return other_or_space<letter, tail>(c, first);
}

struct AnyScript {
  static bool excludes(char32_t) { return false; }
};
struct NoHan {
  static bool excludes(char32_t code) { return is_han(code); }
};

// U*L+ or, where that is not possible, U+L*, with U upper-like and L lower-like: at most one change
// of case. Letters without case are both.
template <class Script>
const char* cased_word(Cursor c, bool& lower_found) {
  const char* behind_both = nullptr;  // the last character that is in U and in L
  lower_found = true;
  while (!c.done()) {
    const Character now = c.here();
    if ((now.set & upper_like) == 0 || Script::excludes(now.code)) break;
    c.at += now.n_bytes;
    if ((now.set & lower_like) != 0) behind_both = c.at;
  }
  const char* upper_end = c.at;
  while (!c.done()) {
    const Character now = c.here();
    if ((now.set & lower_like) == 0 || Script::excludes(now.code)) break;
    c.at += now.n_bytes;
  }
  if (c.at != upper_end) return c.at;
  if (behind_both != nullptr) return behind_both;
  lower_found = false;
  return upper_end;
}

template <class Script, Case contraction, int n_digits, Tail tail>
const char* match_cased(const char* at, const char* end, const CategoryTable& table) {
  const Cursor c{at, end, table};
  const Character first = c.here();
  const bool can_lead = (first.set & (any_letter | any_number)) == 0 && !is_newline(*at);
  const Cursor behind{at + first.n_bytes, end, table};
  // The expression tries U*L+ with and without the leading character, then U+L* likewise.
  bool lower_led = false, lower_bare = false;
  const char* led = can_lead ? cased_word<Script>(behind, lower_led) : nullptr;
  const bool has_led = led != nullptr && led != behind.at;
  const char* found = has_led ? led : nullptr;
  if (!has_led || !lower_led) {
    const char* bare = cased_word<Script>(c, lower_bare);
    if (bare != at && (lower_bare || !has_led)) found = bare;
  }
  if (found != nullptr) {
    return contraction == Case::any ? found + contraction_bytes<Case::any>(found, end) : found;
  }
  if ((first.set & any_number) != 0) return digit_run<n_digits>(c);
  return other_or_space<any_letter, tail>(c, first);
}

const char* match_kimi(const char* at, const char* end, const CategoryTable& table) {
  Cursor c{at, end, table};
  while (!c.done() && is_han(c.here().code)) c.at += c.here().n_bytes;
  if (c.at != at) return c.at;
  return match_cased<NoHan, Case::any, 3, Tail::newlines>(at, end, table);
}

bool is_ascii_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

const char* match_deepseek3(const char* at, const char* end, const CategoryTable& table) {
  constexpr CategorySet sign = any_punctuation | any_symbol, word = any_letter | any_mark;
  Cursor c{at, end, table};
  const Character first = c.here();
  if (first.code < 0x80 && (first.set & sign) != 0 && end - at > 1 && is_ascii_letter(at[1])) {
    for (c.at = at + 1; !c.done() && is_ascii_letter(*c.at);) ++c.at;
    return c.at;
  }
  const bool can_lead = (first.set & (any_letter | sign)) == 0 && !is_newline(*at);
  Cursor behind{at + first.n_bytes, end, table};
  if (can_lead && behind.is_in(word)) {
    behind.skip(word);
    return behind.at;
  }
  if ((first.set & word) != 0) {
    c.skip(word);
    return c.at;
  }
  if (first.code == ' ' && behind.is_in(sign)) c.at = behind.at;
  if (c.is_in(sign)) {
    c.skip(sign);
    return with_tail<Tail::newlines>(c);
  }
  return (first.set & any_space) != 0 ? line_or_space_run({at, end, table}) : nullptr;
}

template <int n_max>
const char* match_digits(const char* at, const char* end, const CategoryTable& table) {
  const char* behind = digit_run<n_max>({at, end, table});
  return behind == at ? nullptr : behind;
}

const char* match_cjk(const char* at, const char* end, const CategoryTable& table) {
  Cursor c{at, end, table};
  while (!c.done() && c.byte() >= 0xE3) {
    const char32_t code = c.here().code;
    if ((code < 0x4E00 || code > 0x9FA5) && (code < 0x3040 || code > 0x30FF)) break;
    c.at += 3;
  }
  return c.at == at ? nullptr : c.at;
}

}  // namespace

WordScanner::WordScanner(std::string_view expression) {
  namespace e = expressions;
  const std::string maybe = e::contractions() + "?";
  const struct {
    std::string text;
    MatchAt match;
  } known[] = {
      {e::gpt2(), match_gpt2},
      {e::llama3(R"(\p{N}{1,3})"), match_llama3<any_letter, 3, Tail::newlines>},
      {e::llama3(R"(\p{N})"), match_llama3<any_letter, 1, Tail::newlines>},
      {e::llama3(R"(\p{N}+)"), match_llama3<any_letter, 0, Tail::newlines>},
      {e::bailingmoe(), match_llama3<any_letter, 1, Tail::newlines>},
      {e::seed_coder(), match_llama3<any_letter, 1, Tail::none>},
      {e::qwen35(), match_llama3 < any_letter | any_mark, 1, Tail::newlines > },
      {e::cased(maybe, R"(\p{N}{1,3})"),
       match_cased<AnyScript, Case::any, 3, Tail::newlines_and_slashes>},
      {e::cased(maybe, R"(\p{N})"),
       match_cased<AnyScript, Case::any, 1, Tail::newlines_and_slashes>},
      {e::cased("", R"(\p{N})"),
       match_cased<AnyScript, Case::exact, 1, Tail::newlines_and_slashes>},
      {e::cased("", R"(\p{N}{1,3})"),
       match_cased<AnyScript, Case::exact, 3, Tail::newlines_and_slashes>},
      {e::kimi(), match_kimi},
      {e::deepseek3(), match_deepseek3},
      {R"(\p{N})", match_digits<1>},
      {R"(\p{N}{1,3})", match_digits<3>},
      {R"(\p{N}+)", match_digits<0>},
      {e::cjk(), match_cjk},
  };
  for (const auto& row : known) {
    if (row.text == expression) match_ = row.match;
  }
}

size_t WordScanner::next(std::string_view text, size_t at) const {
  const CategoryTable& table = CategoryTable::get();
  const char* begin = text.data() + at;
  const char* end = text.data() + text.size();
  if (const char* behind = match_(begin, end, table)) {
    return static_cast<size_t>(behind - text.data());
  }
  Cursor c{begin, end, table};
  do {
    c.at += c.here().n_bytes;
  } while (!c.done() && match_(c.at, end, table) == nullptr);
  return static_cast<size_t>(c.at - text.data());
}

}  // namespace quire
