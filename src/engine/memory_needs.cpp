#include "engine/memory_needs.h"

#include "device/step.h"
#include "graph/arena.h"
#include "graph/fuse.h"
#include "kernels/matmul.h"

#include <algorithm>
#include <numeric>

namespace quire {
namespace {

// Measured (docs/log.md): pages of the program and its libraries, and what a token takes in the
// tables of a tokenizer.
constexpr int64_t program_bytes = int64_t{16} << 20;
constexpr int64_t bytes_per_token = 230;
constexpr int64_t logits_bytes_per_step = 32 << 20;  // a step with more outputs is cut in two

// As allocate_aligned() (tensor/tensor.h) takes it: large blocks in huge pages.
int64_t in_pages(int64_t n_bytes) {
  constexpr int64_t huge_page = 2 << 20;
  return n_bytes < huge_page ? n_bytes : (n_bytes + huge_page - 1) / huge_page * huge_page;
}

// Activations in the formats that products of these weights ask for.
int64_t product_bytes(const Graph& graph, const Model& model, Precision precision,
                      const Binding& largest) {
  std::vector<TensorView> params(graph.values.size());
  const std::vector<ValueId> ids = graph.all(Role::parameter);
  for (size_t i = 0; i < ids.size() && i < model.params().size(); ++i)
    params[static_cast<size_t>(ids[i])] = model.params()[i];
  const auto bytes = quantized_bytes(make_steps(graph, params, precision), graph, largest);
  return std::accumulate(bytes.begin(), bytes.end(), int64_t{0});
}

}  // namespace

Result<int64_t> context_size(const Model& model, int64_t n_wanted) {
  const int64_t trained = model.hparams().n_ctx_train;
  if (n_wanted >= 0 && n_wanted <= trained) return n_wanted == 0 ? trained : n_wanted;
  return fail(Fault::usage, "{}: context of {} positions asked for, the model knows 1 to {}{}",
              model.path(), n_wanted, trained,
              n_wanted < 0 || model.hparams().n_rot == 0
                  ? ""
                  : fmt::format("; --rope-scaling yarn --rope-scale {} stretches them, at some "
                                "loss of quality",
                                (n_wanted + trained - 1) / trained));
}

KvCacheShape cache_shape(const Model& model, int64_t n_ctx, const RunnerOptions& options) {
  KvCacheShape shape;
  shape.layers = model.graph().kv_layers;
  shape.k_dtype = options.k_dtype;
  shape.v_dtype = options.v_dtype;
  const int64_t n_blocks_each = (n_ctx + kv_block_size - 1) / kv_block_size;
  shape.n_blocks = options.n_sequences * n_blocks_each;
  if (options.n_pool > 0 && !shape.layers.empty())  // positions without layers take no memory
    shape.n_blocks = std::clamp((options.n_pool + kv_block_size - 1) / kv_block_size, n_blocks_each,
                                shape.n_blocks);
  return shape;
}

MemoryNeeds memory_needs(const Model& model, const RunnerOptions& options) {
  MemoryNeeds needs;
  needs.n_ctx = options.n_ctx > 0 ? options.n_ctx : model.hparams().n_ctx_train;
  needs.weights = model.weight_bytes();
  if (model.file() != nullptr)
    needs.weights = std::max(needs.weights, static_cast<int64_t>(model.file()->n_bytes()));
  const KvCacheShape shape = cache_shape(model, needs.n_ctx, options);
  needs.kv = KvCache::bytes_for(shape, shape.n_blocks * kv_block_size);
  for (const int64_t n_floats : model.graph().state_sizes)
    needs.states +=
        4 * n_floats * (options.n_sequences + n_state_snapshots(model.graph(), options));
  const int64_t n_rows = std::min(options.n_batch, needs.n_ctx * options.n_sequences);
  const Graph graph = fuse(model.graph_for(needs.n_ctx));
  const int64_t width = graph.row_length(graph.outputs[0]);
  const Binding largest{n_rows, outputs_per_step(width, n_rows), 0};
  const int64_t n_threads = options.n_threads > 0 ? options.n_threads : usable_cpus();
  needs.activations = in_pages(plan_arena(graph, largest).n_bytes) +
                      in_pages(product_bytes(graph, model, options.precision, largest)) +
                      n_threads * static_cast<int64_t>(matmul_scratch_bytes());
  needs.rest = program_bytes + bytes_per_token * model.tokenizer().n_vocab();
  return needs;
}

int32_t n_state_snapshots(const Graph& graph, const RunnerOptions& options) {
  constexpr int64_t n_most = 64;  // each is looked at for every prompt
  const int64_t n_floats =
      std::accumulate(graph.state_sizes.begin(), graph.state_sizes.end(), int64_t{0});
  if (n_floats == 0 || options.sharing == SequenceCache::Sharing::off) return 0;
  return static_cast<int32_t>(std::min(options.snapshot_bytes / (4 * n_floats), n_most));
}

int64_t outputs_per_step(int64_t result_width, int64_t n_rows) {
  return std::clamp<int64_t>(logits_bytes_per_step / (4 * result_width), 1, n_rows);
}

}  // namespace quire
