#include "device/executor.h"

#include "device/step.h"
#include "graph/arena.h"
#include "quant/codec.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace quire {

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
  std::unique_ptr<WorkCounter[]> counters;            // one per step
  std::shared_ptr<std::byte[]> scratch;
  size_t scratch_bytes_per_thread = 0;
  std::vector<Tap> taps;
  std::vector<std::vector<std::pair<ValueId, size_t>>> taps_of_step;  // value, index into taps
  Binding binding;
  bool profiling = false;
  std::vector<NodeTime> times;  // one per step

  StepContext context(const Batch& batch, KvCache* kv) {
    StepContext c{graph,       binding,     &batch, kv,       pool->size(),
                  arena.get(), plan.offset, params, gradients};
    const auto n_counted = std::count_if(batch.targets.begin(), batch.targets.end(),
                                         [](int32_t target) { return target >= 0; });
    c.precision = options.precision;
    c.quantized = quantized.data();
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

  void grow_scratch(size_t n_bytes) {
    n_bytes = (n_bytes + 4095) / 4096 * 4096;  // whole pages: no two threads share a cache line
    if (n_bytes <= scratch_bytes_per_thread) return;
    scratch_bytes_per_thread = n_bytes;
    scratch = allocate_aligned(n_bytes * static_cast<size_t>(pool->size()));
  }

  void run_taps(size_t step, const Batch& batch, const StepContext& c) {
    for (auto [id, tap] : taps_of_step[step]) {
      const Rows<float> rows = c.rows(id);
      taps[tap].edit(batch, View<float, 2>(rows.data, rows.n, rows.width));
    }
  }

  // What one thread does in a run.
  void walk(int thread, const Batch& batch, const StepContext& c) {
    using Clock = std::chrono::steady_clock;
    const int n_threads = pool->size();
    const Scratch mine(scratch.get() + static_cast<size_t>(thread) * scratch_bytes_per_thread,
                       scratch_bytes_per_thread);
    for (size_t s = 0; s < steps.size(); ++s) {
      const Step& step = steps[s];
      const bool watched = profiling || (s > 0 && steps[s - 1].tapped);
      if (step.barrier_before || watched) pool->barrier();
      const auto start = profiling && thread == 0 ? Clock::now() : Clock::time_point();
      if (step.cut == Cut::rows) {
        const int64_t begin = (step.n_units * thread + n_threads - 1) / n_threads;
        const int64_t end = (step.n_units * (thread + 1) + n_threads - 1) / n_threads;
        if (begin < end) run_rows(step, c, begin, end);
      } else {
        for (int64_t i = counters[s].take(); i < step.n_units; i = counters[s].take())
          run_tile(step, c, i, mine);
      }
      if (step.tapped || profiling) pool->barrier();
      if (thread != 0) continue;
      if (step.tapped) run_taps(s, batch, c);
      if (profiling) {
        times[s].seconds += std::chrono::duration<double>(Clock::now() - start).count();
        ++times[s].n_runs;
      }
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
    if (value.shape.size() == 1 && param.dtype != DType::f32) {
      Tensor decoded(DType::f32, param.shape);
      stored_as->decode(param.data, decoded.f32(), param.shape.n_elements());
      state->owned_params.push_back(decoded);
      param = decoded.view();
    }
    state->params[static_cast<size_t>(param_ids[i])] = param;
  }
  const Binding largest{options.n_rows_max, options.n_outputs_max, 0};
  state->plan = plan_arena(g, largest);
  state->arena = allocate_aligned(static_cast<size_t>(state->plan.n_bytes));
  state->steps = make_steps(g, state->params, options.precision);
  state->reserve_quantized(largest);
  place_barriers(state->steps, g, state->plan.offset, largest);
  state->counters = std::make_unique<WorkCounter[]>(state->steps.size());
  state->taps_of_step.resize(state->steps.size());
  state->times.resize(state->steps.size());
  for (size_t s = 0; s < state->steps.size(); ++s)
    state->times[s].name = g.value(state->steps[s].node->outputs[0]).name;
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
  for (size_t s = 0; s < state_->steps.size(); ++s)
    state_->steps[s].tapped = !state_->taps_of_step[s].empty();
  return {};
}

void Executor::run(const Batch& batch, KvCache* kv) {
  State& state = *state_;
  const auto n_rows = static_cast<int64_t>(batch.tokens.size());
  const auto n_outputs = static_cast<int64_t>(batch.output_rows.size());
  CHECK(n_rows > 0 && n_rows <= state.options.n_rows_max);
  CHECK(n_outputs <= state.options.n_outputs_max);
  CHECK(batch.positions.size() == batch.tokens.size());
  CHECK((state.graph.loss != no_value) == (kv == nullptr) || state.graph.n_layers == 0);
  state.binding = {n_rows, n_outputs, 0};
  const StepContext context = state.context(batch, kv);
  size_t scratch_needed = 0;
  for (size_t s = 0; s < state.steps.size(); ++s) {
    prepare(state.steps[s], context);
    scratch_needed = std::max(scratch_needed, scratch_bytes(state.steps[s], context));
    state.counters[s].reset();
  }
  state.grow_scratch(scratch_needed);
  state.pool->run([&](int thread) { state.walk(thread, batch, context); });
}

View<float, 2> Executor::value(ValueId id) const {
  static const Batch none;
  const StepContext c = state_->context(none, nullptr);
  const Rows<float> rows = c.rows(id);
  return View<float, 2>(rows.data, rows.n, rows.width);
}

const Graph& Executor::graph() const { return state_->graph; }
int64_t Executor::arena_bytes() const { return state_->plan.n_bytes; }
void Executor::set_profile(Profile profile) { state_->profiling = profile == Profile::on; }

std::vector<NodeTime> Executor::profile() const {
  std::vector<NodeTime> times = state_->times;
  for (NodeTime& time : state_->times) time.seconds = 0, time.n_runs = 0;
  return times;
}

}  // namespace quire
