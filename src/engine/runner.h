// Runner: token rows in, logits out, with the keys and values of every sequence kept in between.
//
// What the commands that look at probabilities use directly (predict, logits, compress), and what
// Engine is built on. Belongs to one thread at a time; the model is shared.
#pragma once
#include "base/result.h"
#include "base/threads.h"
#include "device/executor.h"
#include "engine/sequence_cache.h"
#include "engine/state_snapshots.h"
#include "model/model.h"

#include <memory>
#include <span>
#include <vector>

namespace quire {

// What a run gives for the rows wanted.
enum class RunResult : uint8_t {
  logits,  // (rows, V) of the next token
  scores,  // (rows, labels) of a classification head
  hidden,  // (rows, D), what embeddings are made of
};

struct RunnerOptions {
  int64_t n_ctx = 0;        // positions a sequence may reach; 0: what the model was trained for
  int32_t n_sequences = 1;  // sequences at once
  int64_t n_pool = 0;       // positions of all sequences together, at least n_ctx; 0: n_ctx of each
  int64_t n_batch = 512;    // rows of one step; longer inputs are cut into steps of this size
  int n_threads = 0;        // 0: usable_cpus()
  DType k_dtype = DType::f32;  // of the keys in the cache
  DType v_dtype = DType::f32;  // of the values
  Precision precision = Precision::exact;
  RunResult result = RunResult::logits;
  std::vector<std::string> keep{};  // values that taps will read (see FuseOptions::keep)
  // Whether sequences share what they begin with (engine/sequence_cache.h), where the model can.
  SequenceCache::Sharing sharing = SequenceCache::Sharing::on;
  BlockStoreOptions store{};  // with a folder: blocks are kept there, too
  // Of a recurrent model: for states of prompts, kept to go on from (engine/state_snapshots.h).
  int64_t snapshot_bytes = 0;
};

enum class Want : uint8_t { nothing, first, last, all };

// Consecutive tokens of one sequence, continuing where it stands.
struct RunRows {
  int32_t sequence = 0;
  std::span<const int32_t> tokens;
  Want want = Want::last;            // of which rows the result is wanted
  std::span<const int32_t> types{};  // of the tokens, for models that have them; none: all 0
};

class Runner {
 public:
  // usage when n_ctx is beyond what the model was trained for, limit when the cache does not fit in
  // memory, unsupported when the model does not have the result.
  static Result<std::unique_ptr<Runner>> create(std::shared_ptr<const Model> model,
                                                const RunnerOptions& options);

  // Runs rows of one or more different sequences; the result (rows wanted, result_width()) in
  // order, valid until the next run. usage when a token id is out of range, limit when a sequence
  // would pass n_ctx or the pool has no room; then nothing has changed.
  Result<View<const float, 2>> run(std::span<const RunRows> rows);
  Result<View<const float, 2>> run(std::span<const int32_t> tokens,
                                   Want want = Want::last);  // of sequence 0

  int64_t n_past(int32_t sequence = 0) const;
  // Forgets all positions from n_past on; 0 forgets the sequence. Anything between 0 and what is
  // there only where can_truncate(): CHECKed.
  void truncate(int32_t sequence, int64_t n_past);
  // Whether a sequence can be cut back: keys and values can, the state of a recurrent model holds
  // all positions at once.
  bool can_truncate() const;

  // How strongly each of model().adapters() works on the rows of a sequence from now on; at first,
  // as they were loaded. What is cached stays as it was made. Size CHECKed.
  void set_strengths(int32_t sequence, std::span<const float> strengths);
  std::span<const float> strengths(int32_t sequence) const;

  // Keys and values of all sequences: what they share, what finished ones left, what is on disk.
  SequenceCache& cache();
  const SequenceCache& cache() const;

  // States of prompts, of a recurrent model that has room for them (RunnerOptions); else null.
  StateSnapshots* snapshots();
  const StateSnapshots* snapshots() const;
  // The sequence goes on from the longest kept state of the text it is to have, if that is further
  // than where it stands. Returns its new n_past().
  int64_t restore_state(int32_t sequence, const StateSnapshots::Text& text);

  int64_t n_ctx() const;
  int64_t result_width() const;  // V, labels or D
  const Model& model() const;
  Executor& executor();  // for taps and profiles
  ThreadPool& pool();
  int64_t kv_bytes() const;     // reserved for the cache, recurrent states included
  int64_t arena_bytes() const;  // of activations

 private:
  struct State;
  explicit Runner(std::unique_ptr<State> state);

 public:
  ~Runner();

 private:
  std::unique_ptr<State> state_;
};

}  // namespace quire
