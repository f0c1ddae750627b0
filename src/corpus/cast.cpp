// Who and what the tales are about: the tables of the world turned into pools of entities with all
// their word forms, and the heroes, who change from tale to tale.
#include "corpus/plots.h"
#include "corpus/words.h"
#include "corpus/world.h"

#include <algorithm>
#include <initializer_list>
#include <span>

namespace quire {
namespace {

constexpr std::string_view kGirls[] = {
    "Lily",  "Mia",  "Anna",  "Sue",   "Emma", "Rosie", "Ella", "Nora", "Ivy",  "Clara", "Daisy",
    "Ruby",  "Tess", "Lucy",  "Molly", "Kate", "Zoe",   "Nina", "Amy",  "Jane", "Poppy", "Ada",
    "Bella", "Cora", "Dora",  "Eva",   "Fay",  "Gina",  "Hana", "Isla", "June", "Kira",  "Lena",
    "Maya",  "Nell", "Olive", "Penny", "Rita", "Sara",  "Tina", "Uma",  "Vera", "Wendy", "Yara"};
constexpr std::string_view kBoys[] = {
    "Tom",  "Ben",  "Sam",  "Max",  "Leo",  "Jack",  "Finn",  "Theo", "Noah", "Adam", "Luke",
    "Paul", "Mark", "Dan",  "Joe",  "Nick", "Peter", "Oscar", "Hugo", "Ned",  "Ted",  "Will",
    "Alex", "Bob",  "Carl", "Dean", "Eli",  "Fred",  "Gus",   "Hal",  "Ian",  "Jake", "Kai",
    "Liam", "Milo", "Nate", "Otto", "Phil", "Rob",   "Seth",  "Tim",  "Ugo",  "Vic",  "Walt"};
// Animals that can be the hero of a tale, each with its own names.
struct AnimalNames {
  std::string_view kind;
  char gender;
  std::string_view names[4];
};
constexpr AnimalNames kAnimalHeroes[] = {
    {"rabbit", 'f', {"Hoppy", "Clover", "Fluff", "Snowdrop"}},
    {"rabbit", 'm', {"Thumper", "Nibble", "Bounce", "Cotton"}},
    {"mouse", 'f', {"Pip", "Crumb", "Minnow", "Dot"}},
    {"mouse", 'm', {"Squeak", "Button", "Nib", "Whiskers"}},
    {"fox", 'm', {"Rusty", "Copper", "Flame", "Scout"}},
    {"fox", 'f', {"Ginger", "Amber", "Saffron", "Maple"}},
    {"bear", 'm', {"Bruno", "Barney", "Honeypaw", "Grumble"}},
    {"bear", 'f', {"Berry", "Mabel", "Hazel", "Ursa"}},
    {"squirrel", 'm', {"Nutty", "Chip", "Acorn", "Twig"}},
    {"squirrel", 'f', {"Chestnut", "Flick", "Almond", "Skip"}},
    {"hedgehog", 'm', {"Spike", "Bristle", "Thistle", "Prickle"}},
    {"duck", 'f', {"Puddle", "Waddle", "Bubbles", "Splash"}},
    {"duck", 'm', {"Quacky", "Drake", "Paddle", "Dabble"}},
    {"owl", 'f', {"Luna", "Moonbeam", "Olga", "Willow"}},
    {"frog", 'm', {"Freddy", "Croaky", "Lilypad", "Hopper"}},
    {"turtle", 'm', {"Shelly", "Slowpoke", "Tuck", "Pebble"}},
    {"kitten", 'f', {"Mittens", "Velvet", "Misty", "Cleo"}},
    {"puppy", 'm', {"Biscuit", "Rover", "Patch", "Bingo"}},
    {"pony", 'f', {"Starlight", "Blossom", "Buttercup", "Sugar"}},
    {"lamb", 'f', {"Woolly", "Cloudy", "Dolly", "Cuddle"}},
    {"piglet", 'm', {"Truffle", "Rollo", "Snout", "Pinky"}},
    {"otter", 'm', {"Ollie", "Ripple", "Slick", "River"}},
    {"beaver", 'm', {"Chew", "Logan", "Timber", "Bucky"}},
    {"badger", 'm', {"Stripe", "Digby", "Bramble", "Grub"}},
};

struct Kin {
  std::string_view name, call;
  char gender;
};
constexpr Kin kKin[] = {{"mom", "Mom", 'f'},         {"dad", "Dad", 'm'},
                        {"mom", "Mom", 'f'},         {"dad", "Dad", 'm'},
                        {"mother", "Mama", 'f'},     {"father", "Papa", 'm'},
                        {"grandma", "Grandma", 'f'}, {"grandpa", "Grandpa", 'm'}};
constexpr Kin kGrandparents[] = {{"grandma", "Grandma", 'f'},
                                 {"grandpa", "Grandpa", 'm'},
                                 {"granny", "Granny", 'f'},
                                 {"grandfather", "Grandpa", 'm'}};

void set_gender(Entity& entity, char gender) {
  entity[Form::he] = gender == 'f' ? "she" : "he";
  entity[Form::him] = gender == 'f' ? "her" : "him";
  entity[Form::his] = gender == 'f' ? "her" : "his";
  entity[Form::himself] = gender == 'f' ? "herself" : "himself";
  entity[Form::sibling] = gender == 'f' ? "sister" : "brother";
}

Entity person(std::string_view name, char gender, std::string_view kind) {
  Entity entity;
  entity[Form::name] = name;
  entity[Form::call] = name;
  entity[Form::kind] = kind;
  set_gender(entity, gender);
  return entity;
}

std::vector<Entity> children() {
  std::vector<Entity> pool;
  for (const std::string_view name : kGirls) pool.push_back(person(name, 'f', "girl"));
  for (const std::string_view name : kBoys) pool.push_back(person(name, 'm', "boy"));
  return pool;
}

std::vector<Entity> animal_heroes() {
  std::vector<Entity> pool;
  for (const AnimalNames& animal : kAnimalHeroes) {
    for (const std::string_view name : animal.names) {
      pool.push_back(person(name, animal.gender, animal.kind));
    }
  }
  return pool;
}

std::vector<Entity> kin(std::span<const Kin> table) {
  std::vector<Entity> pool;
  for (const Kin& one : table) {
    pool.push_back(person(one.name, one.gender, one.name));
    pool.back()[Form::call] = one.call;
  }
  return pool;
}

Entity thing_entity(const Thing& thing) {
  Entity entity;
  entity.number = thing.price;
  entity[Form::name] = thing.name;
  entity[Form::s] = plural(thing.name);
  entity[Form::price] = number_words(thing.price) + (thing.price == 1 ? " coin" : " coins");
  entity[Form::material] = thing.material;
  entity[Form::shop] = thing.shop;
  entity[Form::use] = thing.use;
  entity[Form::kind] = kind_name(thing.kind);
  (thing.kind == ThingKind::fruit ? entity[Form::colour] : entity[Form::where]) = thing.where;
  for (const Shop& shop : shops()) {
    if (shop.name == thing.shop) {
      entity[Form::call] = shop.owner;
      entity[Form::street] = shop.street;
    }
  }
  return entity;
}

std::vector<Entity> things_of(std::initializer_list<ThingKind> kinds) {
  std::vector<Entity> pool;
  for (const Thing& thing : things()) {
    for (const ThingKind kind : kinds) {
      if (thing.kind == kind) pool.push_back(thing_entity(thing));
    }
  }
  return pool;
}

// Those among the animals of the world that fit a part: what a child can carry home, what is small
// enough to be helped by a mouse, what may come along a path.
constexpr std::string_view kPets[] = {"cat",  "dog", "rabbit", "mouse", "squirrel", "hedgehog",
                                      "duck", "hen", "owl",    "robin", "crow",     "frog",
                                      "fox",  "bat", "turtle", "mole"};
constexpr std::string_view kSmall[] = {"mouse", "robin", "frog",      "snail", "bee",
                                       "ant",   "mole",  "butterfly", "spider"};
constexpr std::string_view kSwimmers[] = {"fish", "crab", "seal", "swan"};

bool is_among(std::string_view name, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <class Fits>
std::vector<Entity> animal_pool(Fits fits) {
  std::vector<Entity> pool;
  for (const Animal& animal : animals()) {
    if (!fits(animal.name)) continue;
    Entity entity;
    entity.number = animal.n_legs;
    entity[Form::name] = animal.name;
    entity[Form::s] = plural(animal.name);
    entity[Form::young] = animal.young;
    entity[Form::eats] = animal.eats;
    entity[Form::home] = animal.home;
    entity[Form::sound] = animal.sound;
    entity[Form::material] = animal.cover;
    entity[Form::d] = animal.n_legs == 0 ? "no" : number_words(animal.n_legs);
    entity[Form::he] = "it";
    entity[Form::him] = "it";
    entity[Form::his] = "its";
    entity[Form::himself] = "itself";
    pool.push_back(std::move(entity));
  }
  return pool;
}

std::vector<Entity> neighbour_pool() {
  std::vector<Entity> pool;
  for (const Neighbour& neighbour : neighbours()) {
    Entity entity = person(neighbour.name, neighbour.gender, neighbour.job);
    entity[Form::job] = neighbour.job;
    entity[Form::street] = neighbour.street;
    entity[Form::young] = neighbour.pet;
    entity[Form::colour] = neighbour.colour;
    entity[Form::use] = neighbour.work;
    pool.push_back(std::move(entity));
  }
  return pool;
}

std::vector<Entity> place_pool() {
  std::vector<Entity> pool;
  for (const Place& place : places()) {
    Entity entity;
    entity[Form::name] = place.name;
    entity[Form::where] = std::string(place.prep) + " " + std::string(place.name);
    entity[Form::sights] = place.has;
    entity[Form::north] = place.north;
    pool.push_back(std::move(entity));
  }
  return pool;
}

std::vector<Entity> cause_pool() {
  std::vector<Entity> pool;
  for (const Cause& cause : causes()) {
    Entity entity;
    entity[Form::name] = cause.cause;
    entity[Form::use] = cause.effect;
    pool.push_back(std::move(entity));
  }
  return pool;
}

std::vector<Entity> shop_pool() {
  std::vector<Entity> pool;
  for (const Shop& shop : shops()) {
    Entity entity;
    entity[Form::name] = shop.name;
    entity[Form::street] = shop.street;
    entity[Form::use] = shop.sells;
    entity[Form::call] = shop.owner;
    pool.push_back(std::move(entity));
  }
  return pool;
}

}  // namespace

void add_cast(TaleGrammar& grammar) {
  std::vector<Entity> heroes = children();
  for (Entity& animal : animal_heroes()) heroes.push_back(std::move(animal));
  grammar.add_pool("child", children());
  grammar.add_pool("hero", std::move(heroes));
  grammar.add_pool("beast", animal_heroes());
  grammar.add_pool("kin", kin(kKin));
  grammar.add_pool("old", kin(kGrandparents));
  using enum ThingKind;
  grammar.add_pool("toy", things_of({toy}));
  grammar.add_pool("tool", things_of({tool}));
  grammar.add_pool("clothing", things_of({clothing}));
  grammar.add_pool("fruit", things_of({fruit}));
  std::vector<Entity> grown;  // what hangs on a plant, so not carrots
  for (Entity& entity : things_of({fruit})) {
    if (!entity[Form::material].ends_with("ground")) grown.push_back(std::move(entity));
  }
  std::vector<Entity> on_trees;
  for (const Entity& entity : grown) {
    if (entity[Form::material] == "a tree") on_trees.push_back(entity);
  }
  grammar.add_pool("grown", std::move(grown));
  grammar.add_pool("treefruit", std::move(on_trees));
  grammar.add_pool("treat", things_of({treat}));
  grammar.add_pool("treasure", things_of({treasure}));
  grammar.add_pool("food", things_of({fruit, treat}));
  grammar.add_pool("ware", things_of({toy, tool, clothing, treasure}));
  grammar.add_pool("thing", things_of({toy, tool, clothing, fruit, treat, treasure}));
  using Name = std::string_view;
  grammar.add_pool("animal", animal_pool([](Name) { return true; }));
  grammar.add_pool("pet", animal_pool([](Name name) { return is_among(name, kPets); }));
  grammar.add_pool("small", animal_pool([](Name name) { return is_among(name, kSmall); }));
  grammar.add_pool("land", animal_pool([](Name name) { return !is_among(name, kSwimmers); }));
  grammar.add_pool("neighbour", neighbour_pool());
  grammar.add_pool("place", place_pool());
  grammar.add_pool("cause", cause_pool());
  grammar.add_pool("shop", shop_pool());
}

}  // namespace quire
