// A training run in its folder, from wherever it stands to its last step.
//
//   DIR/config.json      settings (train/config.h)
//       tokenizer.gguf   the vocabulary, as a GGUF file without tensors
//       tokens.bin       the data as tokens (train/token_cache.h)
//       checkpoints/     train/checkpoint.h
//       metrics.jsonl    train/metrics.h
//       loss.svg         loss of training and of the held-out part
//       model.gguf       the result
//
// One process at a time works in a folder: it holds a lock that the kernel drops with the process.
#pragma once
#include "base/result.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace quire {

struct RunFolder {
  std::string path;
  std::string config() const { return path + "/config.json"; }
  std::string tokenizer() const { return path + "/tokenizer.gguf"; }
  std::string tokens() const { return path + "/tokens.bin"; }
  std::string checkpoints() const { return path + "/checkpoints"; }
  std::string metrics() const { return path + "/metrics.jsonl"; }
  std::string plot() const { return path + "/loss.svg"; }
  std::string model() const { return path + "/model.gguf"; }
};

// Held as long as the object lives. usage when another process holds it.
class RunLock {
 public:
  static Result<RunLock> take(const RunFolder& folder);
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&&) = delete;
  ~RunLock();

 private:
  explicit RunLock(int fd) : fd_(fd) {}
  int fd_;
};

// Writes and reads config.json.
Result<void> save_config(const RunFolder& folder, const TrainConfig& config);
Result<TrainConfig> load_config(const RunFolder& folder);

// The newest checkpoint's state; none when there is no checkpoint.
Result<std::optional<RunState>> newest_state(const RunFolder& folder);
// Puts the checkpoint of `step` into the trainer.
Result<RunState> restore(const RunFolder& folder, int64_t step, Trainer& trainer);

struct RunProgress {
  StepResult step;
  int64_t n_tokens = 0;
  double tokens_per_s = 0;         // of this step
  double flops = 0;                // FLOP/s of this step
  std::optional<double> held_out;  // the last evaluation
};

struct RunHooks {
  std::function<void(const RunProgress&)> after_step;  // may be empty
  std::function<bool()> stop;                          // asked after each step; may be empty
};

enum class RunEnd { finished, stopped };

// Steps until config.schedule.n_steps, with metrics, evaluations, plots and checkpoints; `state` is
// that of the trainer and follows it. Stopped or finished, the last step has a checkpoint.
Result<RunEnd> run_steps(const RunFolder& folder, Trainer& trainer, RunState& state,
                         const RunHooks& hooks);

}  // namespace quire
