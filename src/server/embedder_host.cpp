#include "server/embedder_host.h"

#include <algorithm>

namespace quire::server {

EmbedderHost::EmbedderHost(std::shared_ptr<const Model> model, const EmbedderOptions& options)
    : model_(std::move(model)), options_(options) {
  const int64_t known = model_->hparams().n_ctx_train;
  n_tokens_max_ = options_.n_tokens_max == 0 ? known : std::min(known, options_.n_tokens_max);
  options_.n_tokens_max = n_tokens_max_;
}

Result<void> EmbedderHost::start_locked() {
  if (embedder_ != nullptr) return {};
  embedder_ = TRY(Embedder::create(model_, options_));
  memory_bytes_ = embedder_->memory_bytes();
  return {};
}

Result<void> EmbedderHost::start() {
  const std::lock_guard lock(mutex_);
  return start_locked();
}

Result<std::vector<std::vector<float>>> EmbedderHost::embed(std::span<const EmbedText> texts,
                                                            std::span<const float> strengths) {
  const std::lock_guard lock(mutex_);
  TRY(start_locked());
  if (!strengths.empty()) embedder_->set_strengths(strengths);
  auto vectors = embedder_->embed(texts);
  if (!vectors) return vectors;
  ++n_runs_;
  for (const EmbedText& text : texts) n_tokens_run_ += static_cast<int64_t>(text.ids.size());
  return vectors;
}

}  // namespace quire::server
