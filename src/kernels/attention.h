// Causal attention with grouped queries, while generating: queries (T, H, E) against a paged cache
// of keys and values.
//   out[t,h] = sum_s softmax_s(cap(scale q[t,h] · k[s,g])) v[s,g],  g = h / (H/G),  s over the
//   visible positions
// Ainslie et al. 2023, arXiv:2305.13245 (groups); Milakov & Gimelshein 2018, arXiv:1805.02867
// (online softmax); Kwon et al. 2023, arXiv:2309.06180 (pages).
//
// A row's result depends on its query, its position and the cache only: not on T, on tiles or on
// threads. attention_train.h has the training version, without a cache and with gradients.
#pragma once
#include "kernels/rows.h"
#include "tensor/dtype.h"

namespace quire {

// The keys and values of one sequence in one layer. Position s is row s % block_size of block
// blocks[s / block_size]; a block holds (G, block_size, E) elements of `dtype` and block b starts
// at k + b * block_stride (v alike).
struct KvPages {
  std::byte* k = nullptr;
  std::byte* v = nullptr;
  DType dtype = DType::f32;  // any with a codec whose block size divides E
  std::span<const int32_t> blocks{};
  int64_t block_size = 0;    // positions per block
  int64_t block_stride = 0;  // bytes; kv_block_bytes() when the layer has pools of its own
  int64_t n_heads = 0;       // G
  int64_t width = 0;         // E
};

// Bytes of one block of keys (or of values) of one layer.
int64_t kv_block_bytes(DType dtype, int64_t n_heads, int64_t block_size, int64_t width);

// Writes k, v (T, G, E) into the cache at positions (T), each within the blocks given: CHECKed.
// Split by rows.
void kv_store(const KvPages& pages, Heads<const float> k, Heads<const float> v,
              View<const int32_t, 1> positions);

struct AttentionOptions {
  float scale = 1;     // usually 1 / sqrt(E)
  int64_t window = 0;  // > 0: a query sees its own position and the window - 1 before it
  float softcap = 0;   // > 0: scores become softcap * tanh(score / softcap)
};

// out (T, H, E) from q (T, H, E); row t stands at positions[t] and sees positions 0 ..
// positions[t], all of them stored before. H a multiple of G. out may alias q. `head` is a kv head
// in [0, G): the call makes the H/G query heads of it for all rows given. Split by kv head and by
// rows (part()).
void attention(Heads<float> out, Heads<const float> q, const KvPages& pages,
               View<const int32_t, 1> positions, int64_t head, const AttentionOptions& options,
               Scratch scratch);
// For one thread, for H/G = n_group query heads per kv head.
size_t attention_scratch_bytes(int64_t n_group, int64_t width);

}  // namespace quire
