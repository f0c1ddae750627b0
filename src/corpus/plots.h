// The parts of the tales grammar. Each function adds its rules; see corpus/grammar.h for the
// language and docs/tales.md for a guided tour.
#pragma once
#include "corpus/grammar.h"

#include <span>
#include <string_view>

namespace quire {

struct Rule {
  std::string_view name, body;
};

inline void add_rules(TaleGrammar& grammar, std::span<const Rule> rules) {
  for (const Rule& rule : rules) grammar.add_rule(rule.name, rule.body);
}

void add_cast(TaleGrammar& grammar);        // pools: children, animals, things, places, neighbours
void add_words(TaleGrammar& grammar);       // short lists of words, phrases.cpp
void add_phrases(TaleGrammar& grammar);     // sentences that every plot may use
void add_home_plots(TaleGrammar& grammar);  // lost toys, bedtime, baking, rain, helping at home
void add_town_plots(TaleGrammar& grammar);  // shops, prices, change, letters, lost people
void add_nature_plots(TaleGrammar& grammar);  // sick animals, gardens, journeys, seasons
void add_play_plots(TaleGrammar& grammar);    // races, hide and seek, building, games
void add_heart_plots(TaleGrammar& grammar);   // truth, sharing, fear, friendship, being different
void add_number_plots(TaleGrammar& grammar);  // counting, sums, halves, days
void add_wonder_plots(TaleGrammar& grammar);  // the moon, music, the sea, machines, school
void add_fact_sheets(TaleGrammar& grammar);   // descriptions, questions and answers, sums, causes

}  // namespace quire
