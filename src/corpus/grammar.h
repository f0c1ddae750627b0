// A small template language in which all tales are written, and the machine that speaks it.
//
//   [a|b|c]         one of the alternatives, each as likely as the others; [text|] is an option
//   {hero}          the name of what the slot "hero" holds
//   {hero.he}       a form of it (see Form)
//   {toy#n}         toy or toys, as the number in slot n asks
//   {hero:=child}   draw from the pool "child" into a slot; nothing drawn twice in one document
//   {n:=2..9}       a number;  {sum:=n+m}  {left:=n-m}  {cost:=toy.price}  {all:=n*m}  the same
//   {c:=<colour>}   keep what a rule said
//   {*animal.s}     a form of something drawn and not kept
//   <rule>          say a rule;  <thanks:hero,friend>  with hero as its {x} and friend as its {y}
//   //              a new paragraph
//   ^               the next letter is a capital (needed only after !" and ?")
//
// White space in a template is free. A last pass joins words to sentences: one space between
// words, capitals where sentences and speeches begin, "a" to "an" before vowels.
// Templates are our own text: a mistake in one is a CHECK when the grammar is linked.
#pragma once
#include "base/rng.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

// What a template can ask of an entity after the dot.
enum class Form : uint8_t {
  name,      // Lily, kettle, park
  s,         // kettles
  he,        // she
  him,       // her
  his,       // her
  himself,   // herself
  sibling,   // sister
  kind,      // girl, rabbit
  call,      // how one speaks to the person: Mom, Mr. Hobb
  price,     // number of coins
  material,  // copper
  use,       // boil water
  shop,      // the potter's shop
  where,     // in the kitchen
  eats,      // grass
  home,      // a burrow
  sound,     // squeaks
  young,     // kitten
  job,       // baker
  street,    // Mill Lane
  colour,    // yellow
  sights,    // of a place: green grass and a tall slide
  north,     // the place to the north
  d,         // digits of a number
  coins,     // "five coins" of a number
  count_     // how many there are
};

// A thing, person, animal or place of the world with its forms; number is its price or amount.
struct Entity {
  std::array<std::string, static_cast<size_t>(Form::count_)> forms;
  int64_t number = 0;

  const std::string& operator[](Form form) const { return forms[static_cast<size_t>(form)]; }
  std::string& operator[](Form form) { return forms[static_cast<size_t>(form)]; }
};

class TaleGrammar {
 public:
  TaleGrammar();
  ~TaleGrammar();
  TaleGrammar(TaleGrammar&&) noexcept;

  void add_pool(std::string_view name, std::vector<Entity> members);
  // The same name again adds one more alternative.
  void add_rule(std::string_view name, std::string_view body);
  // Resolves names; afterwards the grammar is constant and may be shared between threads.
  void link();

  // Appends one document, finished text, made by the rule. link() must have been called.
  void say(std::string_view rule, Rng& rng, std::string& out) const;

  int n_rules() const;
  // Number of places where one alternative is chosen, and of alternatives in all.
  int n_choices() const;
  int n_alternatives() const;

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
};

// The last pass alone: raw template output to finished text.
void finish_text(std::string_view raw, std::string& out);

}  // namespace quire
