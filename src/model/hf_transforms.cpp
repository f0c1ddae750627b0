// What happens to a tensor on its way from a Hugging Face checkpoint to GGUF, as far as families
// share it.
#include "model/hf_family.h"

namespace quire {
namespace {

// transformers turns element i of a head with i + E/2, GGUF's Llama turns 2i with 2i + 1: so row
// (h, i, half) comes from row (h, half, i).
Result<void> pair_rows(HfImport& import, const HfMatch& match, int64_t n_heads) {
  HfRows rows = TRY(import.rows(match.from));
  const int64_t n_rows = rows.shape[0];
  TRY(import.expect(n_heads > 0 && n_rows % n_heads == 0 && n_rows / n_heads % 2 == 0, match.from,
                    rows.shape,
                    fmt::format("{} heads of an even width are to be cut from it", n_heads)));
  const int64_t width = n_rows / n_heads;
  return import.add(match.to, permuted_rows(rows, [width](int64_t row) {
                      const int64_t head = row / width, at = row % width;
                      return head * width + at % 2 * (width / 2) + at / 2;
                    }));
}

}  // namespace

Result<void> keep(HfImport& import, const HfMatch& match) {
  return import.add(match.to, TRY(import.rows(match.from)));
}

Result<void> drop(HfImport&, const HfMatch&) { return {}; }

Result<void> query_pairs(HfImport& import, const HfMatch& match) {
  return pair_rows(import, match, import.n_head());
}

Result<void> key_pairs(HfImport& import, const HfMatch& match) {
  return pair_rows(import, match, import.n_head_kv());
}

Result<void> transposed(HfImport& import, const HfMatch& match) {
  HfRows rows = TRY(import.rows(match.from));
  if (rows.shape.rank == 1) return import.add(match.to, std::move(rows));
  TRY(import.expect(rows.shape.rank == 2 && rows.mapped != nullptr, match.from, rows.shape,
                    "a matrix (in, out) of F32, F16 or BF16 is needed"));
  return import.add(match.to, transposed_rows(rows));
}

Result<void> plus_one(HfImport& import, const HfMatch& match) {
  return import.add(match.to,
                    computed_rows(TRY(import.rows(match.from)), [](float x) { return x + 1; }));
}

Result<void> stacked(HfImport& import, const HfMatch& match) {
  return import.add_part(match.to, match.expert, TRY(import.rows(match.from)));
}

Result<void> as_vector(HfImport& import, const HfMatch& match) {
  HfRows rows = TRY(import.rows(match.from));
  const int64_t n = rows.shape.n_elements();
  TRY(import.expect(n == rows.shape[0] || n == rows.shape.last(), match.from, rows.shape,
                    "a single row or column is needed"));
  return import.add(match.to, reshaped_rows(std::move(rows), {n}));
}

Result<void> for_scores(HfImport& import, const HfMatch& match) {
  for (const char* last : {"classifier.weight", "classifier.out_proj.weight"})
    if (import.has(last)) return keep(import, match);
  return {};
}

std::span<const HfRule> common_rules() {
  static constexpr HfRule rules[] = {
      {"embed_tokens", "token_embd"},
      {"layers.#.input_layernorm", "blk.#.attn_norm"},
      {"layers.#.self_attn.q_proj", "blk.#.attn_q"},
      {"layers.#.self_attn.k_proj", "blk.#.attn_k"},
      {"layers.#.self_attn.v_proj", "blk.#.attn_v"},
      {"layers.#.self_attn.o_proj", "blk.#.attn_output"},
      {"layers.#.self_attn.q_norm", "blk.#.attn_q_norm"},
      {"layers.#.self_attn.k_norm", "blk.#.attn_k_norm"},
      {"layers.#.self_attn.rotary_emb.inv_freq", "", drop},  // computed
      {"layers.#.post_attention_layernorm", "blk.#.ffn_norm"},
      {"layers.#.mlp.gate_proj", "blk.#.ffn_gate"},
      {"layers.#.mlp.up_proj", "blk.#.ffn_up"},
      {"layers.#.mlp.down_proj", "blk.#.ffn_down"},
      {"layers.#.mlp.gate", "blk.#.ffn_gate_inp"},
      {"layers.#.mlp.experts.*.gate_proj", "blk.#.ffn_gate_exps", stacked},
      {"layers.#.mlp.experts.*.up_proj", "blk.#.ffn_up_exps", stacked},
      {"layers.#.mlp.experts.*.down_proj", "blk.#.ffn_down_exps", stacked},
      {"rotary_emb.inv_freq", "", drop},
      {"norm", "output_norm"},
      {"lm_head", "output"},
  };
  return rules;
}

}  // namespace quire
