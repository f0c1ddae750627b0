#include "engine/cache_identity.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cstring>

namespace quire {
namespace {

constexpr int64_t sample_bytes = 1024;  // of a tensor, at its start and in its middle

template <class... T>
void add(std::string& text, const T&... values) {
  (text.append(reinterpret_cast<const char*>(&values), sizeof values), ...);
}

void add_file(std::string& text, const std::string& path) {
  struct stat file{};
  if (::stat(path.c_str(), &file) == 0)
    add(text, file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
}

struct AddAttributes {
  std::string& text;
  void operator()(const NoAttributes&) const {}
  void operator()(const StateAttributes&) const {}
  void operator()(const NormAttributes& a) const { add(text, a.eps); }
  void operator()(const AdapterAttributes& a) const {
    for (const AdapterPart& part : a.parts) add(text, part.adapter, part.n, part.factor);
  }
  void operator()(const RopeAttributes& a) const {
    add(text, a.pairs);
    if (a.frequencies == nullptr) return;
    add(text, a.frequencies->magnitude);
    for (const double frequency : a.frequencies->frequencies) add(text, frequency);
  }
  void operator()(const AttentionAttributes& a) const {
    add(text, a.layer, a.scale, a.window, a.softcap, a.mask);
  }
  void operator()(const ActivationAttributes& a) const { add(text, a.activation); }
  void operator()(const ScaleAttributes& a) const { add(text, a.factor); }
  void operator()(const ColumnsAttributes& a) const { add(text, a.begin); }
  void operator()(const RouteAttributes& a) const {
    add(text, a.scores, a.n_used, a.normalize, a.scale, a.n_groups, a.n_groups_used, a.group_best);
  }
  void operator()(const ClampAttributes& a) const { add(text, a.low, a.high, a.offset); }
};

}  // namespace

PrefixKey cache_identity(const Model& model, const Graph& graph, const KvCacheShape& shape,
                         Precision precision) {
  std::string text = "keys and values, 1\n" + model.hparams().arch;
  add(text, kv_block_size, shape.k_dtype, shape.v_dtype, precision);
  for (const KvLayer& layer : shape.layers) add(text, layer.n_heads, layer.k_width, layer.v_width);
  for (const int64_t n_floats : graph.state_sizes) add(text, n_floats);
  for (const Node& node : graph.nodes) {
    add(text, node.op);
    for (const ValueId id : node.inputs) add(text, id);
    std::visit(AddAttributes{text}, node.attributes);
  }
  for (const TensorView& param : model.params()) {
    const int64_t n_bytes = param.n_bytes(), n = std::min(n_bytes, sample_bytes);
    add(text, param.dtype, n_bytes);
    for (const int64_t at : {int64_t{0}, (n_bytes - n) / 2})
      text.append(reinterpret_cast<const char*>(param.data) + at, static_cast<size_t>(n));
  }
  add_file(text, model.path());
  for (const AdapterInfo& adapter : model.adapters()) {
    add_file(text, adapter.path);
    add_file(text, adapter.path + "/adapter_model.safetensors");  // of a folder
  }
  const std::array parts{std::as_bytes(std::span(text))};
  return digest(parts);
}

}  // namespace quire
