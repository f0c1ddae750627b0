// gpt-oss: the rows of gate and up take turns. Experts come as MXFP4 (blocks and their scales in
// tensors of their own), or as matrices (X, in, out) of floats.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"gpt_oss", "gpt-oss"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  const double limit = TRY(m.config().get_float_or("swiglu_limit", 7));
  const double alpha = TRY(m.config().get_float_or("swiglu_alpha", 1.702));
  if (limit != 7 || alpha != 1.702)
    return fail(Fault::unsupported,
                "{}: swiglu_limit {} and swiglu_alpha {}; 7 and 1.702 are "
                "supported",
                m.config().path(), limit, alpha);
  TRY(m.transformer({.n_ctx = 131072, .head_dim = 64, .rope_theta = 150000}));
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-5));
  TRY(m.windows(2));
  TRY(m.count({"num_local_experts", "num_experts"}, "expert_count"));
  TRY(m.count_or({"num_experts_per_tok", "experts_per_token"}, "expert_used_count", 4));
  TRY(m.count({"intermediate_size"}, "expert_feed_forward_length"));
  return m.rope();
}

std::string name_of(const HfMatch& match, const char* part, const char* suffix) {
  return fmt::format("blk.{}.ffn_{}_exps.{}", match.layer, part, suffix);
}

// Rows first, first + 2, ... of each expert's matrix (X, 2F, ...), or the elements of its vector.
HfRows every_second(const HfRows& rows, int64_t first) {
  const int64_t n = rows.shape[1] / 2;
  if (rows.shape.rank == 2) return strided_columns(rows, first, 2);
  HfRows half =
      permuted_rows(rows, [=](int64_t row) { return row / n * 2 * n + first + row % n * 2; });
  half.shape[1] = n;
  return half;
}

Result<void> add_gate_and_up(HfImport& import, const HfMatch& match, const HfRows& rows,
                             const char* suffix) {
  TRY(import.expect((rows.shape.rank == 2 || rows.shape.rank == 3) && rows.shape[1] % 2 == 0,
                    match.from, rows.shape, "gate and up are to be cut from it"));
  TRY(import.add(name_of(match, "gate", suffix), every_second(rows, 0)));
  return import.add(name_of(match, "up", suffix), every_second(rows, 1));
}

// (X, in, out) of floats -> (X, out, in)
Result<HfRows> turned(HfImport& import, const HfMatch& match) {
  HfRows rows = TRY(import.rows(match.from));
  TRY(import.expect(rows.shape.rank == 3, match.from, rows.shape,
                    "one matrix for each expert is needed"));
  return transposed_parts(std::move(rows));
}

// blocks (X, N, K / 32, 16) and scales (X, N, K / 32), bytes, as matrices (X, N, K) of MXFP4.
Result<HfRows> from_blocks(HfImport& import, const HfMatch& match) {
  std::string scales_name = match.from;
  scales_name.replace(scales_name.rfind("_blocks"), 7, "_scales");
  const SafetensorsTensor& blocks = *TRY(import.raw(match.from));
  const SafetensorsTensor& scales = *TRY(import.raw(scales_name));
  const std::vector<int64_t>& n = blocks.dims;
  const bool right = blocks.dtype_name == "U8" && scales.dtype_name == "U8" && n.size() == 4 &&
                     n[3] == 16 && scales.dims == std::vector<int64_t>{n[0], n[1], n[2]} &&
                     !blocks.bytes.empty();
  if (!right)
    return fail(Fault::bad_format,
                "{}: '{}' and '{}' are no MXFP4; bytes of the shapes (experts, rows, blocks, 16) "
                "and (experts, rows, blocks) are needed",
                import.path(), match.from, scales_name);
  return mxfp4_rows(blocks.bytes.data(), scales.bytes.data(), {n[0], n[1], n[2] * 32});
}

Result<void> gate_up_blocks(HfImport& import, const HfMatch& match) {
  return add_gate_and_up(import, match, TRY(from_blocks(import, match)), "weight");
}
Result<void> gate_up_floats(HfImport& import, const HfMatch& match) {
  return add_gate_and_up(import, match, TRY(turned(import, match)), "weight");
}
Result<void> gate_up_bias(HfImport& import, const HfMatch& match) {
  return add_gate_and_up(import, match, TRY(import.rows(match.from)), "bias");
}
Result<void> down_blocks(HfImport& import, const HfMatch& match) {
  return import.add(name_of(match, "down", "weight"), TRY(from_blocks(import, match)));
}
Result<void> down_floats(HfImport& import, const HfMatch& match) {
  return import.add(name_of(match, "down", "weight"), TRY(turned(import, match)));
}

constexpr HfRule rules[] = {
    {"layers.#.self_attn.sinks", "blk.#.attn_sinks.weight"},
    {"layers.#.post_attention_layernorm", "blk.#.post_attention_norm"},
    {"layers.#.mlp.router", "blk.#.ffn_gate_inp"},
    {"layers.#.mlp.experts.gate_up_proj_blocks", "", gate_up_blocks},
    {"layers.#.mlp.experts.gate_up_proj_scales", "", drop},  // read with the blocks
    {"layers.#.mlp.experts.gate_up_proj", "", gate_up_floats},
    {"layers.#.mlp.experts.gate_up_proj_bias", "", gate_up_bias},
    {"layers.#.mlp.experts.down_proj_blocks", "", down_blocks},
    {"layers.#.mlp.experts.down_proj_scales", "", drop},
    {"layers.#.mlp.experts.down_proj", "", down_floats},
    {"layers.#.mlp.experts.down_proj_bias", "blk.#.ffn_down_exps.bias"},
};

}  // namespace

extern const HfFamily hf_gpt_oss;
const HfFamily hf_gpt_oss{types, metadata, rules};

}  // namespace quire
