// ParseStates: a parser for any context-free grammar as a finite automaton that is made while it is
// used.
//
// The parser is Earley's (1970): a state is a set of items (automaton state, where its rule was
// called from), so left recursion, ambiguity and any depth of nesting are no trouble and nothing
// recurses. Two things are different. Sets are kept once: equal items, called from equal places,
// are one state, and where a byte leads from it is looked up in a table after the first time. In a
// string, a number or an array of them a parser so comes back to states that it knows, and a step
// is one load. And a call that a rule ends with takes over the caller's return (tail call): right
// recursion does not grow either.
//
// Belongs to one thread; the automaton may be shared.
#pragma once
#include "grammar/automaton.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace quire {

using StateId = uint32_t;
constexpr StateId dead_state = 0;  // nothing can follow any more

struct ParseLimits {
  size_t items_max = 4'000'000;     // of all states together, about 100 bytes each
  size_t state_items_max = 50'000;  // of one: how ambiguous a grammar may be
};

class ParseStates {
 public:
  explicit ParseStates(std::shared_ptr<const Automaton> automaton, const ParseLimits& limits = {});

  // Before the first byte.
  StateId start() const { return start_; }
  // After one more byte; dead_state when the grammar has no text that goes on so. Also dead_state
  // when a limit is passed: see full().
  StateId next(StateId state, uint8_t byte) {
    const StateId known = states_[state].next[automaton_->byte_class(byte)];
    return known != unknown ? known : make_next(state, byte);
  }
  // After a token that the grammar names, or that its bytes (`by_bytes`, the state they lead to)
  // allow, or both. `matches(terminal)` says whether a terminal of the grammar is that token.
  template <class Matches>
  StateId next_token(StateId state, StateId by_bytes, const Matches& matches) {
    std::vector<Item> items;
    for (const Item& item : states_[state].token_items)
      for (const auto& edge : automaton_->token_edges(item.state))
        if (matches(edge.terminal)) items.push_back({edge.target, outside(item.back, state)});
    if (items.empty()) return by_bytes;
    const std::vector<Item>& others = states_[by_bytes].items;
    items.insert(items.end(), others.begin(), others.end());
    return intern(std::move(items), states_[by_bytes].accepts, states_[by_bytes].returns);
  }

  // The whole text so far follows the grammar.
  bool accepts(StateId state) const { return states_[state].accepts; }
  // It does, and nothing may follow.
  bool complete(StateId state) const {
    return states_[state].accepts && states_[state].items.empty();
  }
  // Of a state made by local(): a rule that was open at the beginning may have ended, so what
  // follows depends on its caller.
  bool returns(StateId state) const { return states_[state].returns; }
  // The terminals that name tokens and may come next.
  std::vector<uint32_t> token_terminals(StateId state) const;

  // `state` without its callers: what it allows until a rule that is open now ends. States with the
  // same local() differ only behind that, and, for texts longer than local_bytes(), where a long
  // repetition ends (Automaton::Alike).
  StateId local(StateId state);
  uint32_t local_bytes(StateId state) const { return states_[state].local_bytes; }

  // A limit was passed; the states made since then are not to be trusted. restart() forgets all
  // states but start().
  bool full() const { return full_; }
  void restart();
  size_t n_states() const { return states_.size(); }
  size_t n_items() const { return n_items_; }

 private:
  static constexpr StateId unknown = UINT32_MAX;
  // A return: to the items of state `origin` that wait for `rule`.
  struct Return {
    RuleId rule;
    StateId origin;
  };
  static constexpr uint32_t return_to_end = 0, return_to_caller = 1;  // the first two of returns_
  static constexpr uint32_t here = uint32_t{1} << 31;  // | rule: called from this very state
  struct Item {
    uint32_t state;  // of the automaton
    uint32_t back;   // index in returns_, or here | rule
    auto operator<=>(const Item&) const = default;
  };
  struct Waiter {
    RuleId rule;
    Item then;  // when the rule has ended
  };
  struct State {
    std::vector<Item> items;        // not called from here, with edges: these make it what it is
    std::vector<Item> called;       // what follows from them: calls from here
    std::vector<Item> token_items;  // of both, those with edges of tokens
    std::vector<Waiter> waiters;    // by rule
    std::vector<StateId> next;      // by class of byte
    bool accepts = false, returns = false;
    StateId local = unknown;
    uint32_t local_bytes = 0;
  };

  StateId make_next(StateId state, uint8_t byte);
  // The state of these items, none of them `here`.
  StateId intern(std::vector<Item> items, bool accepts, bool returns);
  void close(State& state, std::vector<Item>& items);
  void add(std::vector<Item>& all, const Item& item);
  // A return as it is written in other states.
  uint32_t outside(uint32_t back, StateId state);

  std::shared_ptr<const Automaton> automaton_;
  ParseLimits limits_;
  std::vector<State> states_;
  std::vector<Return> returns_;
  std::unordered_map<uint64_t, uint32_t> return_ids_;
  std::unordered_multimap<uint64_t, StateId> by_hash_;
  StateId start_ = dead_state;
  size_t n_items_ = 0;
  bool full_ = false;
  // Working memory of close(): a set of items, emptied by raising the stamp.
  struct Seen {
    uint64_t key;
    uint32_t stamp;
  };
  std::vector<Seen> seen_;
  std::vector<uint32_t> predicted_;  // by rule: the stamp of the last state that called it
  size_t n_seen_ = 0;
  uint32_t stamp_ = 0;
};

}  // namespace quire
