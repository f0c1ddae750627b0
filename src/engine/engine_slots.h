// The requests an engine works on, for engine.cpp and schedule.cpp only.
#pragma once
#include "engine/engine.h"

namespace quire {

struct Engine::Active {
  Active(RequestId the_id, Request the_request, const std::shared_ptr<const Model>& model)
      : id(the_id),
        request(std::move(the_request)),
        sampler(request.sampling, banned(request, *model), &model->tokenizer()),
        decoder({model, &model->tokenizer()},
                {.special = request.show_special, .at = request.decode_at}, request.replace),
        stops(std::move(request.stop)) {
    for (const int32_t token : request.prompt) sampler.accept(token);
    if (request.n_least > 0) {
      const auto ends = model->tokenizer().end_of_generation();
      ends_answer = request.stop_tokens;
      ends_answer.insert(ends_answer.end(), ends.begin(), ends.end());
    }
    outcome.timings.n_prompt = static_cast<int64_t>(request.prompt.size());
  }

  static std::span<const int32_t> banned(const Request& request, const Model& model) {
    if (request.end == EndOfGeneration::stops) return {};
    return model.tokenizer().end_of_generation();
  }
  void show(const std::string& text) const {
    if (!text.empty() && request.on_text) request.on_text(text);
  }
  // What may not be drawn next, because the answer is too short to end.
  std::span<const int32_t> too_early() const {
    if (static_cast<int64_t>(outcome.tokens.size()) >= request.n_least) return {};
    return ends_answer;
  }
  // Each row of the prompt gives its logits.
  bool tells_prompt() const { return request.on_prompt_token && !first_token; }
  // Of the prompt; says nothing twice, nor when a part of it is run again.
  void tell_progress(int64_t n_done) {
    if (!request.on_prompt || n_done <= n_told) return;
    n_told = n_done;
    request.on_prompt({outcome.timings.n_prompt, outcome.timings.n_cached, n_done});
  }

  RequestId id;
  Request request;
  Sampler sampler;
  StreamDecoder decoder;
  StopStrings stops;
  Outcome outcome;
  bool cancelled = false;
  std::optional<Clock::time_point> started, first_token;
  int64_t n_draft_next = 2;   // how many guesses to ask for
  int64_t n_told = -1;        // tokens of the prompt that tell_progress() told last
  int64_t n_prompt_told = 1;  // that on_prompt_token has heard of; the first has no probability
  std::vector<int32_t> ends_answer;  // with n_least: all that do
};

struct Engine::Slot {
  int32_t sequence = 0;
  std::unique_ptr<Active> active;
  PrefixKey root;  // of the tokens: the salt of their request, strengths of adapters included
  // Tokens of the sequence: those in the cache first (Runner::n_past), then those to run.
  std::vector<int32_t> tokens;
  uint64_t used_at = 0;         // rises with each request that takes a slot
  std::vector<int32_t> drafts;  // guesses that this step checks; they are the last of `tokens`
  int64_t n_valid = 0;          // positions in the cache that are known to be right
  bool scheduled = false;       // in this step
  bool waits = false;           // for blocks that are read, or run for an older request
  int64_t n_drawn = 0;          // tokens that this step gave
  // Of a recurrent model: where a step of the prompt ends, for its state to be kept; 0: anywhere.
  int64_t stop_at = 0;
  StateSnapshots::Disk stop_disk = StateSnapshots::Disk::leave;

  int64_t n_pending(Runner& runner) const {
    return static_cast<int64_t>(tokens.size()) - runner.n_past(sequence);
  }
  // The prompt, or after a shift of the context what is left of the text, is to be run.
  bool has_prompt(Runner& runner) const { return active != nullptr && !generates(runner); }
  // One token is to be run and the next one drawn.
  bool generates(Runner& runner) const {
    return active != nullptr && active->first_token.has_value() && n_pending(runner) == 1;
  }
};

}  // namespace quire
