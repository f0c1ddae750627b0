// Trainer: the state of one training run and what can be done with it. A step is a pure function of
// the state, and the state is the weights, the moments and the number of steps done: stopped
// anywhere and continued from a checkpoint, a run goes on bit for bit, on any number of threads.
//
//   auto trainer = TRY(Trainer::create(config, hparams, std::move(data), pool));
//   while (trainer->n_steps_done() < n) TRY(trainer->step());
//
// Belongs to one thread at a time, as does its pool.
#pragma once
#include "base/result.h"
#include "base/threads.h"
#include "device/executor.h"
#include "graph/cost.h"
#include "model/hparams.h"
#include "train/config.h"
#include "train/data.h"
#include "train/optimizer.h"
#include "train/parameters.h"

#include <memory>
#include <vector>

namespace quire {

struct StepResult {
  int64_t step = 0;  // 1 after the first
  double loss = 0;   // mean over the step's tokens, in nats, before the update
  double rate = 0;
  double gradient_norm = 0;  // before clipping
};

// The loss over held-out tokens.
struct HeldOutLoss {
  double nats = 0;  // sum
  int64_t n_tokens = 0;
  double mean() const { return n_tokens == 0 ? 0 : nats / static_cast<double>(n_tokens); }
};

class Trainer {
 public:
  // Builds the graph, allocates, and puts initial weights in place. config.micro_batch is set and
  // divides config.batch. unsupported when the architecture cannot be trained.
  static Result<std::unique_ptr<Trainer>> create(const TrainConfig& config, const Hparams& hparams,
                                                 TrainingData data, ThreadPool& pool);

  // One optimizer step. limit when the loss or the gradient is not finite; the weights are then as
  // they were before.
  Result<StepResult> step();
  // Over the first n_tokens_max held-out tokens (0: all). Changes nothing.
  HeldOutLoss evaluate(int64_t n_tokens_max);

  int64_t n_steps_done() const { return n_steps_done_; }
  void set_steps_done(int64_t n) { n_steps_done_ = n; }  // a checkpoint was loaded
  int64_t tokens_per_step() const { return config_.batch * config_.shape.n_ctx; }
  double flops_per_step() const { return flops_per_step_; }
  const ParameterSet& parameters() const { return parameters_; }
  TrainingData& data() { return data_; }
  const TrainConfig& config() const { return config_; }
  const Hparams& hparams() const { return hparams_; }
  int64_t arena_bytes() const { return train_->arena_bytes() + evaluate_->arena_bytes(); }
  Executor& executor() { return *train_; }

 private:
  // One batch of sequences as the executor wants it.
  struct Rows {
    std::vector<int32_t> window, tokens, positions, targets;
    std::vector<SequenceRows> sequences;
    Batch batch() const { return {tokens, positions, {}, targets, sequences}; }
  };

  Trainer(const TrainConfig& config, const Hparams& hparams, TrainingData data, ThreadPool& pool,
          const Graph& graph);
  void put_window(int64_t sequence);
  static double sum_losses(const Executor& executor);

  TrainConfig config_;
  Hparams hparams_;
  TrainingData data_;
  ParameterSet parameters_;
  Optimizer optimizer_;
  std::unique_ptr<Executor> train_, evaluate_;
  Rows rows_;
  int64_t n_steps_done_ = 0;
  double flops_per_step_ = 0;
};

// The training graph of an architecture, without its backward pass.
Result<Graph> training_graph(const Hparams& hparams);

}  // namespace quire
