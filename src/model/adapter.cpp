#include "model/adapter.h"

#include "base/file.h"
#include "format/gguf.h"
#include "format/printable.h"
#include "graph/adapters.h"
#include "model/model.h"

#include <cmath>

namespace quire {
namespace {

std::string text(const std::string& path, const std::string& name, const Tensor& tensor) {
  return fmt::format("{}: tensor '{}' has the shape {}", path, printable(name),
                     tensor.shape().text());
}

}  // namespace

int64_t LowRankPair::rank() const { return b.shape().last(); }

AdapterInfo adapter_info(const AdapterFile& file, AdapterKind kind) {
  std::string name = file.path;
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  name = name.substr(name.rfind('/') + 1);
  if (name.ends_with(".gguf")) name.resize(name.size() - 5);
  return {name, file.path, kind, file.strength};
}

Result<void> check_pair(const LowRankPair& pair, const std::string& path, const Model& model) {
  const auto found = find_adapter_target(model.graph(), pair.target);
  if (!found)
    return fail(found.error().fault == Fault::not_found ? Fault::bad_format : found.error().fault,
                "{}: {}: {} (is the adapter of another model?)", path, model.path(),
                found.error().text);
  const AdapterTarget& target = *found;
  const bool is_table = target.kind == AdapterTarget::Kind::table;
  const bool is_stack = target.kind == AdapterTarget::Kind::stack;
  const Shape &a = pair.a.shape(), &b = pair.b.shape();
  const int rank = is_stack ? 3 : 2;
  const std::string name_a = pair.target + ".lora_a", name_b = pair.target + ".lora_b";
  if (a.rank != rank || b.rank != rank)
    return fail(Fault::bad_format, "{}, that of '{}' is {}; both need {} dimensions here",
                text(path, name_a, pair.a), name_b, b.text(), rank);
  const int64_t r = b.last();
  const int64_t r_a = is_table ? a.last() : a[rank - 2], n_in = is_table ? a[0] : a.last();
  if (r_a != r)
    return fail(Fault::bad_format, "{}, that of '{}' is {}: their ranks {} and {} must agree",
                text(path, name_a, pair.a), name_b, b.text(), r_a, r);
  constexpr const char* of_another = "the adapter is of another model";
  if (n_in != target.n_in)
    return fail(Fault::bad_format, "{}, but '{}' of {} takes {} numbers, not {}: {}",
                text(path, name_a, pair.a), pair.target, model.path(), target.n_in, n_in,
                of_another);
  if (b[rank - 2] != target.n_out)
    return fail(Fault::bad_format, "{}, but '{}' of {} makes {} numbers, not {}: {}",
                text(path, name_b, pair.b), pair.target, model.path(), target.n_out, b[rank - 2],
                of_another);
  if (is_stack && (a[0] != target.n_matrices || b[0] != target.n_matrices))
    return fail(Fault::bad_format, "{}, that of '{}' is {}, but {} has {} experts or heads: {}",
                text(path, name_a, pair.a), name_b, b.text(), model.path(), target.n_matrices,
                of_another);
  if (!std::isfinite(pair.factor))
    return fail(Fault::bad_format, "{}: '{}' would be scaled by {}, which is no number", path,
                pair.target, pair.factor);
  return {};
}

Result<Adapter> load_lora(const AdapterFile& file, const Model& model) {
  Adapter adapter =
      is_directory(file.path) ? TRY(load_peft_lora(file, model)) : TRY(load_gguf_lora(file, model));
  if (adapter.pairs.empty())
    return fail(Fault::bad_format, "{}: there is no pair of lora_a and lora_b in it", file.path);
  for (const LowRankPair& pair : adapter.pairs) TRY(check_pair(pair, file.path, model));
  return adapter;
}

Result<std::shared_ptr<const Model>> with_adapters(std::shared_ptr<const Model> model,
                                                   const AdapterFiles& files) {
  if (files.empty()) return model;
  std::vector<Adapter> adapters;
  adapters.reserve(files.loras.size() + files.control_vectors.size());
  for (const AdapterFile& file : files.loras) adapters.push_back(TRY(load_lora(file, *model)));
  for (const AdapterFile& file : files.control_vectors)
    adapters.push_back(TRY(load_control_vector(file, *model, files.first_layer, files.last_layer)));
  return Model::adapted(std::move(model), adapters);
}

}  // namespace quire
