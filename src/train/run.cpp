#include "train/run.h"

#include "base/file.h"
#include "format/json.h"
#include "train/metrics.h"
#include "train/plot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace quire {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The training loss averaged over neighbouring steps, so that the curve has at most about 500
// points.
Series training_series(const std::vector<Metric>& metrics) {
  Series series{"training", {}, SeriesStyle::thin_line};
  const size_t group = std::max<size_t>(1, metrics.size() / 500);
  for (size_t at = 0; at < metrics.size(); at += group) {
    const size_t end = std::min(at + group, metrics.size());
    double sum = 0;
    for (size_t i = at; i < end; ++i) sum += metrics[i].loss;
    series.points.emplace_back(static_cast<double>(metrics[end - 1].n_tokens),
                               sum / static_cast<double>(end - at));
  }
  return series;
}

Result<void> write_plot(const RunFolder& folder, const std::vector<Metric>& metrics) {
  Plot plot;
  plot.title = "Loss";
  plot.x.label = "tokens";
  plot.y.label = "nats per token";
  plot.series.push_back(training_series(metrics));
  Series held_out{"held out", {}, SeriesStyle::line_and_points};
  for (const Metric& metric : metrics)
    if (metric.held_out)
      held_out.points.emplace_back(static_cast<double>(metric.n_tokens), *metric.held_out);
  if (!held_out.points.empty()) plot.series.push_back(std::move(held_out));
  return write_file(folder.plot(), svg(plot));
}

bool is_due(int64_t step, int64_t every) { return every > 0 && step % every == 0; }

}  // namespace

Result<RunLock> RunLock::take(const RunFolder& folder) {
  const std::string path = folder.path + "/.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return fail(Fault::io, "{}: cannot open it: {}", path, std::strerror(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return fail(Fault::usage, "{}: another process is training in this folder", folder.path);
  }
  return RunLock(fd);
}

RunLock::RunLock(RunLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

RunLock::~RunLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> save_config(const RunFolder& folder, const TrainConfig& config) {
  return write_file(folder.config(), to_json(config).dump(2) + "\n");
}

Result<TrainConfig> load_config(const RunFolder& folder) {
  return config_from_json(TRY(read_json(folder.config())), folder.config());
}

Result<std::optional<RunState>> newest_state(const RunFolder& folder) {
  const std::vector<CheckpointEntry> all = list_checkpoints(folder.checkpoints());
  if (all.empty()) return std::optional<RunState>();
  return std::optional<RunState>(TRY(load_state(all.back().path)));
}

Result<RunState> restore(const RunFolder& folder, int64_t step, Trainer& trainer) {
  for (const CheckpointEntry& entry : list_checkpoints(folder.checkpoints())) {
    if (entry.step != step) continue;
    RunState state = TRY(load_state(entry.path));
    if (state.step != step)
      return fail(Fault::bad_format, "{}: its state is that of step {}", entry.path, state.step);
    TRY(load_parameters(entry.path, trainer.parameters()));
    trainer.set_steps_done(step);
    return state;
  }
  return fail(Fault::not_found, "{}: there is no checkpoint of step {}", folder.checkpoints(),
              step);
}

Result<RunEnd> run_steps(const RunFolder& folder, Trainer& trainer, RunState& state,
                         const RunHooks& hooks) {
  const TrainConfig& config = trainer.config();
  MetricsFile file = TRY(MetricsFile::open(folder.metrics(), state.step));
  std::vector<Metric> metrics = TRY(read_metrics(folder.metrics(), state.step));
  bool stopped = false;
  while (trainer.n_steps_done() < config.schedule.n_steps && !stopped) {
    const double start = now_s();
    RunProgress progress;
    progress.step = TRY(trainer.step());
    const double step_s = now_s() - start;
    const int64_t step = progress.step.step;
    stopped = hooks.stop && hooks.stop();
    const bool is_last = step == config.schedule.n_steps;
    const bool evaluates =
        is_due(step, config.eval_every) || is_due(step, config.checkpoint_every) || is_last;

    state.step = step;
    state.n_tokens += trainer.tokens_per_step();
    state.loss = progress.step.loss;
    // A checkpoint is rated by the loss of its own weights, or not at all.
    std::optional<double> held_out;
    if (evaluates && trainer.data().n_held_out_tokens() > 0) {
      held_out = trainer.evaluate(config.eval_tokens).mean();
      if (!state.best_held_out || *held_out < *state.best_held_out) state.best_held_out = held_out;
    }
    state.held_out = held_out;
    state.seconds += now_s() - start;

    progress.n_tokens = state.n_tokens;
    progress.tokens_per_s = static_cast<double>(trainer.tokens_per_step()) / step_s;
    progress.flops = trainer.flops_per_step() / step_s;
    progress.held_out = held_out;
    metrics.push_back({step, state.n_tokens, progress.step.loss, held_out, progress.step.rate,
                       progress.step.gradient_norm, progress.tokens_per_s, state.seconds});
    TRY(file.append(metrics.back()));
    if (evaluates) TRY(write_plot(folder, metrics));
    if (is_due(step, config.checkpoint_every) || is_last || stopped) {
      TRY(save_checkpoint(folder.checkpoints(), state, trainer.parameters()));
      prune_checkpoints(folder.checkpoints(), config.n_keep);
    }
    if (hooks.after_step) hooks.after_step(progress);
  }
  return trainer.n_steps_done() < config.schedule.n_steps ? RunEnd::stopped : RunEnd::finished;
}

}  // namespace quire
