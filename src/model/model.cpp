#include "model/model.h"

#include "model/hf_model.h"
#include "text/tokenizer_io.h"

#include <bit>
#include <cstring>
#include <unordered_set>

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

// Of the file, or of the folder; a model without one still takes token ids.
Result<std::shared_ptr<const Tokenizer>> tokenizer_of(const GgufFile& file, int64_t n_vocab) {
  const std::string& path = file.path();
  if (is_directory(path)) {
    if (file_exists(path + "/tokenizer.json")) return load_tokenizer(path);
    return Tokenizer::none(
        n_vocab, fmt::format("{}: text needs a tokenizer, and this folder has no tokenizer.json; "
                             "only token ids can be given",
                             path));
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

// Tensors that no graph names: rotary factors, which are hyper-parameters, rotary frequencies from
// before there was a formula for them, and the classifier of a model that is run for its text.
bool may_stand_aside(std::string_view name) {
  return name.starts_with("rope_factors_") || name.ends_with("rope_freqs.weight") ||
         name.ends_with("attn_rot_embd.weight") || name.starts_with("cls.");
}

// A tensor that the graph has no use for means another model than the one described.
Result<void> check_all_used(const GgufFile& file, const Graph& graph) {
  std::unordered_set<std::string_view> used;
  for (const ValueId id : graph.all(Role::parameter)) used.insert(graph.value(id).name);
  for (const GgufTensor& tensor : file.tensors())
    if (!used.contains(tensor.name) && !may_stand_aside(tensor.name))
      return fail(Fault::unsupported,
                  "{}: tensor '{}' has no place in a {} model as it is known here ({} tensors, the "
                  "file has {}); without it the answers would be wrong",
                  file.path(), tensor.name, *file.get_string("general.architecture"), used.size(),
                  file.tensors().size());
  return {};
}

}  // namespace

Result<std::shared_ptr<const Model>> Model::load(const std::string& path,
                                                 const RopeOverride& rope) {
  auto file = std::make_unique<GgufFile>(TRY(open_model_file(path)));
  std::shared_ptr<Model> model(new Model());
  model->path_ = path;
  const std::string_view arch = TRY(file->get_string("general.architecture"));
  Result<const Arch*> found = find_arch(arch);
  if (!found.has_value()) return fail(found.error().fault, "{}: {}", path, found.error().text);
  model->arch_ = *found;
  model->hparams_ = TRY(model->arch_->read_hparams(*file));
  TRY(override_rope(model->hparams_, rope, path));
  const std::string experts = fmt::format("{}.expert_count", arch);
  if (model->hparams_.experts.n == 0 && file->get_uint_or(experts, 0).value_or(0) > 0)
    return fail(Fault::unsupported, "{}: {} is set; mixtures of experts are not known in {}", path,
                experts, arch);
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
  TRY(check_all_used(*file, model->graph_));
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

Graph Model::graph_for(int64_t n_ctx) const {
  Hparams hparams = hparams_;
  hparams.n_ctx = n_ctx;
  Result<Graph> graph = build_graph(*arch_, hparams, path_);
  CHECK(graph.has_value());  // shapes do not depend on the context, and they were right
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
  const TokenizerSpec& vocabulary = tokenizer_->spec();
  for (const std::string& piece : vocabulary.pieces) hash_bytes(hash, piece.data(), piece.size());
  return hash;
}

}  // namespace quire
