// What a step runs, and who gives way when the cache is full.
//
// Every generating sequence has its row (and drafts) in each step; prompts share what is left of
// it, the oldest first. While nobody generates a step takes one prompt, and others beside a short
// one: the first answer begins as soon as it would alone. While somebody does, a step takes as many
// rows of prompts as the pace allows (engine/prompt_pace.h).
//
// What the cache has of a prompt is taken first. A prompt whose next block an older request is
// about to run waits for it, and one whose blocks are being read from disk for those.
//
// Positions of the cache belong to all sequences together. When there are none left, first what
// finished sequences had left for later is forgotten, what was used longest ago first; then the
// youngest request gives all its positions back and is run again from its start when there is room,
// so that the oldest always comes to an end.
#include "engine/engine_slots.h"

#include <algorithm>

namespace quire {
namespace {

// Fewer rows than this leave the matrix products of a step half empty, so several short prompts
// share one.
constexpr int64_t n_prompt_rows_min = 128;

// A row that gives its logits takes as much memory as the vocabulary has tokens.
constexpr int64_t n_rows_told_max = 32;

}  // namespace

// Prompts move on by what is cached of them; those that wait for more of it are marked.
void Engine::take_from_cache() {
  if (runner_->snapshots() != nullptr) return take_states();
  SequenceCache& cache = runner_->cache();
  cache.settle();
  if (!cache.shares()) return;
  for (size_t i = 0; i < by_age_.size(); ++i) {
    Slot& slot = *by_age_[i];
    if (!slot.has_prompt(*runner_) || !slot.drafts.empty()) continue;
    if (slot.active->tells_prompt()) {  // all of it is run
      if (cache.n_past(slot.sequence) == 0) cache.begin(slot.sequence, slot.root);
      continue;
    }
    const int64_t n_before = cache.n_past(slot.sequence);
    if (n_before == 0) cache.begin(slot.sequence, slot.root);
    int64_t n_past = cache.adopt(slot.sequence, slot.tokens);
    slot.waits = cache.fetch(slot.sequence, slot.tokens) || follows_another(i);
    if (!slot.waits) n_past = cache.adopt_start(slot.sequence, slot.tokens);
    if (n_past > n_before) slot.n_valid = n_past;
    if (!slot.active->first_token) slot.active->outcome.timings.n_cached += n_past - n_before;
  }
}

// Whether the next block of the prompt is one that an older request is about to run.
bool Engine::follows_another(size_t i) {
  const Slot& slot = *by_age_[i];
  const int64_t n_past = runner_->n_past(slot.sequence);
  const auto n_end = static_cast<size_t>(n_past + kv_block_size);
  if (n_past % kv_block_size != 0 || n_end >= slot.tokens.size()) return false;
  return std::any_of(by_age_.begin(), by_age_.begin() + static_cast<std::ptrdiff_t>(i),
                     [&](const Slot* other) {
                       return other->tokens.size() >= n_end &&
                              runner_->n_past(other->sequence) < static_cast<int64_t>(n_end) &&
                              other->root == slot.root &&
                              std::equal(slot.tokens.begin(),
                                         slot.tokens.begin() + static_cast<std::ptrdiff_t>(n_end),
                                         other->tokens.begin());
                     });
}

void Engine::schedule() {
  rows_.clear();
  row_slots_.clear();
  sampled_.clear();
  by_age_.clear();
  n_answer_rows_ = n_prompt_rows_ = 0;
  for (Slot& slot : slots_) {
    slot.scheduled = slot.waits = false;
    if (slot.active) by_age_.push_back(&slot);
  }
  std::ranges::sort(by_age_, {}, [](const Slot* slot) { return slot->active->id; });
  take_from_cache();

  int64_t n_left = n_batch_;
  for (Slot* slot : by_age_) {
    if (!slot->generates(*runner_) && slot->drafts.empty()) continue;
    const int64_t n_rows = slot->n_pending(*runner_);
    if (n_rows > n_left || !make_room(*slot, n_rows)) continue;
    schedule(*slot, n_rows);
    n_left -= n_rows;
    n_answer_rows_ += n_rows;
  }
  if (n_answer_rows_ > 0) {
    const int64_t n_waiting = std::ranges::count(by_age_, false, &Slot::scheduled) +
                              static_cast<int64_t>(waiting_.size());
    n_left = std::min(n_left, pace_.n_prompt_rows(n_answer_rows_, n_waiting));
  }
  for (Slot* slot : by_age_) {
    if (slot->scheduled || slot->waits || n_left == 0) continue;
    if (n_answer_rows_ == 0 && n_prompt_rows_ >= n_prompt_rows_min) break;
    int64_t n_rows = std::min(slot->n_pending(*runner_), n_left);
    if (n_answer_rows_ == 0 && n_prompt_rows_ > 0)
      n_rows = std::min(n_rows, n_prompt_rows_min - n_prompt_rows_);
    if (slot->active->tells_prompt()) n_rows = std::min(n_rows, n_rows_told_max);
    if (slot->stop_at > 0)
      n_rows = std::min(n_rows, slot->stop_at - runner_->n_past(slot->sequence));
    if (!make_room(*slot, n_rows)) break;
    schedule(*slot, n_rows);
    n_left -= n_rows;
    n_prompt_rows_ += n_rows;
  }
}

void Engine::schedule(Slot& slot, int64_t n_rows) {
  slot.scheduled = true;
  if (!slot.active->started) slot.active->started = Clock::now();
  const auto n_past = static_cast<size_t>(runner_->n_past(slot.sequence));
  if (!slot.active->first_token) slot.active->tell_progress(static_cast<int64_t>(n_past));
  const bool last = n_past + static_cast<size_t>(n_rows) == slot.tokens.size();
  rows_.push_back({slot.sequence,
                   std::span(slot.tokens).subspan(n_past, static_cast<size_t>(n_rows)),
                   !slot.drafts.empty() || slot.active->tells_prompt() ? Want::all
                   : last                                              ? Want::last
                                                                       : Want::nothing});
  row_slots_.push_back(&slot);
  if (last) sampled_.push_back(&slot);
  n_reserved_ += runner_->cache().n_blocks_for(slot.sequence, n_rows);
}

// Whether the cache has room for so many more rows of the slot, after others gave way.
bool Engine::make_room(Slot& slot, int64_t n_rows) {
  if (rows_.empty()) n_reserved_ = 0;
  const int64_t n_blocks = runner_->cache().n_blocks_for(slot.sequence, n_rows);
  while (runner_->cache().n_free_blocks() - n_reserved_ < n_blocks) {
    Slot* idle = nullptr;
    for (Slot& other : slots_)
      if (!other.active && runner_->n_past(other.sequence) > 0 &&
          (idle == nullptr || other.used_at < idle->used_at))
        idle = &other;
    if (idle != nullptr) {
      runner_->truncate(idle->sequence, 0);
      idle->tokens.clear();
      continue;
    }
    if (runner_->cache().give_up_writes()) continue;
    const auto gives_way = [&](const Slot* other) {
      return !other->scheduled && other->active->id > slot.active->id &&
             runner_->n_past(other->sequence) > 0;
    };
    const auto youngest = std::find_if(by_age_.rbegin(), by_age_.rend(), gives_way);
    if (youngest == by_age_.rend()) return false;
    put_back(**youngest);
  }
  return true;
}

// All its tokens are to be run again.
void Engine::put_back(Slot& slot) {
  slot.tokens.resize(slot.tokens.size() - slot.drafts.size());
  slot.drafts.clear();
  slot.n_valid = 0;
  if (!slot.active->first_token) slot.active->outcome.timings.n_cached = 0;
  runner_->truncate(slot.sequence, 0);
  ++n_put_back_;
}

}  // namespace quire
