// ModernBERT (Warner et al. 2024, arXiv:2412.13663): norms in front, rotary positions, a gated
// feed-forward part whose two halves come from one matrix, and two layers of every three that see
// only tokens nearby, with rotary frequencies of their own.
//   h = x + Wo attention(rope(Wqkv n(x))),   x' = h + Wdown (gelu(a) * b),   [a, b] = Wup n(h)
// The first layer has no norm in front of its attention: the embedding's stands there.
#include "model/encoder.h"
#include "model/hparams_reader.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_encoder_hparams(file, "modern-bert"));
  TRY(read_rope_hparams(file, h));
  if (h.rope_theta_window == 0) h.rope_theta_window = 10000;
  const HparamsReader read(file, "modern-bert");
  constexpr const char* pattern = "attention.sliding_window_pattern";
  // For each layer whether it has the window, or a number: the first of so many has none.
  if (read.has(pattern) && file.value(read.key(pattern))->type == GgufType::array) return h;
  const int64_t period = TRY(read.integer_or(pattern, 3, 1, INT32_MAX));
  h.window_layers.clear();
  for (int64_t layer = 0; layer < h.n_layer; ++layer)
    h.window_layers.push_back(layer % period != 0);
  return h;
}

void build(GraphBuilder& g, const Hparams& h) {
  const int64_t D = h.n_embd, F = h.n_ff;
  const RopeAttributes far_rope = rope_attributes(h, RopePairs::halves);
  const RopeAttributes near_rope = window_rope_attributes(h, RopePairs::halves);
  ValueId x = encoder_embedding(g, h);
  for (int64_t layer = 0; layer < h.n_layer; ++layer) {
    const std::string blk = fmt::format("blk.{}.", layer);
    const auto linear = [&](const char* name, ValueId in, int64_t n_out, int64_t n_in) {
      return g.linear(blk + name, in, g.param(blk + name + ".weight", {n_out, n_in}));
    };
    const int32_t window = h.window_of(layer);
    const RopeAttributes& rope = window > 0 ? near_rope : far_rope;
    const ValueId n = layer == 0 ? x : encoder_norm(g, h, blk + "attn_norm", x);
    Heads heads = encoder_heads(g, h, blk, n);
    heads.q = g.rope(blk + "q_rope", heads.q, rope);
    heads.k = g.rope(blk + "k_rope", heads.k, rope);
    // Half the window on each side, both ends included.
    const ValueId a = encoder_attention(g, h, layer, heads, window > 0 ? window / 2 + 1 : 0);
    if (layer + 1 == h.n_layer) x = g.select_outputs("wanted", x);
    x = g.add(blk + "attn_residual", x, a);
    const ValueId both = linear("ffn_up", encoder_norm(g, h, blk + "ffn_norm", x), 2 * F, D);
    const ValueId act = g.gated(blk + "ffn_act", g.columns(blk + "ffn_first", both, 0, F),
                                g.columns(blk + "ffn_second", both, F, F), Activation::gelu_erf);
    x = g.add(blk + "ffn_residual", x, linear("ffn_down", act, D, F));
  }
  set_encoder_results(g, h, encoder_norm(g, h, "output_norm", x), Activation::gelu_erf);
}

}  // namespace

extern const Arch arch_modern_bert;
const Arch arch_modern_bert{"modern-bert", read_hparams, write_encoder_hparams, build};

}  // namespace quire
