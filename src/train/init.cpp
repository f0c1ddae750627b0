#include "train/init.h"

#include "base/rng.h"
#include "train/fingerprint.h"

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](std::string_view end) { return name.ends_with(end); });
}

}  // namespace

void initialize_weights(const ParameterSet& parameters, int64_t n_layer, double std,
                        uint64_t seed) {
  for (const ParameterSlot& slot : parameters.slots()) {
    float* w = parameters.weights() + slot.offset;
    if (slot.shape.rank == 1) {
      const bool is_norm = ends_with_any(slot.name, {"norm.weight"});
      std::fill_n(w, slot.n, is_norm ? 1.0f : 0.0f);
      continue;
    }
    const bool writes_residual =
        ends_with_any(slot.name, {"attn_output.weight", "ffn_down.weight"});
    const double scale =
        writes_residual ? std / std::sqrt(2.0 * static_cast<double>(n_layer)) : std;
    Rng rng(Fingerprint().add(seed).add(slot.name).value());
    for (int64_t i = 0; i < slot.n; ++i) w[i] = static_cast<float>(rng.normal() * scale);
  }
}

}  // namespace quire
