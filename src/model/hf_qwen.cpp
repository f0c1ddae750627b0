// Qwen 2, 2.5 and 3: Llama's names, biases on q, k and v (2) or norms of q and k (3).
#include "model/hf_family.h"

#include <memory>

namespace quire {
namespace {

constexpr int64_t n_layer_max = 10'000;
constexpr HfModelType types[] = {{"qwen2", "qwen2"}, {"qwen3", "qwen3"}};

// Where windows are wanted, layers from max_window_layers on have them, unless layer_types says
// otherwise.
Result<void> windows(HfMetadata& m) {
  if (!TRY(m.config().get_bool_or("use_sliding_window", false))) return {};
  if (m.config().has("layer_types")) return m.windows(0);
  const int64_t first = TRY(m.get_count_or({"max_window_layers"}, 28));
  const int64_t n_layer = TRY(m.get_count({"num_hidden_layers"}));
  if (first >= n_layer) return {};
  if (first == 0) return m.windows(0);
  if (n_layer > n_layer_max)
    return fail(Fault::bad_format, "{}: num_hidden_layers is {}, at most {} make sense",
                m.config().path(), n_layer, n_layer_max);
  const auto windowed = std::make_unique<bool[]>(static_cast<size_t>(n_layer));
  for (int64_t i = first; i < n_layer; ++i) windowed[static_cast<size_t>(i)] = true;
  TRY(m.count_or({"sliding_window"}, "attention.sliding_window", 4096));
  m.writer().add_bools(m.key("attention.sliding_window_pattern"),
                       std::span<const bool>(windowed.get(), static_cast<size_t>(n_layer)));
  return {};
}

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  const bool three = m.arch() == "qwen3";
  TRY(m.transformer({.n_ctx = 32768, .head_dim = three ? 128 : 0}));
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-6));
  TRY(windows(m));
  return m.rope();
}

}  // namespace

extern const HfFamily hf_qwen;
const HfFamily hf_qwen{types, metadata, {}};

}  // namespace quire
