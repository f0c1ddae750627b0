#include "train/trainer.h"

#include "graph/autodiff.h"
#include "graph/builder.h"
#include "model/arch.h"
#include "train/init.h"

#include <algorithm>
#include <cmath>

namespace quire {
Result<Graph> training_graph(const Hparams& hparams) {
  const Arch* arch = TRY(find_arch(hparams.arch));
  GraphBuilder builder;
  builder.set_purpose(GraphBuilder::Purpose::training);
  arch->build(builder, hparams);
  return builder.finish();
}

Trainer::Trainer(const TrainConfig& config, const Hparams& hparams, TrainingData data,
                 ThreadPool& pool, const Graph& graph)
    : config_(config),
      hparams_(hparams),
      data_(std::move(data)),
      parameters_(graph),
      optimizer_(parameters_, pool, config.optimizer) {
  const int64_t n_ctx = config.shape.n_ctx;
  const auto n_rows = static_cast<size_t>(config.micro_batch * n_ctx);
  rows_.window.resize(static_cast<size_t>(n_ctx + 1));
  rows_.tokens.resize(n_rows);
  rows_.targets.resize(n_rows);
  for (int64_t s = 0; s < config.micro_batch; ++s) {
    for (int64_t t = 0; t < n_ctx; ++t) rows_.positions.push_back(static_cast<int32_t>(t));
    rows_.sequences.push_back({s * n_ctx, n_ctx, 0, {}});
  }
}

Result<std::unique_ptr<Trainer>> Trainer::create(const TrainConfig& config, const Hparams& hparams,
                                                 TrainingData data, ThreadPool& pool) {
  CHECK(config.micro_batch > 0 && config.batch % config.micro_batch == 0);
  CHECK(data.options().n_ctx == config.shape.n_ctx);
  const Graph forward = TRY(training_graph(hparams));
  Graph both = TRY(differentiate(forward));
  const int64_t n_rows = config.micro_batch * config.shape.n_ctx;
  const Binding binding{n_rows, n_rows, 0};
  CostOptions cost;
  cost.n_sequences = config.micro_batch;
  const int64_t n_runs = config.batch / config.micro_batch;
  const double flops = graph_cost(both, binding, cost).flops * static_cast<double>(n_runs);

  std::unique_ptr<Trainer> trainer(new Trainer(config, hparams, std::move(data), pool, forward));
  trainer->flops_per_step_ = flops;
  initialize_weights(trainer->parameters_, hparams.n_layer, config.init_std, config.seed);
  const ExecutorOptions options{n_rows, n_rows};
  const std::vector<TensorView> weights = trainer->parameters_.weight_views();
  std::vector<float*> gradients = trainer->parameters_.gradient_pointers(both);
  trainer->train_ =
      std::make_unique<Executor>(TRY(Executor::create(std::move(both), weights, pool, options)));
  trainer->train_->set_gradients(std::move(gradients));
  trainer->evaluate_ =
      std::make_unique<Executor>(TRY(Executor::create(forward, weights, pool, options)));
  return trainer;
}

// Splits rows_.window into inputs and targets of one sequence. A token of -1 (past the end of the
// held-out part) becomes token 0 with nothing to predict.
void Trainer::put_window(int64_t sequence) {
  const auto n_ctx = static_cast<size_t>(config_.shape.n_ctx);
  const auto at = static_cast<size_t>(sequence) * n_ctx;
  for (size_t t = 0; t < n_ctx; ++t) {
    rows_.tokens[at + t] = std::max(rows_.window[t], 0);
    rows_.targets[at + t] = rows_.window[t + 1];
  }
}

double Trainer::sum_losses(const Executor& executor) {
  const View<float, 2> losses = executor.value(executor.graph().loss);
  double sum = 0;
  for (int64_t t = 0; t < losses.n_elements(); ++t) sum += static_cast<double>(losses.data()[t]);
  return sum;
}

Result<StepResult> Trainer::step() {
  const int64_t n_runs = config_.batch / config_.micro_batch;
  int64_t window = n_steps_done_ * config_.batch;
  double loss = 0;
  for (int64_t run = 0; run < n_runs; ++run) {
    for (int64_t s = 0; s < config_.micro_batch; ++s) {
      data_.window(window++, rows_.window);
      put_window(s);
    }
    train_->run(rows_.batch());
    loss += sum_losses(*train_);
  }
  StepResult result;
  result.step = n_steps_done_ + 1;
  result.loss = loss / static_cast<double>(tokens_per_step());
  result.rate = learning_rate(config_.schedule, n_steps_done_);
  // Each run adds the gradient of its own mean.
  const double scale = 1.0 / static_cast<double>(n_runs);
  result.gradient_norm = optimizer_.gradient_norm(scale);
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm))
    return fail(Fault::limit,
                "step {}: the loss is {} and the gradient norm {}, not finite numbers; continue "
                "from the last checkpoint with a lower --lr or more --warmup",
                result.step, result.loss, result.gradient_norm);
  optimizer_.step(result.rate, scale, result.gradient_norm, result.step);
  n_steps_done_ = result.step;
  return result;
}

HeldOutLoss Trainer::evaluate(int64_t n_tokens_max) {
  const int64_t n_ctx = config_.shape.n_ctx;
  const int64_t all = data_.n_held_out_tokens();
  HeldOutLoss total;
  total.n_tokens = n_tokens_max == 0 ? all : std::min(all, n_tokens_max);
  for (int64_t at = 0; at < total.n_tokens;) {
    for (int64_t s = 0; s < config_.micro_batch; ++s, at += n_ctx) {
      data_.held_out(at, rows_.window);
      // Targets beyond the part that was asked for do not count.
      for (int64_t t = 0; t <= n_ctx; ++t)
        if (at + t > total.n_tokens) rows_.window[static_cast<size_t>(t)] = -1;
      put_window(s);
    }
    evaluate_->run(rows_.batch());
    total.nats += sum_losses(*evaluate_);
  }
  return total;
}

}  // namespace quire
