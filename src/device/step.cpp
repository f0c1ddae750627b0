#include "device/step.h"

#include "device/adapter_rows.h"
#include "kernels/activation.h"
#include "kernels/attention_bf16.h"
#include "kernels/causal_conv.h"
#include "kernels/cross_entropy.h"
#include "kernels/elementwise.h"
#include "kernels/embed.h"
#include "kernels/heads.h"
#include "kernels/norm.h"
#include "kernels/rope.h"
#include "kernels/route.h"
#include "kernels/ssm_scan.h"

#include <algorithm>
#include <utility>

namespace quire {
namespace {

constexpr int64_t columns_per_tile = 64;  // of a gradient summed over rows: a few cache lines each
constexpr int64_t channels_per_tile = 256;  // of a convolution: a kilobyte of each row
constexpr int64_t exact_attention_rows =
    32;  // rows of a tile: enough to read each key once for many queries
constexpr int64_t tiles_per_thread = 2;  // of attention, where positions can be cut
constexpr int64_t least_chunks = 2;      // of positions in a tile that makes only a part

int64_t divide_up(int64_t n, int64_t d) { return (n + d - 1) / d; }

int64_t n_column_tiles(int64_t n) { return (n + columns_per_tile - 1) / columns_per_tile; }

Cut cut_of(Op op) {
  switch (op) {
    case Op::linear:
    case Op::linear_group:
    case Op::linear_gated:
    case Op::expert_linear:
    case Op::head_linear:
    case Op::causal_conv:
    case Op::ssm_scan:
    case Op::attention:
    case Op::embed_backward:
    case Op::rms_norm_backward_w:
    case Op::layer_norm_backward_w:
    case Op::linear_backward_x:
    case Op::linear_backward_w:
    case Op::linear_backward_bias:
    case Op::attention_backward:
      return Cut::tiles;
    default:
      return Cut::rows;
  }
}

Output output_of(const Node& node) { return node.accumulate ? Output::add : Output::write; }

int64_t last_dim(const Graph& graph, ValueId id) { return graph.value(id).shape.back().n; }

// Columns [begin, end) of tile i of a vector of n.
std::pair<int64_t, int64_t> columns(int64_t i, int64_t n) {
  return {i * columns_per_tile, std::min(n, (i + 1) * columns_per_tile)};
}

}  // namespace

bool is_product(Op op) {
  return op == Op::linear || op == Op::linear_group || op == Op::linear_gated ||
         op == Op::expert_linear || op == Op::head_linear;
}

namespace {

// One step for each format in which the product's weights want its activations. Experts want them
// moved even where they stay f32.
void add_quantize_steps(std::vector<Step>& steps, const Node& node,
                        const std::vector<TensorView>& params, Precision precision) {
  const bool experts = node.op == Op::expert_linear;
  const size_t n_weights =
      node.op == Op::linear || node.op == Op::head_linear ? 1 : node.outputs.size();
  const size_t first = experts ? 2 : 1;
  bool done[n_row_formats] = {!experts};  // f32
  for (size_t i = 0; i < n_weights; ++i) {
    const DType weights = params[static_cast<size_t>(node.inputs[first + i])].dtype;
    const RowFormat format =
        experts ? expert_row_format(weights, precision) : row_format(weights, precision);
    if (std::exchange(done[static_cast<size_t>(format)], true)) continue;
    Step step;
    step.node = &node;
    step.part = Step::Part::quantize;
    step.format = format;
    steps.push_back(step);
  }
}

}  // namespace

std::array<int64_t, n_row_formats> quantized_bytes(const std::vector<Step>& steps,
                                                   const Graph& graph, const Binding& largest) {
  std::array<int64_t, n_row_formats> bytes{};
  for (const Step& step : steps) {
    if (step.part != Step::Part::quantize) continue;
    const ValueId x = step.node->inputs[0];
    int64_t& most = bytes[static_cast<size_t>(step.format)];
    const Node& node = *step.node;
    const int64_t n_rows = largest(graph.value(x).shape[0]), width = last_dim(graph, x);
    if (node.op == Op::expert_linear)
      most = std::max(
          most, expert_rows_bytes(step.format, n_rows * last_dim(graph, node.inputs[1]), width));
    else
      most = std::max(
          most, quantized_rows_bytes(step.format, n_rows * (graph.row_length(x) / width), width));
  }
  return bytes;
}

std::vector<Step> make_steps(const Graph& graph, const std::vector<TensorView>& params,
                             Precision precision) {
  std::vector<Step> steps;
  for (const Node& node : graph.nodes) {
    if (node.op == Op::view || node.op == Op::columns) continue;
    if (is_product(node.op)) add_quantize_steps(steps, node, params, precision);
    Step step;
    step.node = &node;
    step.cut = cut_of(node.op);
    if (node.op == Op::attention && graph.loss == no_value) {
      Step store = step;
      store.part = Step::Part::kv_store;
      store.cut = Cut::rows;
      steps.push_back(store);
    }
    steps.push_back(step);
    if (node.op == Op::route) {
      step.part = Step::Part::group;
      step.cut = Cut::tiles;
      steps.push_back(step);
    }
    if (node.op == Op::linear_gated) {
      step.part = Step::Part::gated_rows;
      step.cut = Cut::rows;
      steps.push_back(step);
    }
  }
  return steps;
}

namespace {

// q: which input of the node the queries are; sinks, if any, are the third after it.
AttentionOptions attention_options(const StepContext& c, const Node& node, size_t q) {
  const auto& a = node.as<AttentionAttributes>();
  const bool has_sinks = node.op == Op::attention && node.inputs.size() > q + 3;
  return {a.scale, a.window, a.softcap, a.mask,
          has_sinks ? c.vector(node.inputs[q + 3]).data() : nullptr};
}

bool attends_in_bf16(const StepContext& c, const SequenceRows& rows) {
  return c.precision == Precision::fast && attention_bf16_suits(rows.n_rows);
}
// Rows of a tile.
int64_t attention_rows(const StepContext& c, const SequenceRows& rows, int64_t n_group) {
  return attends_in_bf16(c, rows) ? attention_bf16_rows(n_group) : exact_attention_rows;
}

// Tiles of a node that keeps a state, for each sequence: channels, or heads.
int64_t state_tiles(const Graph& graph, const Node& node) {
  const DimShape& shape = graph.value(node.outputs[0]).shape;
  return node.op == Op::ssm_scan ? shape[1].n : divide_up(shape[1].n, channels_per_tile);
}

// What prepare() needs to know about the operations that run as tiles.
struct Preparation {
  Step& step;
  const StepContext& c;
  const Node& node = *step.node;

  const TensorView& param(size_t i) const { return c.params[static_cast<size_t>(node.inputs[i])]; }

  void add_matmul(size_t weight, size_t output, const float* bias) {
    TensorView w = param(weight);
    if (w.shape.rank == 1) w.shape = {1, w.shape[0]};
    step.matmuls.push_back(
        matmul_plan({c.rows(node.inputs[0]), w, c.rows(node.outputs[output]), bias, Output::write,
                     c.quantized_rows(node.inputs[0], w.dtype)},
                    c.n_threads));
    step.n_units += step.matmuls.back().n_tiles;
  }
  void add_heads() {
    const TensorView& w = param(1);
    const Heads<float> x = c.heads(node.inputs[0]), y = c.heads(node.outputs[0]);
    const RowFormat format = row_format(w.dtype, c.precision);
    for (int64_t h = 0; h < x.n_heads; ++h) {
      Matmul product;
      product.x = Rows<const float>(x.data + h * x.width, x.n, x.width, x.stride);
      product.w = {w.dtype, {y.width, x.width}, w.row(h * y.width)};
      product.y = Rows<float>(y.data + h * y.width, y.n, y.width, y.stride);
      if (format != RowFormat::f32) product.quantized = c.quantized_head(node.inputs[0], h, format);
      step.matmuls.push_back(matmul_plan(product, c.n_threads));
      step.n_units += step.matmuls.back().n_tiles;
    }
  }
  void add_experts() {
    const size_t n = node.outputs.size();
    for (size_t i = 0; i < n; ++i) {
      const TensorView& w = param(2 + i);
      const Rows<float> y = c.rows(node.outputs[i]);
      const int64_t n_used = last_dim(c.graph, node.inputs[1]);
      step.experts.push_back(expert_plan(
          {.x = c.expert_rows(node.inputs[0], w.shape[2], expert_row_format(w.dtype, c.precision)),
           .w = w,
           .bias = bias(2 + n + i),
           .y = Rows<float>(y.data, y.n * n_used, y.width / n_used)},
          n_used, c.n_threads));
      step.n_units += step.experts.back().n_tiles;
    }
  }
  void add_gemm(const Gemm& gemm) {
    step.gemms.push_back(gemm_plan(gemm, c.n_threads));
    step.n_units += step.gemms.back().n_tiles;
  }
  const float* bias(size_t i) const { return i < node.inputs.size() ? param(i).f32() : nullptr; }

  // Few rows that look far back make few tiles: then the positions are cut as well, so that every
  // thread has some.
  void attention_over_cache() {
    step.attention_tiles.clear();
    const DimShape& q = c.graph.value(node.inputs[0]).shape;
    const DimShape& k = c.graph.value(node.inputs[1]).shape;
    const DimShape& v = c.graph.value(node.inputs[2]).shape;
    const auto n_heads = static_cast<int32_t>(k[1].n);
    const int64_t n_group = q[1].n / k[1].n;
    const auto n_sequences = static_cast<int32_t>(c.batch->sequences.size());
    const AttentionOptions options = attention_options(c, node, 0);
    int64_t n_tiles = 0;
    for (const SequenceRows& rows : c.batch->sequences)
      n_tiles += n_heads * divide_up(rows.n_rows, attention_rows(c, rows, n_group));
    const int64_t n_wanted = tiles_per_thread * c.n_threads;
    const int64_t parts_wanted = n_tiles == 0 ? 1 : divide_up(n_wanted, n_tiles);
    int32_t n_groups = 0;
    int64_t n_floats = 0;
    // Late rows see more keys: first, so that the last tiles taken are short ones.
    for (int32_t s = 0; s < n_sequences; ++s) {
      const SequenceRows& rows = c.batch->sequences[static_cast<size_t>(s)];
      const int64_t n_stored = rows.n_past + rows.n_rows;
      const int64_t n_each = attention_rows(c, rows, n_group);
      for (int64_t b = divide_up(rows.n_rows, n_each); b-- > 0;) {
        const int64_t begin = rows.first_row + b * n_each;
        const int64_t end = rows.first_row + std::min(rows.n_rows, (b + 1) * n_each);
        const auto seen = [&](int64_t row) {
          return visible_positions(options, c.batch->positions[static_cast<size_t>(row)], n_stored);
        };
        const int64_t first = seen(begin).begin / attention_chunk;
        const int64_t last = divide_up(seen(end - 1).end, attention_chunk);
        const bool few = !attends_in_bf16(c, rows) &&
                         ((end - begin) * n_group <= attention_part_rows || end - begin == 1);
        const int64_t n_parts =
            few ? std::clamp<int64_t>(divide_up(last - first, least_chunks), 1, parts_wanted) : 1;
        const int64_t chunks = divide_up(last - first, n_parts);
        const auto n_used = static_cast<int32_t>(divide_up(last - first, chunks));
        for (int32_t head = 0; head < n_heads; ++head) {
          for (int64_t chunk = first; chunk < last; chunk += chunks)
            step.attention_tiles.push_back({s, head, begin, end, chunk,
                                            std::min(chunk + chunks, last), first, last, n_used,
                                            n_groups, n_floats});
          if (n_used == 1) continue;
          ++n_groups;
          n_floats += (last - first) * attention_part_floats(end - begin, n_group, v[2].n);
        }
      }
    }
    reserve_parts(static_cast<size_t>(n_groups), static_cast<size_t>(n_floats));
    step.n_units = static_cast<int64_t>(step.attention_tiles.size());
  }

  void reserve_parts(size_t n_groups, size_t n_floats) const {
    AttentionParts& parts = *c.parts;
    if (parts.sums.size() < n_floats) parts.sums.resize(n_floats);
    if (parts.n_groups >= n_groups) return;
    parts.n_arrived = std::make_unique<std::atomic<int32_t>[]>(n_groups);
    parts.n_groups = n_groups;
  }

  AttentionTrain attention_in_batch(size_t q) const {
    const auto n_sequences = static_cast<int64_t>(c.batch->sequences.size());
    return {n_sequences,
            c.binding.n_rows / n_sequences,
            c.heads(node.inputs[q]),
            c.heads(node.inputs[q + 1]),
            c.heads(node.inputs[q + 2]),
            attention_options(c, node, q)};
  }

  void run() {
    step.n_units = 0;
    step.matmuls.clear();
    step.gemms.clear();
    step.experts.clear();
    if (step.part == Step::Part::group) {
      step.n_units = 1;
      return;
    }
    if (step.cut == Cut::rows) {
      const ValueId rows = step.part == Step::Part::quantize ? node.inputs[0] : node.outputs[0];
      step.n_units = c.binding(c.graph.value(rows).shape[0]);
      return;
    }
    switch (node.op) {
      case Op::linear:
        add_matmul(1, 0, bias(2));
        break;
      case Op::linear_group: {
        const size_t n = node.outputs.size();
        for (size_t i = 0; i < n; ++i) add_matmul(1 + i, i, bias(1 + n + i));
        break;
      }
      case Op::linear_gated:
        add_matmul(1, 0, nullptr);
        add_matmul(2, 1, nullptr);
        break;
      case Op::expert_linear:
        add_experts();
        break;
      case Op::head_linear:
        add_heads();
        break;
      case Op::causal_conv:
      case Op::ssm_scan:
        step.n_units = static_cast<int64_t>(c.batch->sequences.size()) * state_tiles(c.graph, node);
        break;
      case Op::linear_backward_x:
        add_gemm(matmul_backward_x(c.rows(node.outputs[0]), c.rows(node.inputs[0]), param(1),
                                   output_of(node)));
        break;
      case Op::linear_backward_w:
        add_gemm(matmul_backward_w(c.rows(node.outputs[0]), c.rows(node.inputs[0]),
                                   c.rows(node.inputs[1]), Output::add));
        break;
      case Op::attention:
        if (c.graph.loss == no_value) {
          attention_over_cache();
        } else {
          step.attention_train = attention_in_batch(0);
          step.n_units = attention_forward_tiles(step.attention_train);
        }
        break;
      case Op::attention_backward:
        step.attention_train = attention_in_batch(1);
        step.n_units = attention_backward_tiles(step.attention_train);
        break;
      default:
        step.n_units = n_column_tiles(last_dim(c.graph, node.outputs[0]));
        break;
    }
  }
};

KvPages pages(const StepContext& c, const Node& node, const SequenceRows& rows) {
  return c.kv->pages(node.as<AttentionAttributes>().layer, rows.blocks, rows.n_past + rows.n_rows);
}

View<const int32_t, 1> positions(const StepContext& c, int64_t begin, int64_t end) {
  return View<const int32_t, 1>(c.batch->positions.data() + begin, end - begin);
}

// Rows [begin, end) of the batch may belong to several sequences.
void store_keys_and_values(const StepContext& c, const Node& node, int64_t begin, int64_t end) {
  for (const SequenceRows& rows : c.batch->sequences) {
    const int64_t first = std::max(begin, rows.first_row);
    const int64_t last = std::min(end, rows.first_row + rows.n_rows);
    if (first >= last) continue;
    kv_store(pages(c, node, rows), c.heads(node.inputs[1]).part(first, last),
             c.heads(node.inputs[2]).part(first, last), positions(c, first, last));
  }
}

// Attends for a tile's rows: alone, or by a part of the positions that the last tile of the rows
// folds.
void attend_over_cache(const AttentionTile& t, const StepContext& c, const Node& node,
                       Scratch scratch) {
  const SequenceRows& rows = c.batch->sequences[static_cast<size_t>(t.sequence)];
  const Heads<float> out = c.heads(node.outputs[0]).part(t.begin, t.end);
  const Heads<const float> q = c.heads(node.inputs[0]).part(t.begin, t.end);
  const KvPages kv = pages(c, node, rows);
  const AttentionOptions options = attention_options(c, node, 0);
  const View<const int32_t, 1> at = positions(c, t.begin, t.end);
  if (attends_in_bf16(c, rows)) return attention_bf16(out, q, kv, at, t.head, options, scratch);
  if (t.n_parts == 1) return attention(out, q, kv, at, t.head, options, scratch);

  const int64_t step = attention_part_floats(q.n, q.n_heads / kv.n_heads, out.width);
  float* parts = c.parts->sums.data() + t.offset - t.first_chunk * step;
  attention_part(parts, q, kv, at, t.head, t.chunk_begin, t.chunk_end, options, scratch);
  std::atomic<int32_t>& n_arrived = c.parts->n_arrived[static_cast<size_t>(t.group)];
  if (n_arrived.fetch_add(1, std::memory_order_acq_rel) + 1 < t.n_parts) return;
  n_arrived.store(0, std::memory_order_relaxed);
  attention_fold(out, parts, kv.n_heads, t.head, t.first_chunk, t.last_chunk, options);
}

// The activations of a product, where and how it wants them.
void quantize(const Step& step, const StepContext& c, int64_t begin, int64_t end) {
  const Node& node = *step.node;
  const ValueId id = node.inputs[0];
  const Rows<float> x = c.rows(id);
  if (node.op != Op::expert_linear && !uses_quantized(step.format, x.n)) return;
  if (node.op == Op::expert_linear)
    return place_expert_rows(c.expert_rows(id, last_dim(c.graph, id), step.format), x, begin, end);
  if (node.op == Op::head_linear) {
    const Heads<float> heads = c.heads(id);
    for (int64_t h = 0; h < heads.n_heads; ++h)
      quantize_rows(c.quantized_head(id, h, step.format),
                    Rows<float>(heads.data + h * heads.width, x.n, heads.width, x.stride), begin,
                    end);
    return;
  }
  std::byte* to = c.quantized[static_cast<size_t>(step.format)];
  quantize_rows({step.format, x.n, x.width, to}, x, begin, end);
}

static_assert(route_experts_max == experts_max && causal_conv_width_max == conv_width_max);

void route_rows(const StepContext& c, const Node& node, int64_t begin, int64_t end) {
  const auto& a = node.as<RouteAttributes>();
  const RouteOptions options{a.scores,   a.normalize,     a.scale,
                             a.n_groups, a.n_groups_used, a.group_best};
  route(c.rows(node.outputs[0], begin, end), c.rows(node.outputs[1], begin, end),
        c.rows(node.inputs[0], begin, end),
        node.inputs.size() > 1 ? c.vector(node.inputs[1]) : View<const float, 1>(), options);
}

void run_state_tile(const StepContext& c, const Node& node, int64_t tile) {
  const int64_t n_tiles = state_tiles(c.graph, node);
  const SequenceRows& rows = c.batch->sequences[static_cast<size_t>(tile / n_tiles)];
  const int64_t begin = rows.first_row, end = begin + rows.n_rows;
  const std::vector<ValueId>& in = node.inputs;
  float* state = c.states->state(node.as<StateAttributes>().index, rows.state);
  if (node.op == Op::causal_conv) {
    const TensorView& w = c.params[static_cast<size_t>(in[1])];
    const int64_t channel = tile % n_tiles * channels_per_tile;
    return causal_conv({.y = c.rows(node.outputs[0], begin, end),
                        .x = c.rows(in[0], begin, end),
                        .w = w.f32(),
                        .bias = in.size() > 2 ? c.vector(in[2]).data() : nullptr,
                        .state = state,
                        .width = w.shape[1],
                        .starts = rows.n_past == 0},
                       channel, std::min(channel + channels_per_tile, w.shape[0]));
  }
  ssm_scan({.y = c.heads(node.outputs[0]).part(begin, end),
            .x = c.heads(in[0]).part(begin, end),
            .dt = c.rows(in[1], begin, end),
            .b = c.heads(in[2]).part(begin, end),
            .c = c.heads(in[3]).part(begin, end),
            .a = c.vector(in[4]),
            .d = c.vector(in[5]),
            .dt_bias = c.vector(in[6]),
            .state = state,
            .starts = rows.n_past == 0},
           tile % n_tiles);
}

void run_expert_tile(const Step& step, int64_t tile, Scratch scratch) {
  for (const ExpertPlan& plan : step.experts) {
    if (tile < plan.n_tiles) return expert_tile(plan, tile, scratch);
    tile -= plan.n_tiles;
  }
}

// Norms over whole rows, or over each head of them; all heads at once where they lie one after the
// other and share the weight.
void norm_rows(const StepContext& c, const Node& node, int64_t begin, int64_t end) {
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const Rows<float> from = c.rows(x, begin, end), to = c.rows(out, begin, end);
  const int64_t width = last_dim(c.graph, x), n_heads = from.width / width;
  const View<const float, 1> w = c.vector(node.inputs[1]);
  const View<const float, 1> b =
      node.inputs.size() > 2 ? c.vector(node.inputs[2]) : View<const float, 1>();
  const auto normalize = [&](Rows<float> y, Rows<const float> of, int64_t first) {
    const auto part = [&](View<const float, 1> all) {
      return View<const float, 1>(all.data() + first, all.dim(0) == 0 ? 0 : width);
    };
    const float eps = node.as<NormAttributes>().eps;
    if (node.op == Op::rms_norm) return rms_norm(y, of, part(w), eps);
    return layer_norm(y, of, part(w), part(b), eps);
  };
  const bool dense = from.stride == from.width && to.stride == to.width;
  if (dense && w.dim(0) == width) {
    const int64_t n = from.n * n_heads;
    return normalize({to.data, n, width}, Rows<float>(from.data, n, width), 0);
  }
  for (int64_t h = 0; h < n_heads; ++h)
    normalize(to.columns(h * width, (h + 1) * width), from.columns(h * width, (h + 1) * width),
              w.dim(0) == width ? 0 : h * width);
}

void run_matmul_tile(const Step& step, int64_t tile, Scratch scratch) {
  for (const MatmulPlan& plan : step.matmuls) {
    if (tile < plan.n_tiles) return matmul_tile(plan, tile, scratch);
    tile -= plan.n_tiles;
  }
}

}  // namespace

void prepare(Step& step, const StepContext& context) { Preparation{step, context}.run(); }

size_t scratch_bytes(const Step& step, const StepContext& context) {
  size_t n = 0;
  if (!step.matmuls.empty()) n = std::max(n, matmul_scratch_bytes());
  if (!step.gemms.empty()) n = std::max(n, gemm_scratch_bytes());
  if (!step.experts.empty()) n = std::max(n, expert_scratch_bytes());
  const Node& node = *step.node;
  if (step.cut == Cut::tiles && (node.op == Op::attention || node.op == Op::attention_backward)) {
    if (context.graph.loss != no_value) return attention_train_scratch_bytes(step.attention_train);
    const DimShape& q = context.graph.value(node.inputs[0]).shape;
    const DimShape& k = context.graph.value(node.inputs[1]).shape;
    const DimShape& v = context.graph.value(node.inputs[2]).shape;
    const int64_t n_group = q[1].n / k[1].n;
    n = std::max({n, attention_scratch_bytes(n_group, q[2].n, v[2].n),
                  context.precision == Precision::exact
                      ? 0
                      : attention_bf16_scratch_bytes(n_group, q[2].n, v[2].n)});
  }
  return n;
}

void run_rows(const Step& step, const StepContext& c, int64_t begin, int64_t end) {
  const Node& node = *step.node;
  const std::vector<ValueId>& in = node.inputs;
  const ValueId out = node.outputs[0];
  const auto rows = [&](ValueId id) { return c.rows(id, begin, end); };
  const auto part = [&](View<float, 1> v) { return View<float, 1>(v.data() + begin, end - begin); };
  const auto part_ids = [&](ValueId id) {
    return View<const int32_t, 1>(c.ids(id).data() + begin, end - begin);
  };
  if (step.part == Step::Part::kv_store) return store_keys_and_values(c, node, begin, end);
  if (step.part == Step::Part::quantize) return quantize(step, c, begin, end);
  if (step.part == Step::Part::gated_rows)
    return activate_gated(rows(out), rows(out), rows(node.outputs[1]),
                          node.as<ActivationAttributes>().activation);
  switch (node.op) {
    case Op::embed:
      return embed(rows(out), c.params[static_cast<size_t>(in[0])], part_ids(in[1]));
    case Op::rms_norm:
    case Op::layer_norm:
      return norm_rows(c, node, begin, end);
    case Op::add_rms_norm:
      return add_rms_norm(rows(node.outputs[1]), rows(out), rows(in[0]), rows(in[1]),
                          c.vector(in[2]), node.as<NormAttributes>().eps);
    case Op::rope_table: {
      const RopeFrequencies& f = *node.as<RopeAttributes>().frequencies;
      return rope_table(rows(out), part_ids(in[0]),
                        View<const double, 1>(f.frequencies.data(), f.frequencies.size()),
                        f.magnitude);
    }
    case Op::rope:
      return rope(c.heads(out).part(begin, end), c.heads(in[0]).part(begin, end), rows(in[1]),
                  node.as<RopeAttributes>().pairs, RopeTurn::forward);
    case Op::rope_backward:
      return rope(c.heads(out).part(begin, end), c.heads(in[0]).part(begin, end), rows(in[1]),
                  node.as<RopeAttributes>().pairs, RopeTurn::backward, output_of(node));
    case Op::add:
      return add(rows(out), rows(in[0]), rows(in[1]));
    case Op::activation:
      return activate(rows(out), rows(in[0]), node.as<ActivationAttributes>().activation);
    case Op::gated:
      return activate_gated(rows(out), rows(in[0]), rows(in[1]),
                            node.as<ActivationAttributes>().activation);
    case Op::scale:
      return scale(rows(out), rows(in[0]), node.as<ScaleAttributes>().factor);
    case Op::adapter_scale:
      return run_adapter_scale(c, node, begin, end);
    case Op::steer:
      return run_steer(c, node, begin, end);
    case Op::softcap:
      return softcap(rows(out), rows(in[0]), node.as<ScaleAttributes>().factor);
    case Op::clamp: {
      const auto& a = node.as<ClampAttributes>();
      return clamp(rows(out), rows(in[0]), a.low, a.high, a.offset);
    }
    case Op::route:
      return route_rows(c, node, begin, end);
    case Op::expert_sum:
      return expert_sum(rows(out), rows(in[0]), rows(in[1]));
    case Op::slice:
      return slice_heads(c.heads(out).part(begin, end), c.heads(in[0]).part(begin, end),
                         node.as<ColumnsAttributes>().begin);
    case Op::join:
      return join_heads(c.heads(out).part(begin, end), c.heads(in[0]).part(begin, end),
                        c.heads(in[1]).part(begin, end));
    case Op::select_rows: {
      const View<const int32_t, 1> wanted = c.ids(in[1]);
      const Rows<float> x = c.rows(in[0]);
      for (int64_t r = begin; r < end; ++r)
        copy(c.rows(out, r, r + 1), x.part(wanted(r), wanted(r) + 1));
      return;
    }
    case Op::cross_entropy:
      return cross_entropy(part(c.statistic(out)), rows(in[0]), part_ids(in[1]));
    case Op::cross_entropy_backward:
      return cross_entropy_backward(rows(out), part(c.statistic(node.outputs[1])), rows(in[0]),
                                    part_ids(in[1]), c.loss_scale);
    case Op::rms_norm_backward:
      return rms_norm_backward_x(rows(out), part(c.statistic(node.outputs[1])), rows(in[0]),
                                 rows(in[1]), c.vector(in[2]), node.as<NormAttributes>().eps,
                                 output_of(node));
    case Op::layer_norm_backward:
      return layer_norm_backward_x(rows(out), part(c.statistic(node.outputs[1])),
                                   part(c.statistic(node.outputs[2])), rows(in[0]), rows(in[1]),
                                   c.vector(in[2]), node.as<NormAttributes>().eps, output_of(node));
    case Op::add_backward:
      return node.accumulate ? add_scaled(rows(out), rows(in[0]), 1) : copy(rows(out), rows(in[0]));
    case Op::activation_backward:
      return activate_backward(rows(out), rows(in[0]), rows(in[1]),
                               node.as<ActivationAttributes>().activation, output_of(node));
    case Op::gated_backward:
      return activate_gated_backward(rows(out), rows(node.outputs[1]), rows(in[0]), rows(in[1]),
                                     rows(in[2]), node.as<ActivationAttributes>().activation,
                                     Output::write);
    case Op::scale_backward:
      return node.accumulate ? add_scaled(rows(out), rows(in[0]), node.as<ScaleAttributes>().factor)
                             : scale(rows(out), rows(in[0]), node.as<ScaleAttributes>().factor);
    case Op::softcap_backward:
      return softcap_backward(rows(out), rows(in[0]), rows(in[1]),
                              node.as<ScaleAttributes>().factor, output_of(node));
    default:
      check_failed(__FILE__, __LINE__, "a row-wise operation");
  }
}

void run_tile(const Step& step, const StepContext& c, int64_t tile, Scratch scratch) {
  const Node& node = *step.node;
  const std::vector<ValueId>& in = node.inputs;
  switch (node.op) {
    case Op::linear:
    case Op::linear_group:
    case Op::linear_gated:
    case Op::head_linear:
      return run_matmul_tile(step, tile, scratch);
    case Op::expert_linear:
      return run_expert_tile(step, tile, scratch);
    case Op::causal_conv:
    case Op::ssm_scan:
      return run_state_tile(c, node, tile);
    case Op::route:
      return c.groups->group_by_expert(c.rows(node.outputs[1]), last_dim(c.graph, in[0]));
    case Op::linear_backward_x:
    case Op::linear_backward_w:
      return gemm_tile(step.gemms[0], tile, scratch);
    case Op::attention: {
      if (c.graph.loss != no_value)
        return attention_forward_tile(step.attention_train, c.heads(node.outputs[0]),
                                      View<float, 2>(c.data(node.outputs[1]), c.binding.n_rows,
                                                     step.attention_train.q.n_heads),
                                      tile, scratch);
      return attend_over_cache(step.attention_tiles[static_cast<size_t>(tile)], c, node, scratch);
    }
    case Op::attention_backward:
      return attention_backward_tile(
          step.attention_train,
          {c.heads(node.outputs[0]), c.heads(node.outputs[1]), c.heads(node.outputs[2]),
           Output::write},
          c.heads(in[0]), c.heads(in[4]),
          View<const float, 2>(c.data(in[5]), c.binding.n_rows, step.attention_train.q.n_heads),
          tile, scratch);
    default:
      break;
  }
  const auto [begin, end] = columns(tile, last_dim(c.graph, node.outputs[0]));
  switch (node.op) {
    case Op::embed_backward:
      return embed_backward(c.rows(node.outputs[0]), begin, end, c.rows(in[0]), c.ids(in[1]));
    case Op::rms_norm_backward_w:
      return rms_norm_backward_w(c.gradient_vector(node.outputs[0]), begin, end, c.rows(in[0]),
                                 c.rows(in[1]), c.statistic(in[2]), Output::add);
    case Op::layer_norm_backward_w:
      return layer_norm_backward_wb(
          c.gradient_vector(node.outputs[0]),
          node.outputs.size() > 1 ? c.gradient_vector(node.outputs[1]) : View<float, 1>(), begin,
          end, c.rows(in[0]), c.rows(in[1]), c.statistic(in[2]), c.statistic(in[3]), Output::add);
    case Op::linear_backward_bias:
      return sum_rows(c.gradient_vector(node.outputs[0]), begin, end, c.rows(in[0]), Output::add);
    default:
      check_failed(__FILE__, __LINE__, "an operation in tiles");
  }
}

}  // namespace quire
