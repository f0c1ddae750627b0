// Attention with grouped queries for training: B sequences of T rows each, all at once, with
// gradients in queries, keys and values (not in sinks).
//   out[b,t,h] = sum_s p[t,s] v[b,s,g],   p[t,s] = e^(x[t,s] - lse[b,t,h]),   x = cap(scale q · k),
//   g = h / (H/G),   s over the visible positions; a sink adds its e^sink[h] to what lse sums
// Dao et al. 2022, arXiv:2205.14135 (tiles, recomputed probabilities, algorithms 1 and 4).
//
// The forward pass is cut into tiles of (sequence, kv head, block of rows), the backward pass into
// units of (sequence, kv head); each element of a result is made by one tile in a fixed order.
#pragma once
#include "kernels/attention.h"

namespace quire {

// Row b * T + t of each holds token t of sequence b. q, out, dq, dout have H heads, k, v, dk, dv
// have G.
struct AttentionTrain {
  int64_t n_sequences = 0;  // B
  int64_t n_tokens = 0;     // T
  Heads<const float> q;     // (B*T, H, E)
  Heads<const float> k, v;  // (B*T, G, E), (B*T, G, Ev)
  AttentionOptions options{};
};

// Tiles of the forward pass.
int64_t attention_forward_tiles(const AttentionTrain& attention);
// out (B*T, H, Ev) and lse (B*T, H), the logarithms of the sums of exponentials, are written. out
// aliases nothing.
void attention_forward_tile(const AttentionTrain& attention, Heads<float> out, View<float, 2> lse,
                            int64_t tile, Scratch scratch);

struct AttentionGradients {
  Heads<float> dq;      // (B*T, H, E)
  Heads<float> dk, dv;  // (B*T, G, E), (B*T, G, Ev)
  Output output = Output::write;
};
// Tiles of the backward pass: B * G.
int64_t attention_backward_tiles(const AttentionTrain& attention);
// dout, out (B*T, H, Ev) and lse (B*T, H) as the forward pass left them. The gradients alias
// nothing.
void attention_backward_tile(const AttentionTrain& attention, const AttentionGradients& gradients,
                             Heads<const float> dout, Heads<const float> out,
                             View<const float, 2> lse, int64_t tile, Scratch scratch);

// For one thread; enough for both passes.
size_t attention_train_scratch_bytes(const AttentionTrain& attention);

}  // namespace quire
