// Nomic BERT 1 and 1.5: fields of config.json as GPT-2 names them, or as BERT does (transformers
// 5).
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"nomic_bert", "nomic-bert"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("activation_function", {"swiglu"}));
  TRY(m.require("hidden_act", {"silu", "swish"}));
  for (const char* flag : {"prenorm", "parallel_block", "rotary_emb_interleaved", "causal"})
    TRY(m.require_flag(flag, false, false));
  if (TRY(m.config().get_int_or("num_experts", 0)) > 0)
    return fail(Fault::unsupported, "{}: num_experts is set; Nomic BERT with experts is not known",
                m.config().path());
  TRY(m.count_or({"n_positions", "max_position_embeddings"}, "context_length", 2048));
  TRY(m.count({"n_embd", "hidden_size"}, "embedding_length"));
  TRY(m.count({"n_layer", "num_hidden_layers"}, "block_count"));
  TRY(m.count({"n_inner", "intermediate_size"}, "feed_forward_length"));
  TRY(m.count({"n_head", "num_attention_heads"}, "attention.head_count"));
  TRY(m.number_or({"layer_norm_epsilon", "layer_norm_eps"}, "attention.layer_norm_epsilon", 1e-12));
  const int64_t width = TRY(m.get_count({"n_embd", "hidden_size"}));
  const int64_t n_head = TRY(m.get_count({"n_head", "num_attention_heads"}));
  if (n_head == 0)
    return fail(Fault::bad_format, "{}: n_head is 0, it must be positive", m.config().path());
  if (TRY(m.get_count_or({"head_dim"}, width / n_head)) != width / n_head)
    return fail(Fault::unsupported, "{}: head_dim must be {} / {}", m.config().path(), width,
                n_head);
  m.writer().add_bool(m.key("attention.causal"), false);
  m.writer().add_u32("tokenizer.ggml.token_type_count",
                     static_cast<uint32_t>(TRY(m.get_count_or({"type_vocab_size"}, 2))));
  m.set_head_dim(width / n_head);
  m.set_rope_theta(1000);
  return m.rope();
}

constexpr HfRule rules[] = {
    {"embeddings.word_embeddings", "token_embd"},
    {"embeddings.token_type_embeddings", "token_types"},
    {"emb_ln", "token_embd_norm"},
    {"encoder.layers.#.attn.Wqkv", "blk.#.attn_qkv"},
    {"encoder.layers.#.attn.out_proj", "blk.#.attn_output"},
    {"encoder.layers.#.attn.rotary_emb.inv_freq", "", drop},
    {"encoder.layers.#.norm1", "blk.#.attn_output_norm"},
    {"encoder.layers.#.mlp.fc11", "blk.#.ffn_up"},
    {"encoder.layers.#.mlp.fc12", "blk.#.ffn_gate"},
    {"encoder.layers.#.mlp.fc2", "blk.#.ffn_down"},
    {"encoder.layers.#.norm2", "blk.#.layer_output_norm"},
};

}  // namespace

extern const HfFamily hf_nomic_bert;
const HfFamily hf_nomic_bert{types, metadata, rules};

}  // namespace quire
