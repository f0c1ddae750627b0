// Attention of many rows with both products in bf16: the same as attention() up to rounding
// (Precision::fast), for prompts.
//
// Queries, keys, probabilities and values are rounded to bf16, products of pairs are added in f32
// (vdpbf16ps: 32 multiply-adds, twice what f32 does), scores and the softmax stay f32. Key and
// value blocks are rounded once for all rows and query heads of a call. A row's result depends on
// its query, its position and the cache only, as in attention.h.
#pragma once
#include "kernels/attention.h"

namespace quire {

// Rows that are worth a call of their own with n_group query heads to a kv head.
int64_t attention_bf16_rows(int64_t n_group);
// Whether this processor has the instructions and so many rows are faster this way.
bool attention_bf16_suits(int64_t n_rows);

// Arguments as of attention().
void attention_bf16(Heads<float> out, Heads<const float> q, const KvPages& pages,
                    View<const int32_t, 1> positions, int64_t head, const AttentionOptions& options,
                    Scratch scratch);
// For one thread and calls with up to attention_bf16_rows(n_group) rows; more are cut.
size_t attention_bf16_scratch_bytes(int64_t n_group, int64_t k_width, int64_t v_width);

}  // namespace quire
