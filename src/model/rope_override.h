// Rotary positions stretched on request, for contexts longer than the one a model was trained with,
// in the place of what its file says. Named as llama.cpp names the flags.
#pragma once
#include "base/result.h"
#include "model/hparams.h"

#include <optional>
#include <string>

namespace quire {

struct RopeOverride {
  std::optional<RopeScaling> scaling;      // none, linear or yarn
  std::optional<float> factor;             // the context becomes so many times as long
  std::optional<float> freq_base;          // theta
  std::optional<int64_t> yarn_n_ctx_orig;  // positions before stretching
  std::optional<float> yarn_ext_factor;    // 1: as yarn mixes; 0: all frequencies stretched alike
  std::optional<float> yarn_attn_factor, yarn_beta_fast, yarn_beta_slow;

  bool empty() const {
    return !scaling && !factor && !freq_base && !yarn_n_ctx_orig && !yarn_ext_factor &&
           !yarn_attn_factor && !yarn_beta_fast && !yarn_beta_slow;
  }
};

// Changes the hyper-parameters: positions known become what the factor makes of the original ones.
// unsupported when the model has no rotary positions, usage when the values make no sense together.
Result<void> override_rope(Hparams& hparams, const RopeOverride& rope, const std::string& path);

}  // namespace quire
