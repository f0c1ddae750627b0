// Model: hyper-parameters, weights and tokenizer of one model file, shared and immutable.
#pragma once
#include "base/result.h"
#include "format/gguf.h"
#include "graph/graph.h"
#include "model/adapter_edits.h"
#include "model/arch.h"
#include "model/rope_override.h"
#include "tensor/tensor.h"
#include "text/tokenizer.h"

#include <memory>
#include <string>
#include <vector>

namespace quire {

class Model {
 public:
  // Maps a GGUF file (all shards) or a Hugging Face folder (model/hf_model.h), reads
  // hyper-parameters and tokenizer, checks every tensor against the graph.
  // rope: positions stretched otherwise than the file says.
  static Result<std::shared_ptr<const Model>> load(const std::string& path,
                                                   const RopeOverride& rope = {});
  // From weights in memory (training): params in the order of graph.all(Role::parameter) of the
  // architecture's graph.
  static Result<std::shared_ptr<const Model>> from_weights(
      const Hparams& hparams, std::vector<Tensor> params,
      std::shared_ptr<const Tokenizer> tokenizer);

  // The same weights with adapters beside them (model/adapter.h), which were checked against the
  // base; it has none of its own.
  static std::shared_ptr<const Model> adapted(std::shared_ptr<const Model> base,
                                              std::span<const Adapter> adapters);

  const std::string& path() const { return path_; }
  const Hparams& hparams() const { return hparams_; }
  const Arch& arch() const { return *arch_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  // The description as built, before fusion; inference, with logits for the wanted rows.
  const Graph& graph() const { return graph_; }
  // The same for contexts of n_ctx positions, on which rotary frequencies may depend.
  Graph graph_for(int64_t n_ctx) const;
  // Strength i of a sequence is that of adapters()[i].
  const std::vector<AdapterInfo>& adapters() const { return adapters_; }
  // One for each of graph().all(Role::parameter), in that order. Live as long as the model.
  const std::vector<TensorView>& params() const { return params_; }
  // The file (or a folder made to look like one), for metadata and for showing; null for a model
  // made from weights.
  const GgufFile* file() const { return base_ ? base_->file() : file_.get(); }
  int64_t n_params() const;      // elements of all parameters
  int64_t weight_bytes() const;  // bytes of all parameters as stored
  // FNV-1a of architecture, shapes, types and tensor bytes: changes with any weight. Reads the
  // whole model once.
  uint64_t fingerprint() const;

 private:
  Model() = default;
  std::shared_ptr<const Model> base_;  // of an adapted one: what its weights belong to
  std::string path_;
  Hparams hparams_;
  const Arch* arch_ = nullptr;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<GgufFile> file_;
  Graph graph_;
  std::vector<TensorView> params_;
  std::vector<Tensor> owned_;
  std::vector<AdapterInfo> adapters_;
  AdapterEdits edits_;
};

}  // namespace quire
