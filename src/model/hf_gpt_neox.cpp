// GPT-NeoX and Pythia: the rows of the fused matrix lie as (head, q k v, width), in GGUF as
// (q k v, head, width).
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"gpt_neox", "gptneox"}};

Result<void> metadata(HfMetadata& m) {
  // "gelu_fast" approximates the other within 0.001.
  TRY(m.require("hidden_act", {"gelu", "gelu_fast"}));
  TRY(m.transformer());
  TRY(m.number_or({"layer_norm_eps"}, "attention.layer_norm_epsilon", 1e-5));
  m.writer().add_bool(m.key("use_parallel_residual"),
                      TRY(m.config().get_bool_or("use_parallel_residual", true)));
  if (m.config().has("rotary_pct") || m.config().has("rope_parameters")) return m.rope();
  return fail(Fault::bad_format, "{}: field 'rotary_pct' is missing", m.config().path());
}

Result<void> by_kind(HfImport& import, const HfMatch& match) {
  const HfRows rows = TRY(import.rows(match.from));
  const int64_t n_head = import.n_head(), n_rows = rows.shape[0];
  TRY(import.expect(
      n_head > 0 && n_rows % (3 * n_head) == 0, match.from, rows.shape,
      fmt::format("queries, keys and values of {} heads are to be cut from it", n_head)));
  const int64_t width = n_rows / (3 * n_head);
  return import.add(match.to, permuted_rows(rows, [n_head, width](int64_t row) {
                      const int64_t kind = row / (n_head * width), head = row / width % n_head;
                      return (head * 3 + kind) * width + row % width;
                    }));
}

constexpr HfRule rules[] = {
    {"embed_in", "token_embd"},
    {"layers.#.attention.query_key_value", "blk.#.attn_qkv", by_kind, LowRank::rows},
    {"layers.#.attention.dense", "blk.#.attn_output"},
    {"layers.#.attention.bias", "", drop},         // the causal mask
    {"layers.#.attention.masked_bias", "", drop},  // what it hides scores with
    {"layers.#.attention.rotary_emb.inv_freq", "", drop},
    {"layers.#.mlp.dense_h_to_4h", "blk.#.ffn_up"},
    {"layers.#.mlp.dense_4h_to_h", "blk.#.ffn_down"},
    {"final_layer_norm", "output_norm"},
    {"embed_out", "output"},
};

}  // namespace

extern const HfFamily hf_gpt_neox;
const HfFamily hf_gpt_neox{types, metadata, rules};

}  // namespace quire
