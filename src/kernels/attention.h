// Attention with grouped queries against a paged cache of keys and values: queries (T, H, E).
//   out[t,h] = sum_s softmax_s(cap(scale q[t,h] · k[s,g])) v[s,g],  g = h / (H/G),  s over the
//   visible positions; with a sink, softmax has sink[h] as one more score and no value for it
// Ainslie et al. 2023, arXiv:2305.13245 (groups); Milakov & Gimelshein 2018, arXiv:1805.02867
// (online softmax); Dao et al. 2023, "Flash-Decoding" (parts of the positions made apart); Xiao et
// al. 2023, arXiv:2309.17453 (sinks, here a learnt score as in gpt-oss).
//
// Sums are made for each chunk of attention_chunk positions relative to the chunk's own maximum,
// and folded into the result in the order of the chunks. So a row's result depends on its query,
// its position and the cache only: not on T, on tiles or on threads. attention_bf16.h is faster for
// many rows, and rounds; attention_train.h has the training version, without a cache and with
// gradients.
#pragma once
#include "kernels/kv_pages.h"
#include "kernels/rows.h"
#include "tensor/dtype.h"
#include "tensor/kinds.h"

namespace quire {

struct AttentionOptions {
  float scale = 1;     // usually 1 / sqrt(E)
  int64_t window = 0;  // > 0: a query sees positions nearer than that, its own included
  float softcap = 0;   // > 0: scores become softcap * tanh(score / softcap)
  AttentionMask mask = AttentionMask::causal;
  const float* sinks = nullptr;  // (H), or none
};

// Positions [begin, end) that a query at `position` sees when n_stored of its sequence are there.
struct Visible {
  int64_t begin = 0, end = 0;
};
inline Visible visible_positions(const AttentionOptions& options, int64_t position,
                                 int64_t n_stored) {
  const int64_t w = options.window;
  const int64_t begin = w > 0 && position >= w ? position - w + 1 : 0;
  if (options.mask == AttentionMask::causal) return {begin, position + 1};
  return {begin, w > 0 && position + w < n_stored ? position + w : n_stored};
}

// out (T, H, Ev) from q (T, H, E); row t stands at positions[t] and sees visible_positions(), all
// of them stored before. H a multiple of G. out may alias q. `head` is a kv head in [0, G): the
// call makes the H/G query heads of it for all rows given. Split by kv head and by rows (part()).
void attention(Heads<float> out, Heads<const float> q, const KvPages& pages,
               View<const int32_t, 1> positions, int64_t head, const AttentionOptions& options,
               Scratch scratch);
// For one thread, for H/G = n_group query heads per kv head; also for attention_part().
size_t attention_scratch_bytes(int64_t n_group, int64_t k_width, int64_t v_width);

// The same in two steps, for few rows that look far back: parts of the positions on different
// threads, then their sums together.
constexpr int64_t attention_chunk = 128;     // positions; values of 64 f16 fill half of L1
constexpr int64_t attention_part_rows = 24;  // T * H/G of a call is at most this, unless T is 1
// Floats that one chunk's sums take for the given rows.
int64_t attention_part_floats(int64_t n_rows, int64_t n_group, int64_t v_width);
// Chunks [begin, end) of the positions, chunk i at parts + i * attention_part_floats().
void attention_part(float* parts, Heads<const float> q, const KvPages& pages,
                    View<const int32_t, 1> positions, int64_t head, int64_t begin, int64_t end,
                    const AttentionOptions& options, Scratch scratch);
// The result, from the sums of all chunks in [begin, end) that any of the rows sees.
void attention_fold(Heads<float> out, const float* parts, int64_t n_kv_heads, int64_t head,
                    int64_t begin, int64_t end, const AttentionOptions& options);

}  // namespace quire
