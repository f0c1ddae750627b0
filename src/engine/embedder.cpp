#include "engine/embedder.h"

#include "graph/hidden.h"
#include "kernels/kv_pages.h"

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

constexpr int32_t texts_at_once = 8;
constexpr int64_t n_batch_least = 512;
constexpr int64_t n_pool_shared = 8192;  // positions for short texts side by side

struct PoolingName {
  Pooling pooling;
  const char* name;
};
constexpr PoolingName names[] = {{Pooling::none, "none"},
                                 {Pooling::mean, "mean"},
                                 {Pooling::cls, "cls"},
                                 {Pooling::last, "last"},
                                 {Pooling::rank, "rank"}};

void scale_to_length_one(std::vector<float>& vector) {
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * static_cast<double>(x);
  if (sum > 0)
    for (float& x : vector) x = static_cast<float>(static_cast<double>(x) / std::sqrt(sum));
}

Result<Pooling> chosen_pooling(const Model& model, Pooling asked) {
  const Pooling pooling = asked == Pooling::unspecified ? default_pooling(model) : asked;
  const bool has_head = model.hparams().encoder.n_labels > 0;
  if (pooling == Pooling::rank && !has_head)
    return fail(Fault::usage,
                "{}: has no classification head (cls.output.weight), so it gives no scores; it "
                "gives vectors, see `quire embed`",
                model.path());
  if (pooling == Pooling::none)
    return fail(Fault::usage,
                "{}: pooling 'none' gives no vector for a text; take mean, cls or "
                "last",
                model.path());
  return pooling;
}

}  // namespace

bool is_encoder(const Model& model) {
  return std::ranges::any_of(model.graph().nodes, [](const Node& node) {
    return node.op == Op::attention &&
           node.as<AttentionAttributes>().mask == AttentionMask::bidirectional;
  });
}

Pooling default_pooling(const Model& model) {
  const Pooling pooling = model.hparams().pooling;
  if (pooling != Pooling::unspecified && pooling != Pooling::none) return pooling;
  return is_encoder(model) ? Pooling::mean : Pooling::last;
}

const char* pooling_name(Pooling pooling) {
  for (const PoolingName& known : names)
    if (known.pooling == pooling) return known.name;
  return "unspecified";
}

Result<Pooling> pooling_from_name(std::string_view name) {
  for (const PoolingName& known : names)
    if (known.name == name && known.pooling != Pooling::none) return known.pooling;
  return fail(Fault::usage, "unknown pooling '{}'; known are: mean, cls, last, rank", name);
}

Embedder::Embedder(std::unique_ptr<Runner> runner, const EmbedderOptions& options, Pooling pooling)
    : runner_(std::move(runner)),
      options_(options),
      pooling_(pooling),
      width_(runner_->result_width()),
      n_tokens_max_(runner_->n_ctx()) {}

Result<std::unique_ptr<Embedder>> Embedder::create(const std::shared_ptr<const Model>& model,
                                                   const EmbedderOptions& options) {
  const Pooling pooling = TRY(chosen_pooling(*model, options.pooling));
  RunnerOptions run;
  run.n_ctx = options.n_tokens_max;
  run.n_sequences = texts_at_once;
  run.n_threads = options.n_threads;
  run.precision = options.precision;
  run.result = pooling == Pooling::rank ? RunResult::scores : RunResult::hidden;
  // An encoder sees a text at once.
  const int64_t n_longest =
      options.n_tokens_max == 0 ? model->hparams().n_ctx_train : options.n_tokens_max;
  run.n_batch = is_encoder(*model) ? std::max(n_batch_least, n_longest) : n_batch_least;
  // Long texts share what one may have alone.
  const int64_t n_rounded = (n_longest + kv_block_size - 1) / kv_block_size * kv_block_size;
  run.n_pool = std::max(n_rounded, std::min(texts_at_once * n_rounded, n_pool_shared));
  auto runner = TRY(Runner::create(model, run));
  return std::unique_ptr<Embedder>(new Embedder(std::move(runner), options, pooling));
}

void Embedder::set_strengths(std::span<const float> strengths) {
  for (int32_t i = 0; i < texts_at_once; ++i) runner_->set_strengths(i, strengths);
}

int64_t Embedder::memory_bytes() const { return runner_->kv_bytes() + runner_->arena_bytes(); }

std::vector<float> Embedder::pooled(const float* rows, int64_t n_rows) const {
  const auto width = static_cast<size_t>(width_);
  if (n_rows == 1) return {rows, rows + width};
  std::vector<double> sum(width);
  for (int64_t r = 0; r < n_rows; ++r)
    for (size_t i = 0; i < width; ++i)
      sum[i] += static_cast<double>(rows[r * width_ + static_cast<int64_t>(i)]);
  std::vector<float> mean(width);
  for (size_t i = 0; i < width; ++i)
    mean[i] = static_cast<float>(sum[i] / static_cast<double>(n_rows));
  return mean;
}

Result<void> Embedder::embed_some(std::span<const EmbedText> texts,
                                  std::vector<std::vector<float>>& out) {
  const Want want = pooling_ == Pooling::mean   ? Want::all
                    : pooling_ == Pooling::last ? Want::last
                                                : Want::first;
  std::vector<RunRows> rows;
  rows.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i)
    rows.push_back({static_cast<int32_t>(i), texts[i].ids, want, texts[i].types});
  const View<const float, 2> values = TRY(runner_->run(rows));
  const float* at = values.data();
  for (const EmbedText& text : texts) {
    const int64_t n_rows = want == Want::all ? static_cast<int64_t>(text.ids.size()) : 1;
    out.push_back(pooled(at, n_rows));
    if (options_.normalize == Normalize::to_length_one && pooling_ != Pooling::rank)
      scale_to_length_one(out.back());
    at += n_rows * width_;
  }
  return {};
}

// How many of the texts fit in the cache together: at least one.
size_t Embedder::n_fitting(std::span<const EmbedText> texts) {
  for (int32_t i = 0; i < texts_at_once; ++i) runner_->truncate(i, 0);
  int64_t n_blocks = runner_->cache().n_free_blocks();
  size_t n = 0;
  while (n < texts.size() && n < texts_at_once) {
    n_blocks -= runner_->cache().n_blocks_for(0, static_cast<int64_t>(texts[n].ids.size()));
    if (n > 0 && n_blocks < 0) break;
    ++n;
  }
  return n;
}

Result<std::vector<std::vector<float>>> Embedder::embed(std::span<const EmbedText> texts) {
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto n = static_cast<int64_t>(texts[i].ids.size());
    if (n == 0) return fail(Fault::usage, "text {} has no tokens", i);
    if (n > n_tokens_max_)
      return fail(Fault::limit,
                  "text {} has {} tokens, at most {} fit; shorten it or cut it in parts", i, n,
                  n_tokens_max_);
    CHECK(texts[i].types.empty() || texts[i].types.size() == texts[i].ids.size());
  }
  std::vector<std::vector<float>> out;
  while (out.size() < texts.size()) {
    const auto left = texts.subspan(out.size());
    TRY(embed_some(left.first(n_fitting(left)), out));
  }
  return out;
}

}  // namespace quire
