// A layer in the making, for architectures whose files say by their tensors which parts there are.
// Values are called as the parameters they come from: linear("attn_q", x, n) makes blk.3.attn_q
// from blk.3.attn_q.weight and, where the file has it, blk.3.attn_q.bias.
#pragma once
#include "graph/builder.h"
#include "model/hparams.h"

#include <string>

namespace quire {

// Queries, keys and values, (T, H, E), (T, G, E) and (T, G, E).
struct Heads3 {
  ValueId q = no_value, k = no_value, v = no_value;
};

class Block {
 public:
  Block(GraphBuilder& g, const Hparams& h, int64_t index)
      : g_(g), h_(h), index_(index), prefix_(fmt::format("blk.{}.", index)) {}

  std::string name(const std::string& part) const { return prefix_ + part; }
  // x (T, K) -> (T, n_out)
  ValueId linear(const std::string& part, ValueId x, int64_t n_out) const;
  // Root-mean-square norm over the last dimension.
  ValueId norm(const std::string& part, ValueId x) const;
  // The same where every head of x (T, H, E) has a weight of its own, (H, E) together.
  ValueId norm_of_heads(const std::string& part, ValueId x) const;

  // attn_q, attn_k and attn_v of x (T, D).
  Heads3 heads(ValueId x) const;
  Heads3 rotated(const Heads3& heads, const RopeAttributes& rope) const;
  // Attention as far back as the layer sees, with attn_sinks where there are any, then attn_output;
  // of the last layer only the wanted rows.
  ValueId attention(const Heads3& heads) const;
  // ffn_down(act(ffn_gate x) * ffn_up x); `suffix` of the three names: "_shexp".
  ValueId gated_ffn(ValueId x, int64_t n_ff, const std::string& suffix = "") const;

  // In the last layer the rows whose logits are wanted, elsewhere x.
  ValueId wanted(const std::string& what, ValueId x) const;

 private:
  GraphBuilder& g_;
  const Hparams& h_;
  int64_t index_;
  std::string prefix_;
};

// The rows of token_embd, and at the end output_norm and the output matrix.
ValueId embed_tokens(GraphBuilder& g, const Hparams& h);
void finish_logits(GraphBuilder& g, const Hparams& h, ValueId x);

}  // namespace quire
