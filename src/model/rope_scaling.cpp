// Rotary frequencies: pair i of n_rot / 2 turns by  theta^(-2i / n_rot)  per position, stretched
// for longer contexts
//   linear    all frequencies / factor                 Chen et al. 2023, arXiv:2306.15595
//   ntk       theta * factor^(n_rot / (n_rot - 2)): low ones stretched           bloc97 2023
//   dynamic   ntk by  factor * n_ctx / n_ctx_orig - (factor - 1),  of the context asked for
//   yarn      a ramp between both, by how often a pair turns within the original context; what is
//             turned is 0.1 ln(factor) + 1 times as long
//                                                      Peng et al. 2023, arXiv:2309.00071, eq.
//                                                      16-22
//   llama3    as the ramp, between wavelengths         Llama 3.1 reference implementation
//   longrope  a factor for each pair, from one of two lists: for contexts within the original one,
//             and beyond it                            Ding et al. 2024, arXiv:2402.13753
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
  const double magnitude = h.rope_factor > 1 ? 0.1 * std::log(h.rope_factor) + 1 : 1;
  rope.magnitude = h.yarn_attn_factor > 0 ? h.yarn_attn_factor : static_cast<float>(magnitude);
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

// theta for a context of `stretch` times the original one (NTK-aware, bloc97 2023).
double stretched_theta(const Hparams& h, double stretch) {
  const auto n_rot = static_cast<double>(h.n_rot);
  return h.n_rot > 2 ? h.rope_theta * std::pow(stretch, n_rot / (n_rot - 2)) : h.rope_theta;
}

double base_of(const Hparams& h) {
  if (h.rope_scaling == RopeScaling::ntk) return stretched_theta(h, h.rope_factor);
  const double n_orig = static_cast<double>(h.rope_n_ctx_orig);
  const double n_ctx = std::max(n_orig, static_cast<double>(h.n_ctx_wanted()));
  if (h.rope_scaling == RopeScaling::dynamic)
    return stretched_theta(h, h.rope_factor * n_ctx / n_orig - (h.rope_factor - 1));
  return h.rope_theta;
}

std::shared_ptr<RopeFrequencies> plain_frequencies(int64_t n_rot, double theta) {
  auto rope = std::make_shared<RopeFrequencies>();
  for (int64_t i = 0; i < n_rot / 2; ++i)
    rope->frequencies.push_back(
        std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(n_rot)));
  return rope;
}

void divide(RopeFrequencies& rope, const std::vector<float>& factors) {
  for (size_t i = 0; i < factors.size() && i < rope.frequencies.size(); ++i)
    rope.frequencies[i] /= factors[i];
}

}  // namespace

RopeAttributes rope_attributes(const Hparams& h, RopePairs pairs) {
  const auto rope = plain_frequencies(h.n_rot, base_of(h));
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
    case RopeScaling::longrope:
      divide(*rope,
             h.n_ctx_wanted() > h.rope_n_ctx_orig ? h.rope_factors_long : h.rope_factors_short);
      break;
    case RopeScaling::none:
    case RopeScaling::ntk:
    case RopeScaling::dynamic:
      break;
  }
  divide(*rope, h.rope_freq_factors);
  rope->magnitude *= h.rope_attn_factor;
  return {pairs, rope};
}

RopeAttributes window_rope_attributes(const Hparams& h, RopePairs pairs) {
  const double theta = h.rope_theta_window > 0 ? h.rope_theta_window : h.rope_theta;
  return {pairs, plain_frequencies(h.n_rot, theta)};
}

}  // namespace quire
