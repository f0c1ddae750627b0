#include "server/engine_host.h"

#include "base/check.h"
#include "engine/allowed_tokens.h"
#include "engine/memory_needs.h"
#include "model/find_model.h"

#include <algorithm>
#include <deque>

namespace quire::server {

void add_counters(HostCounters& into, const HostCounters& more) {
  const auto add = [](auto& sum, const auto& value) { sum = sum + value; };
  add(into.n_prompt_tokens, more.n_prompt_tokens), add(into.n_cached_tokens, more.n_cached_tokens);
  add(into.n_generated_tokens, more.n_generated_tokens), add(into.n_steps, more.n_steps);
  add(into.n_requests, more.n_requests), add(into.n_cancelled, more.n_cancelled);
  add(into.n_failed, more.n_failed), add(into.n_drafts, more.n_drafts);
  add(into.n_drafted, more.n_drafted), add(into.n_accepted, more.n_accepted);
  add(into.prompt_s, more.prompt_s), add(into.generate_s, more.generate_s);
  add(into.n_waiting, more.n_waiting), add(into.n_running, more.n_running);
  add(into.n_drawn, more.n_drawn), add(into.n_prompt_rows, more.n_prompt_rows);
  add(into.n_stopped, more.n_stopped), add(into.n_cut, more.n_cut);
  add(into.n_put_back, more.n_put_back);
  for (Histogram HostCounters::* member :
       {&HostCounters::first_token_s, &HostCounters::later_token_s, &HostCounters::whole_s,
        &HostCounters::queue_s, &HostCounters::inference_s, &HostCounters::prefill_s,
        &HostCounters::decode_s, &HostCounters::request_prompt_tokens,
        &HostCounters::request_generation_tokens, &HostCounters::request_tokens_max,
        &HostCounters::step_tokens, &HostCounters::request_n})
    (into.*member).add(more.*member);
  into.n_tokens_max = std::max(into.n_tokens_max.load(), more.n_tokens_max.load());
}

namespace {
using Clock = std::chrono::steady_clock;

double elapsed_s(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}
}  // namespace

// What the engine's thread and the reader share. The thread adds events, the reader takes them.
struct Generation::Shared {
  std::mutex mutex;
  std::condition_variable added;
  std::deque<Event> events;
  size_t unread_bytes = 0, unread_bytes_max = 0;
  size_t n_open = 0;  // sequences without an outcome
  bool overflowed = false;
  std::vector<RequestId> ids;  // the engine thread's
  EngineHost* host = nullptr;  // until every sequence has finished
  Clock::time_point submitted = Clock::now();

  static void join(Event& last, Event event) {
    last.text += event.text;
    std::ranges::move(event.tokens, std::back_inserter(last.tokens));
    std::ranges::move(event.prompt_tokens, std::back_inserter(last.prompt_tokens));
    last.outcome = std::move(event.outcome);
  }

  // Joins text that nobody has read yet.
  void add(Event event) {
    const std::lock_guard lock(mutex);
    unread_bytes += event.text.size();
    for (const auto* tokens : {&event.tokens, &event.prompt_tokens})
      for (const TokenEvent& token : *tokens) unread_bytes += 64 + token.likeliest.size() * 8;
    if (event.outcome && --n_open == 0) host = nullptr;
    const bool joins = !events.empty() && events.back().index == event.index &&
                       !events.back().outcome && !events.back().progress && !event.progress;
    if (joins)
      join(events.back(), std::move(event));
    else
      events.push_back(std::move(event));
    added.notify_one();
  }
};

Generation::~Generation() { cancel(); }

std::optional<Generation::Event> Generation::next() {
  std::unique_lock lock(shared_->mutex);
  shared_->added.wait(lock, [&] { return !shared_->events.empty() || shared_->n_open == 0; });
  if (shared_->events.empty()) return std::nullopt;
  Event event = std::move(shared_->events.front());
  shared_->events.pop_front();
  shared_->unread_bytes = 0;
  return event;
}

void Generation::cancel() {
  EngineHost* host = nullptr;
  {
    const std::lock_guard lock(shared_->mutex);
    host = shared_->host;
  }
  // The host outlives its generations: it is held by whoever asked for them.
  if (host != nullptr) host->post({shared_, {}});
}

bool Generation::overflowed() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->overflowed;
}

EngineHost::EngineHost(std::shared_ptr<const Model> model, std::unique_ptr<Engine> engine,
                       const HostOptions& options, int64_t memory_bytes)
    : model_(std::move(model)),
      engine_(std::move(engine)),
      options_(options),
      n_ctx_(engine_->runner().n_ctx()),
      kv_bytes_(engine_->runner().kv_bytes()),
      memory_bytes_(memory_bytes),
      n_slots_(options.runner.n_sequences),
      cache_use_(engine_->runner().cache().use()) {
  for (const AdapterInfo& adapter : model_->adapters()) strengths_.push_back(adapter.strength);
  thread_ = std::thread([this] { run(); });
}

Result<std::unique_ptr<EngineHost>> EngineHost::start(std::shared_ptr<const Model> model,
                                                      const HostOptions& options) {
  auto engine = TRY(Engine::create(model, options.runner, options.drafts));
  const int64_t memory_bytes = memory_needs(*model, options.runner).total() + engine->draft_bytes();
  return std::unique_ptr<EngineHost>(
      new EngineHost(std::move(model), std::move(engine), options, memory_bytes));
}

EngineHost::~EngineHost() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  posted_.notify_one();
  thread_.join();
}

void EngineHost::set_strengths(std::vector<float> strengths) {
  CHECK(strengths.size() == model_->adapters().size());
  const std::lock_guard lock(mutex_);
  strengths_ = std::move(strengths);
}

std::vector<float> EngineHost::strengths() const {
  const std::lock_guard lock(mutex_);
  return strengths_;
}

void EngineHost::look_at_cache() {
  const SequenceCache::Use use = engine_->runner().cache().use();
  const StateSnapshots* states = engine_->runner().snapshots();
  const std::lock_guard lock(cache_mutex_);
  cache_use_ = use;
  n_states_kept_ = states != nullptr ? states->n_used() : 0;
}

// The store and whether blocks are shared do not change while the thread runs.
HostCache EngineHost::cache() const {
  const Runner& runner = std::as_const(*engine_).runner();
  const StateSnapshots* states = runner.snapshots();
  HostCache result;
  {
    const std::lock_guard lock(cache_mutex_);
    result = {.n_positions = cache_use_.n_blocks * kv_block_size,
              .n_held = cache_use_.n_held * kv_block_size,
              .n_kept = cache_use_.n_kept * kv_block_size,
              .n_evicted = cache_use_.n_evicted * kv_block_size,
              .position_bytes = cache_use_.block_bytes / kv_block_size};
    result.n_states_kept = n_states_kept_;
  }
  result.shares = runner.cache().shares() || states != nullptr;
  if (states != nullptr) result.n_states = states->n_places();
  const BlockStore* store = states != nullptr ? states->store() : runner.cache().store();
  result.on_disk = store != nullptr;
  if (result.on_disk) result.disk = store->counters();
  return result;
}

void EngineHost::post(Command command) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
  }
  posted_.notify_one();
}

Result<std::unique_ptr<Generation>> EngineHost::submit(std::vector<HostRequest> requests,
                                                       std::string_view cache_salt) {
  const auto n = static_cast<int64_t>(requests.size());
  if (counters_.n_waiting + counters_.n_running + n > options_.n_queue_max)
    return fail(Fault::device,
                "the server is busy: {} answers are being made or wait, at most {} may "
                "(--queue); try again later",
                counters_.n_waiting + counters_.n_running, options_.n_queue_max);
  const std::vector<float> strengths = this->strengths();
  for (HostRequest& wanted : requests) {
    wanted.request.cache_salt.insert(0, cache_salt);
    if (wanted.request.strengths.empty()) wanted.request.strengths = strengths;
  }
  counters_.n_waiting += n;
  counters_.n_requests += n;
  auto generation = std::make_unique<Generation>();
  generation->shared_ = std::make_shared<Generation::Shared>();
  generation->shared_->n_open = requests.size();
  generation->shared_->unread_bytes_max = options_.unread_bytes_max;
  generation->shared_->host = this;
  post({generation->shared_, std::move(requests)});
  return generation;
}

// The thread: takes what was posted, makes steps while there is something to do, else sleeps.
void EngineHost::run() {
  masks_ = std::make_unique<GrammarMaskCache>(model_->tokenizer());
  bool busy = false;
  while (true) {
    std::vector<Command> commands;
    {
      std::unique_lock lock(mutex_);
      if (!busy) posted_.wait(lock, [&] { return stop_ || !commands_.empty(); });
      if (stop_) break;
      commands.swap(commands_);
    }
    for (Command& command : commands) {
      if (command.requests.empty())
        for (const RequestId id : command.generation->ids) engine_->cancel(id);
      else
        begin(std::move(command));
    }
    const auto start = Clock::now();
    const Result<bool> more = engine_->step();
    count_step(elapsed_s(start, Clock::now()));
    hand_on();
    look_at_cache();
    busy = more.value_or(false);
    if (!more.has_value()) fail_all(more.error());
  }
  fail_all({Fault::cancelled, "the server is shutting down"});
}

// Nobody waits for ever: what the engine cannot finish ends with its error.
void EngineHost::fail_all(const Error& error) {
  std::vector<Command> commands;
  {
    const std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (const Command& command : commands)
    for (size_t i = 0; i < command.requests.size(); ++i)
      finish_failed(command.generation, i, error);
  const auto open = open_;
  for (const auto& generation : open)
    for (const RequestId id : generation->ids) engine_->cancel(id);
  while (engine_->step().value_or(false)) {
  }
  hand_on();
}

void EngineHost::finish_failed(const std::shared_ptr<Generation::Shared>& generation, size_t index,
                               const Error& error) {
  Outcome outcome;
  outcome.reason = StopReason::failed;
  outcome.error = error;
  --counters_.n_waiting;
  ++counters_.n_failed;
  generation->add({index, {}, {}, outcome, {}});
}

struct EngineHost::Watched {
  Clock::time_point submitted;
  std::optional<Clock::time_point> started{};
  bool begun = false;  // its first token has come
};

// Grammar, allowed tokens and budget of thinking, each around the one before.
Result<void> EngineHost::constrain(HostRequest& wanted) {
  std::shared_ptr<TokenConstraint>& constraint = wanted.request.constraint;
  if (wanted.grammar) constraint = TRY(masks_->constraint(*wanted.grammar));
  const std::shared_ptr<const Tokenizer> tokenizer(model_, &model_->tokenizer());
  if (!wanted.allowed_tokens.empty())
    constraint =
        TRY(AllowedTokens::create(wanted.allowed_tokens, tokenizer->n_vocab(), constraint));
  if (wanted.thinking)
    constraint = TRY(ThinkingBudget::create(*wanted.thinking, tokenizer, constraint));
  return {};
}

void EngineHost::gather(const std::shared_ptr<Generation::Shared>& shared,
                        Generation::Event event) {
  for (Gathered& one : gathered_)
    if (one.shared == shared && one.event.index == event.index && !one.event.outcome)
      return Generation::Shared::join(one.event, std::move(event));
  gathered_.push_back({shared, std::move(event)});
}

void EngineHost::hand_on() {
  for (Gathered& one : gathered_) {
    one.shared->add(std::move(one.event));
    check_unread(*one.shared);
    if (one.shared->host == nullptr) std::erase(open_, one.shared);
  }
  gathered_.clear();
}

// Hands the requests to the engine, each with callbacks that add to the generation's events.
void EngineHost::begin(Command command) {
  const std::shared_ptr<Generation::Shared> shared = command.generation;
  open_.push_back(shared);
  for (size_t i = 0; i < command.requests.size(); ++i) {
    HostRequest& wanted = command.requests[i];
    Request& request = wanted.request;
    if (const Result<void> able = constrain(wanted); !able) {
      finish_failed(shared, i, able.error());
      continue;
    }
    auto tokens = std::make_shared<std::vector<TokenEvent>>();
    if (wanted.prompt_tokens == Tokens::told)
      request.on_prompt_token = [this, shared, i](const PromptToken& told) {
        const DrawnToken& token = told.token;
        Generation::Event event{.index = i};
        event.prompt_tokens.push_back({token.token,
                                       token.log_probability,
                                       {token.likeliest.begin(), token.likeliest.end()},
                                       told.rank});
        gather(shared, std::move(event));
      };
    if (wanted.tokens == Tokens::told)
      request.on_token = [tokens](const DrawnToken& token) {
        tokens->push_back(
            {token.token, token.log_probability, {token.likeliest.begin(), token.likeliest.end()}});
      };
    auto watched = std::make_shared<Watched>(Watched{.submitted = shared->submitted});
    const bool tells = wanted.progress == Progress::told;
    request.on_prompt = [this, shared, watched, i, tells](const PromptProgress& progress) {
      count_prompt(*watched, progress);
      if (tells) shared->add({i, {}, {}, {}, progress});
    };
    if (request.n_predict >= 0)
      counters_.request_tokens_max.add(static_cast<double>(request.n_predict));
    if (wanted.n_alike > 0) counters_.request_n.add(static_cast<double>(wanted.n_alike));
    request.on_text = [this, shared, tokens, i](std::string_view text) {
      gather(shared, {i, std::string(text), std::exchange(*tokens, {}), {}, {}});
    };
    request.on_finish = [this, shared, tokens, watched, i](const Outcome& outcome) {
      count(outcome, *watched);
      gather(shared, {i, {}, std::exchange(*tokens, {}), outcome, {}});
    };
    const Result<RequestId> id = engine_->add(std::move(request));
    if (!id.has_value()) {
      finish_failed(shared, i, id.error());
      continue;
    }
    shared->ids.push_back(*id);
    --counters_.n_waiting;
    ++counters_.n_running;
  }
  if (shared->host == nullptr) std::erase(open_, shared);
}

void EngineHost::check_unread(Generation::Shared& shared) {
  {
    const std::lock_guard lock(shared.mutex);
    if (shared.unread_bytes <= shared.unread_bytes_max) return;
    shared.overflowed = true;
  }
  for (const RequestId id : shared.ids) engine_->cancel(id);
}

// Each sequence has its next token from a step, and waited for it as long as the step took.
void EngineHost::count_step(double seconds) {
  ++counters_.n_steps;
  const int64_t n_drawn = engine_->n_drawn() - n_drawn_before_;
  n_drawn_before_ += n_drawn;
  counters_.n_drawn = n_drawn_before_;
  counters_.n_prompt_rows = engine_->n_prompt_rows_run();
  counters_.n_put_back = engine_->n_put_back();
  counters_.later_token_s.add(seconds, std::max<int64_t>(0, n_drawn - n_begun_));
  if (n_drawn + n_prompts_begun_ > 0)
    counters_.step_tokens.add(static_cast<double>(n_drawn + n_prompts_begun_));
  n_begun_ = n_prompts_begun_ = 0;
}

// Its first step begins, or all of it was run and the first token is drawn.
void EngineHost::count_prompt(Watched& watched, const PromptProgress& progress) {
  const auto now = Clock::now();
  if (!watched.started) {
    watched.started = now;
    counters_.queue_s.add(elapsed_s(watched.submitted, now));
  }
  if (progress.n_done < progress.n_total || watched.begun) return;
  watched.begun = true;
  counters_.first_token_s.add(elapsed_s(watched.submitted, now));
  ++n_begun_;
  n_prompts_begun_ += progress.n_total;
}

void EngineHost::count(const Outcome& outcome, const Watched& watched) {
  const Timings& t = outcome.timings;
  --counters_.n_running;
  counters_.n_drawn = engine_->n_drawn();  // whoever has the answer finds its tokens counted
  if (outcome.reason == StopReason::cancelled) ++counters_.n_cancelled;
  if (outcome.reason == StopReason::failed) ++counters_.n_failed;
  if (outcome.reason == StopReason::end_of_generation || outcome.reason == StopReason::stop_string)
    ++counters_.n_stopped;
  if (outcome.reason == StopReason::n_predict || outcome.reason == StopReason::context_full)
    ++counters_.n_cut;
  if (watched.begun) {
    counters_.whole_s.add(elapsed_s(watched.submitted, Clock::now()));
    counters_.inference_s.add(t.prompt_s + t.generate_s);
    counters_.prefill_s.add(t.prompt_s);
    counters_.decode_s.add(t.generate_s);
    counters_.request_prompt_tokens.add(static_cast<double>(t.n_prompt));
    counters_.request_generation_tokens.add(static_cast<double>(t.n_generated));
  }
  counters_.n_prompt_tokens += t.n_prompt;
  counters_.n_cached_tokens += t.n_cached;
  counters_.n_generated_tokens += t.n_generated;
  counters_.n_drafts += t.n_drafts;
  counters_.n_drafted += t.n_drafted;
  counters_.n_accepted += t.n_accepted;
  counters_.n_tokens_max = std::max(counters_.n_tokens_max.load(), t.n_prompt + t.n_generated);
  counters_.prompt_s = counters_.prompt_s + t.prompt_s;
  counters_.generate_s = counters_.generate_s + t.generate_s;
}

}  // namespace quire::server
