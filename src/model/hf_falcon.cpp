// Falcon 7B, 40B and 11B: the rows of the fused matrix lie by groups (its queries, a key, a value),
// in GGUF as all queries, all keys, all values.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {
    {"falcon", "falcon"}, {"RefinedWeb", "falcon"}, {"RefinedWebModel", "falcon"}};

// Key/value heads: many in the new architecture, one or as many as queries in the old one.
Result<int64_t> groups(const HfConfig& config, int64_t n_head) {
  for (const char* field : {"num_kv_heads", "n_head_kv"})
    if (TRY(config.get_bool_or("new_decoder_architecture", config.has("n_head_kv"))) &&
        config.has(field))
      return config.get_int(field);
  return TRY(config.get_bool_or("multi_query", true)) ? 1 : n_head;
}

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("activation", {"gelu"}));
  TRY(m.require_flag("alibi", false, false));
  TRY(m.require_flag("parallel_attn", true, true));
  TRY(m.count_or({"max_position_embeddings"}, "context_length", 2048));
  TRY(m.count({"hidden_size"}, "embedding_length"));
  TRY(m.count({"num_hidden_layers", "n_layer"}, "block_count"));
  TRY(m.count({"num_attention_heads", "n_head"}, "attention.head_count"));
  const int64_t width = TRY(m.get_count({"hidden_size"}));
  TRY(m.count_or({"ffn_hidden_size"}, "feed_forward_length", 4 * width));
  const int64_t n_head = TRY(m.get_count({"num_attention_heads", "n_head"}));
  const int64_t n_groups = TRY(groups(m.config(), n_head));
  if (n_head == 0 || n_groups < 1 || n_groups > n_head || n_head % n_groups != 0)
    return fail(Fault::bad_format, "{}: {} query heads are no multiple of {} key/value heads",
                m.config().path(), n_head, n_groups);
  m.writer().add_u32(m.key("attention.head_count_kv"), static_cast<uint32_t>(n_groups));
  TRY(m.number_or({"layer_norm_epsilon"}, "attention.layer_norm_epsilon", 1e-5));
  m.writer().add_string(m.key("tensor_data_layout"), "jploski");  // what readers call this order
  m.set_head_dim(width / n_head);
  return m.rope();
}

Result<void> by_kind(HfImport& import, const HfMatch& match) {
  const HfRows rows = TRY(import.rows(match.from));
  const int64_t n_head = import.n_head(), n_rows = rows.shape[0];
  const int64_t n_groups = TRY(groups(import.config(), n_head));  // checked in metadata()
  const int64_t n_queries = n_head / n_groups;
  TRY(import.expect(
      n_rows % (n_head + 2 * n_groups) == 0, match.from, rows.shape,
      fmt::format("{} query and {} key/value heads are to be cut from it", n_head, n_groups)));
  const int64_t width = n_rows / (n_head + 2 * n_groups);
  return import.add(match.to, permuted_rows(rows, [=](int64_t row) {
                      const int64_t head = row / width, at = row % width;
                      const int64_t rest = head - n_head;  // 0 to n_groups: keys; then values
                      const int64_t group = rest < 0 ? head / n_queries : rest % n_groups;
                      const int64_t place =
                          rest < 0 ? head % n_queries : n_queries + rest / n_groups;
                      return (group * (n_queries + 2) + place) * width + at;
                    }));
}

constexpr HfRule rules[] = {
    {"word_embeddings", "token_embd"},
    {"h.#.input_layernorm", "blk.#.attn_norm"},
    {"h.#.ln_mlp", "blk.#.attn_norm"},
    {"h.#.ln_attn", "blk.#.attn_norm_2"},
    {"h.#.self_attention.query_key_value", "blk.#.attn_qkv", by_kind, LowRank::rows},
    {"h.#.self_attention.dense", "blk.#.attn_output"},
    {"h.#.mlp.dense_h_to_4h", "blk.#.ffn_up"},
    {"h.#.mlp.dense_4h_to_h", "blk.#.ffn_down"},
    {"ln_f", "output_norm"},
};

}  // namespace

extern const HfFamily hf_falcon;
const HfFamily hf_falcon{types, metadata, rules};

}  // namespace quire
