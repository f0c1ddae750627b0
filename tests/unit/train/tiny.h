// A model and a text so small that a training run takes a moment.
#pragma once
#include "text/bpe_trainer.h"
#include "train/run.h"
#include "unit/base/temporary_folder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace quire {

inline std::vector<std::string> tiny_documents(int n) {
  const char* names[] = {"Tom", "Ann", "Sam", "Mia", "Ben"};
  const char* things[] = {"a red ball", "two cats", "an old hat", "the big tree"};
  const char* ends[] = {"was happy.", "ran home.", "sat down and slept."};
  std::vector<std::string> documents;
  for (int i = 0; i < n; ++i)
    documents.push_back(std::string(names[i % 5]) + " saw " + things[i % 4] + " on day " +
                        std::to_string(i) + ". Then " + names[i % 5] + " " + ends[i % 3]);
  return documents;
}

// All bytes, a few merges, and one special token that ends documents.
inline std::shared_ptr<const Tokenizer> tiny_tokenizer() {
  BpeTrainerOptions options;
  options.n_vocab = 288;
  options.n_threads = 1;
  options.bos = options.eos;
  BpeTrainer trainer = BpeTrainer::create(options).value();
  for (const std::string& document : tiny_documents(40)) EXPECT_TRUE(trainer.add(document));
  return Tokenizer::create(trainer.train().value()).value();
}

inline TokenCache tiny_cache(const TemporaryFolder& folder,
                             std::shared_ptr<const Tokenizer> tokenizer, int n_documents,
                             const std::string& name = "tokens.bin") {
  ThreadPool pool(2);
  TokenCacheWriter writer = TokenCacheWriter::create(folder / name, tokenizer, pool).value();
  uint32_t i = 0;
  for (const std::string& document : tiny_documents(n_documents))
    EXPECT_TRUE(writer.add(document, i++ % 2));
  EXPECT_TRUE(writer.finish(2, 77));
  return TokenCache::open(folder / name, tokenizer->n_vocab(), 77).value();
}

inline TrainConfig tiny_config(const char* arch = "llama") {
  TrainConfig config;
  config.shape = {arch, 2, 32, 4, std::strcmp(arch, "llama") == 0 ? 2 : 4, 48, 16, true, 10000};
  config.seed = 5;
  config.held_out = 0.1;
  config.batch = 8;
  config.micro_batch = 4;
  config.schedule = {ScheduleKind::cosine, 3e-3, 3e-4, 4, 20, 0.2};
  config.eval_every = 5;
  config.checkpoint_every = 5;
  config.eval_tokens = 0;
  return config;
}

// A trainer with everything it stands on.
struct TinyRun {
  TemporaryFolder temporary;
  RunFolder folder{temporary.path()};
  std::shared_ptr<const Tokenizer> tokenizer = tiny_tokenizer();
  ThreadPool pool;
  TrainConfig config;
  std::unique_ptr<Trainer> trainer;
  RunState state;

  explicit TinyRun(const TrainConfig& config_, int n_threads = 2, int n_documents = 60)
      : pool(n_threads), config(config_) {
    TokenCache cache = tiny_cache(temporary, tokenizer, n_documents);
    make_trainer(std::move(cache));
  }
  void make_trainer(TokenCache cache) {
    const Hparams hparams = make_hparams(config.shape, tokenizer->n_vocab()).value();
    TrainingData data =
        TrainingData::create(
            std::move(cache),
            {config.shape.n_ctx, config.seed, config.held_out, {}, tokenizer->eos()})
            .value();
    trainer = Trainer::create(config, hparams, std::move(data), pool).value();
    state = {};
    state.config = config;
  }
  // A new trainer on the same folder, as a new process would make it.
  void restart() {
    make_trainer(TokenCache::open(folder.tokens(), tokenizer->n_vocab(), 77).value());
    const std::optional<RunState> newest = newest_state(folder).value();
    ASSERT_TRUE(newest.has_value());
    state = restore(folder, newest->step, *trainer).value();
  }
  Result<RunEnd> run(int64_t stop_at = 1 << 30) {
    RunHooks hooks;
    hooks.stop = [this, stop_at] { return trainer->n_steps_done() >= stop_at; };
    return run_steps(folder, *trainer, state, hooks);
  }
  // All weights, bit for bit.
  std::vector<float> weights() const {
    const ParameterSet& p = trainer->parameters();
    return {p.weights(), p.weights() + p.n_floats()};
  }
};

}  // namespace quire
