// BERT, RoBERTa and XLM-RoBERTa: the bge, e5, MiniLM and GTE families of embedding models and
// cross-encoders. RoBERTa's positions count from behind the padding token's id: the rows before are
// never used.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {
    {"bert", "bert"}, {"roberta", "bert"}, {"xlm-roberta", "bert"}, {"camembert", "bert"}};

Result<int64_t> unused_positions(const HfConfig& config) {
  const std::string type = TRY(config.get_string("model_type"));
  if (type == "bert") return 0;
  const int64_t pad = TRY(config.get_int_or("pad_token_id", 1));
  if (pad >= 0 && pad < UINT16_MAX) return pad + 1;
  return fail(Fault::bad_format, "{}: pad_token_id is {}, it must lie between 0 and {}",
              config.path(), pad, UINT16_MAX);
}

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"gelu"}));
  TRY(m.require("position_embedding_type", {"absolute"}));
  TRY(m.require_flag("is_decoder", false, false));
  const int64_t n_positions = TRY(m.get_count({"max_position_embeddings"}));
  const int64_t n_unused = TRY(unused_positions(m.config()));
  if (n_positions <= n_unused)
    return fail(Fault::bad_format, "{}: max_position_embeddings is {}, more than {} are needed",
                m.config().path(), n_positions, n_unused);
  m.writer().add_u32(m.key("context_length"), static_cast<uint32_t>(n_positions - n_unused));
  TRY(m.count({"hidden_size"}, "embedding_length"));
  TRY(m.count({"num_hidden_layers"}, "block_count"));
  TRY(m.count({"intermediate_size"}, "feed_forward_length"));
  TRY(m.count({"num_attention_heads"}, "attention.head_count"));
  TRY(m.number_or({"layer_norm_eps"}, "attention.layer_norm_epsilon", 1e-12));
  m.writer().add_bool(m.key("attention.causal"), false);
  m.writer().add_u32("tokenizer.ggml.token_type_count",
                     static_cast<uint32_t>(TRY(m.get_count_or({"type_vocab_size"}, 1))));
  return {};
}

Result<void> positions(HfImport& import, const HfMatch& match) {
  HfRows rows = TRY(import.rows(match.from));
  const int64_t n_unused = TRY(unused_positions(import.config()));
  TRY(import.expect(rows.shape.rank == 2 && rows.shape[0] > n_unused, match.from, rows.shape,
                    fmt::format("the first {} rows are to be left out", n_unused)));
  return import.add(match.to, sliced_rows(rows, n_unused, rows.shape[0] - n_unused));
}

constexpr HfRule rules[] = {
    {"embeddings.word_embeddings", "token_embd"},
    {"embeddings.position_embeddings", "position_embd", positions},
    {"embeddings.token_type_embeddings", "token_types"},
    {"embeddings.LayerNorm", "token_embd_norm"},
    {"embeddings.position_ids", "", drop},  // 0, 1, 2, ...
    {"embeddings.token_type_ids", "", drop},
    {"encoder.layer.#.attention.self.query", "blk.#.attn_q"},
    {"encoder.layer.#.attention.self.key", "blk.#.attn_k"},
    {"encoder.layer.#.attention.self.value", "blk.#.attn_v"},
    {"encoder.layer.#.attention.output.dense", "blk.#.attn_output"},
    {"encoder.layer.#.attention.output.LayerNorm", "blk.#.attn_output_norm"},
    {"encoder.layer.#.intermediate.dense", "blk.#.ffn_up"},
    {"encoder.layer.#.output.dense", "blk.#.ffn_down"},
    {"encoder.layer.#.output.LayerNorm", "blk.#.layer_output_norm"},
    {"pooler.dense", "cls", for_scores},
    {"classifier", "cls.output"},
    {"classifier.dense", "cls"},
    {"classifier.out_proj", "cls.output"},
    // Guessing hidden words, and which sentence follows another.
    {"cls.predictions", "", drop},
    {"cls.predictions.bias", "", drop},
    {"cls.predictions.decoder", "", drop},
    {"cls.predictions.transform.dense", "", drop},
    {"cls.predictions.transform.LayerNorm", "", drop},
    {"cls.seq_relationship", "", drop},
    {"lm_head", "", drop},
    {"lm_head.dense", "", drop},
    {"lm_head.layer_norm", "", drop},
    {"lm_head.decoder", "", drop},
};

}  // namespace

extern const HfFamily hf_bert;
const HfFamily hf_bert{types, metadata, rules};

}  // namespace quire
