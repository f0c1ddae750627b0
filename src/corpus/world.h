// The closed world of the tales: the village of Pebble Bay, fixed for all seeds and all versions
// of the generator that carry the same model. Everything a tale or a fact says about a price, a
// material, a place, a meal, a home, a neighbour or a cause comes from these tables, so a reader
// (or an evaluation) can check it. docs/tales.md describes the world in words.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace quire {

enum class ThingKind : uint8_t { toy, tool, clothing, fruit, treat, treasure };

// Something one can hold. Every thing has one price and one shop that sells it.
struct Thing {
  std::string_view name;
  ThingKind kind;
  int price;                  // in coins, 1 to 20
  std::string_view material;  // made of; for fruit: what it grows on
  std::string_view shop;      // name of a Shop
  std::string_view use;       // "to boil water"; for fruit and treats: how it tastes, "sweet"
  std::string_view where;     // where it is kept, "on the kitchen shelf"; for fruit its colour
};

struct Animal {
  std::string_view name, young, eats, home, sound, cover;
  int n_legs;
};

// A grown-up of the village.
struct Neighbour {
  std::string_view name, job, street, pet, colour;  // colour of the front door
  char gender;                                      // 'f' or 'm'
  std::string_view work;                            // what the job does: "bakes bread"
};

struct Shop {
  std::string_view name, street, sells, owner;  // owner: name of a Neighbour
};

// A place outdoors with what is found there.
struct Place {
  std::string_view name;   // "the pond"
  std::string_view prep;   // "at"
  std::string_view has;    // something seen there: "tall reeds and small frogs"
  std::string_view north;  // the place that lies to the north of it
};

struct Cause {
  std::string_view cause, effect;  // past clauses: "it rained all night", "the path was muddy"
};

std::string_view kind_name(ThingKind kind);  // "toy", ...
std::span<const Thing> things();
std::span<const Animal> animals();
std::span<const Neighbour> neighbours();
std::span<const Shop> shops();
std::span<const Place> places();
std::span<const Cause> causes();

}  // namespace quire
