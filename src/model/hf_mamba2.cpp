// Mamba-2: the state's decay is kept as its logarithm, in GGUF as -exp of it.
#include "model/hf_family.h"

#include <cmath>

namespace quire {
namespace {

constexpr HfModelType types[] = {{"mamba2", "mamba2"}};

// time_step_limit other than 0 to infinity clamps steps.
Result<void> check_steps(const HfConfig& config) {
  if (!config.has("time_step_limit") || !config.get_ints("time_step_limit")) return {};
  return fail(Fault::unsupported, "{}: time_step_limit is finite, which is not supported",
              config.path());
}

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  TRY(m.require_flag("rms_norm", true, true));
  TRY(check_steps(m.config()));
  const int64_t n_head = TRY(m.get_count({"num_heads"}));
  const int64_t width = TRY(m.get_count({"head_dim"}));
  if (n_head > UINT16_MAX || width > UINT16_MAX)
    return fail(Fault::bad_format, "{}: {} heads of width {} cannot be; at most {} are supported",
                m.config().path(), n_head, width, UINT16_MAX);
  const auto add = [&](const char* name, int64_t count) {
    m.writer().add_u32(m.key(name), static_cast<uint32_t>(count));
  };
  add("context_length", 1 << 20);  // none is stated, and a state of fixed size sets no limit
  TRY(m.count({"hidden_size"}, "embedding_length"));
  add("feed_forward_length", 0);
  add("attention.head_count", 0);
  TRY(m.count({"num_hidden_layers"}, "block_count"));
  TRY(m.count_or({"conv_kernel"}, "ssm.conv_kernel", 4));
  add("ssm.inner_size", n_head * width);
  TRY(m.count({"state_size"}, "ssm.state_size"));
  add("ssm.time_step_rank", n_head);
  TRY(m.count_or({"n_groups"}, "ssm.group_count", 1));
  if (m.config().has("vocab_size")) TRY(m.count({"vocab_size"}, "vocab_size"));
  return m.number_or({"layer_norm_epsilon"}, "attention.layer_norm_rms_epsilon", 1e-5);
}

Result<void> add_column(HfImport& import, const std::string& name, HfRows rows) {
  const int64_t n = rows.shape.n_elements();
  return import.add(name, reshaped_rows(f32_rows(std::move(rows)), {n, 1}));
}

Result<void> decay(HfImport& import, const HfMatch& match) {
  return add_column(import, match.to, computed_rows(TRY(import.rows(match.from)), [](float x) {
                      return -std::exp(x);
                    }));
}

Result<void> column(HfImport& import, const HfMatch& match) {
  return add_column(import, match.to, TRY(import.rows(match.from)));
}

// (channels, 1, width) -> (channels, width)
Result<void> convolution(HfImport& import, const HfMatch& match) {
  HfRows rows = TRY(import.rows(match.from));
  if (match.suffix == ".bias") return import.add(match.to, std::move(rows));
  TRY(import.expect(rows.shape.rank == 3 && rows.shape[1] == 1, match.from, rows.shape,
                    "(channels, 1, width) is needed"));
  const Shape shape{rows.shape[0], rows.shape[2]};
  return import.add(match.to, reshaped_rows(std::move(rows), shape));
}

Result<void> by_group(HfImport& import, const HfMatch& match) {
  HfRows rows = TRY(import.rows(match.from));
  const int64_t n_groups = TRY(import.config().get_int_or("n_groups", 1));
  const int64_t n = rows.shape.n_elements();
  TRY(import.expect(n_groups > 0 && n % n_groups == 0, match.from, rows.shape,
                    fmt::format("{} groups are to be cut from it", n_groups)));
  return import.add(match.to, reshaped_rows(f32_rows(std::move(rows)), {n_groups, n / n_groups}));
}

constexpr HfRule rules[] = {
    {"embeddings", "token_embd"},
    {"layers.#.norm", "blk.#.attn_norm"},
    {"layers.#.mixer.in_proj", "blk.#.ssm_in"},
    {"layers.#.mixer.conv1d", "blk.#.ssm_conv1d", convolution},
    {"layers.#.mixer.A_log", "blk.#.ssm_a", decay},
    {"layers.#.mixer.D", "blk.#.ssm_d", column},
    {"layers.#.mixer.dt_bias", "blk.#.ssm_dt.bias"},
    {"layers.#.mixer.norm", "blk.#.ssm_norm", by_group},
    {"layers.#.mixer.out_proj", "blk.#.ssm_out"},
    {"norm_f", "output_norm"},
};

}  // namespace

extern const HfFamily hf_mamba2;
const HfFamily hf_mamba2{types, metadata, rules};

}  // namespace quire
