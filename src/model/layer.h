// What decoders are put together from: a layer of a transformer in the making, and what stands
// before and after the layers. An architecture file says in which order, and what is special.
//
// Values and parameters are called as GGUF files call them: linear("attn_q", x, n) makes the value
// blk.3.attn_q from the parameters blk.3.attn_q.weight and, where the file has it,
// blk.3.attn_q.bias. In the last layer only the rows whose logits are wanted go on behind
// attention(); whatever was made before it and is used after it goes through wanted().
#pragma once
#include "graph/builder.h"
#include "model/hparams.h"

#include <string>

namespace quire {

// Queries, keys and values: rows (T, H*E), (T, G*E), (T, G*E), or cut into heads (T, H, E), ...
struct Qkv {
  ValueId q = no_value, k = no_value, v = no_value;
};

class Layer {
 public:
  Layer(GraphBuilder& g, const Hparams& h, int64_t layer)
      : g_(g), h_(h), layer_(layer), prefix_("blk." + std::to_string(layer) + ".") {}

  std::string name(const std::string& what) const { return prefix_ + what; }
  // x (T, K) -> (T, n_out)
  ValueId linear(const std::string& name, ValueId x, int64_t n_out) const;
  // Over the last dimension of x, of the hyper-parameters' kind; with a bias where the file has
  // one.
  ValueId norm(const std::string& name, ValueId x) const;
  // The same with a weight for each head: x (T, H, E), weight (H, E).
  ValueId norm_of_heads(const std::string& name, ValueId x) const;

  // Rows, from attn_q, attn_k and attn_v, or from attn_qkv where the file has that.
  Qkv qkv(ValueId x) const;
  Qkv heads(const Qkv& rows) const;
  Qkv heads(ValueId x) const { return heads(qkv(x)); }
  // q and k turned by their positions.
  Qkv rotate(const Qkv& heads, const RopeAttributes& rope) const;
  // Attention over all positions this layer sees, with attn_sinks where the file has them, then
  // attn_output: (T, D).
  ValueId attention(const Qkv& heads) const;

  // ffn_down(act(ffn_gate(x)) * ffn_up(x)), F wide or as given; `suffix` of the three names.
  ValueId gated_ffn(ValueId x, Activation activation, int64_t n_ff = 0,
                    const std::string& suffix = "") const;
  // The same from one matrix: ffn_up makes gate and up, in this order.
  ValueId fused_gated_ffn(ValueId x, Activation activation) const;
  // ffn_down(act(ffn_up(x)))
  ValueId plain_ffn(ValueId x, Activation activation) const;

  // x + y, y times the residual scale.
  ValueId add(const std::string& name, ValueId x, ValueId y) const;
  ValueId wanted(const std::string& name, ValueId x) const {
    return layer_ + 1 == h_.n_layer ? g_.select_outputs(name, x) : x;
  }

 private:
  GraphBuilder& g_;
  const Hparams& h_;
  int64_t layer_;
  std::string prefix_;
};

// The rows of token_embd (T, D), times the embedding scale.
ValueId embed_tokens(GraphBuilder& g, const Hparams& h);
// output_norm, the output matrix or the embedding, the logit scale, the soft cap; the end of a
// build.
void finish_decoder(GraphBuilder& g, const Hparams& h, ValueId x);

}  // namespace quire
