// Adapters in GGUF files: LoRA as llama.cpp's convert_lora_to_gguf.py writes it, control vectors as
// its cvector-generator and repeng do.
#include "format/gguf.h"
#include "format/printable.h"
#include "model/adapter.h"
#include "model/adapter_edits.h"
#include "model/model.h"
#include "quant/codec.h"

#include <charconv>
#include <cstring>
#include <map>

namespace quire {
namespace {

// The tensor in memory of its own: the file is closed again.
Result<Tensor> copy_of(const GgufFile& file, const GgufTensor& tensor) {
  if (codec(tensor.view.dtype) == nullptr)
    return fail(Fault::unsupported, "{}: tensor '{}' is of type {}, which cannot be computed with",
                file.path(), printable(tensor.name), info(tensor.view.dtype).name);
  Tensor copy(tensor.view.dtype, tensor.view.shape);
  std::memcpy(copy.data(), tensor.view.data, static_cast<size_t>(copy.n_bytes()));
  return copy;
}

// What is no LoRA adapter for a model of this architecture.
Result<void> check_metadata(const GgufFile& file, const Model& model) {
  const std::string_view type = TRY(file.get_string_or("general.type", "model"));
  if (type != "adapter")
    return fail(Fault::bad_format,
                "{}: this is a {}, no adapter (general.type is '{}'); --model takes models",
                file.path(), printable(type), printable(type));
  const std::string_view kind = TRY(file.get_string("adapter.type"));
  if (kind != "lora")
    return fail(Fault::unsupported, "{}: adapters of type '{}' are not known, only 'lora'",
                file.path(), printable(kind));
  const std::string_view arch = TRY(file.get_string("general.architecture"));
  if (arch != model.hparams().arch)
    return fail(Fault::bad_format, "{}: the adapter is for '{}' models, {} is a '{}' one",
                file.path(), printable(arch), model.path(), model.hparams().arch);
  if (file.has("adapter.alora.invocation_tokens"))
    return fail(Fault::unsupported,
                "{}: the adapter works from its invocation tokens on only (aLoRA), which is not "
                "supported",
                file.path());
  return {};
}

std::optional<int64_t> layer_of(std::string_view name) {
  constexpr std::string_view prefix = "direction.";
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  int64_t layer = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return layer;
}

Result<Direction> direction_of(const GgufFile& file, const GgufTensor& tensor, const Model& model) {
  const auto layer = layer_of(tensor.name);
  if (!layer)
    return fail(Fault::bad_format,
                "{}: tensor '{}' is no direction.N; a control vector has nothing else", file.path(),
                printable(tensor.name));
  const int64_t n_layer = model.hparams().n_layer, n_embd = model.hparams().n_embd;
  if (*layer < 1 || *layer >= n_layer)
    return fail(Fault::bad_format,
                "{}: tensor '{}' is of layer {}, the directions for {} are those of 1 to {}",
                file.path(), printable(tensor.name), *layer, model.path(), n_layer - 1);
  if (tensor.view.shape.rank != 1 || tensor.view.shape[0] != n_embd)
    return fail(Fault::bad_format,
                "{}: tensor '{}' has the shape {}, {} is {} wide: the vector is of another model",
                file.path(), printable(tensor.name), tensor.view.shape.text(), model.path(),
                n_embd);
  if (layer_output(model.graph(), *layer) == no_value)
    return fail(Fault::unsupported, "{}: models of architecture '{}' cannot be steered",
                model.path(), model.hparams().arch);
  const Tensor stored = TRY(copy_of(file, tensor));
  Tensor vector(DType::f32, {n_embd});
  codec(stored.dtype())->decode(stored.data(), vector.f32(), n_embd);
  return Direction{*layer, vector};
}

}  // namespace

Result<Adapter> load_gguf_lora(const AdapterFile& from, const Model& model) {
  const GgufFile file = TRY(GgufFile::open(from.path));
  TRY(check_metadata(file, model));
  const double alpha = TRY(file.get_float_or("adapter.lora.alpha", 0));
  struct Halves {
    const GgufTensor *a = nullptr, *b = nullptr;
  };
  std::map<std::string_view, Halves> targets;
  for (const GgufTensor& tensor : file.tensors()) {
    const std::string_view name = tensor.name;
    constexpr size_t suffix = 7;  // of ".lora_a"
    if (name.ends_with(".lora_a"))
      targets[name.substr(0, name.size() - suffix)].a = &tensor;
    else if (name.ends_with(".lora_b"))
      targets[name.substr(0, name.size() - suffix)].b = &tensor;
    else
      return fail(Fault::unsupported,
                  "{}: tensor '{}' is neither a lora_a nor a lora_b; without it the answers would "
                  "be wrong",
                  file.path(), printable(name));
  }
  Adapter adapter{adapter_info(from, AdapterKind::lora), {}, {}};
  for (const auto& [target, halves] : targets) {
    if (halves.a == nullptr || halves.b == nullptr)
      return fail(Fault::bad_format, "{}: '{}.{}' has no '{}' beside it", file.path(),
                  printable(target), halves.a != nullptr ? "lora_a" : "lora_b",
                  halves.a != nullptr ? "lora_b" : "lora_a");
    LowRankPair pair{std::string(target), TRY(copy_of(file, *halves.a)),
                     TRY(copy_of(file, *halves.b)), 1};
    // Without alpha the product stands as it is.
    if (alpha != 0) pair.factor = static_cast<float>(alpha / static_cast<double>(pair.rank()));
    adapter.pairs.push_back(std::move(pair));
  }
  return adapter;
}

Result<Adapter> load_control_vector(const AdapterFile& from, const Model& model,
                                    int64_t first_layer, int64_t last_layer) {
  const GgufFile file = TRY(GgufFile::open(from.path));
  const int64_t first = first_layer > 0 ? first_layer : 1;
  const int64_t last = last_layer > 0 ? last_layer : model.hparams().n_layer;
  if (first > last)
    return fail(Fault::usage, "--control-vector-layer-range {} {}: the first is behind the last",
                first, last);
  Adapter adapter{adapter_info(from, AdapterKind::control_vector), {}, {}};
  for (const GgufTensor& tensor : file.tensors()) {
    Direction direction = TRY(direction_of(file, tensor, model));
    if (direction.layer < first || direction.layer > last) continue;
    adapter.directions.push_back(std::move(direction));
  }
  if (adapter.directions.empty())
    return fail(Fault::bad_format, "{}: there is no direction for layers {} to {} in it",
                file.path(), first, last);
  return adapter;
}

}  // namespace quire
