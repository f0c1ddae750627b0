#include "engine/engine.h"

#include <algorithm>

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

struct Engine::Active {
  Active(RequestId the_id, Request the_request, const std::shared_ptr<const Model>& model)
      : id(the_id),
        request(std::move(the_request)),
        sampler(request.sampling, banned(request, *model)),
        decoder({model, &model->tokenizer()}, {.at = request.decode_at}, request.replace),
        stops(std::move(request.stop)) {
    for (const int32_t token : request.prompt) sampler.accept(token);
    outcome.timings.n_prompt = static_cast<int64_t>(request.prompt.size());
  }

  static std::span<const int32_t> banned(const Request& request, const Model& model) {
    if (request.end == EndOfGeneration::stops) return {};
    return model.tokenizer().end_of_generation();
  }
  void show(const std::string& text) const {
    if (!text.empty() && request.on_text) request.on_text(text);
  }

  RequestId id;
  Request request;
  Sampler sampler;
  StreamDecoder decoder;
  StopStrings stops;
  Outcome outcome;
  bool cancelled = false;
  std::optional<Clock::time_point> started, first_token;
};

struct Engine::Slot {
  int32_t sequence = 0;
  std::unique_ptr<Active> active;
  // Tokens of the sequence: those in the cache first (Runner::n_past), then those to run.
  std::vector<int32_t> tokens;
};

Engine::Engine(std::shared_ptr<const Model> model, std::unique_ptr<Runner> runner,
               const RunnerOptions& options)
    : model_(std::move(model)), runner_(std::move(runner)), n_batch_(options.n_batch) {
  slots_.resize(static_cast<size_t>(options.n_sequences));
  for (size_t i = 0; i < slots_.size(); ++i) slots_[i].sequence = static_cast<int32_t>(i);
}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::create(std::shared_ptr<const Model> model,
                                               const RunnerOptions& options) {
  auto runner = TRY(Runner::create(model, options));
  return std::unique_ptr<Engine>(new Engine(std::move(model), std::move(runner), options));
}

Result<RequestId> Engine::add(Request request) {
  const auto n_prompt = static_cast<int64_t>(request.prompt.size());
  const int64_t n_vocab = model_->hparams().n_vocab;
  TRY(check_sampling(request.sampling));
  if (n_prompt == 0)
    return fail(Fault::usage, "the prompt has no tokens, and the model has no start token");
  if (request.n_predict < -1)
    return fail(Fault::usage, "n_predict {} is out of range, at least -1", request.n_predict);
  for (const int32_t token : request.prompt)
    if (token < 0 || token >= n_vocab)
      return fail(Fault::usage, "token {} is not in the vocabulary, which has 0 to {}", token,
                  n_vocab - 1);
  if (n_prompt > runner_->n_ctx())
    return fail(Fault::limit,
                "the prompt has {} tokens, the context has room for {}; shorten the prompt or take "
                "a longer context",
                n_prompt, runner_->n_ctx());
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
  schedule();
  if (!rows_.empty()) sample(TRY(runner_->run(rows_)));
  drop_cancelled();
  return !waiting_.empty() || std::any_of(slots_.begin(), slots_.end(),
                                          [](const Slot& slot) { return slot.active != nullptr; });
}

void Engine::drop_cancelled() {
  for (Slot& slot : slots_)
    if (slot.active && slot.active->cancelled) finish(slot, StopReason::cancelled);
}

// Free slots take requests from the queue and forget what their prompts do not share.
void Engine::admit() {
  while (!waiting_.empty()) {
    Slot* slot = best_free_slot(waiting_.front().request.prompt);
    if (slot == nullptr) return;
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    slot->active = std::make_unique<Active>(next.id, std::move(next.request), model_);
    const std::vector<int32_t>& prompt = slot->active->request.prompt;
    const auto shared =
        std::mismatch(prompt.begin(), prompt.end(), slot->tokens.begin(), slot->tokens.end())
            .first -
        prompt.begin();
    // The last token is always run: its logits are wanted. What cannot be cut back to the shared
    // part is run anew.
    const int64_t n_past = runner_->n_past(slot->sequence);
    int64_t n_cached = std::min({int64_t{shared}, static_cast<int64_t>(prompt.size()) - 1, n_past});
    if (n_cached < n_past && !runner_->can_truncate()) n_cached = 0;
    runner_->truncate(slot->sequence, n_cached);
    slot->tokens = prompt;
    slot->tokens.reserve(static_cast<size_t>(runner_->n_ctx()) + 1);
    slot->active->outcome.timings.n_cached = n_cached;
  }
}

// The free slot with most of the prompt in its cache; of equal ones the one with least to lose.
Engine::Slot* Engine::best_free_slot(std::span<const int32_t> prompt) {
  Slot* best = nullptr;
  std::ptrdiff_t best_shared = -1;
  for (Slot& slot : slots_) {
    if (slot.active) continue;
    const auto shared =
        std::mismatch(prompt.begin(), prompt.end(), slot.tokens.begin(), slot.tokens.end()).first -
        prompt.begin();
    if (shared > best_shared || (shared == best_shared && slot.tokens.size() < best->tokens.size()))
      best = &slot, best_shared = shared;
  }
  return best;
}

// One row of each generating sequence, then chunks of prompts while there is room.
void Engine::schedule() {
  rows_.clear();
  sampled_.clear();
  int64_t n_left = n_batch_;
  for (const bool generating : {true, false}) {
    for (Slot& slot : slots_) {
      if (!slot.active || n_left == 0 || slot.active->first_token.has_value() != generating)
        continue;
      const int64_t n_pending =
          static_cast<int64_t>(slot.tokens.size()) - runner_->n_past(slot.sequence);
      const int64_t n_rows = std::min(n_pending, n_left);
      schedule(slot, n_rows);
      n_left -= n_rows;
    }
  }
}

void Engine::schedule(Slot& slot, int64_t n_rows) {
  if (!slot.active->started) slot.active->started = Clock::now();
  const auto n_past = static_cast<size_t>(runner_->n_past(slot.sequence));
  const bool last = n_past + static_cast<size_t>(n_rows) == slot.tokens.size();
  rows_.push_back({slot.sequence,
                   std::span(slot.tokens).subspan(n_past, static_cast<size_t>(n_rows)),
                   last ? Want::last : Want::nothing});
  if (last) sampled_.push_back(&slot);
}

void Engine::sample(View<const float, 2> logits) {
  const auto n_vocab = static_cast<size_t>(logits.dim(1));
  for (size_t i = 0; i < sampled_.size(); ++i)
    take_token(*sampled_[i], {logits.row(static_cast<int64_t>(i)), n_vocab});
}

void Engine::take_token(Slot& slot, std::span<const float> logits) {
  Active& active = *slot.active;
  const Request& request = active.request;
  Outcome& outcome = active.outcome;
  const auto now = Clock::now();
  if (!active.first_token) {
    active.first_token = now;
    outcome.timings.prompt_s = std::chrono::duration<double>(now - *active.started).count();
  }
  // Asked for nothing: the prompt was run, and that is all.
  if (request.n_predict == 0) return finish(slot, StopReason::n_predict);

  const Result<int32_t> drawn = active.sampler.sample(logits);
  if (!drawn) {
    outcome.error = drawn.error();
    return finish(slot, StopReason::failed);
  }
  ++outcome.timings.n_generated;
  outcome.timings.generate_s = std::chrono::duration<double>(now - *active.first_token).count();
  if (request.end == EndOfGeneration::stops && model_->tokenizer().is_end_of_generation(*drawn))
    return finish(slot, StopReason::end_of_generation);

  active.sampler.accept(*drawn);
  outcome.tokens.push_back(*drawn);
  slot.tokens.push_back(*drawn);
  active.show(active.stops.push(active.decoder.push(*drawn)));
  if (active.stops.found()) return finish(slot, StopReason::stop_string);
  if (static_cast<int64_t>(outcome.tokens.size()) == request.n_predict)
    return finish(slot, StopReason::n_predict);
  if (static_cast<int64_t>(slot.tokens.size()) > runner_->n_ctx())
    return finish(slot, StopReason::context_full);
}

// Shows what was held back, frees the slot and tells the caller. The tokens stay: they say what is
// cached.
void Engine::finish(Slot& slot, StopReason reason) {
  const std::unique_ptr<Active> active = std::move(slot.active);
  slot.tokens.resize(
      std::min(slot.tokens.size(), static_cast<size_t>(runner_->n_past(slot.sequence))));
  if (reason != StopReason::stop_string) {
    active->show(active->stops.push(active->decoder.flush()) + active->stops.flush());
    if (active->stops.found()) reason = StopReason::stop_string;
  }
  active->outcome.reason = reason;
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
