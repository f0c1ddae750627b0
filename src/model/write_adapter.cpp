#include "model/write_adapter.h"

#include "format/gguf_write.h"
#include "model/adapter.h"
#include "model/model.h"
#include "quant/codec.h"

#include <algorithm>
#include <list>

namespace quire {
namespace {

double alpha_of(const LowRankPair& pair) {
  return static_cast<double>(pair.factor) * static_cast<double>(pair.rank());
}

// The tensor times a factor, in f32.
Tensor scaled(const Tensor& tensor, double factor) {
  Tensor copy(DType::f32, tensor.shape());
  const int64_t n = tensor.shape().n_elements();
  codec(tensor.dtype())->decode(tensor.data(), copy.f32(), n);
  for (float& x : std::span(copy.f32(), static_cast<size_t>(n)))
    x = static_cast<float>(static_cast<double>(x) * factor);
  return copy;
}

}  // namespace

Result<void> make_gguf_lora(const std::string& from, const std::string& to,
                            const std::string& weights) {
  const auto model = TRY(Model::load(weights));
  const Adapter adapter = TRY(load_lora({from, 1}, *model));
  const auto scales =
      std::ranges::find_if(adapter.pairs, [](const LowRankPair& p) { return p.factor != 0; });
  const double alpha = scales == adapter.pairs.end() ? 1 : alpha_of(*scales);
  GgufWriter out;
  out.add_string("general.type", "adapter");
  out.add_string("general.architecture", model->hparams().arch);
  out.add_string("general.name", adapter.info.name);
  out.add_string("adapter.type", "lora");
  out.add_f32("adapter.lora.alpha", static_cast<float>(alpha));
  std::list<Tensor> changed;
  for (const LowRankPair& pair : adapter.pairs) {
    const double factor = alpha_of(pair) / alpha;
    // alpha goes through a float: what is no more than its rounding is no other scale.
    const bool same = std::abs(factor - 1) < 1e-6;
    out.add_tensor(pair.target + ".lora_a", pair.a.view());
    out.add_tensor(pair.target + ".lora_b",
                   same ? pair.b.view() : changed.emplace_back(scaled(pair.b, factor)).view());
  }
  return out.write(to);
}

}  // namespace quire
