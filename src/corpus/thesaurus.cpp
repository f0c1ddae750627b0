// Words for words: synonyms that are safe wherever the tales use them, and contractions.
#include "corpus/words.h"

namespace quire {
namespace {

struct Phrase {
  std::string_view phrase, alternatives;
};

// A longer phrase stands before a shorter one with the same beginning.
constexpr Phrase kSynonyms[] = {
    {"after a while", "after a while|after some time|a little later|before long"},
    {"again and again", "again and again|over and over|over and over again|many times"},
    {"a lot of", "a lot of|lots of"},
    {"all at once", "all at once|suddenly|all of a sudden"},
    {"all day", "all day|all day long|the whole day"},
    {"angry", "angry|cross|mad"},
    {"at last", "at last|finally|in the end|at long last"},
    {"at once", "at once|right away|straight away"},
    {"began to", "began to|started to"},
    {"big", "big|large|huge|big"},
    {"clever", "clever|smart|bright|wise"},
    {"everybody", "everybody|everyone"},
    {"far away", "far away|a long way off|far off"},
    {"for a long time", "for a long time|for a long while|for ages"},
    {"from that day on", "from that day on|from then on|ever after|after that day"},
    {"hurried", "hurried|rushed|ran"},
    {"laughed", "laughed|giggled|chuckled|laughed"},
    {"looked at", "looked at|gazed at|stared at|looked at"},
    {"nobody", "nobody|no one"},
    {"of course", "of course|sure|yes, of course"},
    {"scared", "scared|afraid|frightened"},
    {"shouted", "shouted|yelled|called out|cried"},
    {"smiled", "smiled|grinned|smiled|beamed"},
    {"somebody", "somebody|someone"},
    {"the next day", "the next day|the next morning|the following day"},
    {"tummies", "tummies|bellies"},
    {"tummy", "tummy|belly|stomach"},
    {"very", "very|really|very|so"},
    {"wanted to", "wanted to|wanted to|hoped to"},
    {"whispered", "whispered|said in a low voice|murmured"},
    {"wonderful", "wonderful|great|marvelous|amazing|fantastic"},
};

// "I am" shortens only before another word.
struct Contraction {
  std::string_view full, shorter;
  bool needs_word;
};
constexpr Contraction kContractions[] = {
    {"do not", "don't", false},       {"does not", "doesn't", false},
    {"did not", "didn't", false},     {"could not", "couldn't", false},
    {"cannot", "can't", false},       {"is not", "isn't", false},
    {"are not", "aren't", false},     {"was not", "wasn't", false},
    {"were not", "weren't", false},   {"will not", "won't", false},
    {"would not", "wouldn't", false}, {"should not", "shouldn't", false},
    {"had not", "hadn't", false},     {"have not", "haven't", false},
    {"let us", "let's", true},        {"I am", "I'm", true},
    {"I will", "I'll", true},         {"it is", "it's", true},
    {"you are", "you're", true},      {"we are", "we're", true},
    {"they are", "they're", true},    {"that is", "that's", true},
    {"what is", "what's", true},      {"there is", "there's", true},
    {"we will", "we'll", true},       {"you will", "you'll", true},
    {"where is", "where's", true},
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// True when text starts with phrase, whose first letter may be a capital there.
bool starts_with_phrase(std::string_view text, std::string_view phrase) {
  return text.size() >= phrase.size() && (text[0] == phrase[0] || (text[0] | 0x20) == phrase[0]) &&
         text.substr(1, phrase.size() - 1) == phrase.substr(1) &&
         (text.size() == phrase.size() ||
          (!is_letter(text[phrase.size()]) && text[phrase.size()] != '\'' &&
           text[phrase.size()] != '-'));
}

}  // namespace

std::string_view same_meaning(std::string_view text, size_t& length) {
  for (const Phrase& entry : kSynonyms) {
    if (text.starts_with(entry.phrase) && starts_with_phrase(text, entry.phrase)) {
      length = entry.phrase.size();
      return entry.alternatives;
    }
  }
  return {};
}

std::string contracted(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool at_word = true;
  for (size_t i = 0; i < text.size(); ++i) {
    const Contraction* found = nullptr;
    for (const Contraction& entry : kContractions) {
      if (!at_word || !starts_with_phrase(text.substr(i), entry.full)) continue;
      const size_t end = i + entry.full.size();
      const bool word_follows =
          end + 1 < text.size() && text[end] == ' ' && is_letter(text[end + 1]);
      if (!entry.needs_word || word_follows) found = &entry;
    }
    at_word = !is_letter(text[i]) && text[i] != '\'';
    if (found == nullptr) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(text[i]);
    out += found->shorter.substr(1);
    i += found->full.size() - 1;
    at_word = false;
  }
  return out;
}

}  // namespace quire
