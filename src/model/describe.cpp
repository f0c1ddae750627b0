#include "model/describe.h"

#include <unordered_set>

namespace quire {
namespace {

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

Result<ModelDescription> describe_model(const GgufFile& file, const RopeOverride& rope) {
  const std::string& path = file.path();
  ModelDescription model;
  const std::string_view arch = TRY(file.get_string("general.architecture"));
  Result<const Arch*> found = find_arch(arch);
  if (!found.has_value()) return fail(found.error().fault, "{}: {}", path, found.error().text);
  model.arch = *found;
  model.hparams = TRY(model.arch->read_hparams(file));
  TRY(override_rope(model.hparams, rope, path));
  const std::string experts = fmt::format("{}.expert_count", arch);
  if (model.hparams.experts.n == 0 && file.get_uint_or(experts, 0).value_or(0) > 0)
    return fail(Fault::unsupported, "{}: {} is set; mixtures of experts are not known in {}", path,
                experts, arch);
  model.graph = TRY(build_graph(*model.arch, model.hparams, path));
  for (ValueId id : model.graph.all(Role::parameter)) {
    const Value& value = model.graph.value(id);
    const GgufTensor* tensor = file.find(value.name);
    if (tensor == nullptr)
      return fail(Fault::bad_format,
                  "{}: tensor '{}' is missing; a {} model with these hyper-parameters needs it",
                  path, value.name, arch);
    const Shape wanted = fixed_shape(value.shape);
    if (!(tensor->view.shape == wanted))
      return fail(Fault::bad_format,
                  "{}: tensor '{}' has the shape {}, but the hyper-parameters ask for {}", path,
                  value.name, tensor->view.shape.text(), wanted.text());
    model.params.push_back(tensor->view);
  }
  TRY(check_all_used(file, model.graph));
  return model;
}

}  // namespace quire
