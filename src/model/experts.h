// Mixtures of experts as architectures share them: the metadata, and the part of a layer.
#pragma once
#include "format/gguf_write.h"
#include "model/hparams_reader.h"
#include "model/layer.h"

namespace quire {

// ARCH.expert_*, into hparams.experts; what the file does not say stays as it is there. n 0: the
// model has none. bad_format names file, key, value and limit.
Result<void> read_expert_hparams(const HparamsReader& read, Hparams& hparams);
void write_expert_hparams(GgufWriter& writer, const Hparams& hparams);

// Layers that have a plain feed-forward part in the place of experts, by the file's tensors: notes
// the whole names of their "blk.N.ffn_up.weight" in hparams.parts, where has_experts() looks.
void note_dense_layers(const GgufFile& file, Hparams& hparams);
bool has_experts(const Hparams& h, const Layer& layer);

// The K experts that ffn_gate_inp chooses for each row of x (T, D), weighed and added up:
//   sum_k w[k] Wdown[e_k] (act(Wgate[e_k] x) * Wup[e_k] x)
// from ffn_gate_exps, ffn_up_exps and ffn_down_exps, with biases where the file has them; plus the
// shared experts where there are any.
ValueId mixture_of_experts(GraphBuilder& g, const Hparams& h, const Layer& layer, ValueId x);

}  // namespace quire
