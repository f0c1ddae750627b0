#include "kernels/selftest.h"

#include "base/rng.h"
#include "kernels/activation.h"
#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/attention_train.h"
#include "kernels/causal_conv.h"
#include "kernels/cross_entropy.h"
#include "kernels/elementwise.h"
#include "kernels/embed.h"
#include "kernels/expert_matmul.h"
#include "kernels/matmul.h"
#include "kernels/norm.h"
#include "kernels/rope.h"
#include "kernels/route.h"
#include "kernels/softmax.h"
#include "kernels/ssm_scan.h"
#include "kernels/vec_math.h"
#include "quant/codec.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace quire {
namespace {

using Floats = std::vector<float>;

View<float, 1> vector_of(Floats& x) { return View<float, 1>(x.data(), x.size()); }
Rows<float> rows_of(Floats& x, int64_t n) {
  return View<float, 2>(x.data(), n, static_cast<int64_t>(x.size()) / n);
}

// Random input of one case, the same for every version.
class Inputs {
 public:
  explicit Inputs(uint64_t seed) : rng_(seed) {}
  Floats normal(int64_t n, double scale = 1) {
    Floats x(static_cast<size_t>(n));
    for (float& v : x) v = static_cast<float>(scale * rng_.normal());
    return x;
  }
  std::vector<int32_t> below(int64_t n, int64_t limit) {
    std::vector<int32_t> x(static_cast<size_t>(n));
    for (int32_t& v : x) v = static_cast<int32_t>(rng_.below(static_cast<uint64_t>(limit)));
    return x;
  }

 private:
  Rng rng_;
};

View<const int32_t, 1> view_of(const std::vector<int32_t>& x) {
  return View<const int32_t, 1>(x.data(), x.size());
}

// Lends a kernel n bytes.
struct Lent {
  std::shared_ptr<std::byte[]> memory;
  Scratch scratch;
  explicit Lent(size_t n) : memory(allocate_aligned(n)), scratch(memory.get(), n) {}
};

// A kernel on random data whose sizes follow from `size`; the result is everything it wrote.
struct Case {
  std::string what;
  double tolerance;  // of the largest difference over the largest magnitude (at least 1) of the
                     // reference
  std::function<Floats(Inputs& in, int64_t size)> run;
};

Floats joined(std::initializer_list<Floats> parts) {
  Floats all;
  for (const Floats& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Elementwise work: a few units in the last place.
constexpr double few_ulp = 2e-6;
// Sums over rows of up to a few hundred elements, in another order.
constexpr double sums = 2e-5;

void add_vec_math(std::vector<Case>& cases) {
  using Function = void (*)(View<float, 1>, View<const float, 1>);
  const auto add = [&](const char* what, Function f, bool positive) {
    cases.push_back({what, few_ulp, [f, positive](Inputs& in, int64_t n) {
                       Floats x = in.normal(n, 3), y(x.size());
                       if (positive)
                         for (float& v : x) v = std::exp(v);
                       f(vector_of(y), vector_of(x));
                       return y;
                     }});
  };
  add("exp", vec_exp, false);
  add("log", vec_log, true);
  add("tanh", vec_tanh, false);
  add("erf", vec_erf, false);
}

void add_elementwise(std::vector<Case>& cases) {
  cases.push_back({"add, scale, multiply", few_ulp, [](Inputs& in, int64_t n) {
                     Floats a = in.normal(3 * n), b = in.normal(3 * n), y(a.size());
                     Floats da(a.size()), db(a.size());
                     const Rows<float> ra = rows_of(a, 3), rb = rows_of(b, 3), ry = rows_of(y, 3);
                     add(ry, ra, rb);
                     add_scaled(ry, ra, 0.3f);
                     scale(ry, ry, 1.7f);
                     multiply(ry, ry, rb);
                     multiply_backward(rows_of(da, 3), rows_of(db, 3), ry, ra, rb, Output::add);
                     Floats row = in.normal(n);
                     add_row(ry, ry, vector_of(row));
                     return joined({y, da, db});
                   }});
  cases.push_back({"softcap and backward, clamp", few_ulp, [](Inputs& in, int64_t n) {
                     Floats x = in.normal(n, 20), dy = in.normal(n), y(x.size()), dx(x.size());
                     softcap(rows_of(y, 1), rows_of(x, 1), 15.0f);
                     clamp(rows_of(y, 1), rows_of(y, 1), -9.0f, 7.0f, 0.5f);
                     softcap_backward(rows_of(dx, 1), rows_of(dy, 1), rows_of(y, 1), 15.0f,
                                      Output::write);
                     return joined({y, dx});
                   }});
  cases.push_back({"sums of rows and of squares", sums, [](Inputs& in, int64_t n) {
                     Floats x = in.normal(70 * n), y = in.normal(n);
                     sum_rows(vector_of(y), 0, n, rows_of(x, 70), Output::add);
                     y.push_back(static_cast<float>(sum_of_squares(vector_of(x))));
                     return y;
                   }});
  cases.push_back({"adamw step", few_ulp, [](Inputs& in, int64_t n) {
                     Floats w = in.normal(n), m = in.normal(n), v = in.normal(n), g = in.normal(n);
                     for (float& x : v) x *= x;
                     adamw_step(vector_of(w), vector_of(m), vector_of(v), vector_of(g),
                                {.rate = 0.01f, .weight_decay = 0.1f, .step = 3});
                     return joined({w, m, v});
                   }});
}

void add_activations(std::vector<Case>& cases) {
  static constexpr std::pair<Activation, const char*> all[] = {
      {Activation::silu, "silu"},
      {Activation::gelu_tanh, "gelu_tanh"},
      {Activation::gelu_erf, "gelu_erf"},
      {Activation::relu, "relu"},
      {Activation::relu_squared, "relu_squared"},
      {Activation::sigmoid, "sigmoid"},
      {Activation::tanh, "tanh"},
      {Activation::gelu_quick, "gelu_quick"}};
  for (const auto& [activation, name] : all)
    cases.push_back(
        {std::string(name) + ", gated, backward", few_ulp, [activation](Inputs& in, int64_t n) {
           Floats x = in.normal(n, 3), up = in.normal(n), dy = in.normal(n);
           Floats y(x.size()), z(x.size()), dx(x.size()), dg(x.size()), du(x.size());
           const Rows<float> rx = rows_of(x, 1), ru = rows_of(up, 1), rd = rows_of(dy, 1);
           activate(rows_of(y, 1), rx, activation);
           activate_gated(rows_of(z, 1), rx, ru, activation);
           activate_backward(rows_of(dx, 1), rd, rx, activation, Output::add);
           activate_gated_backward(rows_of(dg, 1), rows_of(du, 1), rd, rx, ru, activation,
                                   Output::write);
           return joined({y, z, dx, dg, du});
         }});
}

void add_rows(std::vector<Case>& cases) {
  cases.push_back({"rms_norm and backward", sums, [](Inputs& in, int64_t n) {
                     Floats x = in.normal(5 * n), w = in.normal(n), dy = in.normal(5 * n);
                     Floats y(x.size()), dx(x.size()), dw(w.size()), r(5);
                     rms_norm(rows_of(y, 5), rows_of(x, 5), vector_of(w), 1e-5f);
                     rms_norm_backward_x(rows_of(dx, 5), vector_of(r), rows_of(dy, 5),
                                         rows_of(x, 5), vector_of(w), 1e-5f, Output::add);
                     rms_norm_backward_w(vector_of(dw), 0, n, rows_of(dy, 5), rows_of(x, 5),
                                         vector_of(r), Output::write);
                     return joined({y, dx, dw, r});
                   }});
  cases.push_back(
      {"layer_norm and backward", sums, [](Inputs& in, int64_t n) {
         n += 2;  // of one element nothing is left but rounding
         Floats x = in.normal(5 * n), w = in.normal(n), b = in.normal(n);
         Floats dy = in.normal(5 * n), y(x.size()), dx(x.size()), dw(w.size());
         Floats db(w.size()), mean(5), r(5);
         layer_norm(rows_of(y, 5), rows_of(x, 5), vector_of(w), vector_of(b), 1e-2f);
         layer_norm_backward_x(rows_of(dx, 5), vector_of(mean), vector_of(r), rows_of(dy, 5),
                               rows_of(x, 5), vector_of(w), 1e-2f, Output::write);
         layer_norm_backward_wb(vector_of(dw), vector_of(db), 0, n, rows_of(dy, 5), rows_of(x, 5),
                                vector_of(mean), vector_of(r), Output::add);
         return joined({y, dx, dw, db});
       }});
  cases.push_back({"softmax, log_sum_exp, cross_entropy", sums, [](Inputs& in, int64_t n) {
                     Floats x = in.normal(4 * n, 4), dy = in.normal(4 * n), y(x.size());
                     Floats dx(x.size()), dl(x.size()), lse(4), loss(4);
                     const auto targets = in.below(4, n);
                     softmax(rows_of(y, 4), rows_of(x, 4));
                     softmax_backward(rows_of(dx, 4), rows_of(dy, 4), rows_of(y, 4), Output::add);
                     log_sum_exp(vector_of(lse), rows_of(x, 4));
                     cross_entropy_backward(rows_of(dl, 4), vector_of(loss), rows_of(x, 4),
                                            view_of(targets), 0.25f);
                     return joined({y, dx, lse, dl, loss});
                   }});
  for (const RopePairs pairs : {RopePairs::neighbours, RopePairs::halves})
    cases.push_back({pairs == RopePairs::halves ? "rope of halves" : "rope of neighbours", few_ulp,
                     [pairs](Inputs& in, int64_t n) {
                       const int64_t width = 2 * n + 3;
                       Floats x = in.normal(3 * 2 * width), y(x.size()), table(3 * 2 * n);
                       std::vector<double> frequencies(static_cast<size_t>(n));
                       const View<double, 1> f(frequencies.data(), n);
                       rope_frequencies(f, 1e4);
                       const auto positions = in.below(3, 100000);
                       rope_table(rows_of(table, 3), view_of(positions), f, 1.1f);
                       rope(View<float, 3>(y.data(), 3, 2, width),
                            View<const float, 3>(x.data(), 3, 2, width), rows_of(table, 3), pairs,
                            RopeTurn::forward);
                       return y;
                     }});
}

// Weights of a storage type from random numbers.
Tensor encoded(Inputs& in, DType dtype, int64_t n, int64_t k) {
  Tensor w(dtype, Shape{n, k});
  const Floats values = in.normal(n * k);
  codec(dtype, Isa::portable)->encode(values.data(), w.data(), n * k);
  return w;
}

// Products with rounded activations, for every type that has them and can be written.
void add_matmul_fast(std::vector<Case>& cases) {
  for (uint32_t id = 0; id < 64; ++id) {
    const auto dtype = dtype_from_id(id);
    if (!dtype || row_format(*dtype, Precision::fast) == RowFormat::f32) continue;
    const Codec* written = codec(*dtype, Isa::portable);
    if (written == nullptr || written->encode == nullptr) continue;
    // Few rows of F16 are computed as by the exact product.
    const int64_t more = *dtype == DType::f16 ? matmul_few_rows + 1 : 8;
    cases.push_back({std::string("fast matmul ") + info(*dtype).name + ", 1 and " +
                         std::to_string(more) + " rows",
                     sums, [type = *dtype, more](Inputs& in, int64_t size) {
                       const int64_t block = info(type).block_size;
                       const int64_t k = (4 * size + block - 1) / block * block, n = size + 1;
                       const Tensor w = encoded(in, type, n, k);
                       Floats result;
                       for (const int64_t t : {int64_t{1}, more}) {
                         Floats x = in.normal(t * k), y = in.normal(t * n);
                         const RowFormat format = row_format(type, Precision::fast);
                         const Lent memory(static_cast<size_t>(quantized_rows_bytes(format, t, k)));
                         const QuantizedRows rows{format, t, k, memory.memory.get()};
                         quantize_rows(rows, rows_of(x, t), 0, t);
                         const Lent lent(matmul_scratch_bytes());
                         matmul({.x = rows_of(x, t),
                                 .w = w.view(),
                                 .y = rows_of(y, t),
                                 .output = Output::add,
                                 .quantized = rows},
                                lent.scratch);
                         result = joined({result, y});
                       }
                       return result;
                     }});
  }
}

void add_matmul(std::vector<Case>& cases) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0})
    for (const int64_t t : {int64_t{1}, int64_t{5}, matmul_few_rows + 4})
      cases.push_back(
          {std::string("matmul ") + info(dtype).name + ", " + std::to_string(t) +
               " rows, and backward",
           sums, [dtype, t](Inputs& in, int64_t size) {
             const int64_t block = info(dtype).block_size;
             const int64_t k = (size + block - 1) / block * block, n = 2 * size + 1;
             const Tensor w = encoded(in, dtype, n, k);
             Floats x = in.normal(t * k), bias = in.normal(n), y = in.normal(t * n);
             Floats dx = in.normal(t * k), dw = in.normal(n * k);
             const Lent lent(matmul_scratch_bytes());
             matmul({.x = rows_of(x, t),
                     .w = w.view(),
                     .y = rows_of(y, t),
                     .bias = bias.data(),
                     .output = Output::add},
                    lent.scratch);
             gemm(matmul_backward_x(rows_of(dx, t), rows_of(y, t), w.view(), Output::add),
                  lent.scratch);
             gemm(matmul_backward_w(rows_of(dw, n), rows_of(y, t), rows_of(x, t), Output::write),
                  lent.scratch);
             return joined({y, dx, dw});
           }});
}

// A router's choice of 2 of 4 experts, their products with the rows, and the sum of these.
Floats run_experts(Inputs& in, DType dtype, Precision precision, int64_t n_rows, int64_t size) {
  constexpr int64_t X = 4, K = 2;
  const int64_t block = info(dtype).block_size, D = (size + block - 1) / block * block;
  Floats logits = in.normal(n_rows * X), x = in.normal(n_rows * D), bias = in.normal(X * size);
  // Apart enough that rounding never changes a choice.
  for (int64_t i = 0; i < n_rows * X; ++i) {
    float& logit = logits[static_cast<size_t>(i)];
    logit = std::round(4 * logit) + 0.01f * static_cast<float>(i % X);
  }
  Floats weights(static_cast<size_t>(n_rows * K)), chosen(weights.size());
  route(rows_of(weights, n_rows), rows_of(chosen, n_rows), rows_of(logits, n_rows), {},
        {.normalize = true});
  Tensor w(dtype, Shape{X, size, D});
  const Floats values = in.normal(X * size * D);
  codec(dtype, Isa::portable)->encode(values.data(), w.data(), X * size * D);

  ExpertGroups groups;
  groups.group_by_expert(rows_of(chosen, n_rows), X);
  const RowFormat format = expert_row_format(dtype, precision);
  const Lent placed(static_cast<size_t>(expert_rows_bytes(format, n_rows * K, D)));
  const ExpertRows rows{&groups, format, D, placed.memory.get()};
  place_expert_rows(rows, rows_of(x, n_rows), 0, n_rows);
  Floats y(static_cast<size_t>(n_rows * K * size)), sum(static_cast<size_t>(n_rows * size));
  const ExpertPlan plan = expert_plan({rows, w.view(), bias.data(), rows_of(y, n_rows * K)}, K);
  const Lent lent(expert_scratch_bytes());
  for (int64_t tile = 0; tile < plan.n_tiles; ++tile) expert_tile(plan, tile, lent.scratch);
  expert_sum(rows_of(sum, n_rows), rows_of(y, n_rows), rows_of(weights, n_rows));
  return joined({weights, chosen, sum});
}

void add_experts(std::vector<Case>& cases) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::mxfp4})
    for (const Precision precision : {Precision::exact, Precision::fast}) {
      if (precision == Precision::fast && row_format(dtype, precision) == RowFormat::f32) continue;
      const std::string how = precision == Precision::fast ? "fast " : "";
      cases.push_back({how + "experts " + info(dtype).name + ", 1 and 40 rows", sums,
                       [dtype, precision](Inputs& in, int64_t size) {
                         return joined({run_experts(in, dtype, precision, 1, size / 4 + 1),
                                        run_experts(in, dtype, precision, 40, size / 4 + 1)});
                       }});
    }
}

Floats run_paged_attention(Inputs& in, DType dtype, int64_t n_cached, int64_t k_width,
                           int64_t v_width, AttentionMask mask) {
  constexpr int64_t n_group = 3, n_heads = 2, t = 3;
  const int64_t n_blocks = (n_cached + t + kv_block_size - 1) / kv_block_size;
  const int64_t k_bytes = k_block_bytes(dtype, n_heads, k_width);
  const int64_t v_bytes = v_block_bytes(dtype, n_heads, v_width);
  const Lent k(static_cast<size_t>(n_blocks * k_bytes)), v(static_cast<size_t>(n_blocks * v_bytes));
  std::vector<int32_t> blocks, positions;
  for (int64_t b = n_blocks; b-- > 0;) blocks.push_back(static_cast<int32_t>(b));
  const KvPages pages{.k = {k.memory.get(), dtype, k_bytes, k_width},
                      .v = {v.memory.get(), dtype, v_bytes, v_width},
                      .blocks = blocks,
                      .n_heads = n_heads,
                      .n_stored = n_cached + t};
  for (int64_t s = 0; s < n_cached + t; ++s) positions.push_back(static_cast<int32_t>(s));
  Floats keys = in.normal((n_cached + t) * n_heads * k_width),
         values = in.normal((n_cached + t) * n_heads * v_width);
  kv_store(pages, View<float, 3>(keys.data(), n_cached + t, n_heads, k_width),
           View<float, 3>(values.data(), n_cached + t, n_heads, v_width), view_of(positions));
  Floats q = in.normal(t * n_heads * n_group * k_width), sinks = in.normal(n_heads * n_group);
  Floats out(static_cast<size_t>(t * n_heads * n_group * v_width));
  const Lent lent(attention_scratch_bytes(n_group, k_width, v_width));
  for (int64_t g = 0; g < n_heads; ++g)
    attention(View<float, 3>(out.data(), t, n_heads * n_group, v_width),
              View<float, 3>(q.data(), t, n_heads * n_group, k_width), pages,
              View<const int32_t, 1>(positions.data() + n_cached, t), g,
              {0.3f, 40, 20.0f, mask, sinks.data()}, lent.scratch);
  return out;
}

Floats run_train_attention(Inputs& in, int64_t n_tokens, int64_t width) {
  constexpr int64_t n_heads = 2, n_group = 2, n_sequences = 2;
  const int64_t n = n_sequences * n_tokens;
  Floats q = in.normal(n * n_heads * n_group * width), k = in.normal(n * n_heads * width);
  Floats v = in.normal(n * n_heads * width), dout = in.normal(n * n_heads * n_group * width);
  Floats out(q.size()), lse(static_cast<size_t>(n * n_heads * n_group)), dq(q.size());
  Floats dk(k.size()), dv(v.size());
  const auto heads = [&](Floats& x, int64_t h) { return View<float, 3>(x.data(), n, h, width); };
  const int64_t h = n_heads * n_group;
  const AttentionTrain attention{n_sequences,       n_tokens,          heads(q, h),
                                 heads(k, n_heads), heads(v, n_heads), {.scale = 0.3f}};
  const Lent lent(attention_train_scratch_bytes(attention));
  const View<float, 2> lse_view(lse.data(), n, h);
  for (int64_t i = 0; i < attention_forward_tiles(attention); ++i)
    attention_forward_tile(attention, heads(out, h), lse_view, i, lent.scratch);
  for (int64_t i = 0; i < attention_backward_tiles(attention); ++i)
    attention_backward_tile(attention, {heads(dq, h), heads(dk, n_heads), heads(dv, n_heads)},
                            heads(dout, h), heads(out, h), lse_view, i, lent.scratch);
  return joined({out, lse, dq, dk, dv});
}

void add_attention(std::vector<Case>& cases) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0})
    for (const AttentionMask mask : {AttentionMask::causal, AttentionMask::bidirectional})
      cases.push_back({std::string(mask == AttentionMask::causal ? "" : "bidirectional ") +
                           "attention over " + info(dtype).name + " pages",
                       sums, [dtype, mask](Inputs& in, int64_t size) {
                         const int64_t block = info(dtype).block_size;
                         const int64_t width = (size / 2 + block) / block * block;
                         return run_paged_attention(in, dtype, size, width, width + block, mask);
                       }});
  cases.push_back({"attention for training and backward", sums, [](Inputs& in, int64_t size) {
                     return run_train_attention(in, 2 * size, (size + 1) / 2);
                   }});
}

// Both on rows that follow a state.
void add_state(std::vector<Case>& cases) {
  cases.push_back({"causal convolution", sums, [](Inputs& in, int64_t n) {
                     constexpr int64_t t = 6, width = 4;
                     Floats x = in.normal(t * n), w = in.normal(n * width), bias = in.normal(n);
                     Floats state = in.normal((width - 1) * n), y(x.size());
                     causal_conv({.y = rows_of(y, t),
                                  .x = rows_of(x, t),
                                  .w = w.data(),
                                  .bias = bias.data(),
                                  .state = state.data(),
                                  .width = width},
                                 0, n);
                     return joined({y, state});
                   }});
  cases.push_back({"state space of Mamba-2", sums, [](Inputs& in, int64_t n) {
                     constexpr int64_t t = 6, width = 16;
                     Floats x = in.normal(t * n), dt = in.normal(t), b = in.normal(t * width);
                     Floats c = in.normal(t * width), a = in.normal(1), d = in.normal(1);
                     Floats bias = in.normal(1), state = in.normal(width * n), y(x.size());
                     a[0] = -std::abs(a[0]);
                     ssm_scan({.y = View<float, 3>(y.data(), t, 1, n),
                               .x = View<float, 3>(x.data(), t, 1, n),
                               .dt = rows_of(dt, t),
                               .b = View<float, 3>(b.data(), t, 1, width),
                               .c = View<float, 3>(c.data(), t, 1, width),
                               .a = vector_of(a),
                               .d = vector_of(d),
                               .dt_bias = vector_of(bias),
                               .state = state.data()},
                              0);
                     return joined({y, state});
                   }});
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  add_vec_math(cases);
  add_elementwise(cases);
  add_activations(cases);
  add_rows(cases);
  add_matmul(cases);
  add_matmul_fast(cases);
  add_experts(cases);
  add_attention(cases);
  add_state(cases);
  cases.push_back({"embed_backward", few_ulp, [](Inputs& in, int64_t n) {
                     Floats table = in.normal(7 * n), dy = in.normal(12 * n);
                     embed_backward(rows_of(table, 7), 0, n, rows_of(dy, 12),
                                    view_of(in.below(12, 7)));
                     return table;
                   }});
  return cases;
}

// Runs with at most the given instruction set, then as before.
Floats run_limited(const Case& one, Isa limit, uint64_t seed, int64_t size) {
  const Isa before = isa();
  limit_isa(limit);
  Inputs in(seed);
  Floats result = one.run(in, size);
  limit_isa(before);
  return result;
}

double difference(const Floats& a, const Floats& b) {
  double scale = 1, worst = 0;
  for (const float v : b) scale = std::max(scale, std::abs(double{v}));
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(double{a[i]} - double{b[i]});
    if (!(d <= worst)) worst = d;  // NaN too
  }
  return worst / scale;
}

}  // namespace

std::vector<SelftestRow> selftest_kernels(uint64_t seed) {
  constexpr int64_t sizes[] = {1, 2, 3, 7, 15, 16, 17, 31, 33, 48, 64, 100, 130};
  std::vector<SelftestRow> rows;
  for (const Case& one : all_cases())
    for (const Isa version : {Isa::avx2, Isa::avx512}) {
      if (version > isa()) continue;
      SelftestRow row{one.what, version, 0, one.tolerance};
      for (const int64_t size : sizes) {
        const double d = difference(run_limited(one, version, seed, size),
                                    run_limited(one, Isa::portable, seed, size));
        if (!(d <= row.difference)) row.difference = d;
      }
      rows.push_back(row);
    }
  return rows;
}

}  // namespace quire
