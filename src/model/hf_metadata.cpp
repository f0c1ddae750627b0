// Fields of config.json as GGUF metadata.
#include "model/hf_import.h"

#include "format/printable.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>

namespace quire {
namespace {

// Wider heads have no published model; a table of frequencies is made of them.
constexpr int64_t head_dim_max = 1 << 16;
// The deepest published models have some 130.
constexpr int64_t layers_max = 1 << 16;

const char* first_present(const HfConfig& config, HfMetadata::Fields fields) {
  for (const char* field : fields)
    if (config.has(field)) return field;
  return nullptr;
}

}  // namespace

HfMetadata::HfMetadata(HfConfig config, std::string arch)
    : config_(std::move(config)), arch_(std::move(arch)) {
  writer_.add_string("general.architecture", arch_);
  writer_.add_string("general.type", "model");
}

Result<int64_t> HfMetadata::get_count(Fields fields) const {
  const char* field = first_present(config_, fields);
  if (field == nullptr) field = *fields.begin();
  const int64_t value = TRY(config_.get_int(field));
  if (value < 0 || value > UINT32_MAX)
    return fail(Fault::bad_format, "{}: {} is {}, it must lie between 0 and {}", config_.path(),
                field, value, UINT32_MAX);
  return value;
}

Result<int64_t> HfMetadata::get_count_or(Fields fields, int64_t fallback) const {
  if (first_present(config_, fields) == nullptr) return fallback;
  return get_count(fields);
}

Result<void> HfMetadata::count(Fields fields, std::string_view name) {
  writer_.add_u32(key(name), static_cast<uint32_t>(TRY(get_count(fields))));
  return {};
}

Result<void> HfMetadata::count_or(Fields fields, std::string_view name, int64_t fallback) {
  writer_.add_u32(key(name), static_cast<uint32_t>(TRY(get_count_or(fields, fallback))));
  return {};
}

Result<void> HfMetadata::count_if_present(Fields fields, std::string_view name) {
  if (first_present(config_, fields) == nullptr) return {};
  return count(fields, name);
}

Result<void> HfMetadata::number(Fields fields, std::string_view name) {
  const char* field = first_present(config_, fields);
  if (field == nullptr) field = *fields.begin();
  writer_.add_f32(key(name), static_cast<float>(TRY(config_.get_float(field))));
  return {};
}

Result<void> HfMetadata::number_or(Fields fields, std::string_view name, double fallback) {
  if (first_present(config_, fields) != nullptr) return number(fields, name);
  writer_.add_f32(key(name), static_cast<float>(fallback));
  return {};
}

Result<void> HfMetadata::number_if_present(Fields fields, std::string_view name) {
  if (first_present(config_, fields) == nullptr) return {};
  return number(fields, name);
}

Result<void> HfMetadata::require(const char* field,
                                 std::initializer_list<std::string_view> values) const {
  if (!config_.has(field)) return {};
  const std::string value = TRY(config_.get_string(field));
  std::string known;
  for (const std::string_view one : values) {
    if (value == one) return {};
    known += (known.empty() ? "" : ", ") + std::string(one);
  }
  return fail(Fault::unsupported, "{}: {} is '{}'; supported for {} is {}", config_.path(), field,
              printable(value), arch_, known);
}

Result<void> HfMetadata::require_flag(const char* field, bool value, bool fallback) const {
  if (TRY(config_.get_bool_or(field, fallback)) == value) return {};
  return fail(Fault::unsupported, "{}: {} is {}, which is not supported for {}", config_.path(),
              field, !value, arch_);
}

Result<void> HfMetadata::transformer(const HfDefaults& defaults) {
  TRY(count_or({"max_position_embeddings"}, "context_length", defaults.n_ctx));
  TRY(count({"hidden_size"}, "embedding_length"));
  TRY(count({"num_hidden_layers"}, "block_count"));
  TRY(count({"intermediate_size"}, "feed_forward_length"));
  const int64_t width = TRY(get_count({"hidden_size"}));
  const int64_t n_heads = defaults.n_head > 0
                              ? TRY(get_count_or({"num_attention_heads"}, defaults.n_head))
                              : TRY(get_count({"num_attention_heads"}));
  if (n_heads == 0)
    return fail(Fault::bad_format, "{}: num_attention_heads is 0, it must be positive",
                config_.path());
  writer_.add_u32(key("attention.head_count"), static_cast<uint32_t>(n_heads));
  const int64_t n_heads_kv = defaults.n_head_kv > 0 ? defaults.n_head_kv : n_heads;
  TRY(count_or({"num_key_value_heads"}, "attention.head_count_kv", n_heads_kv));
  const bool stated = config_.has("head_dim") || defaults.head_dim > 0;
  head_dim_ =
      TRY(get_count_or({"head_dim"}, defaults.head_dim > 0 ? defaults.head_dim : width / n_heads));
  if (head_dim_ < 1 || head_dim_ > head_dim_max)
    return fail(Fault::bad_format, "{}: heads of width {} cannot be; from 1 to {} are supported",
                config_.path(), head_dim_, head_dim_max);
  if (stated) {
    writer_.add_u32(key("attention.key_length"), static_cast<uint32_t>(head_dim_));
    writer_.add_u32(key("attention.value_length"), static_cast<uint32_t>(head_dim_));
  }
  if (config_.has("vocab_size")) TRY(count({"vocab_size"}, "vocab_size"));
  rope_theta_ = defaults.rope_theta;
  rotary_share_ = defaults.rotary_share;
  return {};
}

Result<void> HfMetadata::windows(int64_t period) {
  const int64_t window = TRY(get_count_or({"sliding_window"}, 0));
  if (window == 0) return {};
  const int64_t n_layer = TRY(get_count({"num_hidden_layers"}));
  if (n_layer > layers_max)
    return fail(Fault::bad_format, "{}: num_hidden_layers is {}, at most {} make sense",
                config_.path(), n_layer, layers_max);
  const auto usual = [&](int64_t layer) { return period == 0 || (layer + 1) % period != 0; };
  int64_t stated = TRY(get_count_or({"sliding_window_pattern", "_sliding_window_pattern"}, period));
  std::vector<char> windowed;
  windowed.reserve(static_cast<size_t>(n_layer));
  for (int64_t i = 0; i < n_layer; ++i) windowed.push_back(stated == 0 || (i + 1) % stated != 0);
  if (config_.has("layer_types")) {
    const std::vector<std::string> types = TRY(config_.get_strings("layer_types"));
    if (static_cast<int64_t>(types.size()) != n_layer)
      return fail(Fault::bad_format, "{}: layer_types has {} entries for {} layers", config_.path(),
                  types.size(), n_layer);
    for (size_t i = 0; i < types.size(); ++i) {
      if (types[i] != "sliding_attention" && types[i] != "full_attention")
        return fail(Fault::unsupported,
                    "{}: layer_types has '{}'; sliding_attention and full_attention are supported",
                    config_.path(), printable(types[i]));
      windowed[i] = types[i] == "sliding_attention";
    }
  }
  if (std::ranges::count(windowed, 1) == 0) return {};
  writer_.add_u32(key("attention.sliding_window"), static_cast<uint32_t>(window));
  bool as_usual = true;
  const auto list = std::make_unique<bool[]>(windowed.size());
  for (size_t i = 0; i < windowed.size(); ++i) {
    list[i] = windowed[i] != 0;
    as_usual = as_usual && list[i] == usual(static_cast<int64_t>(i));
  }
  if (!as_usual)
    writer_.add_bools(key("attention.sliding_window_pattern"),
                      std::span<const bool>(list.get(), windowed.size()));
  return {};
}

Result<void> HfMetadata::rope() {
  return rope_of(config_.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
}

Result<void> HfMetadata::rope_by_layer(const char* window_field, double window_default) {
  constexpr const char* far = "rope_parameters.full_attention";
  constexpr const char* near_theta = "rope_parameters.sliding_attention.rope_theta";
  if (config_.has(far))
    TRY(rope_of(far));
  else
    TRY(rope());
  double theta = window_default;
  if (theta == 0) {  // that of the other layers
    theta = TRY(config_.get_float_or("rope_theta", rope_theta_));
    theta = TRY(config_.get_float_or("rope_parameters.rope_theta", theta));
  }
  theta = TRY(config_.get_float_or(window_field, theta));
  theta = TRY(config_.get_float_or(near_theta, theta));
  const std::string type =
      TRY(config_.get_string_or("rope_parameters.sliding_attention.rope_type", "default"));
  if (type != "default")
    return fail(Fault::unsupported,
                "{}: rope_parameters.sliding_attention has the rope type '{}'; layers with a "
                "window are never stretched here",
                config_.path(), printable(type));
  writer_.add_f32(key("rope.freq_base_swa"), static_cast<float>(theta));
  return {};
}

Result<void> HfMetadata::rope_of(const std::string& part) {
  const auto field = [&](const char* name) { return part + "." + name; };
  double theta = TRY(config_.get_float_or("rotary_emb_base", rope_theta_));  // GPT-NeoX, Nomic
  theta = TRY(config_.get_float_or("rope_theta", theta));
  theta = TRY(config_.get_float_or(field("rope_theta"), theta));
  double share = TRY(config_.get_float_or("rotary_pct", rotary_share_));
  share = TRY(config_.get_float_or("partial_rotary_factor", share));
  share = TRY(config_.get_float_or(field("partial_rotary_factor"), share));
  if (!(theta > 0 && theta < 1e30) || !(share > 0 && share <= 1))
    return fail(Fault::bad_format,
                "{}: rope_theta is {} and partial_rotary_factor {}; a positive number and a share "
                "between 0 and 1 are needed",
                config_.path(), theta, share);
  const auto n_rot = static_cast<int64_t>(share * static_cast<double>(head_dim_));
  writer_.add_u32(key("rope.dimension_count"), static_cast<uint32_t>(n_rot));
  writer_.add_f32(key("rope.freq_base"), static_cast<float>(theta));
  std::string type = TRY(config_.get_string_or(field("type"), "default"));
  type = TRY(config_.get_string_or(field("rope_type"), type));
  return rope_scaling(part, type, n_rot, theta);
}

// transformers' names (modeling_rope_utils.py). "dynamic" changes nothing up to the positions the
// model was trained for; a longer context stretches by its own length.
Result<void> HfMetadata::rope_scaling(const std::string& part, const std::string& type,
                                      int64_t n_rot, double theta) {
  if (type == "default" || type == "mrope") return {};
  if (type == "llama3") return llama3(part, n_rot, theta);
  if (type == "longrope" || type == "su") return long_rope(part, n_rot);
  if (type != "linear" && type != "yarn" && type != "dynamic")
    return fail(Fault::unsupported,
                "{}: {} has the rope type '{}'; supported are default, linear, dynamic, yarn, "
                "llama3, longrope",
                config_.path(), part, printable(type));
  const double factor = TRY(config_.get_float(part + ".factor"));
  writer_.add_string(key("rope.scaling.type"), type);
  writer_.add_f32(key("rope.scaling.factor"), static_cast<float>(factor));
  if (type == "dynamic")
    return count_or({"max_position_embeddings"}, "rope.scaling.original_context_length", 2048);
  if (type == "linear") return {};
  return yarn(part, factor);
}

Result<void> HfMetadata::yarn(const std::string& part, double factor) {
  const std::string original = part + ".original_max_position_embeddings";
  TRY(count_or({original.c_str(), "original_max_position_embeddings", "max_position_embeddings"},
               "rope.scaling.original_context_length", 2048));
  TRY(number_if_present({(part + ".beta_fast").c_str()}, "rope.scaling.yarn_beta_fast"));
  TRY(number_if_present({(part + ".beta_slow").c_str()}, "rope.scaling.yarn_beta_slow"));
  const bool whole_pairs = TRY(config_.get_bool_or(part + ".truncate", true));
  if (whole_pairs == (arch_ == "gpt-oss"))
    return fail(Fault::unsupported, "{}: {}.truncate is {}, which is not supported for {}",
                config_.path(), part, whole_pairs, arch_);
  // What is turned becomes this much longer: 0.1 ln(factor) + 1 unless stated; GGUF keeps the
  // quotient.
  const auto magnitude = [&](double scale) {
    return factor <= 1 ? 1 : 0.1 * scale * std::log(factor) + 1;
  };
  const double scale = TRY(config_.get_float_or(part + ".mscale", 0));
  const double all_dims = TRY(config_.get_float_or(part + ".mscale_all_dim", 0));
  double standard = magnitude(1);
  double wanted = standard;
  if (scale != 0 && all_dims != 0) wanted = magnitude(scale) / magnitude(all_dims);
  if (yarn_scales_scores_ && all_dims > 0) {
    // 0.1: as above, and readers multiply by the logarithm alone.
    writer_.add_f32(key("rope.scaling.yarn_log_multiplier"), static_cast<float>(0.1 * all_dims));
    standard = 1;
  }
  wanted = TRY(config_.get_float_or(part + ".attention_factor", wanted));
  if (wanted != standard && standard > 0)
    writer_.add_f32(key("rope.scaling.attn_factor"), static_cast<float>(wanted / standard));
  return {};
}

void HfMetadata::add_vector(const char* name, const std::vector<float>& values) {
  Tensor tensor(DType::f32, {static_cast<int64_t>(values.size())});
  std::memcpy(tensor.data(), values.data(), values.size() * sizeof(float));
  HfRows rows{DType::f32, tensor.shape(), nullptr, {}};
  rows.fill = [tensor](int64_t, int64_t, std::byte* to) {
    std::memcpy(to, tensor.data(), static_cast<size_t>(tensor.n_bytes()));
  };
  tensors_.push_back({name, std::move(rows)});
}

// GGUF keeps what each inverse frequency is divided by: 1 for waves that turn often within the
// original context, the factor for those that do not, and a ramp in between.
Result<void> HfMetadata::llama3(const std::string& part, int64_t n_rot, double theta) {
  const double factor = TRY(config_.get_float(part + ".factor"));
  const double low = TRY(config_.get_float_or(part + ".low_freq_factor", 1));
  const double high = TRY(config_.get_float_or(part + ".high_freq_factor", 4));
  const double n_ctx = TRY(config_.get_float_or(part + ".original_max_position_embeddings", 8192));
  if (!(factor > 0) || !(low > 0) || !(high > low) || !(n_ctx > 0))
    return fail(Fault::bad_format,
                "{}: {}: a factor of {}, frequencies from {} to {} and {} positions cannot be; all "
                "must be positive, and low_freq_factor below high_freq_factor",
                config_.path(), part, factor, low, high, n_ctx);
  std::vector<float> factors;
  for (int64_t i = 0; i < n_rot / 2; ++i) {
    const double exponent = 2 * static_cast<double>(i) / static_cast<double>(n_rot);
    const double n_turns = n_ctx / (2 * std::numbers::pi * std::pow(theta, exponent));
    const double keep = std::clamp((n_turns - low) / (high - low), 0.0, 1.0);
    factors.push_back(static_cast<float>(1 / (keep + (1 - keep) / factor)));
  }
  add_vector("rope_freqs.weight", factors);
  return {};
}

// LongRoPE (arXiv:2402.13753): one factor per pair, for contexts up to the original length and
// beyond it.
Result<void> HfMetadata::long_rope(const std::string& part, int64_t n_rot) {
  const auto factors = [&](const char* name) -> Result<std::vector<float>> {
    const std::string field = part + "." + name;
    const nlohmann::json* list = &config_.document();
    for (const std::string& step : {part, std::string(name)}) {
      const auto at = list->is_object() ? list->find(step) : list->end();
      if (at == list->end())
        return fail(Fault::bad_format, "{}: field '{}' is missing", config_.path(), field);
      list = &*at;
    }
    std::vector<float> out;
    for (const nlohmann::json& one : *list)
      if (one.is_number()) out.push_back(one.get<float>());
    if (!list->is_array() || out.size() != list->size() ||
        static_cast<int64_t>(out.size()) != n_rot / 2)
      return fail(Fault::bad_format, "{}: {} must be a list of {} numbers, one for each pair",
                  config_.path(), field, n_rot / 2);
    return out;
  };
  add_vector("rope_factors_long.weight", TRY(factors("long_factor")));
  add_vector("rope_factors_short.weight", TRY(factors("short_factor")));
  const double n_ctx = static_cast<double>(TRY(get_count_or({"max_position_embeddings"}, 2048)));
  const std::string original = part + ".original_max_position_embeddings";
  const int64_t n_original = TRY(get_count_or(
      {"original_max_position_embeddings", original.c_str()}, static_cast<int64_t>(n_ctx)));
  if (n_original < 2)
    return fail(Fault::bad_format, "{}: original_max_position_embeddings is {}, at least 2",
                config_.path(), n_original);
  writer_.add_u32(key("rope.scaling.original_context_length"), static_cast<uint32_t>(n_original));
  const double stretch =
      TRY(config_.get_float_or(part + ".factor", n_ctx / static_cast<double>(n_original)));
  double magnitude =
      stretch <= 1 ? 1
                   : std::sqrt(1 + std::log(stretch) / std::log(static_cast<double>(n_original)));
  magnitude = TRY(config_.get_float_or(part + ".attention_factor", magnitude));
  writer_.add_f32(key("rope.scaling.attn_factor"), static_cast<float>(magnitude));
  return {};
}

}  // namespace quire
