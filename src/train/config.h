// The settings of one pre-training run, as they stand in its folder (config.json) and in every
// checkpoint.
#pragma once
#include "base/result.h"
#include "model/hparams.h"
#include "train/optimizer.h"
#include "train/schedule.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace quire {

struct ModelShape {
  std::string arch = "llama";
  int64_t n_layer = 6, n_embd = 256, n_head = 8;
  int64_t n_head_kv = 0;  // 0: n_head
  int64_t n_ff = 0;       // 0: gpt2 4 D, llama 8/3 D rounded up to a multiple of 32
  int64_t n_ctx = 256;
  bool tied = true;  // the output matrix is the embedding
  double rope_theta = 10000;
};

struct DataFile {
  std::string path;
  double weight = 1;
  uint64_t fingerprint = 0;  // of its bytes
};

struct TrainConfig {
  ModelShape shape;
  std::vector<DataFile> data;
  uint64_t tokenizer = 0;  // fingerprint
  int64_t n_vocab = 4096;  // size that was asked for; 0 when the vocabulary came from a file
  double held_out = 0.01;
  uint64_t seed = 0;
  double init_std = 0.02;
  int64_t batch = 32;       // sequences per step
  int64_t micro_batch = 0;  // sequences run at once, a divisor of batch; 0: choose_micro_batch()

  Schedule schedule;
  OptimizerOptions optimizer;

  int64_t eval_every = 250, checkpoint_every = 500;  // steps
  int64_t eval_tokens = 65536;  // held-out tokens of each evaluation on the way; 0: all
  int64_t n_keep = 3;           // newest checkpoints kept, beside the best
};

// The largest divisor of `batch` with no more than about 4,096 rows: larger ones gain nothing and
// their logits leave the caches.
int64_t choose_micro_batch(int64_t batch, int64_t n_ctx);

// Hyper-parameters of a new model; usage when they do not fit together.
Result<Hparams> make_hparams(const ModelShape& shape, int64_t n_vocab);

nlohmann::json to_json(const TrainConfig& config);
// bad_format naming the field when one is missing or of another type. `name` opens the error text.
Result<TrainConfig> config_from_json(const nlohmann::json& json, const std::string& name);

// What makes `now` another run than `then`, one line each ("n_embd 256, now 128"): shape, data,
// tokenizer, seed, batch. Empty when it may continue.
std::vector<std::string> conflicts(const TrainConfig& then, const TrainConfig& now);
// What may change while a run continues, but makes it differ from one that never stopped: schedule,
// optimizer.
std::vector<std::string> changes(const TrainConfig& then, const TrainConfig& now);

}  // namespace quire
