// GraphBuilder: an architecture file calls one method per operation and gets the value it makes.
//
//   GraphBuilder g;
//   auto x = g.embed("embed", tokens, g.param("token_embd.weight", {V, D}));
//   auto q = g.linear("blk.0.attn_q", x, g.param("blk.0.attn_q.weight", {H * E, D}));
//
// Every method checks shapes. The first mistake is remembered with an explanation and returned by
// finish(); after it the methods return a harmless value, so architecture code has no error
// handling of its own.
#pragma once
#include "base/result.h"
#include "graph/graph.h"

#include <unordered_map>

namespace quire {

class GraphBuilder {
 public:
  GraphBuilder();

  ValueId tokens() const { return graph_.inputs.tokens; }
  ValueId positions() const { return graph_.inputs.positions; }
  const DimShape& shape(ValueId id) const { return graph_.value(id).shape; }
  int64_t width(ValueId id) const { return shape(id).back().n; }  // of the last dimension
  // Which of several texts a token is from, for models that ask.
  ValueId token_types();

  // A weight, found in the model file under this name and checked against this shape.
  ValueId param(const std::string& name, DimShape shape);

  // y (T, D): rows of table (V, D) picked by ids (T).
  ValueId embed(const std::string& name, ValueId ids, ValueId table);
  // Norms over the last dimension of x; w, b (D), or (H, E) for x (T, H, E): a weight for each
  // head. b may be no_value for a layer norm without bias.
  ValueId rms_norm(const std::string& name, ValueId x, ValueId w, float eps);
  ValueId layer_norm(const std::string& name, ValueId x, ValueId w, ValueId b, float eps);
  // y (T, N) = x (T, K) wT + bias; w (N, K), or (K) for N = 1; bias (N) or no_value.
  ValueId linear(const std::string& name, ValueId x, ValueId w, ValueId bias = no_value);
  // x (T, H, E); rotates by the batch's positions.
  ValueId rope(const std::string& name, ValueId x, const RopeAttributes& attributes);
  // q (T, H, E), k (T, G, E), v (T, G, Ev), H a multiple of G -> (T, H, Ev). Within each sequence,
  // over the KV cache where the batch has one. sinks (H), or no_value: one more score for each
  // head, which takes its share of the probability and adds nothing.
  ValueId attention(const std::string& name, ValueId q, ValueId k, ValueId v,
                    AttentionAttributes attributes, ValueId sinks = no_value);
  ValueId add(const std::string& name, ValueId x, ValueId y);
  ValueId activation(const std::string& name, ValueId x, Activation kind);
  ValueId gated(const std::string& name, ValueId gate, ValueId up, Activation kind);
  ValueId scale(const std::string& name, ValueId x, float factor);
  ValueId softcap(const std::string& name, ValueId x, float factor);
  // The same numbers under another shape with the same first dimension.
  ValueId view(const std::string& name, ValueId x, DimShape shape);
  // Columns [begin, begin + n) of x (T, W): (T, n), the same memory. Where a model is trained, the
  // columns taken of one value must cover it without overlap.
  ValueId columns(const std::string& name, ValueId x, int64_t begin, int64_t n);

  // Mixtures of experts. logits (T, X), bias (X) or no_value: only for choosing.
  struct Routing {
    ValueId weights, experts;  // (T, K)
  };
  Routing route(const std::string& name, ValueId logits, const RouteAttributes& attributes,
                ValueId bias = no_value);
  // x (T, D), or (T, K, D) with a row of its own for each expert; w (X, N, D); bias (X, N) or
  // no_value -> (T, K, N).
  ValueId expert_linear(const std::string& name, ValueId x, ValueId experts, ValueId w,
                        ValueId bias = no_value);
  // x (T, K, N), weights (T, K) -> (T, N).
  ValueId expert_sum(const std::string& name, ValueId x, ValueId weights);

  // Within heads. x (T, H, E), w (H, N, E) -> (T, H, N): a matrix for each head.
  ValueId head_linear(const std::string& name, ValueId x, ValueId w);
  // Elements [begin, begin + n) of every head of x (T, H, E): (T, H, n).
  ValueId slice(const std::string& name, ValueId x, int64_t begin, int64_t n);
  // a (T, H, A), b (T, H, B), or (T, 1, B) for all heads -> (T, H, A + B).
  ValueId join(const std::string& name, ValueId a, ValueId b);
  ValueId clamp(const std::string& name, ValueId x, const ClampAttributes& attributes);

  // State of a sequence. w (C, W); bias (C) or no_value; every call keeps a state of its own.
  ValueId causal_conv(const std::string& name, ValueId x, ValueId w, ValueId bias = no_value);
  // x (T, H, P), dt (T, H), b and c (T, G, N), H a multiple of G -> (T, H, P).
  struct Ssm {
    ValueId a, d;     // (H, 1); a negative
    ValueId dt_bias;  // (H)
  };
  ValueId ssm_scan(const std::string& name, ValueId x, ValueId dt, ValueId b, ValueId c,
                   const Ssm& ssm);

  // The rows of x (T, D) that the batch wants: (R, D). In training all are wanted and x is
  // returned.
  ValueId select_outputs(const std::string& name, ValueId x);

  // What the model is for; call once, at the end.
  void set_logits(ValueId logits) { graph_.logits = logits; }
  // For encoders: the rows that embeddings are made of; logits, if any, are scores of theirs.
  void set_hidden(ValueId hidden) { graph_.hidden = hidden; }

  // Training graphs keep all rows and end in a loss; say so before building. (No KV cache, no
  // select_rows.)
  enum class Purpose { inference, training };
  void set_purpose(Purpose purpose) { purpose_ = purpose; }

  // The graph, with cross-entropy of the logits as loss when training; or the first shape mistake
  // (bad_format).
  Result<Graph> finish();

 private:
  std::string describe(ValueId id) const;  // "'blk.0.attn_q.weight' (64, 32)"
  ValueId add_value(const std::string& name, DimShape shape, Role role);
  ValueId add_node(Op op, const std::string& name, DimShape shape, std::vector<ValueId> inputs,
                   Attributes attributes = {});
  bool is_norm_weight(ValueId x, ValueId w) const;
  // The cosines and sines of the batch's positions, made once for all nodes with these frequencies.
  ValueId rope_table(const RopeAttributes& attributes);
  int32_t add_state(int64_t n_floats);
  // Remembers the first mistake; returns a value with the given shape so that building can go on.
  ValueId mistake(Op op, const std::string& name, DimShape shape, const std::string& what);

  Graph graph_;
  Purpose purpose_ = Purpose::inference;
  std::string first_mistake_;
  std::unordered_map<std::string, ValueId> params_;
};

}  // namespace quire
