#include "model/rope_override.h"

#include <cmath>

namespace quire {
namespace {

constexpr double n_ctx_max = 1 << 28;

}  // namespace

Result<void> override_rope(Hparams& h, const RopeOverride& rope, const std::string& path) {
  if (rope.empty()) return {};
  if (h.n_rot == 0)
    return fail(Fault::unsupported,
                "{}: the model has no rotary positions, so its context cannot be stretched; leave "
                "out --rope-scaling and the flags that go with it",
                path);
  const bool stretches = rope.factor.has_value() && *rope.factor != 1;
  // A factor alone stretches as the file does, and linearly where it does not.
  RopeScaling scaling = rope.scaling.value_or(h.rope_scaling);
  if (!rope.scaling && stretches && scaling == RopeScaling::none) scaling = RopeScaling::linear;
  if (rope.scaling && *rope.scaling != RopeScaling::none && !rope.factor && h.rope_factor == 1)
    return fail(Fault::usage,
                "--rope-scaling needs to know by how much: --rope-scale 4 makes the context four "
                "times as long");
  if (rope.scaling && *rope.scaling == RopeScaling::none && stretches)
    return fail(Fault::usage, "--rope-scale {} with --rope-scaling none: one of them must go",
                *rope.factor);
  const bool for_yarn =
      rope.yarn_ext_factor || rope.yarn_attn_factor || rope.yarn_beta_fast || rope.yarn_beta_slow;
  if (for_yarn && scaling != RopeScaling::yarn)
    return fail(Fault::usage, "the --yarn flags need --rope-scaling yarn");

  const bool was_stretched = h.rope_scaling != RopeScaling::none && h.rope_factor > 0;
  const int64_t n_ctx_stated = h.rope_n_ctx_orig > 0 ? h.rope_n_ctx_orig : h.n_ctx_train;
  const int64_t n_ctx_orig = rope.yarn_n_ctx_orig.value_or(
      was_stretched && n_ctx_stated == h.n_ctx_train
          ? static_cast<int64_t>(static_cast<float>(h.n_ctx_train) / h.rope_factor)
          : n_ctx_stated);
  if (rope.factor) h.rope_factor = *rope.factor;
  if (scaling == RopeScaling::none) h.rope_factor = 1;
  if (rope.freq_base) h.rope_theta = *rope.freq_base;
  if (rope.yarn_attn_factor) h.rope_attn_factor = *rope.yarn_attn_factor;
  if (rope.yarn_beta_fast) h.yarn_beta_fast = *rope.yarn_beta_fast;
  if (rope.yarn_beta_slow) h.yarn_beta_slow = *rope.yarn_beta_slow;
  if (rope.yarn_ext_factor && *rope.yarn_ext_factor == 0) scaling = RopeScaling::linear;
  const bool changes_length = rope.factor || rope.scaling || rope.yarn_n_ctx_orig;
  h.rope_scaling = scaling;
  h.rope_n_ctx_orig = n_ctx_orig;
  if (!changes_length) return {};
  const double n_ctx = static_cast<double>(n_ctx_orig) * static_cast<double>(h.rope_factor);
  if (!(n_ctx >= 1 && n_ctx <= n_ctx_max))
    return fail(Fault::usage,
                "{} positions stretched {} times are {:.0f}, which is not from 1 to {}", n_ctx_orig,
                h.rope_factor, n_ctx, n_ctx_max);
  h.n_ctx_train = static_cast<int64_t>(std::round(n_ctx));
  return {};
}

}  // namespace quire
