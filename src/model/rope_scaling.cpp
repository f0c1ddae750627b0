// Rotary frequencies: pair i of n_rot / 2 turns by  theta^(-2i / n_rot)  per position, stretched
// for longer contexts
//   linear   all frequencies / factor                                  Chen et al. 2023,
//   arXiv:2306.15595 ntk      theta * factor^(n_rot / (n_rot - 2)): low ones stretched  bloc97 2023
//   yarn     a ramp between both, by how often a pair turns within the original context; scores
//   scaled by
//            0.1 ln(factor) + 1                                        Peng et al. 2023,
//            arXiv:2309.00071, eq. 16-22
//   llama3   as the ramp, between wavelengths                          Llama 3.1 reference
//   implementation
// and divided by per-pair factors where the file brings them (`rope_freqs.weight`, which is how
// GGUF stores llama3).
#include "model/arch.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace quire {
namespace {

// The pair that turns `n_turns` times within the original context (YaRN, eq. 17, solved for the
// pair).
double pair_turning(const Hparams& h, double n_turns) {
  const auto n_rot = static_cast<double>(h.n_rot);
  return n_rot *
         std::log(static_cast<double>(h.rope_n_ctx_orig) / (n_turns * 2 * std::numbers::pi)) /
         (2 * std::log(static_cast<double>(h.rope_theta)));
}

void scale_yarn(const Hparams& h, RopeFrequencies& rope) {
  const auto last = static_cast<double>(h.n_rot - 1);
  double first = pair_turning(h, h.yarn_beta_fast), end = pair_turning(h, h.yarn_beta_slow);
  if (h.yarn_whole_pairs) first = std::floor(first), end = std::ceil(end);
  const double low = std::max(0.0, first), high = std::min(last, end);
  for (size_t i = 0; i < rope.frequencies.size(); ++i) {
    const double ramp = (static_cast<double>(i) - low) / std::max(0.001, high - low);
    const double keep = 1 - std::clamp(ramp, 0.0, 1.0);  // 1: turns often, left as it is
    rope.frequencies[i] *= keep + (1 - keep) / h.rope_factor;
  }
  rope.magnitude = static_cast<float>(h.yarn_attn_factor * (0.1 * std::log(h.rope_factor) + 1));
}

void scale_llama3(const Hparams& h, RopeFrequencies& rope) {
  const auto n_ctx = static_cast<double>(h.rope_n_ctx_orig);
  const double low_wavelength = n_ctx / h.llama3_low_freq_factor;
  const double high_wavelength = n_ctx / h.llama3_high_freq_factor;
  for (double& frequency : rope.frequencies) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < high_wavelength) continue;
    if (wavelength > low_wavelength) {
      frequency /= h.rope_factor;
      continue;
    }
    const double keep = (n_ctx / wavelength - h.llama3_low_freq_factor) /
                        (h.llama3_high_freq_factor - h.llama3_low_freq_factor);
    frequency *= keep + (1 - keep) / h.rope_factor;
  }
}

}  // namespace

RopeAttributes rope_attributes(const Hparams& h, RopePairs pairs) {
  auto rope = std::make_shared<RopeFrequencies>();
  double theta = h.rope_theta;
  const auto n_rot = static_cast<double>(h.n_rot);
  if (h.rope_scaling == RopeScaling::ntk && h.n_rot > 2)
    theta *= std::pow(static_cast<double>(h.rope_factor), n_rot / (n_rot - 2));
  for (int64_t i = 0; i < h.n_rot / 2; ++i)
    rope->frequencies.push_back(std::pow(theta, -2.0 * static_cast<double>(i) / n_rot));
  switch (h.rope_scaling) {
    case RopeScaling::linear:
      for (double& frequency : rope->frequencies) frequency /= h.rope_factor;
      break;
    case RopeScaling::yarn:
      scale_yarn(h, *rope);
      break;
    case RopeScaling::llama3:
      scale_llama3(h, *rope);
      break;
    case RopeScaling::none:
    case RopeScaling::ntk:
      break;
  }
  for (size_t i = 0; i < h.rope_freq_factors.size() && i < rope->frequencies.size(); ++i)
    rope->frequencies[i] /= h.rope_freq_factors[i];
  return {pairs, std::move(rope)};
}

}  // namespace quire
