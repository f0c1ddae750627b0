// LoRA as PEFT saves it: adapter_config.json and adapter_model.safetensors in a folder.
//
//   base_model.model.MODULE.lora_A.weight (R, K), .lora_B.weight (N, R)
//   base_model.model.MODULE.lora_embedding_A (R, V), .lora_embedding_B (D, R)
//
// MODULE is a module of the transformers model, so the rules that name a checkpoint's tensors
// (model/hf_family.h) name these too, and rows that are permuted in the weights are permuted in B.
// DeepSeek's kv_b_proj, of which a model keeps keys and values of each head apart, is two pairs.
// Scale: lora_alpha / R, with rslora lora_alpha / sqrt(R). Source: PEFT's LoraConfig and
// LoraModel (peft.tuners.lora), version 0.21.
#include "base/file.h"
#include "format/printable.h"
#include "format/safetensors.h"
#include "graph/adapters.h"
#include "model/adapter.h"
#include "model/hf_family.h"
#include "model/model.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <map>

namespace quire {
namespace {

constexpr std::string_view root = "base_model.model.";

// Settings that make more of an adapter than its two matrices.
constexpr const char* not_supported[] = {
    "modules_to_save",     "use_dora",          "use_qalora",
    "lora_bias",           "layer_replication", "trainable_token_indices",
    "target_parameters",   "use_bdlora",        "arrow_config",
    "kasa_config",         "monteclora_config", "alora_invocation_tokens",
    "ensure_weight_tying",
};
// Ways to begin with the training that leave the base model as it was; others need changed base
// weights.
constexpr std::string_view harmless_beginnings[] = {"gaussian", "eva", "orthogonal"};

bool is_set(const HfConfig& config, const char* field) {
  if (!config.has(field)) return false;
  const nlohmann::json& value = config.document()[field];
  if (value.is_boolean()) return value.get<bool>();
  return !((value.is_structured() || value.is_string()) && value.empty());
}

Result<void> check_config(const HfConfig& config) {
  const std::string type = TRY(config.get_string("peft_type"));
  if (type != "LORA")
    return fail(Fault::unsupported, "{}: adapters of type '{}' are not known, only 'LORA'",
                config.path(), printable(type));
  for (const char* field : not_supported)
    if (is_set(config, field))
      return fail(Fault::unsupported,
                  "{}: {} is set, and only plain LoRA is supported; merge the adapter into its "
                  "model with PEFT's merge_and_unload()",
                  config.path(), field);
  const std::string bias = TRY(config.get_string_or("bias", "none"));
  if (bias != "none")
    return fail(Fault::unsupported,
                "{}: bias is '{}': the adapter changes biases of its model; merge it with PEFT's "
                "merge_and_unload()",
                config.path(), printable(bias));
  if (config.has("init_lora_weights") && config.document()["init_lora_weights"].is_string()) {
    const std::string way = TRY(config.get_string("init_lora_weights"));
    for (const std::string_view harmless : harmless_beginnings)
      if (way == harmless) return {};
    return fail(Fault::unsupported,
                "{}: init_lora_weights is '{}': the adapter belongs to base weights that were "
                "changed when its training began; convert it with PEFT's save_pretrained(..., "
                "path_initial_model_for_weight_conversion=...)",
                config.path(), printable(way));
  }
  return {};
}

// Whether a key of alpha_pattern means the module: its whole name, or the end of it from a dot on.
Result<bool> means_module(std::string_view key, std::string_view module, const std::string& path) {
  const bool from_start = key.starts_with('^');
  if (from_start) key.remove_prefix(1);
  if (key.find_first_of("\\^$*+?()[]{}|") != key.npos)
    return fail(Fault::unsupported,
                "{}: alpha_pattern: '{}' is a regular expression; only names of modules are "
                "supported",
                path, printable(key));
  if (module == key) return true;
  return !from_start && module.size() > key.size() && module.ends_with(key) &&
         module[module.size() - key.size() - 1] == '.';
}

class PeftReader {
 public:
  PeftReader(const SafetensorsFile& file, const HfConfig& config, const HfConfig& heads,
             const Model& model)
      : file_(file),
        config_(config),
        heads_(heads),
        model_(model),
        families_(hf_families_of(model.hparams().arch)),
        import_(file, heads),
        stacked_a_(file, heads),
        stacked_b_(file, heads) {}

  Result<std::vector<LowRankPair>> run() {
    if (families_.empty())
      return fail(Fault::unsupported,
                  "{}: PEFT adapters of '{}' models are not known; llama.cpp's "
                  "convert_lora_to_gguf.py makes a GGUF file of it",
                  file_.path(), model_.hparams().arch);
    for (const SafetensorsTensor& tensor : file_.tensors()) TRY(sort_in(tensor));
    for (const auto& [module, halves] : modules_) TRY(read(module, halves));
    TRY(read_experts());
    return std::move(pairs_);
  }

 private:
  struct Halves {
    std::string a, b;  // names of tensors
    bool of_embedding = false;
  };

  Result<void> sort_in(const SafetensorsTensor& tensor) {
    std::string_view name = tensor.name;
    if (!name.starts_with(root))
      return fail(Fault::bad_format, "{}: tensor '{}' does not begin with '{}'", file_.path(),
                  printable(name), root);
    name.remove_prefix(root.size());
    struct Suffix {
      std::string_view text;
      std::string Halves::* half;
      bool of_embedding;
    };
    constexpr Suffix suffixes[] = {
        {".lora_A.weight", &Halves::a, false},
        {".lora_B.weight", &Halves::b, false},
        {".lora_A.default.weight", &Halves::a, false},
        {".lora_B.default.weight", &Halves::b, false},
        {".lora_embedding_A", &Halves::a, true},
        {".lora_embedding_B", &Halves::b, true},
    };
    for (const Suffix& suffix : suffixes) {
      if (!name.ends_with(suffix.text)) continue;
      Halves& halves = modules_[std::string(name.substr(0, name.size() - suffix.text.size()))];
      halves.*suffix.half = tensor.name;
      halves.of_embedding = suffix.of_embedding;
      return {};
    }
    return other(tensor, name);
  }

  // PEFT saves the embedding of the base beside the adapter when it was resized, or is adapted.
  Result<void> other(const SafetensorsTensor& tensor, std::string_view name) const {
    const auto named = find_name(without_base_layer(std::string(name)));
    const ValueId id = named ? parameter_of(named->match.to) : no_value;
    if (id != no_value && tensor.dims.size() == 2) {
      const DimShape& shape = model_.graph().value(id).shape;
      if (shape.size() == 2 && shape[0].n == tensor.dims[0] && shape[1].n == tensor.dims[1])
        return {};
      return fail(Fault::unsupported,
                  "{}: tensor '{}' has {} rows, '{}' of {} has the shape {}: the vocabulary was "
                  "resized; merge the adapter into its model",
                  file_.path(), printable(tensor.name), tensor.dims[0], named->match.to,
                  model_.path(), text(shape));
    }
    return fail(Fault::unsupported,
                "{}: tensor '{}' is no part of a plain LoRA; without it the answers would be wrong",
                file_.path(), printable(tensor.name));
  }
  ValueId parameter_of(const std::string& target) const {
    const auto found = find_adapter_target(model_.graph(), target);
    return found ? found->parameter : no_value;
  }
  static std::string without_base_layer(std::string name) {
    constexpr std::string_view wrapped = ".base_layer";
    if (const size_t at = name.find(wrapped); at != name.npos) name.erase(at, wrapped.size());
    return name;
  }

  std::optional<HfName> find_name(const std::string& name) const {
    for (const HfFamily* family : families_)
      if (auto named = name_hf_tensor(*family, name)) return named;
    return std::nullopt;
  }

  Result<float> factor_of(const std::string& module, int64_t rank) const {
    double alpha = TRY(config_.get_float("lora_alpha"));
    if (is_set(config_, "alpha_pattern")) {
      const nlohmann::json& pattern = config_.document()["alpha_pattern"];
      if (!pattern.is_object())
        return fail(Fault::bad_format, "{}: alpha_pattern is no object", config_.path());
      bool found = false;
      for (const auto& [key, value] : pattern.items()) {
        if (!TRY(means_module(key, module, config_.path()))) continue;
        if (!value.is_number() || (found && value.get<double>() != alpha))
          return fail(Fault::bad_format, "{}: alpha_pattern: '{}' has to give '{}' one number",
                      config_.path(), printable(key), printable(module));
        alpha = value.get<double>();
        found = true;
      }
    }
    const bool rslora = TRY(config_.get_bool_or("use_rslora", false));
    const auto r = static_cast<double>(rank);
    return static_cast<float>(alpha / (rslora ? std::sqrt(r) : r));
  }

  Result<void> check_rank(const std::string& module, int64_t rank) const {
    const int64_t r = TRY(config_.get_int("r"));
    if (rank == r || is_set(config_, "rank_pattern")) return {};
    return fail(Fault::bad_format, "{}: r is {}, but the matrices of '{}' have the rank {}",
                config_.path(), r, printable(module), rank);
  }

  Result<void> read(const std::string& module, const Halves& halves) {
    if (halves.a.empty() || halves.b.empty())
      return fail(Fault::bad_format, "{}: '{}' has no lora_{} beside it", file_.path(),
                  printable(halves.a.empty() ? halves.b : halves.a), halves.a.empty() ? "A" : "B");
    const auto named = find_name(module + ".weight");
    if (!named || named->rule->transform == drop)
      return fail(Fault::bad_format,
                  "{}: '{}' is no module of a '{}' model: the adapter is of another one",
                  file_.path(), printable(module), model_.hparams().arch);
    const HfTransform transform = named->rule->transform;
    const std::string& target = named->match.to;
    HfRows a = TRY(import_.rows(halves.a)), b = TRY(import_.rows(halves.b));
    if (a.shape.rank != 2 || b.shape.rank != 2)
      return fail(Fault::bad_format, "{}: the matrices of '{}' have the shapes {} and {}",
                  file_.path(), printable(module), a.shape.text(), b.shape.text());
    const int64_t rank = b.shape[1];
    TRY(check_rank(module, rank));
    const float factor = TRY(factor_of(module, rank));
    const LowRank low_rank = named->rule->low_rank;
    const bool is_whole = low_rank == LowRank::heads && parameter_of(target) != no_value;
    if (halves.of_embedding) {
      pairs_.push_back({target, TRY(turned(halves.a, a)), materialize(b), factor});
    } else if (transform == keep || transform == transposed || is_whole) {
      pairs_.push_back({target, materialize(a), materialize(b), factor});
    } else if (transform == query_pairs || transform == key_pairs || low_rank == LowRank::rows) {
      const std::vector<HfTensor> moved = TRY(transformed(*named, halves.b));
      pairs_.push_back({target, materialize(a), materialize(moved[0].rows), factor});
    } else if (low_rank == LowRank::heads) {
      TRY(read_heads(*named, halves, a, factor));
    } else if (transform == stacked) {
      const auto [known, is_new] = expert_factors_.emplace(target, factor);
      if (!is_new && known->second != factor)
        return fail(Fault::unsupported, "{}: the experts of '{}' have different scales",
                    file_.path(), target);
      TRY(stacked_a_.add_part(target, named->match.expert, std::move(a)));
      TRY(stacked_b_.add_part(target, named->match.expert, std::move(b)));
    } else {
      return fail(Fault::unsupported,
                  "{}: '{}' lies otherwise in a GGUF model, and its adapter cannot follow; "
                  "llama.cpp's convert_lora_to_gguf.py makes a GGUF file of it",
                  file_.path(), printable(module));
    }
    return {};
  }

  // B as the transform leaves the weight.
  Result<std::vector<HfTensor>> transformed(const HfName& named, const std::string& b) const {
    HfImport import(file_, heads_);
    TRY(named.rule->transform(import, {b, named.match.to, "", named.match.layer, -1}));
    return import.finish();
  }
  Result<Tensor> turned(const std::string& name, const HfRows& rows) const {
    if (rows.mapped == nullptr)
      return fail(Fault::unsupported, "{}: tensor '{}' must be of type F32, F16 or BF16",
                  file_.path(), printable(name));
    return materialize(transposed_rows(rows));
  }

  // Two stacks of matrices from one. Head h of a stack changes by B[h] A; where it is turned, that
  // is AT B[h]T, and B[h]T is what the transform makes.
  Result<void> read_heads(const HfName& named, const Halves& halves, const HfRows& a,
                          float factor) {
    const std::vector<HfTensor> of_heads = TRY(transformed(named, halves.b));
    CHECK(of_heads.size() == 2);
    const auto for_each_head = [n = of_heads[0].rows.shape[0]](const HfRows& one) {
      return materialize(stacked_rows(std::vector<HfRows>(static_cast<size_t>(n), one)));
    };
    const Tensor a_turned = TRY(turned(halves.a, a));
    pairs_.push_back({of_heads[0].name, materialize(of_heads[0].rows),
                      for_each_head(mapped_rows(a_turned.view())), factor});
    pairs_.push_back({of_heads[1].name, for_each_head(a), materialize(of_heads[1].rows), factor});
    return {};
  }

  Result<void> read_experts() {
    const std::vector<HfTensor> a = TRY(stacked_a_.finish()), b = TRY(stacked_b_.finish());
    for (size_t i = 0; i < a.size(); ++i)
      pairs_.push_back({a[i].name, materialize(a[i].rows), materialize(b[i].rows),
                        expert_factors_.at(a[i].name)});
    return {};
  }

  const SafetensorsFile& file_;
  const HfConfig &config_, &heads_;
  const Model& model_;
  std::vector<const HfFamily*> families_;
  HfImport import_, stacked_a_, stacked_b_;
  std::map<std::string, Halves> modules_;
  std::map<std::string, float> expert_factors_;
  std::vector<LowRankPair> pairs_;
};

}  // namespace

Result<Adapter> load_peft_lora(const AdapterFile& from, const Model& model) {
  const std::string config_path = from.path + "/adapter_config.json";
  const std::string weights_path = from.path + "/adapter_model.safetensors";
  if (!file_exists(config_path))
    return fail(Fault::not_found,
                "{}: this folder has no adapter_config.json; an adapter is a .gguf file or a PEFT "
                "folder with adapter_config.json and adapter_model.safetensors",
                from.path);
  if (!file_exists(weights_path))
    return fail(Fault::not_found, "{}: this folder has no adapter_model.safetensors{}", from.path,
                file_exists(from.path + "/adapter_model.bin")
                    ? "; PEFT's save_pretrained() writes one in the place of adapter_model.bin"
                    : "");
  const HfConfig config = TRY(HfConfig::open(config_path));
  TRY(check_config(config));
  const SafetensorsFile file = TRY(SafetensorsFile::open(weights_path));
  const Hparams& h = model.hparams();
  // What the transforms of rules ask config.json for.
  const nlohmann::json heads = {{"num_attention_heads", h.n_head},
                                {"num_key_value_heads", h.n_head_kv},
                                {"new_decoder_architecture", true},
                                {"num_kv_heads", h.n_head_kv},
                                {"qk_nope_head_dim", h.mla.key_width - h.n_rot},
                                {"v_head_dim", h.mla.value_width}};
  const HfConfig of_heads = TRY(HfConfig::parse(heads.dump(), model.path()));
  Adapter adapter{adapter_info(from, AdapterKind::lora), {}, {}};
  adapter.pairs = TRY(PeftReader(file, config, of_heads, model).run());
  return adapter;
}

}  // namespace quire
