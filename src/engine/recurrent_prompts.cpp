// Prompts of recurrent models: which kept state they go on from, and where their own states are
// kept (engine/state_snapshots.h).
//
// A state belongs to one place of one text, and where other texts will part from it is not known.
// So a prompt's state is kept at its end, which a chat goes on from, and at growing distances
// before it, for other questions about the same document; and at the place where it parts from a
// text that is known already, such as the end of a system prompt. A step ends at each of these
// places, all of them ends of blocks.
#include "engine/engine_slots.h"

#include <algorithm>

namespace quire {
namespace {

// Fewer rows than this are run again sooner than a step more pays for itself.
constexpr int64_t n_rows_between_least = 64;

struct Tail {
  int64_t n_tokens;
  StateSnapshots::Disk disk;
};
constexpr Tail tails[] = {{0, StateSnapshots::Disk::write},
                          {128, StateSnapshots::Disk::write},
                          {512, StateSnapshots::Disk::leave},
                          {2048, StateSnapshots::Disk::leave}};

int64_t whole_blocks(int64_t n) { return n / kv_block_size * kv_block_size; }

int64_t n_equal(std::span<const int32_t> a, std::span<const int32_t> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

}  // namespace

// All but the last token, which is always run.
StateSnapshots::Text Engine::prompt_text(const Slot& slot) {
  return {slot.root, std::span(slot.tokens).first(slot.tokens.size() - 1)};
}

void Engine::take_states() {
  StateSnapshots& states = *runner_->snapshots();
  states.settle();
  for (Slot* slot : by_age_) {
    slot->stop_at = 0;
    if (!slot->has_prompt(*runner_) || slot->active->tells_prompt()) continue;
    const StateSnapshots::Text text = prompt_text(*slot);
    const int64_t n_before = runner_->n_past(slot->sequence);
    slot->waits = n_before == 0 && states.fetch(text);
    if (slot->waits) continue;
    const int64_t n_past = runner_->restore_state(slot->sequence, text);
    if (n_past == n_before) continue;
    slot->n_valid = n_past;
    if (!slot->active->first_token) slot->active->outcome.timings.n_cached += n_past - n_before;
  }
  for (size_t i = 0; i < by_age_.size(); ++i) plan_stop(i);
}

// Where the next step of the prompt ends at the latest. When it begins like an older one that is
// still being run, it waits, and the older one's state is kept where they part.
void Engine::plan_stop(size_t i) {
  Slot& slot = *by_age_[i];
  if (!slot.has_prompt(*runner_) || slot.waits) return;
  const StateSnapshots::Text text = prompt_text(slot);
  const int64_t n_past = runner_->n_past(slot.sequence);
  const auto consider = [](Slot& whose, int64_t at, StateSnapshots::Disk disk) {
    if (whose.stop_at != 0 && whose.stop_at <= at) return;
    whose.stop_at = at;
    whose.stop_disk = disk;
  };
  int64_t n_common = runner_->snapshots()->n_common(text);
  for (const Slot& other : slots_)
    if (&other != &slot && other.root == slot.root)
      n_common = std::max(n_common, n_equal(text.tokens, other.tokens));
  const int64_t parts_at = whole_blocks(n_common);
  if (parts_at >= n_past + n_rows_between_least)
    consider(slot, parts_at, StateSnapshots::Disk::write);
  for (const Tail& tail : tails) {
    const int64_t at = whole_blocks(static_cast<int64_t>(text.tokens.size()) - tail.n_tokens);
    if (at >= n_past + n_rows_between_least) consider(slot, at, tail.disk);
  }
  for (size_t k = 0; k < i; ++k) {
    Slot& older = *by_age_[k];
    if (older.root != slot.root || !older.has_prompt(*runner_)) continue;
    const int64_t at = whole_blocks(n_equal(text.tokens, older.tokens));
    const int64_t n_older = runner_->n_past(older.sequence);
    if (at < n_past + n_rows_between_least || at <= n_older ||
        at >= static_cast<int64_t>(older.tokens.size()))
      continue;
    slot.waits = true;
    if (!older.waits) consider(older, at, StateSnapshots::Disk::write);
  }
}

// After a step: of those that ended where a state is to be kept.
void Engine::keep_states() {
  for (const Slot* slot : by_age_) {
    if (!slot->scheduled || slot->stop_at == 0) continue;
    if (runner_->n_past(slot->sequence) != slot->stop_at) continue;
    const auto tokens = std::span(slot->tokens).first(static_cast<size_t>(slot->stop_at));
    runner_->snapshots()->keep(slot->sequence, {slot->root, tokens}, slot->stop_disk);
  }
  if (!keeps_answers()) return;
  for (const Slot* slot : by_age_) {
    const int64_t n_past = runner_->n_past(slot->sequence);
    if (!slot->scheduled || slot->active == nullptr || !slot->active->first_token) continue;
    if (n_past % kv_block_size != 0) continue;
    const auto tokens = std::span(slot->tokens).first(static_cast<size_t>(n_past));
    runner_->snapshots()->keep_growing(slot->sequence, {slot->root, tokens});
  }
}

// Where a store is to have them: of an answer the state at its last whole block.
bool Engine::keeps_answers() const {
  const StateSnapshots* states = std::as_const(*runner_).snapshots();
  return states != nullptr && states->store() != nullptr && states->store()->takes_answers();
}

}  // namespace quire
