// Adapters: small files that change what a model does and leave its weights as they are.
//
//   LoRA             low-rank products beside matrices. A GGUF file as llama.cpp has it
//                    (general.type "adapter", adapter.type "lora", adapter.lora.alpha, tensors
//                    NAME.lora_a and NAME.lora_b), or a PEFT folder (adapter_config.json,
//                    adapter_model.safetensors)
//   control vector   a direction for the residual stream behind each layer. A GGUF file with
//   tensors
//                    direction.N, N the layer counted from 0; layer 0 has none
//
//   auto model = TRY(Model::load(path));
//   model = TRY(with_adapters(model, {.loras = {{"style.gguf", 0.5f}}}));
//
// The adapted model shares the weights of the one it was made from. Its graph has the adapters as
// nodes of their own (graph/adapters.h), and how strongly each works can differ from sequence to
// sequence and be changed at any time: Runner::set_strengths(), Request::strengths.
#pragma once
#include "base/result.h"
#include "tensor/tensor.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace quire {

class Model;

enum class AdapterKind : uint8_t { lora, control_vector };

// What a model knows of an adapter that it was loaded with.
struct AdapterInfo {
  std::string name;  // of the file, without folder and ending
  std::string path;
  AdapterKind kind = AdapterKind::lora;
  float strength = 1;  // where nobody asks for another
};

// A low-rank product beside the matrix `target` of the model. Shapes as LowRankEdit has them.
struct LowRankPair {
  std::string target;
  Tensor a, b;
  float factor = 1;  // alpha / R, or alpha / sqrt(R)
  int64_t rank() const;
};
struct Direction {
  int64_t layer = 0;
  Tensor vector;  // f32 (D)
};

struct Adapter {
  AdapterInfo info;
  std::vector<LowRankPair> pairs;
  std::vector<Direction> directions;
};

struct AdapterFile {
  std::string path;
  float strength = 1;
};
struct AdapterFiles {
  std::vector<AdapterFile> loras{}, control_vectors{};
  int64_t first_layer = 0, last_layer = 0;  // that control vectors work on; 0: from 1, to the last
  bool empty() const { return loras.empty() && control_vectors.empty(); }
};

// The model itself when there are no files. Errors name the file and what is wrong with it:
// not_found, bad_format for a damaged file and for one that does not fit this model, unsupported
// for kinds of adapters that cannot be applied.
Result<std::shared_ptr<const Model>> with_adapters(std::shared_ptr<const Model> model,
                                                   const AdapterFiles& files);

// One file or folder, checked against the model.
Result<Adapter> load_lora(const AdapterFile& file, const Model& model);
Result<Adapter> load_control_vector(const AdapterFile& file, const Model& model,
                                    int64_t first_layer = 0, int64_t last_layer = 0);

// For the readers of one format each. A pair whose shapes do not fit the model: bad_format or
// unsupported.
Result<void> check_pair(const LowRankPair& pair, const std::string& path, const Model& model);
Result<Adapter> load_gguf_lora(const AdapterFile& file, const Model& model);
Result<Adapter> load_peft_lora(const AdapterFile& file, const Model& model);
// "style" for "adapters/style.gguf".
AdapterInfo adapter_info(const AdapterFile& file, AdapterKind kind);

}  // namespace quire
