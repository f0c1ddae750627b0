// ModernBERT: every third layer sees the whole text, the first one included.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"modernbert", "modern-bert"}};
constexpr int64_t usual_period = 3;

// The period of the layers that see everything, in either form.
Result<int64_t> period(const HfMetadata& m) {
  const int64_t stated = TRY(m.get_count_or({"global_attn_every_n_layers"}, usual_period));
  if (!m.config().has("layer_types")) return stated;
  const std::vector<std::string> layers = TRY(m.config().get_strings("layer_types"));
  int64_t found = static_cast<int64_t>(layers.size());
  for (size_t i = 1; i < layers.size(); ++i)
    if (layers[i] != "sliding_attention") {
      found = static_cast<int64_t>(i);
      break;
    }
  for (size_t i = 0; i < layers.size(); ++i)
    if ((layers[i] == "full_attention") != (static_cast<int64_t>(i) % found == 0))
      return fail(Fault::unsupported,
                  "{}: layer_types is not the first of every so many with full_attention, the "
                  "others with sliding_attention",
                  m.config().path());
  // A model too short to show its period.
  return found == static_cast<int64_t>(layers.size()) ? std::max(found, usual_period) : found;
}

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_activation", {"gelu"}));
  TRY(m.require("classifier_activation", {"gelu"}));
  TRY(m.require("position_embedding_type", {"rope", "absolute"}));
  TRY(m.transformer({.n_ctx = 8192, .rope_theta = 160000}));
  TRY(m.number_or({"norm_eps"}, "attention.layer_norm_epsilon", 1e-5));
  m.writer().add_bool(m.key("attention.causal"), false);
  TRY(m.count_or({"local_attention"}, "attention.sliding_window", 128));
  m.writer().add_u32(m.key("attention.sliding_window_pattern"),
                     static_cast<uint32_t>(TRY(period(m))));
  m.set_rope_theta(TRY(m.config().get_float_or("global_rope_theta", 160000)));
  return m.rope_by_layer("local_rope_theta", 10000);
}

constexpr HfRule rules[] = {
    {"embeddings.tok_embeddings", "token_embd"},
    {"embeddings.norm", "token_embd_norm"},
    {"layers.#.attn_norm", "blk.#.attn_norm"},
    {"layers.#.attn.Wqkv", "blk.#.attn_qkv"},
    {"layers.#.attn.Wo", "blk.#.attn_output"},
    {"layers.#.mlp_norm", "blk.#.ffn_norm"},
    {"layers.#.mlp.Wi", "blk.#.ffn_up"},
    {"layers.#.mlp.Wo", "blk.#.ffn_down"},
    {"final_norm", "output_norm"},
    {"head.dense", "cls", for_scores},
    {"head.norm", "cls.norm", for_scores},
    {"classifier", "cls.output"},
    {"decoder", "", drop},  // guesses hidden words
};

}  // namespace

extern const HfFamily hf_modern_bert;
const HfFamily hf_modern_bert{types, metadata, rules};

}  // namespace quire
