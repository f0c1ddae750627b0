// The operations a model is made of, each with the attributes it needs.
//
// Coarse on purpose: about thirty, each a kernel (kernels/), a shape rule (graph/builder), a cost
// (graph/cost), a backward rule (graph/autodiff) and a few lines of C (graph/emit_c). Letters as in
// docs/notation.md.
#pragma once
#include "tensor/kinds.h"

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

namespace quire {

enum class Op : uint8_t {
#define OP(name) name,
#include "graph/ops.inc"
#undef OP
};

// "rms_norm"
const char* op_name(Op op);

const char* activation_name(Activation activation);

// Rotary embedding (Su et al. 2021, arXiv:2104.09864) of the first 2 * frequencies.size() elements
// of each head: pair i is turned by the angle position * frequencies[i], in radians, and scaled by
// `magnitude` (YaRN, arXiv:2309.00071; 1 otherwise).
struct RopeFrequencies {
  std::vector<double> frequencies;  // (E_rot / 2), scaling variants already applied
  float magnitude = 1;
};

struct NoAttributes {};
struct NormAttributes {
  float eps = 1e-5f;
};
struct RopeAttributes {
  RopePairs pairs = RopePairs::neighbours;
  std::shared_ptr<const RopeFrequencies> frequencies;
};
struct AttentionAttributes {
  int32_t layer = 0;   // which layer of the KV cache
  float scale = 1;     // scores are multiplied by it, usually 1 / sqrt(E)
  int32_t window = 0;  // > 0: only positions nearer than that are seen: the own one and the
                       // window - 1 before it (bidirectional: and after it); 0: all
  float softcap = 0;   // scores become softcap * tanh(scores / softcap); 0: off
  AttentionMask mask = AttentionMask::causal;
};
struct ActivationAttributes {
  Activation activation = Activation::silu;
};
struct ScaleAttributes {
  float factor = 1;
};

struct ColumnsAttributes {
  int64_t begin = 0;
};

constexpr int64_t route_experts_max = 1024;  // X

// How the experts of a row are chosen; the steps are told in kernels/route.h.
struct RouteAttributes {
  RouteScores scores = RouteScores::softmax;
  int64_t n_used = 1;      // K
  bool normalize = false;  // the chosen weights add up to 1
  float scale = 1;         // of the weights, in the end
  int64_t n_groups = 1;    // of experts, of equal size
  int64_t n_groups_used = 1;
  int64_t group_best = 1;  // so many of a group's best scores are added to rank it
};
constexpr int64_t causal_conv_width_max = 16;  // W

// Of nodes that keep a state: which one of the sequence's.
struct StateAttributes {
  int32_t index = 0;
};
struct ClampAttributes {
  float low = 0, high = 0;  // infinite: no limit
  float offset = 0;
};

// Which adapter so many columns (or, of directions, rows) are of.
struct AdapterPart {
  int32_t adapter = 0;  // the number of a strength in Batch::strengths
  int64_t n = 1;
  float factor = 1;  // alpha / rank, or the like
  bool operator==(const AdapterPart&) const = default;
};
struct AdapterAttributes {
  std::vector<AdapterPart> parts;
};

using Attributes =
    std::variant<NoAttributes, NormAttributes, RopeAttributes, AttentionAttributes,
                 ActivationAttributes, ScaleAttributes, ColumnsAttributes, RouteAttributes,
                 ClampAttributes, StateAttributes, AdapterAttributes>;

}  // namespace quire
