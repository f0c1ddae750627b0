#include "model/hf_model.h"

#include "format/printable.h"
#include "model/hf_family.h"
#include "model/hparams.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace quire {
namespace {

// Parts that make pictures and sound into embeddings, which the text model works without.
constexpr std::string_view other_senses[] = {
    "vision_tower.", "multi_modal_projector.", "vision_model.", "audio_tower.",
    "embed_vision.", "embed_audio.",           "visual.",
};

// Scales of 8-bit floats, which are read with their matrices; those of activations and of cached
// keys and values are for programs that round these, too.
bool is_scale(std::string_view name) {
  for (const std::string_view end :
       {".weight_scale_inv", ".weight_scale", ".input_scale", ".k_scale", ".v_scale"})
    if (name.ends_with(end)) return true;
  return name.ends_with("weight_scale_inv");
}

// The table of a family applied to every tensor of a checkpoint.
class Renamer {
 public:
  Renamer(const HfFamily& family, HfImport& import, const std::string& path, int64_t n_layer,
          bool part_of_more)
      : family_(family), import_(import), path_(path), n_layer_(n_layer), part_(part_of_more) {}

  Result<void> run(const SafetensorsFile& file) {
    for (const SafetensorsTensor& tensor : file.tensors())
      if (!is_scale(tensor.name)) TRY(rename(tensor.name));
    return {};
  }

 private:
  Result<void> rename(const std::string& name) {
    const std::string_view bare = without_hf_prefix(name);
    if (part_)
      for (const std::string_view sense : other_senses)
        if (bare.starts_with(sense)) return {};
    if (const auto named = name_hf_tensor(family_, name)) return apply(*named, name);
    return fail(Fault::unsupported,
                "{}: tensor '{}' is not known: the checkpoint is of a variant of this architecture "
                "that is not supported",
                path_, printable(name));
  }

  Result<void> apply(const HfName& named, const std::string& name) {
    if (named.rule->transform == drop) return {};
    if (named.match.layer >= n_layer_)
      return fail(Fault::bad_format, "{}: tensor '{}' is of layer {}, config.json has {} layers",
                  path_, printable(name), named.match.layer, n_layer_);
    return named.rule->transform(import_, named.match);
  }

  const HfFamily& family_;
  HfImport& import_;
  const std::string& path_;
  int64_t n_layer_;
  bool part_;
};

// The settings of the text model: those of a model for pictures and text are one level down.
Result<HfConfig> text_config(HfConfig config, bool& part_of_more) {
  const auto text = config.document().find("text_config");
  const auto type = config.get_string_or("model_type", "");
  if (text == config.document().end() || !text->is_object() || (type && knows_hf_model_type(*type)))
    return config;
  part_of_more = true;
  return HfConfig::parse(text->dump(), config.path() + ": text_config");
}

// An output matrix that config.json declares to be the embedding is not a second one.
void drop_tied_head(const HfConfig& config, std::vector<HfTensor>& tensors) {
  const auto tied = config.get_bool_or("tie_word_embeddings", false);
  if (!tied || !*tied) return;
  std::erase_if(tensors, [](const HfTensor& tensor) { return tensor.name == "output.weight"; });
}

// How the rows of a text become one vector: what sentence-transformers keeps in 1_Pooling, or
// scores where there is a classifier.
Result<void> add_pooling(const std::string& folder, HfMetadata& metadata,
                         const std::vector<HfTensor>& tensors) {
  const auto add = [&](Pooling pooling) {
    metadata.writer().add_u32(metadata.key("pooling_type"), static_cast<uint32_t>(pooling));
  };
  if (std::ranges::find(tensors, "cls.output.weight", &HfTensor::name) != tensors.end()) {
    add(Pooling::rank);
    return {};
  }
  const std::string path = folder + "/1_Pooling/config.json";
  if (!file_exists(path)) return {};
  const HfConfig config = TRY(HfConfig::open(path));
  constexpr std::pair<const char*, Pooling> modes[] = {{"pooling_mode_mean_tokens", Pooling::mean},
                                                       {"pooling_mode_cls_token", Pooling::cls},
                                                       {"pooling_mode_lasttoken", Pooling::last}};
  for (const auto& [field, pooling] : modes)
    if (TRY(config.get_bool_or(field, false))) {
      add(pooling);
      return {};
    }
  return fail(Fault::unsupported,
              "{}: the rows of a text are put together in a way that is not known; mean, first "
              "token and last token are supported",
              path);
}

std::string folder_name(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

Result<HfModel> HfModel::open(const std::string& folder) {
  if (!file_exists(folder + "/config.json"))
    return fail(Fault::not_found,
                "{}: this folder has no config.json; a model is a .gguf file or a Hugging Face "
                "folder with config.json, model.safetensors and tokenizer.json",
                folder);
  bool part_of_more = false;
  HfConfig whole = TRY(HfConfig::open(folder));
  const HfConfig config = TRY(text_config(std::move(whole), part_of_more));
  const std::string model_type = TRY(config.get_string("model_type"));
  const HfFamilyEntry found = TRY(find_hf_family(model_type, config.path()));

  HfMetadata metadata(config, found.type->arch);
  metadata.writer().add_string("general.name", folder_name(folder));
  TRY(found.family->metadata(metadata));
  const int64_t n_layer =
      TRY(metadata.get_count({"num_hidden_layers", "n_layer", "num_layers", "n_layers"}));

  HfModel model;
  model.path = folder;
  model.file = std::make_unique<SafetensorsFile>(TRY(SafetensorsFile::open(folder)));
  HfImport import(*model.file, config);
  TRY(Renamer(*found.family, import, model.file->path(), n_layer, part_of_more).run(*model.file));
  model.tensors = TRY(import.finish());
  drop_tied_head(config, model.tensors);
  TRY(add_pooling(folder, metadata, model.tensors));
  for (HfTensor& tensor : metadata.tensors()) model.tensors.push_back(std::move(tensor));
  model.metadata = std::move(metadata.writer());
  return model;
}

namespace {

enum class Weights { all, factors };

// What the file's names and data belong to.
struct HfOwner {
  std::optional<HfModel> model;
  std::vector<Tensor> copies;
};

Result<GgufFile> as_gguf(const HfModel& model, std::shared_ptr<HfOwner> owner, Weights wanted) {
  std::vector<GgufTensor> tensors;
  for (const HfTensor& tensor : model.tensors) {
    const HfRows& rows = tensor.rows;
    TensorView view{rows.dtype, rows.shape, rows.mapped};
    if (rows.mapped == nullptr && (wanted == Weights::all || tensor.name.starts_with("rope_")))
      view = owner->copies.emplace_back(materialize(rows)).view();
    tensors.push_back({tensor.name, view, 0, 0});
  }
  const std::string metadata = TRY(model.metadata.metadata_file());
  return GgufFile::assemble(metadata, std::move(tensors), std::move(owner), model.path);
}

}  // namespace

Result<GgufFile> hf_header(const HfModel& model) {
  return as_gguf(model, std::make_shared<HfOwner>(), Weights::factors);
}

Result<GgufFile> open_hf_as_gguf(const std::string& folder) {
  auto owner = std::make_shared<HfOwner>();
  owner->model = TRY(HfModel::open(folder));
  const HfModel& model = *owner->model;
  return as_gguf(model, std::move(owner), Weights::all);
}

Result<GgufFile> open_model_file(const std::string& path) {
  return is_directory(path) ? open_hf_as_gguf(path) : GgufFile::open(path);
}

}  // namespace quire
