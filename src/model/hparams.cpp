// Hyper-parameters from and to GGUF metadata, as far as architectures share them.
#include "model/arch.h"
#include "model/hparams_reader.h"

#include <algorithm>

namespace quire {
namespace {

// "blk.3.attn_q.bias" -> "attn_q.bias"
std::string_view without_layer(std::string_view name) {
  if (!name.starts_with("blk.")) return name;
  const size_t dot = name.find('.', 4);
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

}  // namespace

Result<Hparams> read_backbone_hparams(const GgufFile& file, const char* arch) {
  const HparamsReader read(file, arch);
  Hparams h;
  h.arch = arch;
  for (const GgufTensor& tensor : file.tensors()) h.parts.emplace(without_layer(tensor.name));
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
  h.tied_head = file.find("output.weight") == nullptr;
  return h;
}

Result<Hparams> read_common_hparams(const GgufFile& file, const char* arch) {
  const HparamsReader read(file, arch);
  Hparams h = TRY(read_backbone_hparams(file, arch));
  h.n_ff = TRY(read.integer("feed_forward_length", 1, width_max));
  h.n_head = TRY(read.integer("attention.head_count", 1, width_max));
  h.n_head_kv = TRY(read.integer_or("attention.head_count_kv", h.n_head, 1, h.n_head));
  if (h.n_head % h.n_head_kv != 0)
    return fail(Fault::bad_format, "{}: {} query heads are no multiple of {} key/value heads",
                file.path(), h.n_head, h.n_head_kv);
  if (!file.has(read.key("attention.key_length")) && h.n_embd % h.n_head != 0)
    return fail(Fault::bad_format, "{}: a width of {} cannot be cut into {} heads; {} is missing",
                file.path(), h.n_embd, h.n_head, read.key("attention.key_length"));
  h.head_dim = TRY(read.integer_or("attention.key_length", h.n_embd / h.n_head, 1, width_max));
  h.value_dim = TRY(read.integer_or("attention.value_length", h.head_dim, 1, width_max));
  h.window =
      static_cast<int32_t>(TRY(read.integer_or("attention.sliding_window", 0, 0, positions_max)));
  return h;
}

Result<void> check_value_width(const GgufFile& file, const Hparams& h) {
  if (h.value_dim == h.head_dim) return {};
  return fail(Fault::unsupported, "{}: keys of width {} with values of width {} are not supported",
              file.path(), h.head_dim, h.value_dim);
}

Result<float> read_rms_eps(const GgufFile& file, const char* arch) {
  return HparamsReader(file, arch).number("attention.layer_norm_rms_epsilon", 1e-15, 1);
}

Result<Hparams> read_rotating_hparams(const GgufFile& file, const char* arch) {
  Hparams h = TRY(read_common_hparams(file, arch));
  TRY(check_value_width(file, h));
  h.norm_eps = TRY(read_rms_eps(file, arch));
  TRY(read_rope_hparams(file, h));
  return h;
}

void write_rotating_hparams(GgufWriter& writer, const Hparams& h) {
  write_common_hparams(writer, h);
  write_rope_hparams(writer, h);
  writer.add_f32(h.arch + ".attention.layer_norm_rms_epsilon", h.norm_eps);
}

void write_backbone_hparams(GgufWriter& writer, const Hparams& h) {
  const auto add = [&](const char* name, int64_t value) {
    writer.add_u32(fmt::format("{}.{}", h.arch, name), static_cast<uint32_t>(value));
  };
  add("context_length", h.n_ctx_train);
  add("embedding_length", h.n_embd);
  add("block_count", h.n_layer);
  add("vocab_size", h.n_vocab);
}

void write_common_hparams(GgufWriter& writer, const Hparams& h) {
  write_backbone_hparams(writer, h);
  const auto add = [&](const char* name, int64_t value) {
    writer.add_u32(fmt::format("{}.{}", h.arch, name), static_cast<uint32_t>(value));
  };
  add("feed_forward_length", h.n_ff);
  add("attention.head_count", h.n_head);
  add("attention.head_count_kv", h.n_head_kv);
  const int64_t value_dim = h.value_dim > 0 ? h.value_dim : h.head_dim;
  if (h.head_dim * h.n_head != h.n_embd || value_dim != h.head_dim) {
    add("attention.key_length", h.head_dim);
    add("attention.value_length", value_dim);
  }
  if (h.window > 0) add("attention.sliding_window", h.window);
}

Result<void> read_rope_hparams(const GgufFile& file, Hparams& h) {
  const HparamsReader read(file, h.arch.c_str());
  h.n_rot = TRY(read.integer_or("rope.dimension_count", h.head_dim, 2, h.head_dim));
  if (h.n_rot % 2 != 0)
    return fail(Fault::bad_format, "{}: {} is {}, it must be even", file.path(),
                read.key("rope.dimension_count"), h.n_rot);
  h.rope_theta = TRY(read.number_or("rope.freq_base", 10000, 1e-3, 1e15));
  const std::string_view type = TRY(file.get_string_or(read.key("rope.scaling.type"), ""));
  if (type.empty() || type == "none") {
    // Files from before the key above existed.
    h.rope_factor = TRY(read.number_or("rope.scale_linear", 1, 1e-6, 1e6));
    h.rope_scaling = h.rope_factor == 1 ? RopeScaling::none : RopeScaling::linear;
  } else if (type == "linear") {
    h.rope_scaling = RopeScaling::linear;
  } else if (type == "yarn") {
    h.rope_scaling = RopeScaling::yarn;
  } else {
    return fail(Fault::unsupported, "{}: {} is '{}'; none, linear and yarn are supported",
                file.path(), read.key("rope.scaling.type"), type);
  }
  if (!type.empty() && type != "none")
    h.rope_factor = TRY(read.number_or("rope.scaling.factor", 1, 1e-6, 1e6));
  h.rope_n_ctx_orig =
      TRY(read.integer_or("rope.scaling.original_context_length", h.n_ctx_train, 1, positions_max));
  h.yarn_attn_factor = TRY(read.number_or("rope.scaling.attn_factor", 1, 0, 1e6));
  h.yarn_beta_fast = TRY(read.number_or("rope.scaling.yarn_beta_fast", 32, 1e-6, 1e9));
  h.yarn_beta_slow = TRY(read.number_or("rope.scaling.yarn_beta_slow", 1, 1e-6, 1e9));

  const GgufTensor* factors = file.find("rope_freqs.weight");
  if (factors == nullptr) return {};
  const TensorView& view = factors->view;
  if (view.dtype != DType::f32 || view.shape.n_elements() != h.n_rot / 2)
    return fail(Fault::bad_format, "{}: tensor 'rope_freqs.weight' is {} {}, it must be F32 ({})",
                file.path(), info(view.dtype).name, view.shape.text(), h.n_rot / 2);
  h.rope_freq_factors.assign(view.f32(), view.f32() + h.n_rot / 2);
  for (float f : h.rope_freq_factors)
    if (!(f > 0))
      return fail(Fault::bad_format, "{}: tensor 'rope_freqs.weight' holds {}, it must be positive",
                  file.path(), f);
  return {};
}

void write_rope_hparams(GgufWriter& writer, const Hparams& h) {
  const auto key = [&](const char* name) { return fmt::format("{}.{}", h.arch, name); };
  writer.add_u32(key("rope.dimension_count"), static_cast<uint32_t>(h.n_rot));
  writer.add_f32(key("rope.freq_base"), h.rope_theta);
  if (h.rope_scaling == RopeScaling::linear || h.rope_scaling == RopeScaling::yarn) {
    writer.add_string(key("rope.scaling.type"),
                      h.rope_scaling == RopeScaling::yarn ? "yarn" : "linear");
    writer.add_f32(key("rope.scaling.factor"), h.rope_factor);
    writer.add_u32(key("rope.scaling.original_context_length"),
                   static_cast<uint32_t>(h.rope_n_ctx_orig));
  }
}

}  // namespace quire
