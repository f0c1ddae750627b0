#include "corpus/facts.h"

#include "base/check.h"
#include "corpus/grammar.h"
#include "corpus/words.h"
#include "corpus/world.h"
#include "format/json.h"

#include <fmt/core.h>

#include <algorithm>

namespace quire {
namespace {

// Facts of one kind are collected first, so that each can take wrong answers from the others.
struct Collector {
  std::vector<Fact> facts;
  size_t kind_start = 0;
  Rng rng;

  void add(std::string_view kind, std::string_view subject, const std::string& question,
           std::string_view answer, const std::string& statement) {
    Fact fact{kind, std::string(subject), {}, std::string(answer), {}, {}};
    finish_text(question, fact.question);
    finish_text(statement, fact.statement);
    facts.push_back(std::move(fact));
  }

  void end_kind() {
    std::vector<std::string> answers;
    for (size_t i = kind_start; i < facts.size(); ++i) answers.push_back(facts[i].answer);
    std::sort(answers.begin(), answers.end());
    answers.erase(std::unique(answers.begin(), answers.end()), answers.end());
    CHECK(answers.size() >= 4 || kind_start == facts.size());
    for (size_t i = kind_start; i < facts.size(); ++i) choose(facts[i], answers);
    kind_start = facts.size();
  }

  void choose(Fact& fact, const std::vector<std::string>& answers) {
    fact.choices.push_back(fact.answer);
    while (fact.choices.size() < 4) {
      const std::string& other = answers[rng.below(answers.size())];
      if (std::find(fact.choices.begin(), fact.choices.end(), other) == fact.choices.end()) {
        fact.choices.push_back(other);
      }
    }
    std::swap(fact.choices[0], fact.choices[rng.below(4)]);
  }
};

std::string coins(int64_t n) { return number_words(n) + (n == 1 ? " coin" : " coins"); }

bool is_food(const Thing& thing) {
  return thing.kind == ThingKind::fruit || thing.kind == ThingKind::treat;
}

template <class Table, class Make>
void each(Collector& all, const Table& table, Make make) {
  for (const auto& entry : table) make(entry);
  all.end_kind();
}

void add_thing_facts(Collector& all) {
  each(all, things(), [&](const Thing& t) {
    all.add("price", t.name, fmt::format("how much is a {}?", t.name), coins(t.price),
            fmt::format("a {} costs {}.", t.name, coins(t.price)));
  });
  each(all, things(), [&](const Thing& t) {
    all.add("shop", t.name, fmt::format("where can I buy a {}?", t.name), t.shop,
            fmt::format("you can buy a {} at {}.", t.name, t.shop));
  });
  each(all, things(), [&](const Thing& t) {
    if (is_food(t)) return;
    all.add("material", t.name, fmt::format("what is a {} made of?", t.name), t.material,
            fmt::format("a {} is made of {}.", t.name, t.material));
  });
  each(all, things(), [&](const Thing& t) {
    if (is_food(t)) return;
    all.add("use", t.name, fmt::format("what do you use a {} for?", t.name), t.use,
            fmt::format("you use a {} {}.", t.name, t.use));
  });
  each(all, things(), [&](const Thing& t) {
    if (is_food(t)) return;
    all.add("kept", t.name, fmt::format("where do people keep a {}?", t.name), t.where,
            fmt::format("people keep a {} {}.", t.name, t.where));
  });
  each(all, things(), [&](const Thing& t) {
    if (t.kind != ThingKind::fruit) return;
    all.add("color", t.name, fmt::format("what color is a ripe {}?", t.name), t.where,
            fmt::format("a ripe {} is {}.", t.name, t.where));
  });
  each(all, things(), [&](const Thing& t) {
    if (t.kind != ThingKind::fruit) return;
    all.add("grows", t.name, fmt::format("what does a {} grow on?", t.name), t.material,
            fmt::format("a {} grows on {}.", t.name, t.material));
  });
  each(all, things(), [&](const Thing& t) {
    if (!is_food(t)) return;
    all.add("taste", t.name, fmt::format("how does a {} taste?", t.name), t.use,
            fmt::format("a {} tastes {}.", t.name, t.use));
  });
  each(all, things(), [&](const Thing& t) {
    if (t.kind != ThingKind::treat) return;
    all.add("ingredients", t.name, fmt::format("what do you need for a {}?", t.name), t.material,
            fmt::format("for a {} you need {}.", t.name, t.material));
  });
}

void add_animal_facts(Collector& all) {
  each(all, animals(), [&](const Animal& t) {
    all.add("eats", t.name, fmt::format("what does a {} eat?", t.name), t.eats,
            fmt::format("a {} eats {}.", t.name, t.eats));
  });
  each(all, animals(), [&](const Animal& t) {
    all.add("home", t.name, fmt::format("where does a {} live?", t.name), t.home,
            fmt::format("a {} lives in {}.", t.name, t.home));
  });
  each(all, animals(), [&](const Animal& t) {
    const std::string legs = t.n_legs == 0 ? "no" : number_words(t.n_legs);
    all.add("legs", t.name, fmt::format("how many legs does a {} have?", t.name), legs,
            fmt::format("a {} has {} legs.", t.name, legs));
  });
  each(all, animals(), [&](const Animal& t) {
    all.add("young", t.name, fmt::format("what do you call a young {}?", t.name), t.young,
            fmt::format("a young {} is called a {}.", t.name, t.young));
  });
  each(all, animals(), [&](const Animal& t) {
    all.add("cover", t.name, fmt::format("what does a {} have on its body?", t.name), t.cover,
            fmt::format("a {} has {}.", t.name, t.cover));
  });
}

void add_village_facts(Collector& all) {
  each(all, neighbours(), [&](const Neighbour& t) {
    all.add("street", t.name, fmt::format("where does {} live?", t.name), t.street,
            fmt::format("{} lives on {}.", t.name, t.street));
  });
  each(all, neighbours(), [&](const Neighbour& t) {
    all.add("job", t.name, fmt::format("what is the job of {}?", t.name), t.job,
            fmt::format("{} is a {}.", t.name, t.job));
  });
  each(all, neighbours(), [&](const Neighbour& t) {
    all.add("pet", t.name, fmt::format("which pet does {} have?", t.name), t.pet,
            fmt::format("{} has a {}.", t.name, t.pet));
  });
  each(all, neighbours(), [&](const Neighbour& t) {
    all.add("door", t.name, fmt::format("what color is the door of {}?", t.name), t.colour,
            fmt::format("{} has a {} door.", t.name, t.colour));
  });
  each(all, places(), [&](const Place& t) {
    all.add("north", t.name, fmt::format("what is north of {}?", t.name), t.north,
            fmt::format("north of {} is {}.", t.name, t.north));
  });
  each(all, shops(), [&](const Shop& t) {
    all.add("shop_street", t.name, fmt::format("where is {}?", t.name), t.street,
            fmt::format("{} is on {}.", t.name, t.street));
  });
  each(all, shops(), [&](const Shop& t) {
    all.add("owner", t.name, fmt::format("who is the owner of {}?", t.name), t.owner,
            fmt::format("the owner of {} is {}.", t.name, t.owner));
  });
  // One cause may have several effects in the table; only those with one are questions.
  for (const Cause& t : causes()) {
    const auto same = [&](const Cause& other) { return other.cause == t.cause; };
    if (std::count_if(causes().begin(), causes().end(), same) > 1) continue;
    all.add("cause", t.cause, fmt::format("what happened when {}?", t.cause), t.effect,
            fmt::format("because {}, {}.", t.cause, t.effect));
  }
  all.end_kind();
}

void add_sums(Collector& all) {
  const auto subject = [](int64_t n, int64_t m) { return fmt::format("{} {}", n, m); };
  for (int64_t n = 0; n <= 20; ++n) {
    for (int64_t m = 0; m <= 20; ++m) {
      const std::string a = number_words(n), b = number_words(m), sum = number_words(n + m);
      all.add("plus", subject(n, m), fmt::format("what is {} and {}?", a, b), sum,
              fmt::format("{} and {} is {}.", a, b, sum));
    }
  }
  all.end_kind();
  for (int64_t n = 0; n <= 20; ++n) {
    for (int64_t m = 0; m <= n; ++m) {
      const std::string a = number_words(n), b = number_words(m), rest = number_words(n - m);
      all.add("minus", subject(n, m), fmt::format("what is {} take away {}?", a, b), rest,
              fmt::format("{} take away {} is {}.", a, b, rest));
    }
  }
  all.end_kind();
  for (int64_t n = 2; n <= 9; ++n) {
    for (int64_t m = 2; m <= 9; ++m) {
      const std::string a = number_words(n), b = number_words(m), product = number_words(n * m);
      all.add("times", subject(n, m), fmt::format("what is {} times {}?", a, b), product,
              fmt::format("{} times {} is {}.", a, b, product));
    }
  }
  all.end_kind();
  for (const Thing& t : things()) {
    for (int64_t n = 2; n <= 9; ++n) {
      const std::string many = number_words(n) + " " + plural(t.name);
      all.add("total", t.name, fmt::format("how much are {}?", many), coins(n * t.price),
              fmt::format("one {} costs {}. {} cost {}.", t.name, coins(t.price), many,
                          coins(n * t.price)));
    }
  }
  all.end_kind();
}

}  // namespace

std::vector<Fact> world_facts(uint64_t seed) {
  Collector all{{}, 0, Rng(seed)};
  add_thing_facts(all);
  add_animal_facts(all);
  add_village_facts(all);
  add_sums(all);
  for (size_t i = all.facts.size(); i > 1; --i) {
    std::swap(all.facts[i - 1], all.facts[all.rng.below(i)]);
  }
  return std::move(all.facts);
}

std::string fact_json(const Fact& fact) {
  std::string choices;
  for (const std::string& choice : fact.choices) {
    choices += (choices.empty() ? "" : ",") + json_quoted(choice);
  }
  return fmt::format(
      R"({{"question":{},"answer":{},"kind":"{}","subject":{},"statement":{},"choices":[{}]}})",
      json_quoted(fact.question), json_quoted(fact.answer), fact.kind, json_quoted(fact.subject),
      json_quoted(fact.statement), choices);
}

}  // namespace quire
