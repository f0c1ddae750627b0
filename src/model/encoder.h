// What the encoders share: models that see a whole text at once and make vectors of it instead of
// the next token (Devlin et al. 2018, arXiv:1810.04805).
//
// Tensor and key names are those of llama.cpp: ARCH.pooling_type, token_types.weight,
// token_embd_norm, and of a classification head cls, cls.norm, cls.output.
#pragma once
#include "model/arch.h"

namespace quire {

// What read_common_hparams() gives, and the norms' epsilon, token types, which biases
// and which head there are. A head reads the first token of a text.
Result<Hparams> read_encoder_hparams(const GgufFile& file, const char* arch);
void write_encoder_hparams(GgufWriter& writer, const Hparams& hparams);

// Token, type and position embeddings as far as the model has them, summed and normed: (T, D).
ValueId encoder_embedding(GraphBuilder& g, const Hparams& hparams);

// q, k and v of a layer, (T, H, E), from one fused matrix or from three.
struct Heads {
  ValueId q, k, v;
};
Heads encoder_heads(GraphBuilder& g, const Hparams& hparams, const std::string& blk, ValueId x);

// Attention over the whole text and the matrix behind it. window: how far a token sees; 0: all.
ValueId encoder_attention(GraphBuilder& g, const Hparams& hparams, int64_t layer,
                          const Heads& heads, int64_t window = 0);

// norm with its bias where the model has one.
ValueId encoder_norm(GraphBuilder& g, const Hparams& hparams, const std::string& name, ValueId x);

// What the model is for: rows x (R, D), and with a head the scores of those rows.
void set_encoder_results(GraphBuilder& g, const Hparams& hparams, ValueId x,
                         Activation head_activation);

}  // namespace quire
