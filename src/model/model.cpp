#include "model/model.h"

#include <bit>
#include <cstring>

namespace quire {
namespace {

// "(4096, 4096)" of a shape in the graph, which has no symbols for parameters.
Shape fixed_shape(const DimShape& dims) {
  Shape shape;
  shape.rank = static_cast<int>(dims.size());
  for (size_t i = 0; i < dims.size(); ++i) shape.n[i] = dims[i].n;
  return shape;
}

Result<Graph> build_graph(const Arch& arch, const Hparams& hparams, const std::string& name) {
  GraphBuilder builder;
  arch.build(builder, hparams);
  Result<Graph> graph = builder.finish();
  if (!graph.has_value()) return fail(graph.error().fault, "{}: {}", name, graph.error().text);
  return graph;
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

}  // namespace

Result<std::shared_ptr<const Model>> Model::load(const std::string& path,
                                                 const RopeOverride& rope) {
  auto file = std::make_unique<GgufFile>(TRY(GgufFile::open(path)));
  std::shared_ptr<Model> model(new Model());
  model->path_ = path;
  const std::string_view arch = TRY(file->get_string("general.architecture"));
  Result<const Arch*> found = find_arch(arch);
  if (!found.has_value()) return fail(found.error().fault, "{}: {}", path, found.error().text);
  model->arch_ = *found;
  model->hparams_ = TRY(model->arch_->read_hparams(*file));
  TRY(override_rope(model->hparams_, rope, path));
  model->graph_ = TRY(build_graph(*model->arch_, model->hparams_, path));
  for (ValueId id : model->graph_.all(Role::parameter)) {
    const Value& value = model->graph_.value(id);
    const GgufTensor* tensor = file->find(value.name);
    if (tensor == nullptr)
      return fail(Fault::bad_format,
                  "{}: tensor '{}' is missing; a {} model with these hyper-parameters needs it",
                  path, value.name, arch);
    const Shape wanted = fixed_shape(value.shape);
    if (!(tensor->view.shape == wanted))
      return fail(Fault::bad_format,
                  "{}: tensor '{}' has the shape {}, but the hyper-parameters ask for {}", path,
                  value.name, tensor->view.shape.text(), wanted.text());
    model->params_.push_back(tensor->view);
  }
  model->tokenizer_ = TRY(Tokenizer::from_gguf(*file));
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
  const TokenizerSpec& vocabulary = tokenizer_->spec();
  for (const std::string& piece : vocabulary.pieces) hash_bytes(hash, piece.data(), piece.size());
  return hash;
}

}  // namespace quire
