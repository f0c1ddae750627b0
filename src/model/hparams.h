// Hyper-parameters: the numbers that say which model of an architecture this is.
#pragma once
#include "graph/ops.h"

#include <cstdint>
#include <string>
#include <vector>

namespace quire {

// How rotary frequencies were stretched for longer contexts.
enum class RopeScaling : uint8_t { none, linear, ntk, yarn, llama3 };

struct Hparams {
  std::string arch;         // "llama", "gpt2"
  int64_t n_vocab = 0;      // V
  int64_t n_ctx_train = 0;  // positions seen in training
  int64_t n_embd = 0;       // D
  int64_t n_layer = 0;      // L
  int64_t n_ff = 0;         // F
  int64_t n_head = 0;       // H
  int64_t n_head_kv = 0;    // G
  int64_t head_dim = 0;     // E
  float norm_eps = 1e-5f;

  int64_t n_rot = 0;  // elements of each head that are rotated
  float rope_theta = 10000;
  RopeScaling rope_scaling = RopeScaling::none;
  float rope_factor = 1;        // context stretch
  int64_t rope_n_ctx_orig = 0;  // positions before stretching (yarn, llama3)
  float yarn_beta_fast = 32, yarn_beta_slow = 1, yarn_attn_factor = 1;
  float llama3_low_freq_factor = 1, llama3_high_freq_factor = 4;
  std::vector<float>
      rope_freq_factors;  // divides each inverse frequency, when the file has them (n_rot / 2)

  bool tied_head = false;  // the output matrix is the embedding
  bool attn_bias = false;  // biases on q, k, v (and o where the architecture has one)
  bool attn_out_bias = false;
  bool ffn_bias = false;
};

}  // namespace quire
