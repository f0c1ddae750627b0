#include "kernels/activation.h"

#include "kernels/simd_math.h"

#include <cmath>

namespace quire {
namespace {

// One activation's versions for n consecutive elements.
struct ActivationKernels {
  void (*plain)(float* y, const float* x, int64_t n);
  void (*gated)(float* y, const float* gate, const float* up, int64_t n);
  void (*backward)(float* dx, const float* dy, const float* x, int64_t n, Output output);
  void (*gated_backward)(float* dgate, float* dup, const float* dy, const float* gate,
                         const float* up, int64_t n, Output output);
};

template <template <Activation> class Kernels>
ActivationKernels make_activation_kernels(Activation activation) {
#define ROW(a)                                                            \
  case Activation::a:                                                     \
    return {Kernels<Activation::a>::plain, Kernels<Activation::a>::gated, \
            Kernels<Activation::a>::backward, Kernels<Activation::a>::gated_backward};
  switch (activation) {
    ROW(silu)
    ROW(gelu_tanh)
    ROW(gelu_erf)
    ROW(relu)
    ROW(relu_squared)
    ROW(sigmoid)
    ROW(tanh)
    ROW(gelu_quick)
  }
#undef ROW
  CHECK(false);
  return {};
}

}  // namespace

namespace portable {
namespace {

constexpr float gelu_a = 0.797884561f;  // sqrt(2 / pi)
constexpr float gelu_b = 0.044715f;
constexpr float gelu_c = 1.702f;

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

template <Activation activation>
float act(float x) {
  switch (activation) {
    case Activation::silu:
      return x * sigmoid(x);
    case Activation::gelu_tanh:
      return 0.5f * x * (1.0f + std::tanh(gelu_a * x * (1.0f + gelu_b * x * x)));
    case Activation::gelu_erf:
      return 0.5f * x * (1.0f + std::erf(x * 0.707106781f));
    case Activation::relu:
      return x < 0 ? 0.0f : x;
    case Activation::relu_squared:
      return x < 0 ? 0.0f : x * x;
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return std::tanh(x);
    case Activation::gelu_quick:
      return x * sigmoid(gelu_c * x);
  }
  return 0;
}

template <Activation activation>
float slope(float x) {
  switch (activation) {
    case Activation::silu: {
      const float s = sigmoid(x);
      return s * (1.0f + x * (1.0f - s));
    }
    case Activation::gelu_tanh: {
      const float t = std::tanh(gelu_a * x * (1.0f + gelu_b * x * x));
      const float du = gelu_a * (1.0f + 3.0f * gelu_b * x * x);
      return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * du;
    }
    case Activation::gelu_erf:
      return 0.5f * (1.0f + std::erf(x * 0.707106781f)) +
             x * 0.398942280f * std::exp(-0.5f * x * x);
    case Activation::relu:
      return x > 0 ? 1.0f : 0.0f;
    case Activation::relu_squared:
      return x > 0 ? 2.0f * x : 0.0f;
    case Activation::sigmoid: {
      const float s = sigmoid(x);
      return s * (1.0f - s);
    }
    case Activation::tanh: {
      const float t = std::tanh(x);
      return 1.0f - t * t;
    }
    case Activation::gelu_quick: {
      const float s = sigmoid(gelu_c * x);
      return s * (1.0f + gelu_c * x * (1.0f - s));
    }
  }
  return 0;
}

template <Activation a>
struct Kernels {
  static void plain(float* y, const float* x, int64_t n) {
    for (int64_t i = 0; i < n; ++i) y[i] = act<a>(x[i]);
  }
  static void gated(float* y, const float* gate, const float* up, int64_t n) {
    for (int64_t i = 0; i < n; ++i) y[i] = act<a>(gate[i]) * up[i];
  }
  static void backward(float* dx, const float* dy, const float* x, int64_t n, Output output) {
    for (int64_t i = 0; i < n; ++i)
      dx[i] = (output == Output::add ? dx[i] : 0.0f) + dy[i] * slope<a>(x[i]);
  }
  static void gated_backward(float* dgate, float* dup, const float* dy, const float* gate,
                             const float* up, int64_t n, Output output) {
    for (int64_t i = 0; i < n; ++i) {
      const float to_gate = dy[i] * up[i] * slope<a>(gate[i]), to_up = dy[i] * act<a>(gate[i]);
      dgate[i] = (output == Output::add ? dgate[i] : 0.0f) + to_gate;
      dup[i] = (output == Output::add ? dup[i] : 0.0f) + to_up;
    }
  }
};
ActivationKernels activation_kernels(Activation activation) {
  return make_activation_kernels<Kernels>(activation);
}

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/activation_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {
void activate(Rows<float> y, Rows<const float> x, Activation activation) {
  CHECK(same_shape(y, x));
  const auto kernel = KERNEL_VERSION(activation_kernels)(activation).plain;
  for (int64_t t = 0; t < x.n; ++t) kernel(y.row(t), x.row(t), x.width);
}

void activate_gated(Rows<float> y, Rows<const float> gate, Rows<const float> up,
                    Activation activation) {
  CHECK(same_shape(y, gate) && same_shape(y, up));
  const auto kernel = KERNEL_VERSION(activation_kernels)(activation).gated;
  for (int64_t t = 0; t < y.n; ++t) kernel(y.row(t), gate.row(t), up.row(t), y.width);
}

void activate_backward(Rows<float> dx, Rows<const float> dy, Rows<const float> x,
                       Activation activation, Output output) {
  CHECK(same_shape(dx, dy) && same_shape(x, dy));
  const auto kernel = KERNEL_VERSION(activation_kernels)(activation).backward;
  for (int64_t t = 0; t < x.n; ++t) kernel(dx.row(t), dy.row(t), x.row(t), x.width, output);
}

void activate_gated_backward(Rows<float> dgate, Rows<float> dup, Rows<const float> dy,
                             Rows<const float> gate, Rows<const float> up, Activation activation,
                             Output output) {
  CHECK(same_shape(dgate, dy) && same_shape(dup, dy) && same_shape(gate, dy) && same_shape(up, dy));
  const auto kernel = KERNEL_VERSION(activation_kernels)(activation).gated_backward;
  for (int64_t t = 0; t < dy.n; ++t)
    kernel(dgate.row(t), dup.row(t), dy.row(t), gate.row(t), up.row(t), dy.width, output);
}

}  // namespace quire
