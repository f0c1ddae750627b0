// Executor: runs a graph on the CPU.
//
// create() fuses nothing and decides nothing about the model: it plans the memory of all
// activations for up to `n_rows_max` rows (graph/arena), works out which nodes need a barrier
// between them, and binds the parameters. run() then walks the nodes on the threads of the pool
// without allocating: between two barriers lie pieces of work that whoever is free takes, ranges of
// rows that pass through a chain of row-wise nodes, or tiles (matmul, attention). Steps with little
// work are cut into few pieces, and a run with little work stays on the caller's thread. The result
// does not depend on the number of threads.
//
// An executor and its pool belong to one thread at a time.
#pragma once
#include "base/result.h"
#include "base/threads.h"
#include "device/batch.h"
#include "device/kv_cache.h"
#include "device/state_cache.h"
#include "graph/graph.h"
#include "kernels/quantized_rows.h"
#include "tensor/tensor.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace quire {

// Reads or edits a named value right after it was computed: rows x (product of the other
// dimensions), f32. Runs on the caller's thread while the others wait. Values that fusion removed
// cannot be tapped: name them in FuseOptions::keep.
struct Tap {
  std::string name;
  std::function<void(const Batch& batch, View<float, 2> value)> edit;
};

struct ExecutorOptions {
  int64_t n_rows_max = 512;                // T of the largest batch
  int64_t n_outputs_max = 512;             // R of the largest batch
  Precision precision = Precision::exact;  // of matrix products
};

// One node's share of a profile.
struct NodeTime {
  std::string name;
  double seconds = 0;
  int64_t n_runs = 0;
};

class Executor {
 public:
  // params: one view for each of graph.all(Role::parameter), in that order; shapes must match
  // (CHECKed: whoever loads weights compares them with the file first). Both must outlive the
  // executor, and so must the pool. unsupported when a parameter's storage type has no codec.
  static Result<Executor> create(Graph graph, std::vector<TensorView> params, ThreadPool& pool,
                                 ExecutorOptions options);
  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;
  ~Executor();

  // Gradient buffers for each of graph.all(Role::gradient), in that order; required before run() of
  // a training graph.
  void set_gradients(std::vector<float*> gradients);
  // Replaces the taps; fails with not_found when a name is no value of the graph.
  Result<void> set_taps(std::vector<Tap> taps);

  // Runs one step. kv: the cache when sequences have block tables; null in training (attention
  // stays inside the batch). Sizes are CHECKed against the options: T <= n_rows_max, R <=
  // n_outputs_max, ids in range.
  // states: those of the batch's sequences; only for graphs that keep some.
  void run(const Batch& batch, KvCache* kv = nullptr, StateCache* states = nullptr);

  // A value kept to the end of the step (graph.outputs): rows x the rest. Valid until the next run.
  View<float, 2> value(ValueId id) const;

  const Graph& graph() const;
  int64_t arena_bytes() const;
  // Seconds in each node since the last call; measured only after set_profile(). Adds a barrier per
  // node.
  enum class Profile { off, on };
  void set_profile(Profile profile);
  std::vector<NodeTime> profile() const;

 private:
  struct State;
  explicit Executor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quire
