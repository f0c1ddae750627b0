// The operations a model is made of, each with the attributes it needs.
//
// Coarse on purpose: about thirty, each a kernel (kernels/), a shape rule (graph/builder), a cost
// (graph/cost), a backward rule (graph/autodiff) and a few lines of C (graph/emit_c). Letters as in
// docs/notation.md.
#pragma once
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

enum class Activation : uint8_t { silu, gelu_tanh, gelu_erf, relu, relu_squared };
const char* activation_name(Activation activation);

// Rotary embedding (Su et al. 2021, arXiv:2104.09864) of the first 2 * inv_freq.size() elements of
// each head: the pair i is turned by the angle position * inv_freq[i] and scaled by `magnitude`
// (YaRN, arXiv:2309.00071).
enum class RopePairs : uint8_t {
  interleaved,  // (2i, 2i+1), Llama in GGUF
  halves,       // (i, i + n/2), GPT-NeoX and most others
};
struct RopeFrequencies {
  std::vector<float> inv_freq;  // (E_rot / 2), scaling variants already applied
  float magnitude = 1;
};

struct NoAttributes {};
struct NormAttributes {
  float eps = 1e-5f;
};
struct RopeAttributes {
  RopePairs pairs = RopePairs::interleaved;
  std::shared_ptr<const RopeFrequencies> frequencies;
};
struct AttentionAttributes {
  int32_t layer = 0;   // which layer of the KV cache
  float scale = 1;     // scores are multiplied by it, usually 1 / sqrt(E)
  int32_t window = 0;  // positions seen, the own one included; 0: all before
  float softcap = 0;   // scores become softcap * tanh(scores / softcap); 0: off
};
struct ActivationAttributes {
  Activation activation = Activation::silu;
};
struct ScaleAttributes {
  float factor = 1;
};

using Attributes = std::variant<NoAttributes, NormAttributes, RopeAttributes, AttentionAttributes,
                                ActivationAttributes, ScaleAttributes>;

}  // namespace quire
