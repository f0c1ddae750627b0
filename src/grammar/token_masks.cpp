#include "grammar/token_masks.h"

#include "format/printable.h"

#include <algorithm>

namespace quire {
namespace {

void set_bit(TokenMask& mask, int32_t id) {
  mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (static_cast<size_t>(id) % 64);
}

}  // namespace

TokenMasks::TokenMasks(std::shared_ptr<const Automaton> automaton,
                       std::shared_ptr<const TokenVocabulary> vocabulary, std::string name,
                       const MaskLimits& limits)
    : automaton_(automaton),
      vocabulary_(std::move(vocabulary)),
      name_(std::move(name)),
      limits_(limits),
      states_(std::move(automaton), limits.parse) {
  bytes_of_class_.assign(automaton_->n_classes(), 0);
  for (int byte = 0; byte < 256; ++byte)
    ++bytes_of_class_[automaton_->byte_class(static_cast<uint8_t>(byte))];
  path_.assign(vocabulary_->bytes_max() + 1, dead_state);
}

Result<std::shared_ptr<TokenMasks>> TokenMasks::create(
    std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenVocabulary> vocabulary,
    std::string name, const MaskLimits& limits) {
  std::shared_ptr<TokenMasks> masks(
      new TokenMasks(std::move(automaton), std::move(vocabulary), std::move(name), limits));
  for (const TokenTerminal& terminal : masks->automaton_->tokens()) {
    const TokenVocabulary& all = *masks->vocabulary_;
    std::vector<int32_t> ids;
    if (terminal.id < 0)
      ids = all.named(terminal.text);
    else if (static_cast<size_t>(terminal.id) < all.n_tokens())
      ids.push_back(terminal.id);
    if (ids.empty() && !terminal.optional && terminal.id >= 0)
      return fail(Fault::bad_format,
                  "{}: the grammar names token {}, the vocabulary of this model has {} tokens",
                  masks->name_, terminal.id, all.n_tokens());
    if (ids.empty() && !terminal.optional)
      return fail(Fault::bad_format,
                  "{}: the grammar names token '{}', which the vocabulary of this model does not "
                  "have",
                  masks->name_, printable(terminal.text));
    masks->terminal_ids_.push_back(std::move(ids));
  }
  return masks;
}

void TokenMasks::restart() {
  states_.restart();
  masks_.clear();
  local_masks_.clear();
  ++age_;
}

bool TokenMasks::matches(uint32_t terminal, int32_t id) const {
  const std::vector<int32_t>& ids = terminal_ids_[terminal];
  const bool is_one = std::find(ids.begin(), ids.end(), id) != ids.end();
  if (!automaton_->tokens()[terminal].negated) return is_one;
  const std::vector<int32_t>& ends = vocabulary_->ends();
  return !is_one && std::find(ends.begin(), ends.end(), id) == ends.end();
}

StateId TokenMasks::after(StateId state, int32_t id) {
  const std::string_view bytes = vocabulary_->bytes(id);
  StateId at = bytes.empty() ? dead_state : state;
  for (size_t i = 0; i < bytes.size() && at != dead_state; ++i)
    at = states_.next(at, static_cast<uint8_t>(bytes[i]));
  return states_.next_token(state, at, [&](uint32_t terminal) { return matches(terminal, id); });
}

std::shared_ptr<const TokenMask> TokenMasks::allowed(StateId state) {
  if (const auto known = masks_.find(state); known != masks_.end()) return known->second;
  const StateId local = states_.local(state);
  auto mask = std::make_shared<TokenMask>(vocabulary_->n_words(), 0);
  if (full()) return mask;
  if (local != dead_state) {
    const LocalMask& inside = local_mask(local, states_.local_bytes(state));
    *mask = inside.allowed;
    add_unsure(*mask, state, inside.unsure);
  }
  add_terminals(*mask, state);
  if (states_.accepts(state))
    for (const int32_t id : vocabulary_->ends())
      if (id >= 0 && static_cast<size_t>(id) < vocabulary_->n_tokens()) set_bit(*mask, id);
  if (masks_.size() * vocabulary_->n_words() * 8 > limits_.mask_bytes_max) masks_.clear();
  if (!full()) masks_.emplace(state, mask);
  return mask;
}

// The walk over all tokens. A token whose bytes the rules that are open refuse may still be allowed
// when one of them could have ended before; one that is longer than n_bytes may be refused.
const TokenMasks::LocalMask& TokenMasks::local_mask(StateId local, uint32_t n_bytes) {
  const uint64_t key = uint64_t{n_bytes} << 32 | local;
  if (const auto known = local_masks_.find(key); known != local_masks_.end()) return known->second;
  if (local_masks_.size() * vocabulary_->n_words() * 8 > limits_.mask_bytes_max)
    local_masks_.clear();
  LocalMask& result = local_masks_[key];
  result.allowed.assign(vocabulary_->n_words(), 0);
  const std::span<const TokenVocabulary::Node> nodes = vocabulary_->nodes();
  const std::span<const int32_t> sorted = vocabulary_->sorted();
  // returned_at: bytes after which a rule had ended on the path to the node; UINT32_MAX: it had
  // not.
  uint32_t returned_at = states_.returns(local) ? 0 : UINT32_MAX;
  path_[0] = local;
  for (uint32_t i = 0; i < nodes.size() && !full();) {
    const TokenVocabulary::Node& node = nodes[i];
    if (node.n_bytes <= returned_at && returned_at != 0) returned_at = UINT32_MAX;
    const StateId at = states_.next(path_[node.n_bytes - 1], node.byte);
    if (at != dead_state && node.n_bytes <= n_bytes) {
      path_[node.n_bytes] = at;
      if (states_.returns(at) && returned_at == UINT32_MAX) returned_at = node.n_bytes;
      for (uint32_t j = 0; j < node.n_own; ++j) set_bit(result.allowed, sorted[node.first + j]);
      ++i;
      continue;
    }
    if (returned_at != UINT32_MAX || node.n_bytes > n_bytes) result.unsure.push_back(i);
    i = node.end;
  }
  return result;
}

// What is in doubt, from the state itself: to the node along the bytes of one of its tokens, then
// all below it.
void TokenMasks::add_unsure(TokenMask& mask, StateId state, std::span<const uint32_t> unsure) {
  const std::span<const TokenVocabulary::Node> nodes = vocabulary_->nodes();
  const std::span<const int32_t> sorted = vocabulary_->sorted();
  std::string_view last;
  path_[0] = state;
  for (const uint32_t root : unsure) {
    const uint32_t n_before = nodes[root].n_bytes - 1;
    const std::string_view bytes =
        vocabulary_->bytes(sorted[nodes[root].first]).substr(0, n_before);
    const auto common = std::mismatch(last.begin(), last.end(), bytes.begin(), bytes.end());
    for (auto n = static_cast<size_t>(common.first - last.begin()); n < n_before; ++n)
      path_[n + 1] = states_.next(path_[n], static_cast<uint8_t>(bytes[n]));
    last = bytes;
    for (uint32_t i = root; i < nodes[root].end;) {
      const TokenVocabulary::Node& node = nodes[i];
      const StateId at = states_.next(path_[node.n_bytes - 1], node.byte);
      path_[node.n_bytes] = at;
      if (at == dead_state) {
        i = node.end;
        continue;
      }
      for (uint32_t j = 0; j < node.n_own; ++j) set_bit(mask, sorted[node.first + j]);
      ++i;
    }
  }
}

void TokenMasks::add_terminals(TokenMask& mask, StateId state) {
  for (const uint32_t terminal : states_.token_terminals(state)) {
    if (!automaton_->tokens()[terminal].negated) {
      for (const int32_t id : terminal_ids_[terminal]) set_bit(mask, id);
      continue;
    }
    for (size_t id = 0; id < vocabulary_->n_tokens(); ++id)
      if (matches(terminal, static_cast<int32_t>(id))) set_bit(mask, static_cast<int32_t>(id));
  }
}

std::string TokenMasks::forced_text(StateId state, size_t bytes_max) {
  std::string text;
  while (text.size() < bytes_max && !states_.accepts(state) &&
         states_.token_terminals(state).empty()) {
    int n_ways = 0;
    StateId next = dead_state;
    uint8_t byte = 0;
    for (size_t c = 0; c < bytes_of_class_.size() && n_ways < 2; ++c) {
      const uint8_t one = automaton_->class_byte(c);
      const StateId to = states_.next(state, one);
      if (to == dead_state) continue;
      n_ways += bytes_of_class_[c];
      next = to;
      byte = one;
    }
    if (n_ways != 1 || full()) break;
    text.push_back(static_cast<char>(byte));
    state = next;
  }
  return text;
}

}  // namespace quire
