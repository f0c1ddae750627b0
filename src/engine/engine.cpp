#include "engine/engine.h"

#include "engine/engine_slots.h"

#include <algorithm>
#include <cmath>

namespace quire {

const char* stop_reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::end_of_generation:
      return "end_of_generation";
    case StopReason::stop_string:
      return "stop_string";
    case StopReason::n_predict:
      return "n_predict";
    case StopReason::context_full:
      return "context_full";
    case StopReason::cancelled:
      return "cancelled";
    case StopReason::failed:
      return "failed";
  }
  return "?";
}

double Timings::prompt_rate() const {
  return prompt_s > 0 ? static_cast<double>(n_prompt - n_cached) / prompt_s : 0;
}

double Timings::generate_rate() const {
  return generate_s > 0 ? static_cast<double>(n_generated - 1) / generate_s : 0;
}

namespace {

// More rows than this take other paths in some kernels (matmul_few_rows, the bf16 attention), and
// those round otherwise: a draft must not change a bit of what it is a draft for.
constexpr int64_t n_rows_with_drafts_max = 12;

}  // namespace

Engine::Engine(std::shared_ptr<const Model> model, std::unique_ptr<Runner> runner,
               const RunnerOptions& options)
    : model_(std::move(model)), runner_(std::move(runner)), n_batch_(options.n_batch) {
  slots_.resize(static_cast<size_t>(options.n_sequences));
  for (size_t i = 0; i < slots_.size(); ++i) slots_[i].sequence = static_cast<int32_t>(i);
  for (const AdapterInfo& adapter : model_->adapters())
    loaded_strengths_.push_back(adapter.strength);
}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::create(std::shared_ptr<const Model> model,
                                               const RunnerOptions& options,
                                               const DraftOptions& drafts) {
  auto runner = TRY(Runner::create(model, options));
  std::unique_ptr<Engine> engine(new Engine(std::move(model), std::move(runner), options));
  engine->draft_options_ = drafts;
  // A wrong guess must be taken back; a recurrent state cannot.
  if (!engine->runner_->can_truncate()) {
    if (drafts.model == nullptr) return engine;
    return fail(Fault::unsupported,
                "{}: its state cannot go back to before a wrong guess, so no model can draft for "
                "it; leave out --model-draft",
                engine->model_->path());
  }
  if (drafts.model != nullptr) {
    RunnerOptions draft_options = options;
    const int64_t known = drafts.model->hparams().n_ctx_train;
    draft_options.n_ctx =
        drafts.n_ctx > 0 ? drafts.n_ctx : std::min(known, engine->runner_->n_ctx());
    draft_options.keep.clear();
    draft_options.store = {};  // prompts of the draft model are short work
    engine->drafter_ =
        TRY(make_model_drafter(drafts.model, *engine->model_, draft_options, drafts.p_min));
  } else if (drafts.make) {
    engine->drafter_ = drafts.make();
  } else if (drafts.lookup) {
    engine->drafter_ = make_lookup_drafter(options.n_sequences);
  }
  if (engine->drafter_ != nullptr)
    engine->governor_ = DraftGovernor(engine->drafter_->guess_cost());
  return engine;
}

Result<RequestId> Engine::add(Request request) {
  const auto n_prompt = static_cast<int64_t>(request.prompt.size());
  const int64_t n_vocab = model_->hparams().n_vocab;
  TRY(check_sampling(request.sampling));
  if (n_prompt == 0)
    return fail(Fault::usage, "the prompt has no tokens, and the model has no start token");
  for (const int32_t token : request.stop_tokens)
    if (token < 0 || token >= n_vocab)
      return fail(Fault::usage, "the stop token {} is not in the vocabulary, which has 0 to {}",
                  token, n_vocab - 1);
  if (request.n_predict < -1)
    return fail(Fault::usage, "n_predict {} is out of range, at least -1", request.n_predict);
  if (!request.strengths.empty() && request.strengths.size() != loaded_strengths_.size())
    return fail(Fault::usage, "{} strengths of adapters are given, the model was loaded with {}",
                request.strengths.size(), loaded_strengths_.size());
  for (const float strength : request.strengths)
    if (!std::isfinite(strength))
      return fail(Fault::usage, "the strength of an adapter must be a finite number");
  for (const int32_t token : request.prompt)
    if (token < 0 || token >= n_vocab)
      return fail(Fault::usage, "token {} is not in the vocabulary, which has 0 to {}", token,
                  n_vocab - 1);
  if (n_prompt > runner_->n_ctx())
    return fail(Fault::limit,
                "the prompt has {} tokens, the context has room for {}; shorten the prompt or take "
                "a longer context",
                n_prompt, runner_->n_ctx());
  if (!loaded_strengths_.empty()) {  // what other strengths made is of no use
    const auto bytes = std::as_bytes(strengths_of(request));
    request.cache_salt.push_back('\0');
    request.cache_salt.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  const auto behind = [&](const Waiting& other) {
    return other.request.priority < request.priority;
  };
  const RequestId id = next_id_++;
  waiting_.insert(std::find_if(waiting_.begin(), waiting_.end(), behind),
                  Waiting{id, std::move(request)});
  return id;
}

void Engine::cancel(RequestId id) {
  for (Slot& slot : slots_)
    if (slot.active && slot.active->id == id) slot.active->cancelled = true;
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Waiting& waiting) { return waiting.id == id; });
  if (found == waiting_.end()) return;
  const Request request = std::move(found->request);
  waiting_.erase(found);
  Outcome outcome;
  outcome.timings.n_prompt = static_cast<int64_t>(request.prompt.size());
  if (request.on_finish) request.on_finish(outcome);
}

Result<bool> Engine::step() {
  drop_cancelled();
  admit();
  const auto start = Clock::now();
  TRY(make_drafts());
  schedule();
  if (!rows_.empty()) {
    const auto logits = TRY(runner_->run(rows_));
    if (runner_->snapshots() != nullptr) keep_states();
    sample(logits);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    pace_.step_done(n_answer_rows_, n_prompt_rows_, seconds);
    account(seconds);
    n_prompt_rows_run_ += n_prompt_rows_;
  } else if (runner_->cache().in_transfer()) {
    runner_->cache().wait();  // somebody does, or for the room that it takes
  } else if (runner_->snapshots() != nullptr) {
    runner_->snapshots()->wait();
  }
  drop_cancelled();
  return !waiting_.empty() || std::any_of(slots_.begin(), slots_.end(),
                                          [](const Slot& slot) { return slot.active != nullptr; });
}

void Engine::drop_cancelled() {
  for (Slot& slot : slots_)
    if (slot.active && slot.active->cancelled) finish(slot, StopReason::cancelled);
}

// Free slots take requests from the queue and forget what their prompts do not share; the cache
// gives back what others of them share (take_from_cache()).
void Engine::admit() {
  while (!waiting_.empty()) {
    Slot* slot = best_free_slot(waiting_.front().request);
    if (slot == nullptr) return;
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    slot->used_at = next_id_;
    slot->active = std::make_unique<Active>(next.id, std::move(next.request), model_);
    const Request& request = slot->active->request;
    const std::vector<int32_t>& prompt = request.prompt;
    const PrefixKey root = root_key(request.cache_salt);
    const int64_t shared = n_shared(*slot, request, root);
    if (slot->root != root && drafter_ != nullptr) drafter_->forget(slot->sequence);
    slot->root = root;
    // The last token is always run: its logits are wanted. What cannot be cut back to the shared
    // part is run anew.
    const int64_t n_past = runner_->n_past(slot->sequence);
    int64_t n_cached = std::min({shared, static_cast<int64_t>(prompt.size()) - 1, n_past});
    if (n_cached < n_past && !runner_->can_truncate()) n_cached = 0;
    if (runner_->cache().shares() || slot->active->tells_prompt()) n_cached = 0;
    runner_->truncate(slot->sequence, n_cached);
    if (!loaded_strengths_.empty()) runner_->set_strengths(slot->sequence, strengths_of(request));
    slot->tokens = prompt;
    slot->tokens.reserve(static_cast<size_t>(runner_->n_ctx()) + 1);
    slot->n_valid = n_cached;
    slot->active->outcome.timings.n_cached = n_cached;
  }
}

std::span<const float> Engine::strengths_of(const Request& request) const {
  return request.strengths.empty() ? loaded_strengths_ : request.strengths;
}

// Tokens of the prompt that are in the slot's cache. What other adapters made is of no use, and
// what was made under another salt not for this request.
int64_t Engine::n_shared(const Slot& slot, const Request& request, const PrefixKey& root) {
  if (slot.root != root) return 0;
  return std::ranges::mismatch(request.prompt, slot.tokens).in1 - request.prompt.begin();
}

// The free slot with most of the prompt in its cache; of equal ones the one with least to lose.
Engine::Slot* Engine::best_free_slot(const Request& request) {
  Slot* best = nullptr;
  int64_t best_shared = -1;
  const PrefixKey root = root_key(request.cache_salt);
  for (Slot& slot : slots_) {
    if (slot.active) continue;
    const int64_t shared = n_shared(slot, request, root);
    if (shared > best_shared || (shared == best_shared && slot.tokens.size() < best->tokens.size()))
      best = &slot, best_shared = shared;
  }
  return best;
}

// Guesses for the sequences that only wait for their next token, as many as the governor allows.
// With prompts to run there are none: time is then no measure of them.
Result<void> Engine::make_drafts() {
  for (Slot& slot : slots_) slot.drafts.clear();
  draft_requests_.clear();
  drafting_ = {};
  if (drafter_ == nullptr || !waiting_.empty()) return {};
  int64_t n_generating = 0;
  for (Slot& slot : slots_) {
    if (slot.active == nullptr) continue;
    if (!slot.generates(*runner_)) return {};
    ++n_generating;
  }
  if (n_generating == 0) return {};
  int64_t n_left = std::min(n_batch_, n_rows_with_drafts_max) - n_generating;
  if (draft_options_.governed) n_left = std::min(n_left, governor_.n_allowed(n_generating));
  for (Slot& slot : slots_) {
    if (slot.active == nullptr || slot.active->request.drafts == Drafts::never) continue;
    const Request& request = slot.active->request;
    const auto n_tokens = static_cast<int64_t>(slot.tokens.size());
    DraftRequest draft{.sequence = slot.sequence, .tokens = slot.tokens, .draft = {}};
    const int64_t n_read = n_to_read(draft, n_generating, n_left);
    int64_t n_max = std::min({slot.active->n_draft_next, draft_options_.n_max, n_left - n_read,
                              runner_->n_ctx() - n_tokens});
    if (request.n_predict >= 0)
      n_max = std::min(
          n_max, request.n_predict - static_cast<int64_t>(slot.active->outcome.tokens.size()) - 1);
    if (n_max < std::max<int64_t>(1, draft_options_.n_min)) continue;
    n_left -= n_read + n_max;
    drafting_.n_read += DraftGovernor::n_units(drafter_->n_unread(draft));
    draft.n_max = n_max;
    draft_requests_.push_back(std::move(draft));
  }
  if (draft_requests_.empty()) return {};
  const auto start = Clock::now();
  TRY(drafter_->draft(draft_requests_));
  drafting_.drafting_s = std::chrono::duration<double>(Clock::now() - start).count();
  for (DraftRequest& draft : draft_requests_) {
    if (static_cast<int64_t>(draft.draft.size()) < draft_options_.n_min) continue;
    Slot& slot = slots_[static_cast<size_t>(draft.sequence)];
    slot.drafts = std::move(draft.draft);
    slot.tokens.insert(slot.tokens.end(), slot.drafts.begin(), slot.drafts.end());
  }
  return {};
}

// What reading before it guesses takes from n_left guesses: the whole text when that is little or
// has been earned, and its last tokens otherwise.
int64_t Engine::n_to_read(DraftRequest& draft, int64_t n_generating, int64_t n_left) {
  if (!draft_options_.governed) return 0;
  const int64_t n_whole = DraftGovernor::n_units(drafter_->n_unread(draft));
  if (2 * n_whole < n_left) return n_whole;
  if (governor_.can_read(n_generating, n_whole)) return 0;
  draft.n_looked_at = DraftGovernor::n_looked_at_first;
  return DraftGovernor::n_units(drafter_->n_unread(draft));
}

void Engine::sample(View<const float, 2> logits) {
  int64_t row = 0;
  size_t n_sampled = 0;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].want == Want::nothing) continue;
    Slot& slot = *row_slots_[i];
    const bool samples = n_sampled < sampled_.size() && sampled_[n_sampled] == &slot;
    const int64_t n_last = samples ? static_cast<int64_t>(slot.drafts.size()) + 1 : 0;
    const int64_t n_rows =
        rows_[i].want == Want::all ? static_cast<int64_t>(rows_[i].tokens.size()) : 1;
    if (slot.active->tells_prompt())
      tell_prompt(slot, View<const float, 2>(logits.row(row), n_rows, logits.dim(1)));
    if (samples) {
      ++n_sampled;
      const float* first = logits.row(row + n_rows - n_last);
      take_rows(slot, View<const float, 2>(first, n_last, logits.dim(1)));
    }
    row += n_rows;
  }
}

// The row of a token says how likely the one behind it is.
void Engine::tell_prompt(Slot& slot, View<const float, 2> logits) {
  Active& active = *slot.active;
  const std::vector<int32_t>& prompt = active.request.prompt;
  const int64_t begin = runner_->n_past(slot.sequence) - logits.dim(0);
  for (int64_t i = 0; i < logits.dim(0); ++i) {
    const int64_t at = begin + i + 1;
    if (at < active.n_prompt_told || at >= static_cast<int64_t>(prompt.size())) continue;
    active.n_prompt_told = at + 1;
    const std::span<const float> row(logits.row(i), static_cast<size_t>(logits.dim(1)));
    const int32_t token = prompt[static_cast<size_t>(at)];
    active.request.on_prompt_token({at, TokenProbabilities::rank(token, row),
                                    probabilities_.of(token, row, active.request.n_probabilities)});
  }
}

// The last row and those of the drafts after it: as long as what is drawn is what was guessed, the
// next row is that of the token drawn. What was run after a wrong guess is forgotten.
void Engine::take_rows(Slot& slot, View<const float, 2> logits) {
  const auto n_vocab = static_cast<size_t>(logits.dim(1));
  const size_t n_drafts = slot.drafts.size();
  slot.tokens.resize(slot.tokens.size() - n_drafts);
  slot.n_valid = static_cast<int64_t>(slot.tokens.size());
  Active& active = *slot.active;
  Timings& timings = active.outcome.timings;
  timings.n_drafted += static_cast<int64_t>(n_drafts);
  if (n_drafts > 0) ++timings.n_drafts;
  size_t n_right = 0;
  slot.n_drawn = 0;
  for (size_t i = 0; i <= n_drafts; ++i) {
    take_token(slot, {logits.row(static_cast<int64_t>(i)), n_vocab});
    ++slot.n_drawn;
    if (slot.active == nullptr || active.cancelled || i == n_drafts) break;
    if (slot.tokens.back() != slot.drafts[i]) break;
    ++n_right;
    ++slot.n_valid;
    ++timings.n_accepted;
  }
  if (slot.active == nullptr || n_drafts == 0) return;
  if (runner_->n_past(slot.sequence) > slot.n_valid) runner_->truncate(slot.sequence, slot.n_valid);
  active.n_draft_next = n_right == n_drafts ? std::min<int64_t>(active.n_draft_next * 2, 64)
                                            : static_cast<int64_t>(n_right) + 1;
}

void Engine::account(double seconds) {
  if (drafter_ == nullptr) return;
  DraftCounts counts = drafting_;
  int64_t n_rows = 0, n_tokens = 0;
  for (size_t i = 0; i < sampled_.size(); ++i) {
    n_rows += static_cast<int64_t>(rows_[i].tokens.size());
    counts.n_drafted += static_cast<int64_t>(sampled_[i]->drafts.size());
    n_tokens += sampled_[i]->n_drawn;
  }
  // Only steps in which nothing but answers grew.
  if (rows_.size() != sampled_.size()) return;
  if (n_rows != static_cast<int64_t>(sampled_.size()) + counts.n_drafted) return;
  governor_.step_done(static_cast<int64_t>(sampled_.size()), counts, n_tokens, seconds);
}

void Engine::take_token(Slot& slot, std::span<const float> logits) {
  Active& active = *slot.active;
  const Request& request = active.request;
  Outcome& outcome = active.outcome;
  const auto now = Clock::now();
  if (!active.first_token) {
    active.first_token = now;
    outcome.timings.prompt_s = std::chrono::duration<double>(now - *active.started).count();
    runner_->cache().save(slot.sequence);
    active.tell_progress(outcome.timings.n_prompt);
  }
  // Asked for nothing: the prompt was run, and that is all.
  if (request.n_predict == 0) return finish(slot, StopReason::n_predict);

  const Result<int32_t> drawn = draw(active, logits);
  if (!drawn) {
    outcome.error = drawn.error();
    return finish(slot, StopReason::failed);
  }
  ++outcome.timings.n_generated;
  ++n_drawn_;
  outcome.timings.generate_s = std::chrono::duration<double>(now - *active.first_token).count();
  if (ends_answer(request, *drawn)) {
    outcome.ended_by = *drawn;
    return finish(slot, StopReason::end_of_generation);
  }

  outcome.tokens.push_back(*drawn);
  slot.tokens.push_back(*drawn);
  active.show(active.stops.push(active.decoder.push(*drawn)));
  if (active.stops.found()) return finish(slot, StopReason::stop_string);
  if (request.constraint != nullptr && request.constraint->finished())
    return finish(slot, StopReason::end_of_generation);
  if (static_cast<int64_t>(outcome.tokens.size()) == request.n_predict)
    return finish(slot, StopReason::n_predict);
  if (static_cast<int64_t>(slot.tokens.size()) <= runner_->n_ctx()) return;
  if (!request.shift.wanted) return finish(slot, StopReason::context_full);
  shift_context(slot);
}

bool Engine::ends_answer(const Request& request, int32_t token) const {
  if (std::ranges::find(request.stop_tokens, token) != request.stop_tokens.end()) return true;
  return request.end == EndOfGeneration::stops && model_->tokenizer().is_end_of_generation(token);
}

// The next token. What it is told to the sampler, the constraint and the caller, unless it ends the
// answer.
Result<int32_t> Engine::draw(Active& active, std::span<const float> logits) {
  const Request& request = active.request;
  const int32_t token =
      TRY(active.sampler.sample(logits, request.constraint.get(), active.too_early()));
  if (ends_answer(request, token)) return token;
  active.sampler.accept(token);
  if (request.constraint != nullptr) TRY(request.constraint->accept(token));
  if (request.on_token) {
    const int32_t n = request.n_probabilities;
    request.on_token(request.probabilities == Probabilities::of_model
                         ? probabilities_.of(token, logits, n)
                         : active.sampler.drawn(n));
  }
  return token;
}

// Drops the earlier half of what may be dropped. The rest becomes a prompt that is run again: keys
// and values of tokens that followed the dropped ones would still know of them.
void Engine::shift_context(Slot& slot) {
  const Request& request = slot.active->request;
  const auto n_tokens = static_cast<int64_t>(slot.tokens.size());
  const auto n_prefix = static_cast<int64_t>(model_->tokenizer().prefix_ids().size());
  int64_t n_keep = request.shift.n_keep < 0 ? static_cast<int64_t>(request.prompt.size())
                                            : std::max(request.shift.n_keep, n_prefix);
  // Half of the context at least is free to move.
  n_keep = std::min(n_keep, runner_->n_ctx() / 2);
  const int64_t n_dropped = std::max<int64_t>(1, (n_tokens - n_keep) / 2);
  slot.tokens.erase(slot.tokens.begin() + n_keep, slot.tokens.begin() + n_keep + n_dropped);
  slot.active->outcome.n_discarded += n_dropped;
  slot.n_valid = runner_->can_truncate() ? n_keep : 0;
  runner_->truncate(slot.sequence, std::min(slot.n_valid, runner_->n_past(slot.sequence)));
}

// Shows what was held back, frees the slot and tells the caller. The tokens stay: they say what is
// cached.
void Engine::finish(Slot& slot, StopReason reason) {
  const std::unique_ptr<Active> active = std::move(slot.active);
  if (runner_->n_past(slot.sequence) > slot.n_valid && !slot.drafts.empty())
    runner_->truncate(slot.sequence, slot.n_valid);
  slot.tokens.resize(
      std::min(slot.tokens.size(), static_cast<size_t>(runner_->n_past(slot.sequence))));
  if (const BlockStore* store = runner_->cache().store(); store && store->takes_answers())
    runner_->cache().save(slot.sequence);
  if (keeps_answers()) runner_->snapshots()->end_growing(slot.sequence);
  if (reason != StopReason::stop_string) {
    active->show(active->stops.push(active->decoder.flush()) + active->stops.flush());
    if (active->stops.found()) reason = StopReason::stop_string;
  }
  active->outcome.reason = reason;
  active->outcome.stop = active->stops.which();
  if (active->request.on_finish) active->request.on_finish(active->outcome);
}

Result<Outcome> generate(Engine& engine, Request request, std::string* text) {
  Outcome result;
  if (text != nullptr) request.on_text = [text](std::string_view piece) { *text += piece; };
  request.on_finish = [&result](const Outcome& outcome) { result = outcome; };
  TRY(engine.add(std::move(request)));
  while (TRY(engine.step())) {
  }
  if (result.error) return std::unexpected(*result.error);
  return result;
}

}  // namespace quire
