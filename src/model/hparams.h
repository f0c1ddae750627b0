// Hyper-parameters: the numbers that say which model of an architecture this is.
#pragma once
#include "graph/ops.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

// How rotary frequencies were stretched for longer contexts; formulas in model/rope_scaling.cpp.
enum class RopeScaling : uint8_t { none, linear, ntk, dynamic, yarn, llama3, longrope };

enum class NormKind : uint8_t { rms, layer };

// Mixtures of experts (model/experts.h).
struct ExpertHparams {
  int64_t n = 0;             // X; 0: none
  int64_t n_used = 0;        // K of them for each row
  int64_t n_ff = 0;          // F of an expert
  int64_t n_ff_shared = 0;   // of those that every row goes through, together; 0: none
  int64_t n_dense_lead = 0;  // layers before the first mixture
  RouteScores scores = RouteScores::softmax;
  bool normalize = false;  // the weights of a row's experts add up to 1
  float scale = 1;         // of these weights
  int64_t n_groups = 1, n_groups_used = 1, group_best = 1;  // see kernels/route.h
  float gate_limit = 0;  // of what the gate is made from (gpt-oss); 0: none, and a plain gate
};

// Attention over compressed keys and values (model/deepseek2.cpp).
struct MlaHparams {
  int64_t q_rank = 0;   // width of a compressed query; 0: queries are not compressed
  int64_t kv_rank = 0;  // width of a compressed key and value
  int64_t key_width = 0, value_width = 0;  // of a head, uncompressed
  float yarn_log_multiplier = 0;
};

// The state space of Mamba-2 (model/mamba2.cpp).
struct SsmHparams {
  int64_t conv_width = 0;   // W
  int64_t inner_width = 0;  // of all heads
  int64_t state_width = 0;  // N
  int64_t n_head = 0, n_group = 0;
};

// How the rows of a text become one vector; numbered as ARCH.pooling_type.
enum class Pooling : int8_t {
  unspecified = -1,
  none = 0,
  mean = 1,
  cls = 2,   // its first row
  last = 3,  // its last row
  rank = 4,  // scores, by a classification head on the first row
};

// What only encoders have (model/encoder.h).
struct EncoderHparams {
  int64_t n_token_types = 0;
  int64_t n_labels = 0;  // of the classification head; 0: there is none
};

struct Hparams {
  std::string arch;         // "llama", "gpt2"
  int64_t n_vocab = 0;      // V
  int64_t n_ctx_train = 0;  // positions seen in training
  int64_t n_ctx = 0;        // positions that the graph is built for; 0: n_ctx_train
  int64_t n_embd = 0;       // D
  int64_t n_layer = 0;      // L
  int64_t n_ff = 0;         // F
  int64_t n_head = 0;       // H
  int64_t n_head_kv = 0;    // G
  int64_t head_dim = 0;     // E
  int64_t value_dim = 0;    // Ev, width of a value; E in nearly all
  NormKind norm = NormKind::rms;
  float norm_eps = 1e-5f;

  int64_t n_rot = 0;  // elements of each head that are rotated
  float rope_theta = 10000;
  RopeScaling rope_scaling = RopeScaling::none;
  float rope_factor = 1;        // context stretch
  int64_t rope_n_ctx_orig = 0;  // positions before stretching (yarn, llama3, longrope)
  float rope_attn_factor = 1;   // on the length of what is turned
  float yarn_attn_factor = 0;   // yarn's own part of that; 0: 0.1 ln(factor) + 1
  float yarn_beta_fast = 32, yarn_beta_slow = 1;
  bool yarn_whole_pairs = true;  // the ramp begins and ends at whole pairs
  float llama3_low_freq_factor = 1, llama3_high_freq_factor = 4;
  // Divide each inverse frequency, when the file has them (n_rot / 2): llama3's; longrope's, for
  // contexts within the original one and beyond it.
  std::vector<float> rope_freq_factors, rope_factors_short, rope_factors_long;

  int32_t window = 0;               // positions that a windowed layer sees, its own included
  std::vector<bool> window_layers;  // which layers are windowed; empty: all when window > 0
  float rope_theta_window = 0;      // of windowed layers, unscaled; 0: as the others

  float embedding_scale = 1, residual_scale = 1, logit_scale = 1;
  float attn_scale = 0;                       // of scores; 0: 1 / sqrt(E)
  float attn_softcap = 0, final_softcap = 0;  // of scores, of logits; 0: none
  bool parallel_residual = false;  // attention and feed-forward read the same, and are added up

  ExpertHparams experts;
  MlaHparams mla;
  SsmHparams ssm;

  bool tied_head = false;  // the output matrix is the embedding
  Pooling pooling = Pooling::unspecified;
  EncoderHparams encoder;
  // Names of the file's tensors, those of layers without "blk.N.": which optional parts there are.
  std::set<std::string, std::less<>> parts;

  bool has(std::string_view part) const { return parts.contains(part); }
  int32_t window_of(int64_t layer) const {
    return window_layers.empty() || window_layers[static_cast<size_t>(layer)] ? window : 0;
  }
  int64_t n_ctx_wanted() const { return n_ctx > 0 ? n_ctx : n_ctx_train; }
};

}  // namespace quire
