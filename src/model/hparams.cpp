// Hyper-parameters from and to GGUF metadata, as far as architectures share them.
#include "model/arch.h"
#include "model/hparams_reader.h"

#include <algorithm>
#include <memory>

namespace quire {
namespace {

const char* norm_eps_key(NormKind norm) {
  return norm == NormKind::rms ? "attention.layer_norm_rms_epsilon"
                               : "attention.layer_norm_epsilon";
}

// "blk.3.attn_q.bias" -> "attn_q.bias"
std::string_view without_layer(std::string_view name) {
  if (!name.starts_with("blk.")) return name;
  const size_t dot = name.find('.', 4);
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

}  // namespace

Result<Hparams> read_backbone_hparams(const GgufFile& file, const char* arch, NormKind norm) {
  const HparamsReader read(file, arch);
  Hparams h;
  h.arch = arch;
  for (const GgufTensor& tensor : file.tensors()) h.parts.emplace(without_layer(tensor.name));
  h.tied_head = !h.has("output.weight");
  h.norm = norm;
  h.norm_eps = TRY(read.number(norm_eps_key(norm), 1e-15, 1));
  const TensorView embedding = TRY(file.tensor("token_embd.weight"));
  if (embedding.shape.rank != 2)
    return fail(Fault::bad_format,
                "{}: tensor 'token_embd.weight' has the shape {}, it must be (vocabulary, width)",
                file.path(), embedding.shape.text());
  h.n_vocab = embedding.shape[0];
  h.n_embd = TRY(read.integer("embedding_length", 1, width_max));
  // Every layer has tensors of its own, so a count beyond them is damage.
  h.n_layer = TRY(read.integer("block_count", 1, static_cast<int64_t>(file.tensors().size())));
  h.n_ctx_train = TRY(read.integer_or("context_length", 2048, 1, positions_max));
  return h;
}

Result<void> check_value_width(const GgufFile& file, const Hparams& h) {
  if (h.value_dim == h.head_dim) return {};
  return fail(Fault::unsupported, "{}: keys of width {} with values of width {} are not supported",
              file.path(), h.head_dim, h.value_dim);
}

namespace {

Result<void> read_heads(const HparamsReader& read, Hparams& h) {
  const GgufFile& file = read.file();
  h.n_ff = TRY(read.integer("feed_forward_length", 1, width_max));
  h.n_head = TRY(read.integer("attention.head_count", 1, width_max));
  h.n_head_kv = TRY(read.integer_or("attention.head_count_kv", h.n_head, 1, h.n_head));
  if (h.n_head % h.n_head_kv != 0)
    return fail(Fault::bad_format, "{}: {} query heads are no multiple of {} key/value heads",
                file.path(), h.n_head, h.n_head_kv);
  if (!read.has("attention.key_length") && h.n_embd % h.n_head != 0)
    return fail(Fault::bad_format, "{}: a width of {} cannot be cut into {} heads; {} is missing",
                file.path(), h.n_embd, h.n_head, read.key("attention.key_length"));
  h.head_dim = TRY(read.integer_or("attention.key_length", h.n_embd / h.n_head, 1, width_max));
  h.value_dim = TRY(read.integer_or("attention.value_length", h.head_dim, 1, width_max));
  return {};
}

Result<void> read_attention(const HparamsReader& read, Hparams& h) {
  h.attn_scale = TRY(read.number_or("attention.scale", 0, 0, 1e6));
  h.attn_softcap = TRY(read.number_or("attn_logit_softcapping", 0, 0, 1e9));
  h.final_softcap = TRY(read.number_or("final_logit_softcapping", 0, 0, 1e9));
  h.window =
      static_cast<int32_t>(TRY(read.integer_or("attention.sliding_window", 0, 0, positions_max)));
  constexpr const char* pattern = "attention.sliding_window_pattern";
  if (h.window == 0 || !read.has(pattern)) return {};
  if (read.file().value(read.key(pattern))->type == GgufType::array)
    h.window_layers = TRY(read.layers(pattern, h.n_layer));
  else
    set_window_period(h, TRY(read.integer(pattern, 0, positions_max)));
  return {};
}

Result<std::vector<float>> read_factors(const GgufFile& file, const char* name, int64_t n) {
  const GgufTensor* factors = file.find(name);
  if (factors == nullptr) return std::vector<float>();
  const TensorView& view = factors->view;
  if (view.dtype != DType::f32 || view.shape.n_elements() != n)
    return fail(Fault::bad_format, "{}: tensor '{}' is {} {}, it must be F32 ({})", file.path(),
                name, info(view.dtype).name, view.shape.text(), n);
  std::vector<float> numbers(view.f32(), view.f32() + n);
  for (const float f : numbers)
    if (!(f > 1e-6f && f < 1e9f))
      return fail(Fault::bad_format, "{}: tensor '{}' holds {}, it must lie between 1e-6 and 1e9",
                  file.path(), name, f);
  return numbers;
}

constexpr std::pair<std::string_view, RopeScaling> scaling_names[] = {
    {"none", RopeScaling::none},        {"linear", RopeScaling::linear},
    {"ntk", RopeScaling::ntk},          {"dynamic", RopeScaling::dynamic},
    {"yarn", RopeScaling::yarn},        {"llama3", RopeScaling::llama3},
    {"longrope", RopeScaling::longrope}};

Result<void> read_scaling_type(const HparamsReader& read, Hparams& h) {
  const std::string key = read.key("rope.scaling.type");
  const std::string_view type = TRY(read.file().get_string_or(key, ""));
  if (type.empty() || type == "none") {
    // Files from before the key above existed.
    h.rope_factor = TRY(read.number_or("rope.scale_linear", 1, 1e-6, 1e6));
    h.rope_scaling = h.rope_factor == 1 ? RopeScaling::none : RopeScaling::linear;
    return {};
  }
  const auto* known =
      std::ranges::find(scaling_names, type, &std::pair<std::string_view, RopeScaling>::first);
  if (known == std::end(scaling_names))
    return fail(Fault::unsupported,
                "{}: {} is '{}'; none, linear, ntk, dynamic, yarn, llama3 and longrope are "
                "supported",
                read.file().path(), key, type);
  h.rope_scaling = known->second;
  h.rope_factor = TRY(read.number_or("rope.scaling.factor", 1, 1e-6, 1e6));
  return {};
}

// Both lists of longrope's factors, or none.
Result<void> read_longrope(const GgufFile& file, Hparams& h) {
  h.rope_factors_short = TRY(read_factors(file, "rope_factors_short.weight", h.n_rot / 2));
  h.rope_factors_long = TRY(read_factors(file, "rope_factors_long.weight", h.n_rot / 2));
  if (h.rope_factors_short.empty() != h.rope_factors_long.empty())
    return fail(Fault::bad_format,
                "{}: of the tensors 'rope_factors_short.weight' and 'rope_factors_long.weight' one "
                "is missing",
                file.path());
  if (!h.rope_factors_long.empty()) h.rope_scaling = RopeScaling::longrope;
  if (h.rope_scaling == RopeScaling::longrope && h.rope_factors_long.empty())
    return fail(Fault::bad_format,
                "{}: {}.rope.scaling.type is 'longrope', but the tensor "
                "'rope_factors_long.weight' is missing",
                file.path(), h.arch);
  return {};
}

}  // namespace

void set_window_period(Hparams& h, int64_t period) {
  h.window_layers.clear();
  if (period == 0) return;
  for (int64_t layer = 0; layer < h.n_layer; ++layer)
    h.window_layers.push_back((layer + 1) % period != 0);
}

Result<Hparams> read_common_hparams(const GgufFile& file, const char* arch, NormKind norm) {
  const HparamsReader read(file, arch);
  Hparams h = TRY(read_backbone_hparams(file, arch, norm));
  TRY(read_heads(read, h));
  TRY(read_attention(read, h));
  h.pooling = static_cast<Pooling>(TRY(read.integer_or("pooling_type", -1, 0, 4)));
  return h;
}

Result<Hparams> read_decoder_hparams(const GgufFile& file, const char* arch, NormKind norm) {
  Hparams h = TRY(read_common_hparams(file, arch, norm));
  TRY(check_value_width(file, h));
  TRY(read_rope_hparams(file, h));
  return h;
}

Result<void> read_scales(const GgufFile& file, Hparams& h) {
  const HparamsReader read(file, h.arch);
  h.embedding_scale = TRY(read.number_or("embedding_scale", 1, 1e-9, 1e9));
  h.residual_scale = TRY(read.number_or("residual_scale", 1, 1e-9, 1e9));
  h.logit_scale = TRY(read.number_or("logit_scale", 1, 1e-9, 1e9));
  return {};
}

Result<void> read_rope_hparams(const GgufFile& file, Hparams& h) {
  const HparamsReader read(file, h.arch);
  h.n_rot = TRY(read.integer_or("rope.dimension_count", h.head_dim, 2, h.head_dim));
  if (h.n_rot % 2 != 0)
    return fail(Fault::bad_format, "{}: {} is {}, it must be even", file.path(),
                read.key("rope.dimension_count"), h.n_rot);
  h.rope_theta = TRY(read.number_or("rope.freq_base", 10000, 1e-3, 1e15));
  h.rope_theta_window = TRY(read.number_or("rope.freq_base_swa", 0, 1e-3, 1e15));
  TRY(read_scaling_type(read, h));
  h.rope_n_ctx_orig =
      TRY(read.integer_or("rope.scaling.original_context_length", h.n_ctx_train, 1, positions_max));
  h.rope_attn_factor = TRY(read.number_or("rope.scaling.attn_factor", 1, 1e-6, 1e6));
  h.yarn_attn_factor = TRY(read.number_or("rope.scaling.yarn_attn_factor", 0, 0, 1e6));
  h.yarn_beta_fast = TRY(read.number_or("rope.scaling.yarn_beta_fast", 32, 1e-6, 1e9));
  h.yarn_beta_slow = TRY(read.number_or("rope.scaling.yarn_beta_slow", 1, 1e-6, 1e9));
  h.llama3_low_freq_factor = TRY(read.number_or("rope.scaling.low_freq_factor", 1, 1e-6, 1e6));
  h.llama3_high_freq_factor = TRY(read.number_or("rope.scaling.high_freq_factor", 4, 1e-6, 1e6));
  h.rope_freq_factors = TRY(read_factors(file, "rope_freqs.weight", h.n_rot / 2));
  return read_longrope(file, h);
}

namespace {

// Writes ARCH.NAME.
class HparamsWriter {
 public:
  HparamsWriter(GgufWriter& out, const std::string& arch) : out_(out), arch_(arch) {}
  void integer(const char* name, int64_t value) {
    out_.add_u32(key(name), static_cast<uint32_t>(value));
  }
  void number(const char* name, float value) { out_.add_f32(key(name), value); }
  void number_unless(float fallback, const char* name, float value) {
    if (value != fallback) number(name, value);
  }
  void text(const char* name, std::string_view value) { out_.add_string(key(name), value); }
  void layers(const char* name, const std::vector<bool>& values) {
    const auto copy = std::make_unique<bool[]>(values.size());
    std::ranges::copy(values, copy.get());
    out_.add_bools(key(name), std::span(copy.get(), values.size()));
  }
  // A tensor that the graph does not know: its numbers are hyper-parameters.
  void factors(const char* name, const std::vector<float>& values) {
    if (values.empty()) return;
    Shape shape;
    shape.rank = 1;
    shape[0] = static_cast<int64_t>(values.size());
    out_.add_tensor(name, DType::f32, shape,
                    [values](GgufSink sink) { return sink(std::as_bytes(std::span(values))); });
  }

 private:
  std::string key(const char* name) const { return fmt::format("{}.{}", arch_, name); }

  GgufWriter& out_;
  const std::string& arch_;
};

void write_rope(HparamsWriter& write, const Hparams& h) {
  write.integer("rope.dimension_count", h.n_rot);
  write.number("rope.freq_base", h.rope_theta);
  write.number_unless(0, "rope.freq_base_swa", h.rope_theta_window);
  write.factors("rope_freqs.weight", h.rope_freq_factors);
  write.factors("rope_factors_short.weight", h.rope_factors_short);
  write.factors("rope_factors_long.weight", h.rope_factors_long);
  if (h.rope_scaling == RopeScaling::none) return;
  for (const auto& [name, scaling] : scaling_names)
    if (scaling == h.rope_scaling) write.text("rope.scaling.type", name);
  write.number("rope.scaling.factor", h.rope_factor);
  write.integer("rope.scaling.original_context_length", h.rope_n_ctx_orig);
  write.number_unless(1, "rope.scaling.attn_factor", h.rope_attn_factor);
  write.number_unless(0, "rope.scaling.yarn_attn_factor", h.yarn_attn_factor);
  write.number_unless(32, "rope.scaling.yarn_beta_fast", h.yarn_beta_fast);
  write.number_unless(1, "rope.scaling.yarn_beta_slow", h.yarn_beta_slow);
  write.number_unless(1, "rope.scaling.low_freq_factor", h.llama3_low_freq_factor);
  write.number_unless(4, "rope.scaling.high_freq_factor", h.llama3_high_freq_factor);
}

}  // namespace

void write_backbone_hparams(GgufWriter& writer, const Hparams& h) {
  HparamsWriter write(writer, h.arch);
  write.integer("context_length", h.n_ctx_train);
  write.integer("embedding_length", h.n_embd);
  write.integer("block_count", h.n_layer);
  write.integer("vocab_size", h.n_vocab);
  write.number(norm_eps_key(h.norm), h.norm_eps);
}

void write_decoder_hparams(GgufWriter& writer, const Hparams& h) {
  write_backbone_hparams(writer, h);
  HparamsWriter write(writer, h.arch);
  write.integer("feed_forward_length", h.n_ff);
  write.integer("attention.head_count", h.n_head);
  write.integer("attention.head_count_kv", h.n_head_kv);
  const int64_t value_dim = h.value_dim > 0 ? h.value_dim : h.head_dim;
  if (h.head_dim * h.n_head != h.n_embd || value_dim != h.head_dim) {
    write.integer("attention.key_length", h.head_dim);
    write.integer("attention.value_length", value_dim);
  }
  write.number_unless(0, "attention.scale", h.attn_scale);
  write.number_unless(0, "attn_logit_softcapping", h.attn_softcap);
  write.number_unless(0, "final_logit_softcapping", h.final_softcap);
  if (h.window > 0) {
    write.integer("attention.sliding_window", h.window);
    if (!h.window_layers.empty()) write.layers("attention.sliding_window_pattern", h.window_layers);
  }
  if (h.n_rot > 0) write_rope(write, h);
}

void write_scales(GgufWriter& writer, const Hparams& h) {
  HparamsWriter write(writer, h.arch);
  write.number_unless(1, "embedding_scale", h.embedding_scale);
  write.number_unless(1, "residual_scale", h.residual_scale);
  write.number_unless(1, "logit_scale", h.logit_scale);
}

}  // namespace quire
