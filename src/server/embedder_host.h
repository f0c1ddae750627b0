// The embedder of a served model, made when vectors or scores are first asked for.
#pragma once
#include "engine/embedder.h"

#include <atomic>
#include <memory>
#include <mutex>

namespace quire::server {

// One after the other: a mutex stands before the embedder, which belongs to one thread at a time.
// Safe to call from many threads.
class EmbedderHost {
 public:
  // n_tokens_max of the options beyond what an encoder was trained for means all it was trained
  // for.
  EmbedderHost(std::shared_ptr<const Model> model, const EmbedderOptions& options);

  // Makes the embedder unless there is one. See Embedder::create.
  Result<void> start();
  // (texts, width), as Embedder::embed gives them; starts it. strengths: of the model's adapters;
  // empty: as they were loaded.
  Result<std::vector<std::vector<float>>> embed(std::span<const EmbedText> texts,
                                                std::span<const float> strengths = {});
  int64_t n_tokens_max() const { return n_tokens_max_; }
  // A cross-encoder: scores come out, no vectors.
  bool ranks() const { return default_pooling(*model_) == Pooling::rank; }
  // Counted since the start: tokens of texts that were embedded or ranked, and how often.
  int64_t n_tokens_run() const { return n_tokens_run_; }
  int64_t n_runs() const { return n_runs_; }
  int64_t memory_bytes() const { return memory_bytes_; }  // beside the weights; 0 before the start

 private:
  Result<void> start_locked();

  std::shared_ptr<const Model> model_;
  EmbedderOptions options_;
  int64_t n_tokens_max_;
  std::atomic<int64_t> memory_bytes_{0}, n_tokens_run_{0}, n_runs_{0};
  std::mutex mutex_;
  std::unique_ptr<Embedder> embedder_;
};

}  // namespace quire::server
