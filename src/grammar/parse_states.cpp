#include "grammar/parse_states.h"

#include <algorithm>

namespace quire {
namespace {

uint64_t mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

ParseStates::ParseStates(std::shared_ptr<const Automaton> automaton, const ParseLimits& limits)
    : automaton_(std::move(automaton)), limits_(limits) {
  seen_.resize(64, {0, 0});
  predicted_.assign(automaton_->n_rules(), 0);
  restart();
}

void ParseStates::restart() {
  full_ = false;
  n_items_ = 0;
  states_.clear();
  by_hash_.clear();
  return_ids_.clear();
  returns_.assign(2, {0, dead_state});
  State dead;
  dead.next.assign(automaton_->n_classes(), dead_state);
  dead.local = dead_state;
  states_.push_back(std::move(dead));
  start_ = intern({{automaton_->rule(automaton_->root()).start, return_to_end}}, false, false);
}

uint32_t ParseStates::outside(uint32_t back, StateId state) {
  if ((back & here) == 0) return back;
  const RuleId rule = back & ~here;
  const uint64_t key = uint64_t{rule} << 32 | state;
  const auto [at, is_new] = return_ids_.try_emplace(key, static_cast<uint32_t>(returns_.size()));
  if (is_new) returns_.push_back({rule, state});
  return at->second;
}

// Appends the item unless it is there.
void ParseStates::add(std::vector<Item>& all, const Item& item) {
  if (2 * (n_seen_ + 1) > seen_.size()) {
    std::vector<Seen> larger(seen_.size() * 2, {0, 0});
    seen_.swap(larger);
    n_seen_ = 0;
    const std::vector<Item> before = std::move(all);
    all.clear();
    for (const Item& one : before) add(all, one);
  }
  const uint64_t key = uint64_t{item.state} << 32 | item.back;
  size_t at = mixed(key) & (seen_.size() - 1);
  while (seen_[at].stamp == stamp_) {
    if (seen_[at].key == key) return;
    at = (at + 1) & (seen_.size() - 1);
  }
  seen_[at] = {key, stamp_};
  ++n_seen_;
  all.push_back(item);
}

// Everything that is open once `items` are: ended rules go back to their callers, calls begin. On
// return `items` is all of it, and the state's waiters and flags are set.
void ParseStates::close(State& state, std::vector<Item>& items) {
  ++stamp_;
  n_seen_ = 0;
  const std::vector<Item> kernel = std::move(items);
  items.clear();
  for (const Item& item : kernel) add(items, item);
  for (size_t i = 0; i < items.size(); ++i) {
    if (items.size() > limits_.state_items_max) {
      full_ = true;
      return;
    }
    const Item item = items[i];
    if (automaton_->final(item.state) && (item.back & here) == 0) {
      if (item.back == return_to_end) {
        state.accepts = true;
      } else if (item.back == return_to_caller) {
        state.returns = true;
      } else {
        const Return to = returns_[item.back];
        const std::vector<Waiter>& waiters = states_[to.origin].waiters;
        auto w = std::lower_bound(waiters.begin(), waiters.end(), to.rule,
                                  [](const Waiter& a, RuleId rule) { return a.rule < rule; });
        for (; w != waiters.end() && w->rule == to.rule; ++w)
          add(items, {w->then.state, outside(w->then.back, to.origin)});
      }
    }
    for (const auto& call : automaton_->call_edges(item.state)) {
      const uint32_t first = automaton_->rule(call.rule).start;
      if (automaton_->final(call.target) && automaton_->last(call.target)) {
        add(items, {first, item.back});
        continue;
      }
      state.waiters.push_back({call.rule, {call.target, item.back}});
      if (predicted_[call.rule] != stamp_) {
        predicted_[call.rule] = stamp_;
        add(items, {first, here | call.rule});
      }
      if (automaton_->rule(call.rule).nullable) add(items, {call.target, item.back});
    }
  }
  std::sort(state.waiters.begin(), state.waiters.end(), [](const Waiter& a, const Waiter& b) {
    return a.rule != b.rule ? a.rule < b.rule : a.then < b.then;
  });
}

StateId ParseStates::intern(std::vector<Item> items, bool accepts, bool returns) {
  State state;
  state.accepts = accepts;
  state.returns = returns;
  close(state, items);
  if (full_) return dead_state;
  for (const Item& item : items) {
    if (automaton_->last(item.state)) continue;
    ((item.back & here) != 0 ? state.called : state.items).push_back(item);
    if (!automaton_->token_edges(item.state).empty()) state.token_items.push_back(item);
  }
  std::sort(state.items.begin(), state.items.end());
  if (state.items.empty() && !state.accepts && !state.returns) return dead_state;
  uint64_t hash = (state.accepts ? 1 : 0) | (state.returns ? 2 : 0);
  for (const Item& item : state.items)
    hash = mixed(hash + 0x9e3779b97f4a7c15u) + (uint64_t{item.state} << 32 | item.back);
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    const State& other = states_[at->second];
    if (other.items == state.items && other.accepts == state.accepts &&
        other.returns == state.returns)
      return at->second;
  }
  n_items_ += items.size() + state.waiters.size() + 4 + automaton_->n_classes() / 4;
  if (n_items_ > limits_.items_max) {
    full_ = true;
    return dead_state;
  }
  state.next.assign(automaton_->n_classes(), unknown);
  const auto id = static_cast<StateId>(states_.size());
  states_.push_back(std::move(state));
  by_hash_.emplace(hash, id);
  return id;
}

StateId ParseStates::make_next(StateId state, uint8_t byte) {
  std::vector<Item> items;
  const auto step = [&](const std::vector<Item>& from) {
    for (const Item& item : from)
      for (const auto& edge : automaton_->byte_edges(item.state))
        if (edge.first <= byte && byte <= edge.last)
          items.push_back({edge.target, outside(item.back, state)});
  };
  step(states_[state].items);
  step(states_[state].called);
  const StateId next = items.empty() ? dead_state : intern(std::move(items), false, false);
  if (!full_) states_[state].next[automaton_->byte_class(byte)] = next;
  return next;
}

std::vector<uint32_t> ParseStates::token_terminals(StateId state) const {
  std::vector<uint32_t> terminals;
  for (const Item& item : states_[state].token_items)
    for (const auto& edge : automaton_->token_edges(item.state)) terminals.push_back(edge.terminal);
  return terminals;
}

StateId ParseStates::local(StateId state) {
  if (states_[state].local != unknown) return states_[state].local;
  std::vector<Item> items;
  uint32_t n_bytes = Automaton::any_bytes;
  for (const Item& item : states_[state].items) {
    const Automaton::Alike alike = automaton_->alike(item.state);
    n_bytes = std::min(n_bytes, alike.n_bytes);
    items.push_back({alike.state, return_to_caller});
  }
  const StateId id = intern(std::move(items), false, false);
  if (full_) return dead_state;
  states_[state].local = id;
  states_[state].local_bytes = n_bytes;
  return id;
}

}  // namespace quire
