// Steps: what the threads of an executor do, one after the other. Mostly one step is one node of
// the graph; attention over a KV cache takes two (store, then attend), a product whose activations
// are rounded first (Precision::fast) one more for each format that its weights ask for.
//
// A step is cut in one of two ways: `rows`, or `tiles` of its own making. Steps between two
// barriers make one stage of a run: all its pieces may run at the same time. Steps that are cut by
// the same rows are one chain there: a piece of it is a range of rows that passes through all of
// them.
#pragma once
#include "base/threads.h"
#include "device/batch.h"
#include "device/kv_cache.h"
#include "device/state_cache.h"
#include "graph/graph.h"
#include "kernels/attention_train.h"
#include "kernels/expert_matmul.h"
#include "kernels/matmul.h"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

namespace quire {

enum class Cut : uint8_t { rows, tiles };

// One row block of one key/value head of one sequence; perhaps only a part of the positions it
// sees.
struct AttentionTile {
  int32_t sequence, head;
  int64_t begin, end;               // rows of the batch
  int64_t chunk_begin, chunk_end;   // of the positions; all of them when n_parts is 1
  int64_t first_chunk, last_chunk;  // that any of the rows sees, the last one excluded
  int32_t n_parts;                  // tiles that make the parts of these rows
  int32_t group;                    // which of the step's groups of parts this one belongs to
  int64_t offset;                   // of the group's sums in AttentionParts::sums
};

// Where tiles of attention that make parts of the positions leave them. The last one to arrive
// folds them all, in order. Shared by all steps: they run one after the other.
struct AttentionParts {
  std::vector<float> sums;
  std::unique_ptr<std::atomic<int32_t>[]> n_arrived;  // per group; zero between steps
  size_t n_groups = 0;
};

struct Step {
  const Node* node = nullptr;
  enum class Part : uint8_t {
    whole,
    kv_store,
    quantize,  // activations of a product, rounded or as they are, where it wants them
    gated_rows,
    group,  // the rows of a batch by their experts
  } part = Part::whole;
  RowFormat format = RowFormat::f32;  // of Part::quantize
  Cut cut = Cut::rows;
  bool barrier_before = false;

  // Filled by prepare() for each batch; the vectors keep their capacity.
  int64_t n_units = 0;
  std::vector<MatmulPlan> matmuls;
  std::vector<GemmPlan> gemms;
  std::vector<ExpertPlan> experts;
  std::vector<AttentionTile> attention_tiles;
  AttentionTrain attention_train;
};

// Steps between two barriers, cut into pieces that may run at the same time.
struct Stage {
  struct Chain {
    std::vector<size_t> steps;              // one in tiles, or some that are cut by the same rows
    int64_t n_pieces = 0, piece_units = 1;  // for each batch: units of a piece
  };
  std::vector<Chain> chains;
};

// Where everything is while a batch runs.
struct StepContext {
  const Graph& graph;
  Binding binding;
  const Batch* batch = nullptr;
  KvCache* kv = nullptr;
  AttentionParts* parts = nullptr;
  int n_threads = 1;
  std::byte* arena = nullptr;
  const std::vector<int64_t>& offsets;    // per value, into the arena
  const std::vector<TensorView>& params;  // per value; data null where it is no parameter
  const std::vector<float*>& gradients;   // per value; null where it is no gradient
  float loss_scale = 1;                   // 1 / number of counted targets
  Precision precision = Precision::exact;
  std::byte* const* quantized = nullptr;  // activations of the product that runs, per RowFormat
  ExpertGroups* groups = nullptr;         // by the experts of the mixture that runs
  StateCache* states = nullptr;

  float* data(ValueId id) const;
  // (first dimension, product of the others)
  Rows<float> rows(ValueId id) const;
  Rows<float> rows(ValueId id, int64_t begin, int64_t end) const {
    return rows(id).part(begin, end);
  }
  Heads<float> heads(ValueId id) const;
  View<const float, 1> vector(ValueId param) const;
  View<float, 1> statistic(ValueId id) const;  // (T)
  View<float, 1> gradient_vector(ValueId id) const;
  View<const int32_t, 1> ids(ValueId input) const;
  // The activations `x` in the format wanted by `weights`; f32 and nothing where it wants x itself.
  QuantizedRows quantized_rows(ValueId x, DType weights) const;
  // The heads of `x` (T, H, E) in that format: each head's rows are a matrix of their own.
  QuantizedRows quantized_head(ValueId x, int64_t head, RowFormat format) const;
  // The place of the activations `x` by expert.
  ExpertRows expert_rows(ValueId x, int64_t width, RowFormat format) const;
};

// How many formats of activations there are, f32 included.

// The steps of a graph, in order. Nodes must outlive them. params: per value.
std::vector<Step> make_steps(const Graph& graph, const std::vector<TensorView>& params,
                             Precision precision);
// Bytes that the activations of a product take in each format, for the largest of the steps.
std::array<int64_t, n_row_formats> quantized_bytes(const std::vector<Step>& steps,
                                                   const Graph& graph, const Binding& largest);
// Sizes a step for the context's batch.
void prepare(Step& step, const StepContext& context);
// Bytes of scratch a thread needs for the prepared step.
size_t scratch_bytes(const Step& step, const StepContext& context);
void run_rows(const Step& step, const StepContext& context, int64_t begin, int64_t end);
void run_tile(const Step& step, const StepContext& context, int64_t tile, Scratch scratch);

// Sets barrier_before where a step touches memory that another thread may have written, or may
// still be reading, since the last barrier.
void place_barriers(std::vector<Step>& steps, const Graph& graph,
                    const std::vector<int64_t>& offsets, const Binding& largest);

// Whether the operation is a product whose activations a step of its own may put into place first.
bool is_product(Op op);

// The stages of steps with their barriers placed. watched(s): step s is a stage of its own.
std::vector<Stage> make_stages(const std::vector<Step>& steps, const Graph& graph,
                               const std::function<bool(size_t)>& watched);

}  // namespace quire
