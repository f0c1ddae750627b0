#include "engine/state_snapshots.h"

#include "base/check.h"

#include <algorithm>
#include <cstring>

namespace quire {
namespace {

constexpr auto n_block = static_cast<size_t>(kv_block_size);

int64_t n_equal(std::span<const int32_t> a, std::span<const int32_t> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

// The keys of all whole blocks, the first one's first.
std::vector<PrefixKey> keys_of(const StateSnapshots::Text& text) {
  std::vector<PrefixKey> keys;
  PrefixKey key = text.root;
  for (size_t at = 0; at + n_block <= text.tokens.size(); at += n_block)
    keys.push_back(key = next_key(key, text.tokens.subspan(at, n_block)));
  return keys;
}

// As a block of the store: its last tokens, and the keys around them.
StoredBlock as_block(const StateSnapshots::Text& text, std::span<const PrefixKey> keys) {
  const size_t n = keys.size();
  const auto tokens = text.tokens.subspan((n - 1) * n_block, n_block);
  return {.key = keys[n - 1],
          .parent = n > 1 ? keys[n - 2] : text.root,
          .index = static_cast<int64_t>(n) - 1,
          .tokens = {tokens.begin(), tokens.end()}};
}

}  // namespace

StateSnapshots::StateSnapshots(const StateCache& states, int32_t first, int32_t n_places)
    : states_(states), first_(first), places_(static_cast<size_t>(n_places)) {}

int32_t StateSnapshots::n_used() const {
  return static_cast<int32_t>(
      std::ranges::count_if(places_, [](const Place& place) { return !place.tokens.empty(); }));
}

std::span<std::byte> StateSnapshots::bytes_of(size_t place) const {
  return states_.all_of(state_of(place));
}

bool StateSnapshots::holds(const Place& place, const Text& text) const {
  return !place.tokens.empty() && !place.is_read && place.root == text.root &&
         place.tokens.size() <= text.tokens.size() &&
         std::ranges::equal(place.tokens, text.tokens.first(place.tokens.size()));
}

// The place of the longest text that this one begins with.
std::optional<size_t> StateSnapshots::longest(const Text& text) const {
  std::optional<size_t> best;
  for (size_t i = 0; i < places_.size(); ++i)
    if (holds(places_[i], text) &&
        (!best || places_[i].tokens.size() > places_[*best].tokens.size()))
      best = i;
  return best;
}

int64_t StateSnapshots::restore(int32_t sequence, Text text, int64_t n_past) {
  const auto found = longest(text);
  if (!found) return n_past;
  Place& place = places_[*found];
  const auto n_tokens = static_cast<int64_t>(place.tokens.size());
  if (n_tokens <= n_past) return n_past;
  const std::span<std::byte> from = bytes_of(*found), to = states_.all_of(sequence);
  std::memcpy(to.data(), from.data(), from.size());
  place.used_at = ++clock_;
  return n_tokens;
}

int64_t StateSnapshots::n_common(Text text) const {
  int64_t n = 0;
  for (const Place& place : places_)
    if (place.root == text.root) n = std::max(n, n_equal(text.tokens, place.tokens));
  return n;
}

// The one used longest ago that may be taken.
std::optional<size_t> StateSnapshots::free_place() const {
  std::optional<size_t> best;
  for (size_t i = 0; i < places_.size(); ++i)
    if (!places_[i].in_transfer && (!best || places_[i].used_at < places_[*best].used_at)) best = i;
  return best;
}

void StateSnapshots::keep(int32_t sequence, Text text, Disk disk) {
  CHECK(!text.tokens.empty() && text.tokens.size() % n_block == 0);
  if (const auto found = longest(text);
      found && places_[*found].tokens.size() == text.tokens.size()) {
    places_[*found].used_at = ++clock_;
    return;
  }
  const auto place = free_place();
  if (!place) return;
  copy(sequence, *place, text);
  if (disk == Disk::write) write(*place);
}

void StateSnapshots::copy(int32_t sequence, size_t place, const Text& text) {
  const std::span<std::byte> from = states_.all_of(sequence), to = bytes_of(place);
  std::memcpy(to.data(), from.data(), from.size());
  places_[place] = {
      .root = text.root, .tokens = {text.tokens.begin(), text.tokens.end()}, .used_at = ++clock_};
}

void StateSnapshots::write(size_t place) {
  const Text text{places_[place].root, places_[place].tokens};
  if (store_ == nullptr || static_cast<int64_t>(text.tokens.size()) < n_saved_least) return;
  const std::vector<PrefixKey> keys = keys_of(text);
  if (!store_->wants(keys.back())) return;
  places_[place].in_transfer = true;
  ++n_transfers_;
  store_->write(static_cast<int32_t>(place), as_block(text, keys), bytes_of(place));
}

std::optional<size_t> StateSnapshots::growing(int32_t sequence) const {
  for (size_t i = 0; i < places_.size(); ++i)
    if (places_[i].grows_with == sequence && !places_[i].in_transfer) return i;
  return std::nullopt;
}

void StateSnapshots::keep_growing(int32_t sequence, Text text) {
  CHECK(!text.tokens.empty() && text.tokens.size() % n_block == 0);
  std::optional<size_t> place = growing(sequence);
  if (place && !holds(places_[*place], text)) places_[*std::exchange(place, {})].grows_with = -1;
  if (!place) place = free_place();
  if (!place) return;
  copy(sequence, *place, text);
  places_[*place].grows_with = sequence;
}

void StateSnapshots::end_growing(int32_t sequence) {
  const std::optional<size_t> place = growing(sequence);
  if (!place) return;
  places_[*place].grows_with = -1;
  write(*place);
}

bool StateSnapshots::fetch(Text text) {
  if (store_ == nullptr) return false;
  const std::vector<PrefixKey> keys = keys_of(text);
  const auto kept = longest(text);
  const size_t n_kept = kept ? places_[*kept].tokens.size() / n_block : 0;
  size_t n = keys.size();
  while (n > n_kept && !store_->has(keys[n - 1])) --n;
  if (n == n_kept) return false;
  const Text wanted{text.root, text.tokens.first(n * n_block)};
  for (const Place& place : places_)
    if (place.is_read && place.root == text.root && std::ranges::equal(place.tokens, wanted.tokens))
      return true;
  const auto place = free_place();
  if (!place) return false;
  places_[*place] = {.root = text.root,
                     .tokens = {wanted.tokens.begin(), wanted.tokens.end()},
                     .used_at = ++clock_,
                     .in_transfer = true,
                     .is_read = true};
  ++n_transfers_;
  store_->read(static_cast<int32_t>(*place), as_block(wanted, std::span(keys).first(n)),
               bytes_of(*place));
  return true;
}

void StateSnapshots::settle() {
  if (n_transfers_ == 0) return;
  for (const BlockStore::Done& done : store_->take_done()) {
    --n_transfers_;
    Place& place = places_[static_cast<size_t>(done.ticket)];
    place.in_transfer = false;
    if (std::exchange(place.is_read, false) && !done.ok) place = {};
  }
}

void StateSnapshots::wait() {
  if (n_transfers_ > 0) store_->wait();
  settle();
}

}  // namespace quire
