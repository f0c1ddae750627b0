// EngineHost: one model with its engine and the thread that owns it. Requests arrive by message,
// text leaves by message.
//
//   auto host = TRY(EngineHost::start(model, options));
//   auto generation = TRY(host->submit(std::move(requests)));
//   while (std::optional<Generation::Event> event = generation->next()) ...
//
// What a client does not read does not pile up: a generation that holds more than
// unread_bytes_max is cancelled.
#pragma once
#include "engine/engine.h"
#include "engine/grammar_constraint.h"
#include "engine/thinking_budget.h"
#include "server/histogram.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace quire::server {

class EngineHost;

enum class Tokens : uint8_t { hidden, told };
enum class Progress : uint8_t { hidden, told };

struct HostRequest {
  Request request;                        // without callbacks and without a constraint
  Tokens tokens = Tokens::hidden;         // whether events tell the tokens
  Tokens prompt_tokens = Tokens::hidden;  // and those of the prompt, all but the first
  Progress progress = Progress::hidden;   // and how far the prompt is
  std::optional<OutputGrammar> grammar{};
  std::optional<ThinkingBudget::Options> thinking{};  // of an answer that may think so much
  std::vector<int32_t> allowed_tokens{};              // no others are drawn; empty: all are
  size_t n_alike = 1;  // to be counted: answers to one prompt, on the first of them, 0 on others
};

// A token as it was drawn, or as the model thought of it in the prompt.
struct TokenEvent {
  int32_t token = -1;
  float log_probability = 0;
  std::vector<TokenProbability> likeliest{};
  int64_t rank = 0;  // of the prompt: 1 for the likeliest
};

// One or several sequences that were asked for together, as they grow. next() belongs to one
// thread, cancel() to any. What a step gives a sequence comes in one event, its outcome too.
class Generation {
 public:
  struct Event {
    size_t index = 0;  // of the request in submit()
    std::string text{};
    std::vector<TokenEvent> tokens{};          // since the last event, when asked for
    std::optional<Outcome> outcome{};          // set in the last event of this sequence
    std::optional<PromptProgress> progress{};  // then there is nothing else
    std::vector<TokenEvent> prompt_tokens{};   // since the last event, when asked for
  };
  ~Generation();  // cancels what is not finished

  // Waits; nothing when every sequence has finished.
  std::optional<Event> next();
  void cancel();
  // The client reads too slowly: cancelled because of that.
  bool overflowed() const;

 private:
  friend class EngineHost;
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// Counted since the start; for /metrics.
struct HostCounters {
  std::atomic<int64_t> n_prompt_tokens{0}, n_cached_tokens{0}, n_generated_tokens{0}, n_steps{0},
      n_requests{0}, n_cancelled{0}, n_failed{0}, n_drafts{0}, n_drafted{0}, n_accepted{0};
  std::atomic<double> prompt_s{0}, generate_s{0};
  std::atomic<int64_t> n_waiting{0}, n_running{0};
  std::atomic<int64_t> n_tokens_max{0};  // of the longest sequence
  // After each step, while answers are still being made: tokens drawn, tokens of prompts that were
  // run.
  std::atomic<int64_t> n_drawn{0}, n_prompt_rows{0};
  // Ended by the model or a stop, by a limit; given back: see Engine::n_put_back().
  std::atomic<int64_t> n_stopped{0}, n_cut{0}, n_put_back{0};
  // Of sequences, when they have ended; the first token's when it comes, later ones' after each
  // step, which is the time that they took.
  Histogram first_token_s{second_bounds}, later_token_s{second_bounds}, whole_s{second_bounds},
      queue_s{second_bounds}, inference_s{second_bounds}, prefill_s{second_bounds},
      decode_s{second_bounds};
  Histogram request_prompt_tokens{token_bounds}, request_generation_tokens{token_bounds},
      request_tokens_max{token_bounds}, step_tokens{token_bounds}, request_n{count_bounds};
};

// Adds what was counted to `into`; n_tokens_max is the larger one.
void add_counters(HostCounters& into, const HostCounters& more);

// The prompt cache as it is now; for /metrics and /props.
struct HostCache {
  int64_t n_positions = 0;  // of the pool
  int64_t n_held = 0;       // by sequences
  int64_t n_kept = 0;       // left by finished ones, to be used again
  int64_t n_evicted = 0;    // of those, since the start
  int64_t position_bytes = 0;
  bool shares = false;                      // prompts with each other
  int32_t n_states = 0, n_states_kept = 0;  // of prompts of a recurrent model: places, used ones
  bool on_disk = false;
  BlockStore::Counters disk{};
};

struct HostOptions {
  RunnerOptions runner;
  DraftOptions drafts;
  int64_t n_queue_max = 256;  // sequences that wait or run
  size_t unread_bytes_max = size_t{8} << 20;
};

class EngineHost {
 public:
  static Result<std::unique_ptr<EngineHost>> start(std::shared_ptr<const Model> model,
                                                   const HostOptions& options);
  ~EngineHost();  // cancels what runs

  // device (503) when the queue is full. What the engine has to say against a request comes as the
  // outcome of its sequence. cache_salt: goes before that of each request. From any thread.
  Result<std::unique_ptr<Generation>> submit(std::vector<HostRequest> requests,
                                             std::string_view cache_salt = {});

  // How strongly each of model()->adapters() works where a request has no strengths of its own,
  // from the next request on. From any thread.
  void set_strengths(std::vector<float> strengths);
  std::vector<float> strengths() const;

  const std::shared_ptr<const Model>& model() const { return model_; }
  int64_t n_ctx() const { return n_ctx_; }
  int32_t n_slots() const { return n_slots_; }
  int64_t kv_bytes() const { return kv_bytes_; }
  DType k_dtype() const { return options_.runner.k_dtype; }
  // Weights, cache, activations, and the draft model's: computed (engine/memory_needs.h).
  int64_t memory_bytes() const { return memory_bytes_; }
  const HostCounters& counters() const { return counters_; }
  HostCache cache() const;
  bool idle() const { return counters_.n_waiting + counters_.n_running == 0; }

 private:
  struct Command {
    std::shared_ptr<Generation::Shared> generation;
    std::vector<HostRequest> requests;  // empty: cancel
  };
  EngineHost(std::shared_ptr<const Model> model, std::unique_ptr<Engine> engine,
             const HostOptions& options, int64_t memory_bytes);
  void run();
  void begin(Command command);
  Result<void> constrain(HostRequest& wanted);
  void gather(const std::shared_ptr<Generation::Shared>& shared, Generation::Event event);
  void hand_on();
  void fail_all(const Error& error);
  void finish_failed(const std::shared_ptr<Generation::Shared>& generation, size_t index,
                     const Error& error);
  void check_unread(Generation::Shared& shared);
  struct Watched;  // a sequence, for its times
  void count_step(double seconds);
  void count_prompt(Watched& watched, const PromptProgress& progress);
  void count(const Outcome& outcome, const Watched& watched);
  void look_at_cache();
  friend class Generation;
  void post(Command command);

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Engine> engine_;  // the thread's
  HostOptions options_;
  int64_t n_ctx_, kv_bytes_, memory_bytes_;
  int32_t n_slots_;
  HostCounters counters_;
  mutable std::mutex cache_mutex_;
  SequenceCache::Use cache_use_;
  int32_t n_states_kept_ = 0;
  mutable std::mutex mutex_;
  std::vector<float> strengths_;
  std::condition_variable posted_;
  std::vector<Command> commands_;
  std::unique_ptr<GrammarMaskCache> masks_;                // the thread's, and so
  std::vector<std::shared_ptr<Generation::Shared>> open_;  // those that have not finished
  struct Gathered {
    std::shared_ptr<Generation::Shared> shared;
    Generation::Event event;
  };
  std::vector<Gathered> gathered_;             // what the step that is being made gives
  int64_t n_drawn_before_ = 0;                 // the step
  int64_t n_begun_ = 0, n_prompts_begun_ = 0;  // answers that it begins, tokens of their prompts
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace quire::server
