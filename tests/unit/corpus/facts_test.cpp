#include "corpus/facts.h"

#include "corpus/tales.h"
#include "corpus/words.h"
#include "corpus/world.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <string>

namespace quire {
namespace {

TEST(Facts, EveryQuestionIsAskedOnceAndItsAnswerIsAmongFourChoices) {
  std::set<std::string> questions;
  for (const Fact& fact : world_facts(1)) {
    EXPECT_TRUE(questions.insert(fact.question).second) << fact.question;
    ASSERT_EQ(fact.choices.size(), 4u) << fact.question;
    EXPECT_EQ(std::count(fact.choices.begin(), fact.choices.end(), fact.answer), 1);
    EXPECT_EQ(std::set<std::string>(fact.choices.begin(), fact.choices.end()).size(), 4u);
    EXPECT_TRUE(fact.question.ends_with('?')) << fact.question;
    EXPECT_TRUE(fact.statement.ends_with('.')) << fact.statement;
  }
  EXPECT_GE(questions.size(), 2'000u);
}

TEST(Facts, AnswersAreWhatTheTablesOfTheWorldSay) {
  std::map<std::string, std::string> truth;  // "kind subject" -> answer
  for (const Thing& t : things()) {
    truth[fmt::format("price {}", t.name)] =
        number_words(t.price) + (t.price == 1 ? " coin" : " coins");
    truth[fmt::format("material {}", t.name)] = t.material;
    truth[fmt::format("grows {}", t.name)] = t.material;
    truth[fmt::format("ingredients {}", t.name)] = t.material;
    truth[fmt::format("shop {}", t.name)] = t.shop;
    truth[fmt::format("use {}", t.name)] = t.use;
    truth[fmt::format("taste {}", t.name)] = t.use;
    truth[fmt::format("kept {}", t.name)] = t.where;
    truth[fmt::format("color {}", t.name)] = t.where;
  }
  for (const Animal& t : animals()) {
    truth[fmt::format("eats {}", t.name)] = t.eats;
    truth[fmt::format("home {}", t.name)] = t.home;
    truth[fmt::format("young {}", t.name)] = t.young;
    truth[fmt::format("cover {}", t.name)] = t.cover;
    truth[fmt::format("legs {}", t.name)] = t.n_legs == 0 ? "no" : number_words(t.n_legs);
  }
  for (const Neighbour& t : neighbours()) {
    truth[fmt::format("street {}", t.name)] = t.street;
    truth[fmt::format("job {}", t.name)] = t.job;
    truth[fmt::format("pet {}", t.name)] = t.pet;
    truth[fmt::format("door {}", t.name)] = t.colour;
  }
  for (const Place& t : places()) truth[fmt::format("north {}", t.name)] = t.north;
  for (const Shop& t : shops()) {
    truth[fmt::format("shop_street {}", t.name)] = t.street;
    truth[fmt::format("owner {}", t.name)] = t.owner;
  }
  for (const Cause& t : causes()) truth[fmt::format("cause {}", t.cause)] = t.effect;
  int n_checked = 0;
  for (const Fact& fact : world_facts(2)) {
    int a = 0, b = 0;
    if (std::sscanf(fact.subject.c_str(), "%d %d", &a, &b) == 2) {
      const int right = fact.kind == "plus" ? a + b : fact.kind == "minus" ? a - b : a * b;
      EXPECT_EQ(fact.answer, number_words(right)) << fact.question;
    } else if (fact.kind != "total") {
      EXPECT_EQ(fact.answer, truth.at(fmt::format("{} {}", fact.kind, fact.subject)))
          << fact.question;
      ++n_checked;
    }
  }
  EXPECT_GE(n_checked, 800);
}

TEST(Facts, TheWorldHasNoLooseEnds) {
  std::set<std::string_view> names, shop_names, people, creatures;
  for (const Thing& t : things()) {
    EXPECT_TRUE(names.insert(t.name).second) << t.name;
    EXPECT_GE(t.price, 1);
    EXPECT_LE(t.price, 20);
  }
  for (const Animal& t : animals()) creatures.insert(t.name);
  for (const Neighbour& t : neighbours()) {
    EXPECT_TRUE(people.insert(t.name).second) << t.name;
    EXPECT_TRUE(creatures.contains(t.pet)) << t.pet;
  }
  for (const Shop& t : shops()) {
    shop_names.insert(t.name);
    EXPECT_TRUE(people.contains(t.owner)) << t.owner;
  }
  for (const Thing& t : things()) EXPECT_TRUE(shop_names.contains(t.shop)) << t.shop;
}

// Every "A kettle costs four coins." that a tale says must be the price of the world.
TEST(Facts, PricesSaidInTheTalesAreThoseOfTheWorld) {
  const Tales tales(11);
  std::string document;
  int n_checked = 0;
  for (uint64_t i = 0; i < 6'000; ++i) {
    tales.document(i, document);
    for (const Thing& t : things()) {
      for (const std::string_view article : {"A ", "An ", "a ", "an "}) {
        const std::string start = fmt::format("{}{} costs ", article, t.name);
        for (size_t at = document.find(start); at != std::string::npos;
             at = document.find(start, at + 1)) {
          EXPECT_TRUE(
              document.substr(at + start.size()).starts_with(number_words(t.price) + " coin"))
              << document;
          ++n_checked;
        }
      }
    }
  }
  EXPECT_GE(n_checked, 500);
}

TEST(Facts, AFactIsOneLineOfJson) {
  const Fact fact{"price",      "kettle",     "How much is a \"kettle\"?",
                  "four coins", "It\ncosts.", {"a"}};
  EXPECT_EQ(fact_json(fact),
            R"({"question":"How much is a \"kettle\"?","answer":"four coins","kind":"price",)"
            R"("subject":"kettle","statement":"It\ncosts.","choices":["a"]})");
}

}  // namespace
}  // namespace quire
