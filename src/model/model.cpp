#include "model/model.h"

#include "model/describe.h"
#include "model/hf_model.h"
#include "text/tokenizer_io.h"

#include <bit>
#include <cstring>

namespace quire {
namespace {

// Of the file, or of the folder; a model without one still takes token ids.
Result<std::shared_ptr<const Tokenizer>> tokenizer_of(const GgufFile& file, int64_t n_vocab) {
  const std::string& path = file.path();
  if (is_directory(path)) {
    if (has_tokenizer(path)) return load_tokenizer(path);
    return Tokenizer::none(n_vocab, fmt::format("{}: text needs a tokenizer, and this folder has "
                                                "{}; only token ids can be given",
                                                path, no_tokenizer));
  }
  const std::string_view kind = TRY(file.get_string_or("tokenizer.ggml.model", "none"));
  if (kind != "none" && kind != "no_vocab") return Tokenizer::from_gguf(file);
  return Tokenizer::none(n_vocab, fmt::format("{}: text needs a tokenizer, and this file has none; "
                                              "only token ids can be given",
                                              path));
}

// 64-bit FNV-1a (Fowler, Noll & Vo) over words of eight bytes, the last one padded with zeros.
void hash_bytes(uint64_t& hash, const void* data, size_t n_bytes) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < n_bytes; i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min<size_t>(8, n_bytes - i));
    hash = (hash ^ word) * 0x100000001b3u;
    hash ^= hash >> 29;  // words, not bytes: let high bits reach low ones
  }
}

// Files that change a model and are none.
Result<void> check_is_model(const GgufFile& file) {
  const auto text = [&](const char* key) { return file.get_string_or(key, "").value_or(""); };
  const bool is_vector = text("general.architecture") == "controlvector";
  if (!is_vector && text("general.type") != "adapter") return {};
  return fail(Fault::bad_format, "{}: this is {}, no model; give it beside its model, with {}",
              file.path(), is_vector ? "a control vector" : "an adapter",
              is_vector ? "--control-vector" : "--lora");
}

}  // namespace

Result<std::shared_ptr<const Model>> Model::load(const std::string& path,
                                                 const RopeOverride& rope) {
  auto file = std::make_unique<GgufFile>(TRY(open_model_file(path)));
  std::shared_ptr<Model> model(new Model());
  model->path_ = path;
  TRY(check_is_model(*file));
  ModelDescription described = TRY(describe_model(*file, rope));
  model->arch_ = described.arch;
  model->hparams_ = std::move(described.hparams);
  model->graph_ = std::move(described.graph);
  model->params_ = std::move(described.params);
  model->tokenizer_ = TRY(tokenizer_of(*file, model->hparams_.n_vocab));
  if (model->tokenizer_->n_vocab() > model->hparams_.n_vocab)
    return fail(Fault::bad_format, "{}: the tokenizer has {} tokens but the embedding only {}",
                path, model->tokenizer_->n_vocab(), model->hparams_.n_vocab);
  model->file_ = std::move(file);
  return model;
}

Result<std::shared_ptr<const Model>> Model::from_weights(
    const Hparams& hparams, std::vector<Tensor> params,
    std::shared_ptr<const Tokenizer> tokenizer) {
  std::shared_ptr<Model> model(new Model());
  model->path_ = "(in memory)";
  model->arch_ = TRY(find_arch(hparams.arch));
  model->hparams_ = hparams;
  model->graph_ = TRY(build_graph(*model->arch_, hparams, model->path_));
  const std::vector<ValueId> ids = model->graph_.all(Role::parameter);
  CHECK(ids.size() == params.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    CHECK(params[i].shape() == fixed_shape(model->graph_.value(ids[i]).shape));
    model->params_.push_back(params[i].view());
  }
  model->owned_ = std::move(params);
  model->tokenizer_ = std::move(tokenizer);
  return model;
}

std::shared_ptr<const Model> Model::adapted(std::shared_ptr<const Model> base,
                                            std::span<const Adapter> adapters) {
  CHECK(base->adapters().empty());
  std::shared_ptr<Model> model(new Model());
  model->path_ = base->path_;
  model->hparams_ = base->hparams_;
  model->arch_ = base->arch_;
  model->tokenizer_ = base->tokenizer_;
  model->params_ = base->params_;
  model->graph_ = base->graph_;
  model->edits_ = adapter_edits(adapters, base->graph_);
  model->edits_.apply(model->graph_);
  for (const Tensor& param : model->edits_.params) model->params_.push_back(param.view());
  for (const Adapter& adapter : adapters) model->adapters_.push_back(adapter.info);
  model->base_ = std::move(base);
  return model;
}

Graph Model::graph_for(int64_t n_ctx) const {
  Hparams hparams = hparams_;
  hparams.n_ctx = n_ctx;
  Result<Graph> graph = build_graph(*arch_, hparams, path_);
  CHECK(graph.has_value());  // shapes do not depend on the context, and they were right
  edits_.apply(*graph);
  return *std::move(graph);
}

int64_t Model::n_params() const {
  int64_t n = 0;
  for (const TensorView& param : params_) n += param.shape.n_elements();
  return n;
}

int64_t Model::weight_bytes() const {
  int64_t n = 0;
  for (const TensorView& param : params_) n += param.n_bytes();
  return n;
}

uint64_t Model::fingerprint() const {
  uint64_t hash = 0xcbf29ce484222325u;
  hash_bytes(hash, hparams_.arch.data(), hparams_.arch.size());
  hash_bytes(hash, &hparams_.rope_theta, sizeof hparams_.rope_theta);
  for (const TensorView& param : params_) {
    const uint64_t head[] = {static_cast<uint64_t>(param.dtype),
                             static_cast<uint64_t>(param.shape[0]),
                             static_cast<uint64_t>(param.shape[1])};
    hash_bytes(hash, head, sizeof head);
    hash_bytes(hash, param.data, static_cast<size_t>(param.n_bytes()));
  }
  for (const LowRankEdit& edit : edits_.low_rank)
    for (const AdapterPart& part : edit.parts) hash_bytes(hash, &part.factor, sizeof part.factor);
  const TokenizerSpec& vocabulary = tokenizer_->spec();
  for (const std::string& piece : vocabulary.pieces) hash_bytes(hash, piece.data(), piece.size());
  return hash;
}

}  // namespace quire
