// Engine: many sequences on one set of weights.
//
//   step() = schedule, run, sample
//
// A request waits until a slot is free, then its prompt is run in chunks that share each step with
// one row of every sequence that is generating already, so a long prompt never stalls an answer
// (engine/schedule.cpp). The cache may be smaller than all slots could fill: then who came last
// waits.
// Text is handed on as it grows, always whole characters. What is in the cache of a prompt already
// is not run again: blocks of any sequence, running or finished, or on disk
// (engine/sequence_cache.h). Requests that come together and begin alike run their common part
// once. Where blocks cannot be shared (recurrent models) a slot keeps the state of its last
// sequence, and a request that goes on from there takes this slot; others go on from states that
// were kept at places of earlier prompts (engine/recurrent_prompts.cpp).
//
// A sequence's tokens depend on its prompt, its parameters and its seed, never on the number of
// threads, nor on drafts (engine/drafter.h), which only make them come faster. (Other sequences in
// the same step can change rounding; see kernels/matmul.h.)
//
// A full context ends an answer, unless its request asks for a shift: then the first n_keep tokens
// and the later half of the rest stay, and are run again from the start, so that the model sees a
// shorter text and not remains of a longer one.
//
// Belongs to one thread; callbacks run inside step() and may call cancel().
#pragma once
#include "engine/constraint.h"
#include "engine/draft_governor.h"
#include "engine/drafter.h"
#include "engine/prompt_pace.h"
#include "engine/runner.h"
#include "engine/sampler.h"
#include "engine/stop_strings.h"
#include "engine/token_probabilities.h"

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace quire {

using RequestId = uint64_t;

enum class StopReason : uint8_t {
  end_of_generation,  // the model said so
  stop_string,        // one of Request::stop
  n_predict,          // as many tokens as asked for
  context_full,       // no position is left
  cancelled,
  failed,  // see Outcome::error
};
const char* stop_reason_name(StopReason reason);  // "end_of_generation", ...

enum class EndOfGeneration : uint8_t { stops, never_drawn };

enum class Drafts : uint8_t { allowed, never };

// Which probabilities on_token is told: as the model gave them, or as samplers left them.
enum class Probabilities : uint8_t { of_model, after_sampling };

// A token of a prompt after its first one: how likely the model thought it was behind those before.
struct PromptToken {
  int64_t index = 0;  // in the prompt
  int64_t rank = 1;   // 1: the likeliest
  DrawnToken token;   // valid during the call
};

// How far a prompt is, in tokens.
struct PromptProgress {
  int64_t n_total = 0, n_cached = 0, n_done = 0;  // n_done: those in the cache included
};

struct Timings {
  int64_t n_prompt = 0;          // tokens of the prompt
  int64_t n_cached = 0;          // of which were in the cache
  int64_t n_generated = 0;       // tokens drawn, the one that ended it included
  int64_t n_drafts = 0;          // times that guesses were checked
  int64_t n_drafted = 0;         // guesses that were checked
  int64_t n_accepted = 0;        // of which were right
  double prompt_s = 0;           // from the first chunk to the first token drawn
  double generate_s = 0;         // from there to the last
  double prompt_rate() const;    // tokens per second; 0 when nothing was measured
  double generate_rate() const;  // the first token belongs to the prompt's time
};

struct Outcome {
  StopReason reason = StopReason::cancelled;
  std::vector<int32_t> tokens;  // drawn, without one that ends generation
  std::string stop;             // the one of Request::stop that was found
  int32_t ended_by = -1;        // the token that ended it
  int64_t n_discarded = 0;      // tokens that context shifts dropped
  Timings timings;
  std::optional<Error> error;
};

// What happens when no position is left.
struct ContextShift {
  bool wanted = false;
  int64_t n_keep = 0;  // tokens at the start that stay; -1: all of the prompt
};

struct Request {
  std::vector<int32_t> prompt;
  SamplingParams sampling;
  int64_t n_predict = -1;  // at most so many tokens; -1: as long as there is context
  std::vector<std::string> stop;
  std::vector<int32_t> stop_tokens;  // end the answer as the model's own do
  int64_t n_least = 0;               // no token that ends the answer is drawn before so many
  EndOfGeneration end = EndOfGeneration::stops;
  ContextShift shift;
  Drafts drafts = Drafts::allowed;
  std::shared_ptr<TokenConstraint> constraint;  // of this request alone; null: none
  int32_t n_probabilities = 0;                  // on_token is told so many of the likeliest tokens
  Probabilities probabilities = Probabilities::of_model;
  DecodeAt decode_at = DecodeAt::middle;
  ShowSpecial show_special = ShowSpecial::hide;  // control tokens by their names in the text
  StreamDecoder::Replace replace = StreamDecoder::Replace::invalid;
  // How strongly each of model().adapters() works on this answer; empty: as they were loaded.
  std::vector<float> strengths;
  int32_t priority = 0;  // higher ones leave the queue first
  // Sequences with different salts share nothing: for whom, or under what, the text is made.
  std::string cache_salt;
  // Before each step that runs a part of the prompt, and when all of it was run.
  std::function<void(const PromptProgress& progress)> on_prompt;
  // Each token of the prompt but the first, once, in order. Then none of the prompt is taken from
  // the cache, and every row of it costs a pass over the logits.
  std::function<void(const PromptToken& token)> on_prompt_token;
  // Each token of the answer as it is drawn, before its text (which may come later, when
  // characters are complete). Costs a pass over the logits.
  std::function<void(const DrawnToken& token)> on_token;
  std::function<void(std::string_view text)> on_text;     // never with empty text
  std::function<void(const Outcome& outcome)> on_finish;  // once, as the last call
};

// How drafts are made; none at all unless asked for.
struct DraftOptions {
  bool lookup = false;                             // from the text itself
  std::shared_ptr<const Model> model;              // or by a smaller model
  std::function<std::unique_ptr<Drafter>()> make;  // or by a drafter of one's own
  int64_t n_ctx = 0;     // of that model; 0: what it knows, at most the engine's
  int64_t n_max = 8;     // guesses at a time
  int64_t n_min = 0;     // fewer are not checked
  double p_min = 0.75;   // the smaller model stops guessing below this probability
  bool governed = true;  // no more than pay (draft_governor.h); false: always all
};

class Engine {
 public:
  // unsupported when the smaller model has another vocabulary.
  static Result<std::unique_ptr<Engine>> create(std::shared_ptr<const Model> model,
                                                const RunnerOptions& options,
                                                const DraftOptions& drafts = {});

  // Queues a request. usage for strengths that are not as many as the model has adapters, for a
  // prompt without tokens or parameters out of range, limit when the prompt leaves no room in the
  // context: the error gives both counts.
  Result<RequestId> add(Request request);
  // Ends it with StopReason::cancelled before the next step does anything for it. Unknown ids are
  // ignored: it may just have finished.
  void cancel(RequestId id);

  // One step of the model, if there is anything to do. Returns whether there is more.
  Result<bool> step();

  // Since the start: tokens of prompts that were run, and tokens drawn.
  int64_t n_prompt_rows_run() const { return n_prompt_rows_run_; }
  int64_t n_drawn() const { return n_drawn_; }
  // How often a sequence gave its room in the cache to an older one.
  int64_t n_put_back() const { return n_put_back_; }

  const Model& model() const { return *model_; }
  Runner& runner() { return *runner_; }
  const Runner& runner() const { return *runner_; }
  // "lookup", "model", or empty when this engine makes no drafts.
  std::string_view draft_kind() const { return drafter_ ? drafter_->name() : ""; }
  int64_t draft_bytes() const { return drafter_ ? drafter_->memory_bytes() : 0; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Active;  // a request in a slot
  struct Slot;
  struct Waiting {
    RequestId id;
    Request request;
  };

  Engine(std::shared_ptr<const Model> model, std::unique_ptr<Runner> runner,
         const RunnerOptions& options);
  Result<void> make_drafts();
  int64_t n_to_read(DraftRequest& draft, int64_t n_generating, int64_t n_left);
  void admit();
  void take_from_cache();
  bool follows_another(size_t i);
  void take_states();
  void plan_stop(size_t i);
  void keep_states();
  bool keeps_answers() const;
  static StateSnapshots::Text prompt_text(const Slot& slot);
  std::span<const float> strengths_of(const Request& request) const;
  static int64_t n_shared(const Slot& slot, const Request& request, const PrefixKey& root);
  Slot* best_free_slot(const Request& request);
  void schedule();
  void schedule(Slot& slot, int64_t n_rows);
  void tell_prompt(Slot& slot, View<const float, 2> logits);
  bool ends_answer(const Request& request, int32_t token) const;
  bool make_room(Slot& slot, int64_t n_rows);
  void put_back(Slot& slot);
  void sample(View<const float, 2> logits);
  void take_rows(Slot& slot, View<const float, 2> logits);
  void take_token(Slot& slot, std::span<const float> logits);
  Result<int32_t> draw(Active& active, std::span<const float> logits);
  void shift_context(Slot& slot);
  void account(double seconds);
  void drop_cancelled();
  void finish(Slot& slot, StopReason reason);

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Runner> runner_;
  std::vector<float> loaded_strengths_;  // of the model's adapters, where a request has none
  int64_t n_batch_;
  RequestId next_id_ = 1;
  std::deque<Waiting> waiting_;                    // by priority, then by arrival
  std::vector<Slot> slots_;                        // one for each sequence of the runner
  std::vector<RunRows> rows_;                      // of this step
  std::vector<Slot*> row_slots_;                   // whose rows_ they are
  std::vector<Slot*> sampled_;                     // whose logits come out of this step, in order
  std::vector<Slot*> by_age_;                      // that have a request, the oldest first
  int64_t n_answer_rows_ = 0, n_prompt_rows_ = 0;  // of this step
  int64_t n_reserved_ = 0;                         // blocks that this step will take
  int64_t n_prompt_rows_run_ = 0, n_drawn_ = 0, n_put_back_ = 0;  // of all steps
  PromptPace pace_;
  TokenProbabilities probabilities_;

  DraftOptions draft_options_;
  std::unique_ptr<Drafter> drafter_;  // null: no drafts
  DraftGovernor governor_;
  std::vector<DraftRequest> draft_requests_;
  DraftCounts drafting_;  // what the guesses of this step took

 public:
  ~Engine();
};

// Runs a request to its end and appends its text to `text` when not null, for callers that do not
// stream. An answer that failed is an error here.
Result<Outcome> generate(Engine& engine, Request request, std::string* text);

}  // namespace quire
