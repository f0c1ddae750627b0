#include "kernels/activation.h"

#include "unit/kernels/support.h"

namespace quire {
namespace {

constexpr Activation all[] = {Activation::silu, Activation::gelu_tanh,    Activation::gelu_erf,
                              Activation::relu, Activation::relu_squared, Activation::sigmoid,
                              Activation::tanh, Activation::gelu_quick};

// The definitions, in double.
double formula(Activation activation, double x) {
  switch (activation) {
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::gelu_erf:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2)));
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::relu_squared:
      return std::max(x, 0.0) * std::max(x, 0.0);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::gelu_quick:
      return x / (1 + std::exp(-static_cast<double>(1.702f) * x));
  }
  return std::nan("");
}

class Activations : public EachIsa {};
FOR_EACH_ISA(Activations);

TEST_P(Activations, PlainAndGatedAreTheFormulas) {
  for (const Activation activation : all)
    for (const int64_t n : odd_sizes) {
      const Floats x = random_floats(2 * n, 1, 3), up = random_floats(2 * n, 2);
      Floats y(x.size()), z(x.size());
      activate(rows_of(y, 2), rows_of(x, 2), activation);
      activate_gated(rows_of(z, 2), rows_of(x, 2), rows_of(up, 2), activation);
      Doubles plain(x.size()), gated(x.size());
      for (size_t i = 0; i < x.size(); ++i) {
        plain[i] = formula(activation, static_cast<double>(x[i]));
        gated[i] = plain[i] * static_cast<double>(up[i]);
      }
      EXPECT_LE(difference(y, plain), few_ulp) << static_cast<int>(activation);
      EXPECT_LE(difference(z, gated), few_ulp) << static_cast<int>(activation);
    }
}

TEST_P(Activations, LargeArgumentsStayFinite) {
  const Floats x{-1e30f, -200, -90, -30, 30, 90, 200, 1e18f}, dy(x.size(), 1.0f);
  for (const Activation activation : all) {
    Floats y(x.size()), dx(x.size());
    activate(rows_of(y, 1), rows_of(x, 1), activation);
    activate_backward(rows_of(dx, 1), rows_of(dy, 1), rows_of(x, 1), activation, Output::write);
    for (size_t i = 0; i + 1 < x.size(); ++i) {
      EXPECT_TRUE(std::isfinite(y[i])) << static_cast<int>(activation) << " of " << x[i];
      if (i > 0 && i < 7) {
        EXPECT_TRUE(std::isfinite(dx[i])) << static_cast<int>(activation) << " of " << x[i];
      }
    }
  }
}

TEST_P(Activations, GradientsMatchDifferences) {
  for (const Activation activation : all) {
    const Floats x = random_floats(45, 1, 2), up = random_floats(45, 2), dy = random_floats(45, 3);
    const Floats old = random_floats(45, 4);
    const auto plain = [&](const Doubles& v) {
      Doubles y(v);
      for (double& each : y) each = formula(activation, each);
      return dot(y, dy);
    };
    Floats dx(x.size()), added(old);
    activate_backward(rows_of(dx, 1), rows_of(dy, 1), rows_of(x, 1), activation, Output::write);
    activate_backward(rows_of(added, 1), rows_of(dy, 1), rows_of(x, 1), activation, Output::add);
    EXPECT_LE(difference(dx, numeric_gradient(plain, as_doubles(x))), few_ulp)
        << static_cast<int>(activation);
    EXPECT_LE(difference(added, sum_of(old, dx)), few_ulp);

    const auto gated = [&](const Doubles& gate, const Doubles& by) {
      Doubles y(gate);
      for (size_t i = 0; i < y.size(); ++i) y[i] = formula(activation, gate[i]) * by[i];
      return dot(y, dy);
    };
    Floats dgate(x.size()), dup(old);
    Floats dgate_added(old);
    activate_gated_backward(rows_of(dgate, 1), rows_of(dup, 1), rows_of(dy, 1), rows_of(x, 1),
                            rows_of(up, 1), activation, Output::write);
    const Doubles numeric_gate =
        numeric_gradient([&](const Doubles& v) { return gated(v, as_doubles(up)); }, as_doubles(x));
    const Doubles numeric_up =
        numeric_gradient([&](const Doubles& v) { return gated(as_doubles(x), v); }, as_doubles(up));
    EXPECT_LE(difference(dgate, numeric_gate), few_ulp) << static_cast<int>(activation);
    EXPECT_LE(difference(dup, numeric_up), few_ulp) << static_cast<int>(activation);
    Floats dup_added(old);
    activate_gated_backward(rows_of(dgate_added, 1), rows_of(dup_added, 1), rows_of(dy, 1),
                            rows_of(x, 1), rows_of(up, 1), activation, Output::add);
    EXPECT_LE(difference(dgate_added, sum_of(old, dgate)), few_ulp);
    EXPECT_LE(difference(dup_added, sum_of(old, dup)), few_ulp);
  }
}

TEST_P(Activations, MayWriteOverTheirArguments) {
  const Floats x = random_floats(50, 1), up = random_floats(50, 2), dy = random_floats(50, 3);
  Floats right(50), dgate(50), dup(50);
  activate_gated(rows_of(right, 1), rows_of(x, 1), rows_of(up, 1), Activation::silu);
  Floats gate(x), other(up);
  activate_gated(rows_of(gate, 1), rows_of(gate, 1), rows_of(up, 1), Activation::silu);
  activate_gated(rows_of(other, 1), rows_of(x, 1), rows_of(other, 1), Activation::silu);
  EXPECT_EQ(gate, right);
  EXPECT_EQ(other, right);
  activate_gated_backward(rows_of(dgate, 1), rows_of(dup, 1), rows_of(dy, 1), rows_of(x, 1),
                          rows_of(up, 1), Activation::silu, Output::write);
  gate = x;
  other = up;
  activate_gated_backward(rows_of(gate, 1), rows_of(other, 1), rows_of(dy, 1), rows_of(gate, 1),
                          rows_of(other, 1), Activation::silu, Output::write);
  EXPECT_EQ(gate, dgate);
  EXPECT_EQ(other, dup);
}

}  // namespace
}  // namespace quire
