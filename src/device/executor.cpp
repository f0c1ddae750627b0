#include "device/executor.h"

#include "device/step.h"
#include "graph/adapters.h"
#include "graph/arena.h"
#include "graph/cost.h"
#include "quant/codec.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace quire {
namespace {

// What one thread does in a second, roughly: to tell steps that are worth sharing from those that
// are done before another thread has heard of them.
constexpr double rough_flops = 30e9;
constexpr double rough_bandwidth = 10e9;
constexpr double least_piece_seconds = 2e-6;  // a piece changes hands in about 0.2 us
constexpr double least_run_seconds = 100e-6;  // a thread that sleeps comes after about 50 us

// Vectors, and small matrices of numbers that no product streams: whatever type they are stored in.
bool read_as_f32(const Graph& graph, ValueId param) {
  if (graph.value(param).shape.size() == 1) return true;
  for (const Node& node : graph.nodes) {
    const auto at = std::ranges::find(node.inputs, param);
    if (at == node.inputs.end()) continue;
    const auto i = static_cast<size_t>(at - node.inputs.begin());
    if (node.op == Op::causal_conv || node.op == Op::ssm_scan) return true;
    if (node.op == Op::rms_norm || node.op == Op::layer_norm || node.op == Op::steer) return true;
    if (node.op == Op::expert_linear && i >= 2 + node.outputs.size()) return true;
  }
  return false;
}

}  // namespace

struct Executor::State {
  Graph graph;
  ThreadPool* pool = nullptr;
  ExecutorOptions options;
  std::vector<TensorView> params;    // per value
  std::vector<Tensor> owned_params;  // vectors that were not stored as f32
  std::vector<float*> gradients;     // per value
  ArenaPlan plan;
  std::shared_ptr<std::byte[]> arena;
  std::vector<Step> steps;
  std::shared_ptr<std::byte[]> quantized_memory;
  std::array<std::byte*, n_row_formats> quantized{};  // into it, per RowFormat
  std::vector<Cost> costs;                            // of a step of one row, per step
  double seconds_per_run = 0, seconds_per_row = 0;    // rough, on one thread
  std::vector<Stage> stages;
  std::vector<int64_t> n_pieces;  // per stage, for the batch
  AttentionParts parts;
  ExpertGroups groups;
  std::shared_ptr<std::byte[]> scratch;
  size_t scratch_bytes_per_thread = 0;
  std::vector<Tap> taps;
  std::vector<std::vector<std::pair<ValueId, size_t>>> taps_of_step;  // value, index into taps
  Binding binding;
  int32_t n_adapters = 0;
  bool profiling = false;
  std::vector<NodeTime> times;  // one per step

  StepContext context(const Batch& batch, KvCache* kv, StateCache* states = nullptr) {
    StepContext c{graph,        binding,     &batch,      kv,     &parts,
                  pool->size(), arena.get(), plan.offset, params, gradients};
    const auto n_counted = std::count_if(batch.targets.begin(), batch.targets.end(),
                                         [](int32_t target) { return target >= 0; });
    c.precision = options.precision;
    c.quantized = quantized.data();
    c.groups = &groups;
    c.states = states;
    c.loss_scale = n_counted > 0 ? 1.0f / static_cast<float>(n_counted) : 0.0f;
    return c;
  }

  void reserve_quantized(const Binding& largest) {
    const auto bytes = quantized_bytes(steps, graph, largest);
    quantized_memory = allocate_aligned(
        static_cast<size_t>(std::accumulate(bytes.begin(), bytes.end(), int64_t{0})));
    std::byte* place = quantized_memory.get();
    for (size_t format = 0; format < n_row_formats; ++format) {
      quantized[format] = place;
      place += bytes[format];
    }
  }

  void reserve_groups(const Binding& largest) {
    for (const Node& node : graph.nodes)
      if (node.op == Op::route)
        groups.reserve(largest.n_elements(graph.value(node.outputs[1]).shape),
                       graph.value(node.inputs[0]).shape.back().n);
  }

  // Costs grow with the rows, those of reading weights and the past aside.
  void estimate_costs() {
    CostOptions stored;
    stored.dtype = [&](ValueId id) { return params[static_cast<size_t>(id)].dtype; };
    const Binding one{1, 1, 0};
    for (const Step& step : steps) {
      Cost cost;
      cost.flops = 10 * static_cast<double>(graph.row_length(step.node->outputs[0]));
      if (step.part == Step::Part::whole) cost = node_cost(graph, *step.node, one, stored);
      costs.push_back(cost);
    }
    for (size_t s = 0; s < steps.size(); ++s) {
      seconds_per_run += costs[s].bytes() / rough_bandwidth;
      seconds_per_row += costs[s].flops / rough_flops;
    }
  }

  void grow_scratch(size_t n_bytes) {
    n_bytes = (n_bytes + 4095) / 4096 * 4096;  // whole pages: no two threads share a cache line
    if (n_bytes <= scratch_bytes_per_thread) return;
    scratch_bytes_per_thread = n_bytes;
    scratch = allocate_aligned(n_bytes * static_cast<size_t>(pool->size()));
  }

  void cut_into_stages() {
    stages =
        make_stages(steps, graph, [&](size_t s) { return profiling || !taps_of_step[s].empty(); });
    n_pieces.resize(stages.size());
  }

  // How many pieces the steps of a stage make for this batch.
  void prepare_stage(size_t s, const StepContext& c) {
    n_pieces[s] = 0;
    for (Stage::Chain& chain : stages[s].chains) {
      double seconds = 0;
      for (const size_t i : chain.steps) seconds += step_seconds(i, c);
      const int64_t n_units = steps[chain.steps[0]].n_units;
      const auto worthwhile = static_cast<int64_t>(seconds / least_piece_seconds) + 1;
      const int64_t most = chain_is_rows(chain) ? 4 * c.n_threads : n_units;
      const int64_t n =
          std::clamp<int64_t>(std::min(worthwhile, most), 1, std::max<int64_t>(1, n_units));
      chain.piece_units = (n_units + n - 1) / n;
      chain.n_pieces = n_units == 0 ? 0 : (n_units + chain.piece_units - 1) / chain.piece_units;
      n_pieces[s] += chain.n_pieces;
    }
  }
  bool chain_is_rows(const Stage::Chain& chain) const {
    return steps[chain.steps[0]].cut == Cut::rows;
  }
  // Rough time on one thread. Attention costs by the pairs of rows and positions.
  double step_seconds(size_t s, const StepContext& c) const {
    auto n = static_cast<double>(c.binding.n_rows);
    if (steps[s].node->op == Op::attention && steps[s].part == Step::Part::whole) {
      n = 0;
      for (const SequenceRows& rows : c.batch->sequences)
        n += static_cast<double>(rows.n_rows * (rows.n_past + rows.n_rows));
    }
    return std::max(costs[s].flops * n / rough_flops, costs[s].bytes() / rough_bandwidth);
  }

  void run_piece(int64_t stage, int64_t piece, int thread, const StepContext& c) {
    for (const Stage::Chain& chain : stages[static_cast<size_t>(stage)].chains) {
      if (piece >= chain.n_pieces) {
        piece -= chain.n_pieces;
        continue;
      }
      const int64_t begin = piece * chain.piece_units;
      const int64_t end = std::min(begin + chain.piece_units, steps[chain.steps[0]].n_units);
      const Scratch mine(scratch.get() + static_cast<size_t>(thread) * scratch_bytes_per_thread,
                         scratch_bytes_per_thread);
      if (chain_is_rows(chain)) {
        for (const size_t s : chain.steps) run_rows(steps[s], c, begin, end);
      } else {
        for (int64_t tile = begin; tile < end; ++tile)
          run_tile(steps[chain.steps[0]], c, tile, mine);
      }
      return;
    }
  }

  void run_stages(size_t begin, size_t end, Help help, const StepContext& c) {
    pool->run(
        std::span(n_pieces).subspan(begin, end - begin),
        [&](int64_t stage, int64_t piece, int thread) {
          run_piece(static_cast<int64_t>(begin) + stage, piece, thread, c);
        },
        help);
  }

  // Stages up to one whose step is watched, then whoever watches, and so on.
  void run_watched(const Batch& batch, Help help, const StepContext& c) {
    using Clock = std::chrono::steady_clock;
    for (size_t begin = 0; begin < stages.size();) {
      size_t end = begin;
      size_t last = 0;  // step of the stages up to `end`
      bool watched = false;
      while (end < stages.size() && !watched) {
        last = stages[end++].chains.back().steps.back();
        watched = profiling || !taps_of_step[last].empty();
      }
      const auto start = Clock::now();
      run_stages(begin, end, help, c);
      if (profiling) {
        times[last].seconds += std::chrono::duration<double>(Clock::now() - start).count();
        ++times[last].n_runs;
      }
      for (auto [id, tap] : taps_of_step[last]) {
        const Rows<float> rows = c.rows(id);
        taps[tap].edit(batch, View<float, 2>(rows.data, rows.n, rows.width));
      }
      begin = end;
    }
  }
};

Executor::Executor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;
Executor::~Executor() = default;

Result<Executor> Executor::create(Graph graph, std::vector<TensorView> params, ThreadPool& pool,
                                  ExecutorOptions options) {
  auto state = std::make_unique<State>();
  state->graph = std::move(graph);
  state->pool = &pool;
  state->options = options;
  const Graph& g = state->graph;
  const std::vector<ValueId> param_ids = g.all(Role::parameter);
  CHECK(param_ids.size() == params.size());
  state->params.resize(g.values.size());
  state->gradients.assign(g.values.size(), nullptr);
  for (size_t i = 0; i < params.size(); ++i) {
    const Value& value = g.value(param_ids[i]);
    TensorView param = params[i];
    CHECK(param.shape.n_elements() == Binding{}.n_elements(value.shape));
    const Codec* stored_as = codec(param.dtype);
    if (stored_as == nullptr)
      return fail(Fault::unsupported,
                  "tensor '{}': its storage type {} cannot be computed with yet", value.name,
                  info(param.dtype).name);
    if (param.dtype != DType::f32 && read_as_f32(g, param_ids[i])) {
      Tensor decoded(DType::f32, param.shape);
      stored_as->decode(param.data, decoded.f32(), param.shape.n_elements());
      state->owned_params.push_back(decoded);
      param = decoded.view();
    }
    state->params[static_cast<size_t>(param_ids[i])] = param;
  }
  state->n_adapters = n_adapters(g);
  const Binding largest{options.n_rows_max, options.n_outputs_max, 0};
  state->plan = plan_arena(g, largest);
  state->arena = allocate_aligned(static_cast<size_t>(state->plan.n_bytes));
  state->steps = make_steps(g, state->params, options.precision);
  state->reserve_quantized(largest);
  state->reserve_groups(largest);
  place_barriers(state->steps, g, state->plan.offset, largest);
  state->estimate_costs();
  state->taps_of_step.resize(state->steps.size());
  state->times.resize(state->steps.size());
  for (size_t s = 0; s < state->steps.size(); ++s)
    state->times[s].name = g.value(state->steps[s].node->outputs[0]).name;
  state->cut_into_stages();
  return Executor(std::move(state));
}

void Executor::set_gradients(std::vector<float*> gradients) {
  const std::vector<ValueId> ids = state_->graph.all(Role::gradient);
  CHECK(ids.size() == gradients.size());
  for (size_t i = 0; i < ids.size(); ++i)
    state_->gradients[static_cast<size_t>(ids[i])] = gradients[i];
}

Result<void> Executor::set_taps(std::vector<Tap> taps) {
  std::vector<std::vector<std::pair<ValueId, size_t>>> of_step(state_->steps.size());
  for (size_t t = 0; t < taps.size(); ++t) {
    const ValueId id = state_->graph.find(taps[t].name);
    const ValueId root = id == no_value ? no_value : state_->graph.root(id);
    bool found = false;
    for (size_t s = 0; s < state_->steps.size() && root != no_value; ++s) {
      const Step& step = state_->steps[s];
      const std::vector<ValueId>& outputs = step.node->outputs;
      if (std::find(outputs.begin(), outputs.end(), root) == outputs.end()) continue;
      if (step.part == Step::Part::kv_store || step.part == Step::Part::quantize) continue;
      if (step.node->op == Op::linear_gated && step.part == Step::Part::whole) continue;
      of_step[s].push_back({id, t});
      found = true;
      break;
    }
    if (!found)
      return fail(Fault::not_found, "tap: the model computes no value named '{}'; see show --graph",
                  taps[t].name);
  }
  state_->taps = std::move(taps);
  state_->taps_of_step = std::move(of_step);
  state_->cut_into_stages();
  return {};
}

void Executor::run(const Batch& batch, KvCache* kv, StateCache* states) {
  State& state = *state_;
  const auto n_rows = static_cast<int64_t>(batch.tokens.size());
  const auto n_outputs = static_cast<int64_t>(batch.output_rows.size());
  CHECK(n_rows > 0 && n_rows <= state.options.n_rows_max);
  CHECK(n_outputs <= state.options.n_outputs_max);
  CHECK(batch.positions.size() == batch.tokens.size());
  CHECK((state.graph.loss != no_value) == (kv == nullptr) || state.graph.kv_layers.empty());
  CHECK(states != nullptr || state.graph.state_sizes.empty());
  CHECK(static_cast<int64_t>(batch.strengths.size()) >= n_rows * state.n_adapters);
  CHECK(batch.strengths.size() % batch.tokens.size() == 0);
  state.binding = {n_rows, n_outputs, 0};
  const StepContext context = state.context(batch, kv, states);
  size_t scratch_needed = 0;
  for (size_t s = 0; s < state.steps.size(); ++s) {
    prepare(state.steps[s], context);
    scratch_needed = std::max(scratch_needed, scratch_bytes(state.steps[s], context));
  }
  state.grow_scratch(scratch_needed);
  for (size_t s = 0; s < state.stages.size(); ++s) state.prepare_stage(s, context);
  const double seconds =
      std::max(state.seconds_per_run, state.seconds_per_row * static_cast<double>(n_rows));
  const Help help = seconds < least_run_seconds ? Help::none : Help::wanted;
  const bool watched = state.profiling || !state.taps.empty();
  if (watched)
    state.run_watched(batch, help, context);
  else
    state.run_stages(0, state.stages.size(), help, context);
}

View<float, 2> Executor::value(ValueId id) const {
  static const Batch none;
  const StepContext c = state_->context(none, nullptr);
  const Rows<float> rows = c.rows(id);
  return View<float, 2>(rows.data, rows.n, rows.width);
}

const Graph& Executor::graph() const { return state_->graph; }
int64_t Executor::arena_bytes() const { return state_->plan.n_bytes; }
void Executor::set_profile(Profile profile) {
  state_->profiling = profile == Profile::on;
  state_->cut_into_stages();
}

std::vector<NodeTime> Executor::profile() const {
  std::vector<NodeTime> times = state_->times;
  for (NodeTime& time : state_->times) time.seconds = 0, time.n_runs = 0;
  return times;
}

}  // namespace quire
