#include "corpus/grammar.h"

#include "base/check.h"
#include "corpus/words.h"

#include <fmt/core.h>

#include <deque>

namespace quire {
namespace {

constexpr std::array<std::string_view, static_cast<size_t>(Form::count_)> kFormNames = {
    "name",  "s",        "he",     "him",    "his",   "himself", "sibling", "kind",  "call",
    "price", "material", "use",    "shop",   "where", "eats",    "home",    "sound", "young",
    "job",   "street",   "colour", "sights", "north", "d",       "coins"};

constexpr int kSlotsMax = 128;
constexpr int kNumbersMax = 400;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

[[noreturn]] void template_error(std::string_view rule, std::string_view what) {
  fmt::print(stderr, "template '{}': {}\n", rule, what);
  check_failed(__FILE__, __LINE__, "a template of the tales is well formed");
}

struct Node {
  enum class Kind : uint8_t {
    text,
    choice,
    slot,
    counted,
    draw,
    call,
    bind_pool,
    bind_range,
    bind_sum,
    bind_rule,
    bind_price
  };
  Kind kind;
  Form form = Form::name;
  int16_t slot = 0;           // the slot read or written
  int16_t a = -1, b = -1;     // further slots
  int op = 0;                 // '+', '-' or '*' of a sum
  int64_t low = 0, high = 0;  // of a range; constant operands of a sum
  int target = -1;            // rule or pool
  int id = 0;                 // of a choice
  std::string text{};
  std::vector<std::vector<Node>> branches{};
};
using Nodes = std::vector<Node>;

// Words that never go on with "..." he said.
bool begins_sentence(std::string_view text) {
  for (const std::string_view word :
       {"a ", "and then ", "at ", "but ", "in ", "it ", "now ", "so ", "soon ", "the following ",
        "the next ", "then ", "there ", "when "}) {
    if (text.starts_with(word)) return true;
  }
  if (!text.starts_with("they ")) return false;
  for (const std::string_view verb : {"asked", "both", "called", "cried", "said", "shouted"}) {
    if (text.substr(5).starts_with(verb)) return false;
  }
  return true;
}

struct Value {
  const Entity* entity = nullptr;
  const std::string* text = nullptr;
  int64_t number = 0;
};

}  // namespace

struct TaleGrammar::Machine {
  struct Rule {
    std::string name;
    std::vector<std::string> bodies;
    std::vector<Nodes> alternatives;
    int id = 0;  // as a choice
  };
  struct Pool {
    std::string name;
    std::vector<Entity> members;
  };

  std::vector<Rule> rules;
  std::vector<Pool> pools;
  std::map<std::string, int, std::less<>> rule_ids, pool_ids, slot_ids;
  std::vector<Entity> numbers;
  int n_choices = 0, n_alternatives = 0;

  // ------------------------------------------------------------------ compiling
  struct Reader {
    Machine& machine;
    std::string_view rule, text;
    size_t at = 0;

    Nodes sequence(bool inside_choice);
    void literal_nodes(std::string_view literal, Nodes& nodes);
    Node choice();
    Node braces();
    Node binding(std::string_view slot, std::string_view source);
    Node call();
    std::string_view until(char end);
  };

  int16_t slot_id(std::string_view name) {
    auto it = slot_ids.find(name);
    if (it == slot_ids.end()) {
      it = slot_ids.emplace(std::string(name), static_cast<int>(slot_ids.size())).first;
    }
    CHECK(it->second < kSlotsMax);
    return static_cast<int16_t>(it->second);
  }
  int find_rule(std::string_view user, std::string_view name) const {
    const auto it = rule_ids.find(name);
    if (it == rule_ids.end()) template_error(user, fmt::format("no rule <{}>", name));
    return it->second;
  }
  int find_pool(std::string_view user, std::string_view name) const {
    const auto it = pool_ids.find(name);
    if (it == pool_ids.end()) template_error(user, fmt::format("no pool '{}'", name));
    return it->second;
  }
  static Form find_form(std::string_view user, std::string_view name) {
    for (size_t i = 0; i < kFormNames.size(); ++i) {
      if (kFormNames[i] == name) return static_cast<Form>(i);
    }
    template_error(user, fmt::format("no form '.{}'", name));
  }

  // ------------------------------------------------------------------ speaking
  // State of one document. Slots 0 and 1 are the {x} and {y} of the rule being said.
  struct Speaker {
    const Machine& machine;
    Rng& rng;
    std::string& out;
    std::array<Value, kSlotsMax> slots{};
    std::vector<const Entity*> drawn;
    std::deque<std::string> kept;
    std::vector<uint64_t> taken;  // by choice id: bit i is set when alternative i was taken

    // Where there are three or more alternatives, none comes back before all were taken.
    size_t pick(size_t n, int id) {
      size_t i = rng.below(n);
      if (n < 3 || n > 64) return i;
      uint64_t& used = taken[static_cast<size_t>(id)];
      if (used == (n == 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1)) used = 0;
      while ((used >> i & 1) != 0) i = i + 1 == n ? 0 : i + 1;
      used |= uint64_t{1} << i;
      return i;
    }
    const Nodes& pick_alternative(int rule) {
      const Rule& chosen = machine.rules[static_cast<size_t>(rule)];
      return chosen.alternatives[pick(chosen.alternatives.size(), chosen.id)];
    }

    void say(const Nodes& nodes);
    void say(const Node& node);
    void call(const Node& node);
    const Entity* draw(const Pool& pool);
    int64_t operand(int16_t slot, int64_t constant) const {
      return slot < 0 ? constant : slots[static_cast<size_t>(slot)].number;
    }
    void set_number(int16_t slot, int64_t n);
    void write(const Value& value, Form form);
  };
};

std::string_view TaleGrammar::Machine::Reader::until(char end) {
  const size_t stop = text.find(end, at);
  if (stop == std::string_view::npos) template_error(rule, fmt::format("no closing '{}'", end));
  const std::string_view inside = text.substr(at, stop - at);
  at = stop + 1;
  return inside;
}

Nodes TaleGrammar::Machine::Reader::sequence(bool inside_choice) {
  Nodes nodes;
  std::string literal;
  const auto flush = [&] {
    literal_nodes(literal, nodes);
    literal.clear();
  };
  while (at < text.size()) {
    const char c = text[at];
    if (c == '|' || c == ']') {
      if (!inside_choice) template_error(rule, fmt::format("stray '{}'", c));
      break;
    }
    if (c == '[' || c == '{' || c == '<') {
      flush();
      ++at;
      nodes.push_back(c == '[' ? choice() : c == '{' ? braces() : call());
    } else {
      if (c == '}' || c == '>') template_error(rule, fmt::format("stray '{}'", c));
      literal.push_back(c);
      ++at;
    }
  }
  flush();
  return nodes;
}

// Plain words; a phrase of the thesaurus becomes a choice among its synonyms.
void TaleGrammar::Machine::Reader::literal_nodes(std::string_view literal, Nodes& nodes) {
  const auto add_text = [&nodes](std::string_view words) {
    if (words.empty()) return;
    Node node{.kind = Node::Kind::text};
    node.text = words;
    nodes.push_back(std::move(node));
  };
  size_t start = 0;
  for (size_t i = 0; i < literal.size(); ++i) {
    if (!is_word(literal[i]) || (i > 0 && (is_word(literal[i - 1]) || literal[i - 1] == '-'))) {
      continue;
    }
    size_t length = 0;
    std::string_view alternatives = same_meaning(literal.substr(i), length);
    if (alternatives.empty()) continue;
    add_text(literal.substr(start, i - start));
    Node node{.kind = Node::Kind::choice};
    for (;;) {
      const size_t bar = alternatives.find('|');
      node.branches.emplace_back();
      node.branches.back().push_back({.kind = Node::Kind::text});
      node.branches.back().back().text = alternatives.substr(0, bar);
      if (bar == std::string_view::npos) break;
      alternatives.remove_prefix(bar + 1);
    }
    node.id = machine.n_choices++;
    nodes.push_back(std::move(node));
    i += length - 1;
    start = i + 1;
  }
  add_text(literal.substr(start));
}

Node TaleGrammar::Machine::Reader::choice() {
  Node node{.kind = Node::Kind::choice};
  for (;;) {
    node.branches.push_back(sequence(true));
    if (at >= text.size()) template_error(rule, "no closing ']'");
    if (text[at++] == ']') break;
  }
  CHECK(node.branches.size() < 256);
  node.id = machine.n_choices++;
  machine.n_alternatives += static_cast<int>(node.branches.size());
  return node;
}

Node TaleGrammar::Machine::Reader::braces() {
  const std::string_view inside = until('}');
  if (const size_t bind = inside.find(":="); bind != std::string_view::npos) {
    return binding(inside.substr(0, bind), inside.substr(bind + 2));
  }
  if (const size_t hash = inside.find('#'); hash != std::string_view::npos) {
    Node node{.kind = Node::Kind::counted};
    node.slot = machine.slot_id(inside.substr(0, hash));
    node.a = machine.slot_id(inside.substr(hash + 1));
    return node;
  }
  const size_t dot = std::min(inside.find('.'), inside.size());
  Node node{.kind = inside.starts_with('*') ? Node::Kind::draw : Node::Kind::slot};
  if (dot < inside.size()) node.form = find_form(rule, inside.substr(dot + 1));
  if (node.kind == Node::Kind::draw) {
    node.target = machine.find_pool(rule, inside.substr(1, dot - 1));
  } else {
    node.slot = machine.slot_id(inside.substr(0, dot));
  }
  return node;
}

Node TaleGrammar::Machine::Reader::binding(std::string_view slot, std::string_view source) {
  Node node{.kind = Node::Kind::bind_pool};
  node.slot = machine.slot_id(slot);
  const auto operand = [&](std::string_view word, int16_t& id, int64_t& constant) {
    if (word.empty()) template_error(rule, "an operand is missing");
    if (word[0] < '0' || word[0] > '9') {
      id = machine.slot_id(word);
      return;
    }
    for (const char c : word) constant = constant * 10 + (c - '0');
  };
  if (source.starts_with('<')) {
    node.kind = Node::Kind::bind_rule;
    node.target = machine.find_rule(rule, source.substr(1, source.size() - 2));
  } else if (const size_t dots = source.find(".."); dots != std::string_view::npos) {
    node.kind = Node::Kind::bind_range;
    operand(source.substr(0, dots), node.a, node.low);
    operand(source.substr(dots + 2), node.b, node.high);
  } else if (source.ends_with(".price")) {
    node.kind = Node::Kind::bind_price;
    node.a = machine.slot_id(source.substr(0, source.size() - 6));
  } else if (const size_t op = source.find_first_of("+-*"); op != std::string_view::npos) {
    node.kind = Node::Kind::bind_sum;
    node.op = static_cast<unsigned char>(source[op]);
    operand(source.substr(0, op), node.a, node.low);
    operand(source.substr(op + 1), node.b, node.high);
  } else {
    node.target = machine.find_pool(rule, source);
  }
  return node;
}

Node TaleGrammar::Machine::Reader::call() {
  std::string_view inside = until('>');
  Node node{.kind = Node::Kind::call};
  const size_t colon = std::min(inside.find(':'), inside.size());
  node.target = machine.find_rule(rule, inside.substr(0, colon));
  if (colon < inside.size()) {
    const std::string_view arguments = inside.substr(colon + 1);
    const size_t comma = std::min(arguments.find(','), arguments.size());
    node.a = machine.slot_id(arguments.substr(0, comma));
    if (comma < arguments.size()) node.b = machine.slot_id(arguments.substr(comma + 1));
  }
  return node;
}

void TaleGrammar::Machine::Speaker::say(const Nodes& nodes) {
  for (const Node& node : nodes) say(node);
}

void TaleGrammar::Machine::Speaker::say(const Node& node) {
  const auto slot = static_cast<size_t>(node.slot);
  switch (node.kind) {
    case Node::Kind::text:
      out += node.text;
      break;
    case Node::Kind::choice:
      say(node.branches[pick(node.branches.size(), node.id)]);
      break;
    case Node::Kind::slot:
      write(slots[slot], node.form);
      break;
    case Node::Kind::counted:
      write(slots[slot], slots[static_cast<size_t>(node.a)].number == 1 ? Form::name : Form::s);
      break;
    case Node::Kind::draw: {
      const Entity* entity = draw(machine.pools[static_cast<size_t>(node.target)]);
      out += (*entity)[node.form];
      break;
    }
    case Node::Kind::call:
      call(node);
      break;
    case Node::Kind::bind_pool:
      slots[slot] = {};
      slots[slot].entity = draw(machine.pools[static_cast<size_t>(node.target)]);
      break;
    case Node::Kind::bind_range: {
      const int64_t low = operand(node.a, node.low), high = operand(node.b, node.high);
      CHECK(low <= high);
      const auto width = static_cast<uint64_t>(high - low + 1);
      set_number(node.slot, low + static_cast<int64_t>(rng.below(width)));
      break;
    }
    case Node::Kind::bind_sum: {
      const int64_t left = operand(node.a, node.low), right = operand(node.b, node.high);
      set_number(node.slot, node.op == '+'   ? left + right
                            : node.op == '-' ? left - right
                                             : left * right);
      break;
    }
    case Node::Kind::bind_price:
      set_number(node.slot, slots[static_cast<size_t>(node.a)].entity->number);
      break;
    case Node::Kind::bind_rule: {
      const size_t start = out.size();
      say(pick_alternative(node.target));
      kept.emplace_back(out.substr(start));
      out.resize(start);
      slots[slot] = {};
      slots[slot].text = &kept.back();
      break;
    }
  }
}

void TaleGrammar::Machine::Speaker::call(const Node& node) {
  const Value x = slots[0], y = slots[1];
  // Both are read before either is written: <hug:y,x> swaps them.
  const Value new_x = node.a >= 0 ? slots[static_cast<size_t>(node.a)] : x;
  const Value new_y = node.b >= 0 ? slots[static_cast<size_t>(node.b)] : y;
  slots[0] = new_x;
  slots[1] = new_y;
  say(pick_alternative(node.target));
  slots[0] = x;
  slots[1] = y;
}

const Entity* TaleGrammar::Machine::Speaker::draw(const Pool& pool) {
  const Entity* entity = nullptr;
  for (int attempt = 0; attempt < 12; ++attempt) {
    entity = &pool.members[rng.below(pool.members.size())];
    bool used = false;
    // Pools overlap (every toy is also a thing), so names are compared.
    for (const Entity* other : drawn) used |= (*other)[Form::name] == (*entity)[Form::name];
    if (!used) break;
  }
  drawn.push_back(entity);
  return entity;
}

void TaleGrammar::Machine::Speaker::set_number(int16_t slot, int64_t n) {
  CHECK(n >= 0 && n < kNumbersMax);
  Value& value = slots[static_cast<size_t>(slot)];
  value = {};
  value.number = n;
  value.entity = &machine.numbers[static_cast<size_t>(n)];
}

void TaleGrammar::Machine::Speaker::write(const Value& value, Form form) {
  CHECK(value.entity != nullptr || value.text != nullptr);
  out += value.text != nullptr ? *value.text : (*value.entity)[form];
}

TaleGrammar::TaleGrammar() : machine_(std::make_unique<Machine>()) {
  machine_->slot_id("x");
  machine_->slot_id("y");
  for (int n = 0; n < kNumbersMax; ++n) {
    Entity entity;
    entity.number = n;
    entity[Form::name] = number_words(n);
    entity[Form::d] = std::to_string(n);
    entity[Form::coins] = number_words(n) + (n == 1 ? " coin" : " coins");
    machine_->numbers.push_back(std::move(entity));
  }
}
TaleGrammar::~TaleGrammar() = default;
TaleGrammar::TaleGrammar(TaleGrammar&&) noexcept = default;

void TaleGrammar::add_pool(std::string_view name, std::vector<Entity> members) {
  CHECK(!members.empty());
  machine_->pool_ids.emplace(std::string(name), static_cast<int>(machine_->pools.size()));
  machine_->pools.push_back({std::string(name), std::move(members)});
}

void TaleGrammar::add_rule(std::string_view name, std::string_view body) {
  auto it = machine_->rule_ids.find(name);
  if (it == machine_->rule_ids.end()) {
    const int id = static_cast<int>(machine_->rules.size());
    it = machine_->rule_ids.emplace(std::string(name), id).first;
    machine_->rules.push_back({std::string(name), {}, {}});
  }
  machine_->rules[static_cast<size_t>(it->second)].bodies.emplace_back(body);
}

void TaleGrammar::link() {
  for (Machine::Rule& rule : machine_->rules) {
    for (const std::string& body : rule.bodies) {
      Machine::Reader reader{*machine_, rule.name, body};
      rule.alternatives.push_back(reader.sequence(false));
    }
    CHECK(rule.alternatives.size() < 256);
    rule.id = machine_->n_choices++;
    machine_->n_alternatives += static_cast<int>(rule.bodies.size());
  }
}

void TaleGrammar::say(std::string_view rule, Rng& rng, std::string& out) const {
  std::string raw;
  Machine::Speaker speaker{*machine_,
                           rng,
                           raw,
                           {},
                           {},
                           {},
                           std::vector<uint64_t>(static_cast<size_t>(machine_->n_choices))};
  Node node{.kind = Node::Kind::call};
  node.target = machine_->find_rule("say", rule);
  speaker.call(node);
  finish_text(raw, out);
}

int TaleGrammar::n_rules() const { return static_cast<int>(machine_->rules.size()); }
int TaleGrammar::n_choices() const { return machine_->n_choices; }
int TaleGrammar::n_alternatives() const { return machine_->n_alternatives; }

void finish_text(std::string_view raw, std::string& out) {
  const size_t begin = out.size();
  bool capital = true, space = false, in_quote = false;
  const auto ends_with_a = [&] {
    const size_t n = out.size();
    if (n == begin || (out[n - 1] != 'a' && out[n - 1] != 'A')) return false;
    return n - 1 == begin || out[n - 2] == ' ' || out[n - 2] == '\n' || out[n - 2] == '"';
  };
  for (size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == ' ' || c == '\n') {
      space = true;
      continue;
    }
    if (c == '/' && i + 1 < raw.size() && raw[i + 1] == '/') {
      ++i;
      if (out.size() > begin && out.back() != '\n') out.push_back('\n');
      capital = true;
      space = false;
      continue;
    }
    if (c == '^') {
      capital = true;
      continue;
    }
    const bool stop = c == '.' || c == '!' || c == '?';
    // An alternative may bring its own ? or !: then the stop or comma of the template is dropped.
    if ((stop || c == ',') && out.size() > begin && (out.back() == '?' || out.back() == '!')) {
      continue;
    }
    const bool joins_left = stop || c == ',' || c == ';' || c == ':' || (c == '"' && in_quote);
    if (space && !joins_left && out.size() > begin && out.back() != '\n' &&
        !(in_quote && out.back() == '"')) {
      if (is_word(c) && ends_with_a()) {
        size_t end = i;
        while (end < raw.size() && is_word(raw[end])) ++end;
        if (takes_an(raw.substr(i, end - i))) out.push_back('n');
      }
      out.push_back(' ');
    }
    space = false;
    if (c == '"') {
      // A speech that ends with a full stop ends the sentence around it as well.
      capital = !in_quote || out.back() == '.';
      in_quote = !in_quote;
      out.push_back(c);
      continue;
    }
    if (is_word(c)) {
      if (out.ends_with("!\" ") || out.ends_with("?\" ")) {
        // "Look!" it was there: unlike in "Look!" he said, a sentence begins.
        capital |= begins_sentence(raw.substr(i));
      }
      out.push_back(capital && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
      capital = false;
      continue;
    }
    out.push_back(c);
    // "Mr. Hobb": a full stop inside a title ends nothing.
    const bool title = c == '.' && (out.ends_with("Mr.") || out.ends_with("Mrs."));
    if (stop && !title) capital = true;
  }
}

}  // namespace quire
