#include "engine/runner.h"

#include "base/huge_pages.h"
#include "base/memory.h"
#include "engine/cache_identity.h"
#include "engine/memory_needs.h"
#include "graph/fuse.h"
#include "graph/hidden.h"

#include <algorithm>
#include <optional>

namespace quire {
namespace {

int64_t n_outputs(const RunRows& rows) {
  switch (rows.want) {
    case Want::nothing:
      return 0;
    case Want::first:
    case Want::last:
      return 1;
    case Want::all:
      return static_cast<int64_t>(rows.tokens.size());
  }
  return 0;
}

// Rows of such a model see those after them, so a sequence runs in one step or not at all.
bool sees_later_rows(const Graph& graph) {
  return std::ranges::any_of(graph.nodes, [](const Node& node) {
    return node.op == Op::attention &&
           node.as<AttentionAttributes>().mask == AttentionMask::bidirectional;
  });
}

// Whether keys and values of a position depend on the tokens up to it and on nothing else.
bool can_share(const Model& model) {
  const Graph& graph = model.graph();
  return graph.state_sizes.empty() && !sees_later_rows(graph) &&
         graph.inputs.token_types == no_value;
}

// The model's graph for contexts of n_ctx, ending in the result asked for.
Result<Graph> graph_for(const Model& model, int64_t n_ctx, RunResult result) {
  Graph graph = model.graph_for(n_ctx);
  const bool is_classifier = model.hparams().encoder.n_labels > 0;
  switch (result) {
    case RunResult::logits:
      if (graph.logits == no_value || is_classifier)
        return fail(Fault::unsupported,
                    "{}: a {} model makes vectors of texts, not next tokens; see `quire embed` and "
                    "`quire rerank`",
                    model.path(), model.hparams().arch);
      return graph;
    case RunResult::scores:
      if (!is_classifier)
        return fail(Fault::unsupported, "{}: has no classification head (cls.output.weight)",
                    model.path());
      return graph;
    case RunResult::hidden:
      break;
  }
  if (hidden_value(graph) == no_value)
    return fail(Fault::unsupported, "{}: has no hidden state to make a vector of", model.path());
  return up_to_hidden(graph);
}

Result<KvCache> create_cache(const Model& model, int64_t n_ctx, const RunnerOptions& options) {
  const KvCacheShape shape = cache_shape(model, n_ctx, options);
  KvCache cache = TRY(KvCache::create(shape));  // takes no memory until it is used
  const int64_t wanted = KvCache::bytes_for(shape, shape.n_blocks * kv_block_size);
  if (const int64_t memory = physical_memory_bytes(); wanted > memory)
    return fail(
        Fault::limit,
        "{} positions of context in {} sequence(s) take {:.1f} GiB of keys and values, this "
        "machine has {:.1f} GiB; take a shorter context",
        shape.n_blocks * kv_block_size, options.n_sequences, static_cast<double>(wanted) / 0x1p30,
        static_cast<double>(memory) / 0x1p30);
  return cache;
}

Result<StateCache> create_states(const Model& model, const RunnerOptions& options) {
  const Graph& graph = model.graph();
  double wanted = 0;
  for (const int64_t n : graph.state_sizes) wanted += 4.0 * static_cast<double>(n);
  const int32_t n_snapshots = n_state_snapshots(graph, options);
  wanted *= options.n_sequences + n_snapshots;
  if (const auto memory = static_cast<double>(physical_memory_bytes()); wanted > memory)
    return fail(Fault::limit,
                "the states of {} sequence(s) and {} kept ones take {:.1f} GiB, this machine has "
                "{:.1f} GiB; take fewer sequences",
                options.n_sequences, n_snapshots, wanted / 0x1p30, memory / 0x1p30);
  return StateCache::create(graph.state_sizes, options.n_sequences + n_snapshots);
}

}  // namespace

// One step's arrays, kept so that a step allocates nothing once they have grown.
struct StepBuffers {
  std::vector<int32_t> tokens, positions, output_rows, types;
  std::vector<SequenceRows> sequences;
  std::vector<float> strengths;

  void clear() {
    strengths.clear();
    tokens.clear();
    positions.clear();
    output_rows.clear();
    types.clear();
    sequences.clear();
  }
  int64_t n_rows() const { return static_cast<int64_t>(tokens.size()); }
  int64_t n_outputs() const { return static_cast<int64_t>(output_rows.size()); }
};

struct Runner::State {
  State(std::shared_ptr<const Model> the_model, int n_threads, SequenceCache sequences,
        StateCache recurrent)
      : model(std::move(the_model)),
        pool(n_threads),
        cache(std::move(sequences)),
        states(std::move(recurrent)) {}

  Result<void> check(std::span<const RunRows> rows);
  int64_t add_to_step(const RunRows& rows, int64_t n_done);
  void run_step();
  std::vector<float>& strengths_of(int32_t sequence) {
    CHECK(sequence >= 0 && static_cast<size_t>(sequence) < strengths.size());
    return strengths[static_cast<size_t>(sequence)];
  }

  std::shared_ptr<const Model> model;
  ThreadPool pool;
  SequenceCache cache;
  StateCache states;
  std::optional<StateSnapshots> snapshots;  // after the states, which its store's thread reads
  std::optional<Executor> executor;         // after the pool, whose threads it uses
  int64_t n_ctx = 0, n_rows_max = 0, n_outputs_max = 0;
  bool whole_sequences = false;  // see sees_later_rows()
  ValueId result = no_value;     // what a run gives
  int64_t result_width = 0, n_token_types = 0;
  std::vector<std::vector<float>> strengths;  // per sequence, of the model's adapters
  StepBuffers step;
  std::vector<float> gathered;  // logits of a run that took several steps
};

Runner::Runner(std::unique_ptr<State> state) : state_(std::move(state)) {}
Runner::~Runner() = default;

Result<std::unique_ptr<Runner>> Runner::create(std::shared_ptr<const Model> shared_model,
                                               const RunnerOptions& options) {
  if (options.n_sequences < 1 || options.n_batch < 1 || options.n_threads < 0)
    return fail(Fault::usage, "{} sequences in batches of {} on {} threads cannot run",
                options.n_sequences, options.n_batch, options.n_threads);
  const Model& model = *shared_model;
  const int64_t n_ctx = TRY(context_size(model, options.n_ctx));
  SequenceCache cache(TRY(create_cache(model, n_ctx, options)), options.n_sequences, n_ctx,
                      can_share(model) ? options.sharing : SequenceCache::Sharing::off);
  auto state = std::make_unique<State>(std::move(shared_model), options.n_threads, std::move(cache),
                                       TRY(create_states(model, options)));
  std::vector<std::span<const std::byte>> weights;
  for (const TensorView& w : model.params())
    weights.emplace_back(w.data, static_cast<size_t>(w.n_bytes()));
  move_to_huge_pages(weights, state->pool);
  state->n_ctx = n_ctx;
  state->n_rows_max = std::min(options.n_batch, n_ctx * options.n_sequences);
  Graph graph = TRY(graph_for(model, n_ctx, options.result));
  if (const int32_t n = n_state_snapshots(graph, options); n > 0)
    state->snapshots.emplace(state->states, options.n_sequences, n);
  if (!options.store.folder.empty() && (state->cache.shares() || state->snapshots)) {
    auto store = TRY(BlockStore::open(
        options.store, cache_identity(model, graph, state->cache.kv().shape(), options.precision)));
    if (state->snapshots)
      state->snapshots->set_store(std::move(store));
    else
      state->cache.set_store(std::move(store));
  }
  state->result = graph.outputs[0];
  state->result_width = graph.row_length(state->result);
  state->n_token_types = model.hparams().encoder.n_token_types;
  state->n_outputs_max = outputs_per_step(state->result_width, state->n_rows_max);

  state->whole_sequences = sees_later_rows(model.graph());
  if (state->whole_sequences) state->n_outputs_max = state->n_rows_max;

  FuseOptions fusing;
  fusing.keep.insert(options.keep.begin(), options.keep.end());
  state->executor =
      TRY(Executor::create(fuse(std::move(graph), fusing), model.params(), state->pool,
                           {.n_rows_max = state->n_rows_max,
                            .n_outputs_max = state->n_outputs_max,
                            .precision = options.precision}));

  std::vector<float> loaded;
  for (const AdapterInfo& adapter : model.adapters()) loaded.push_back(adapter.strength);
  state->strengths.assign(static_cast<size_t>(options.n_sequences), loaded);
  return std::unique_ptr<Runner>(new Runner(std::move(state)));
}

Result<void> Runner::State::check(std::span<const RunRows> all_rows) {
  const int64_t n_vocab = model->hparams().n_vocab;
  int64_t n_blocks = 0;
  for (const RunRows& rows : all_rows) {
    const auto n_tokens = static_cast<int64_t>(rows.tokens.size());
    if (n_tokens == 0) return fail(Fault::usage, "no tokens to run");
    for (const int32_t id : rows.tokens)
      if (id < 0 || id >= n_vocab)
        return fail(Fault::usage, "token {} is not in the vocabulary, which has 0 to {}", id,
                    n_vocab - 1);
    CHECK(rows.types.empty() || rows.types.size() == rows.tokens.size());
    for (const int32_t type : rows.types)
      if (type < 0 || type >= std::max<int64_t>(1, n_token_types))
        return fail(Fault::usage, "token type {} is out of range, the model has {}", type,
                    n_token_types);
    const int64_t n_past = cache.n_past(rows.sequence);
    if (n_past + n_tokens > n_ctx)
      return fail(Fault::limit,
                  "{} tokens after {} do not fit in the context of {} positions; shorten them or "
                  "take a longer context",
                  n_tokens, n_past, n_ctx);
    if (whole_sequences && (n_past > 0 || n_tokens > n_rows_max))
      return fail(Fault::limit,
                  "{}: every token of this model sees all others, so a sequence runs at once: {} "
                  "tokens after {}, at most {} fit in a batch; shorten it or take larger batches",
                  model->path(), n_tokens, n_past, n_rows_max);
    const auto same = [&](const RunRows& other) { return other.sequence == rows.sequence; };
    CHECK(std::count_if(all_rows.begin(), all_rows.end(), same) == 1);
    n_blocks += cache.n_blocks_for(rows.sequence, n_tokens);
  }
  if (n_blocks > cache.n_free_blocks())
    return fail(Fault::limit,
                "the cache has room for {} more positions, {} are needed; end other sequences or "
                "take a larger cache",
                cache.n_free_blocks() * kv_block_size, n_blocks * kv_block_size);
  return {};
}

// Puts as many of the rows from n_done on into the step as fit; returns how many.
int64_t Runner::State::add_to_step(const RunRows& rows, int64_t n_done) {
  const int64_t n_total = static_cast<int64_t>(rows.tokens.size());
  int64_t n = std::min(n_total - n_done, n_rows_max - step.n_rows());
  const int64_t outputs_left = n_outputs_max - step.n_outputs();
  if (rows.want == Want::all) n = std::min(n, outputs_left);
  if (rows.want == Want::last && n_done + n == n_total && outputs_left == 0) --n;
  if (rows.want == Want::first && n_done == 0 && outputs_left == 0) return 0;
  if (whole_sequences && n < n_total) return 0;
  if (n <= 0) return 0;

  const int64_t n_past = cache.n_past(rows.sequence);
  cache.append(rows.sequence,
               rows.tokens.subspan(static_cast<size_t>(n_done), static_cast<size_t>(n)));
  step.sequences.push_back({step.n_rows(), n, n_past, cache.blocks(rows.sequence), rows.sequence});
  const std::vector<float>& mine = strengths_of(rows.sequence);
  for (int64_t i = 0; i < n; ++i) {
    const bool first = n_done + i == 0, last = n_done + i + 1 == n_total;
    if (rows.want == Want::all || (rows.want == Want::last && last) ||
        (rows.want == Want::first && first))
      step.output_rows.push_back(static_cast<int32_t>(step.n_rows()));
    step.tokens.push_back(rows.tokens[static_cast<size_t>(n_done + i)]);
    step.positions.push_back(static_cast<int32_t>(n_past + i));
    step.strengths.insert(step.strengths.end(), mine.begin(), mine.end());
    if (n_token_types > 0)
      step.types.push_back(rows.types.empty() ? 0 : rows.types[static_cast<size_t>(n_done + i)]);
  }
  return n;
}

void Runner::State::run_step() {
  Batch batch;
  batch.tokens = step.tokens;
  batch.positions = step.positions;
  batch.output_rows = step.output_rows;
  batch.sequences = step.sequences;
  batch.token_types = step.types;
  batch.strengths = step.strengths;
  executor->run(batch, &cache.kv(), &states);
}

Result<View<const float, 2>> Runner::run(std::span<const RunRows> all_rows) {
  State& state = *state_;
  TRY(state.check(all_rows));
  int64_t n_wanted = 0;
  for (const RunRows& rows : all_rows) n_wanted += n_outputs(rows);
  const int64_t width = state.result_width;

  state.gathered.clear();
  int64_t n_gathered = 0, n_done = 0;
  for (size_t i = 0; i < all_rows.size();) {
    state.step.clear();
    while (i < all_rows.size()) {
      const int64_t n_added = state.add_to_step(all_rows[i], n_done);
      n_done += n_added;
      if (n_done < static_cast<int64_t>(all_rows[i].tokens.size())) break;  // the step is full
      ++i, n_done = 0;
    }
    state.run_step();
    const int64_t n_new = state.step.n_outputs();
    if (n_new == 0) continue;
    const View<float, 2> value = state.executor->value(state.result);
    if (n_new == n_wanted) return View<const float, 2>(value.data(), n_wanted, width);
    if (n_gathered == 0) state.gathered.reserve(static_cast<size_t>(n_wanted * width));
    state.gathered.insert(state.gathered.end(), value.data(), value.data() + n_new * width);
    n_gathered += n_new;
  }
  CHECK(n_gathered == n_wanted);
  return View<const float, 2>(state.gathered.data(), n_wanted, width);
}

Result<View<const float, 2>> Runner::run(std::span<const int32_t> tokens, Want want) {
  const RunRows rows{0, tokens, want};
  return run(std::span(&rows, 1));
}

int64_t Runner::n_past(int32_t sequence) const { return state_->cache.n_past(sequence); }

void Runner::truncate(int32_t sequence, int64_t n_past) {
  const int64_t n_there = this->n_past(sequence);
  CHECK(n_past == 0 || n_past == n_there || can_truncate());
  state_->cache.truncate(sequence, n_past);
}

bool Runner::can_truncate() const { return state_->model->graph().state_sizes.empty(); }

StateSnapshots* Runner::snapshots() { return state_->snapshots ? &*state_->snapshots : nullptr; }
const StateSnapshots* Runner::snapshots() const {
  return state_->snapshots ? &*state_->snapshots : nullptr;
}

int64_t Runner::restore_state(int32_t sequence, const StateSnapshots::Text& text) {
  const int64_t n_before = n_past(sequence);
  const int64_t n = state_->snapshots->restore(sequence, text, n_before);
  if (n > n_before)
    state_->cache.append(sequence, text.tokens.subspan(static_cast<size_t>(n_before),
                                                       static_cast<size_t>(n - n_before)));
  return n;
}

SequenceCache& Runner::cache() { return state_->cache; }
const SequenceCache& Runner::cache() const { return state_->cache; }

void Runner::set_strengths(int32_t sequence, std::span<const float> strengths) {
  CHECK(strengths.size() == state_->strengths_of(sequence).size());
  std::ranges::copy(strengths, state_->strengths_of(sequence).begin());
}

std::span<const float> Runner::strengths(int32_t sequence) const {
  return state_->strengths_of(sequence);
}

int64_t Runner::n_ctx() const { return state_->n_ctx; }
int64_t Runner::result_width() const { return state_->result_width; }
const Model& Runner::model() const { return *state_->model; }
Executor& Runner::executor() { return *state_->executor; }
ThreadPool& Runner::pool() { return state_->pool; }
int64_t Runner::kv_bytes() const {
  const KvCacheShape& shape = state_->cache.kv().shape();
  return KvCache::bytes_for(shape, shape.n_blocks * kv_block_size) + state_->states.n_bytes();
}
int64_t Runner::arena_bytes() const { return state_->executor->arena_bytes(); }

}  // namespace quire
