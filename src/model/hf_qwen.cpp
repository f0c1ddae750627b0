// Qwen 2, 2.5 and 3: Llama's names, biases on q, k and v (2) or norms of q and k (3).
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"qwen2", "qwen2"}, {"qwen3", "qwen3"}};

// Where windows are wanted, layers from max_window_layers on have them.
Result<void> windows(HfMetadata& m) {
  if (!TRY(m.config().get_bool_or("use_sliding_window", false))) return {};
  if (m.config().has("layer_types")) return m.windows(0);
  const int64_t first = TRY(m.get_count_or({"max_window_layers"}, 28));
  const int64_t n_layer = TRY(m.get_count({"num_hidden_layers"}));
  if (first >= n_layer) return {};
  if (first == 0) return m.windows(0);
  return fail(Fault::unsupported,
              "{}: layers from {} on have a window, which only layer_types can say here; save the "
              "folder anew with transformers 4.52 or later",
              m.config().path(), first);
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
