// Speed of the CPU kernels on one thread, with the instruction set that the program would choose
// (or the one named by
// --isa=portable|avx2|avx512). Arithmetic is reported as FLOP/s, streaming as bytes/s.
//
//   ninja bench_kernels && ./bench/bench_kernels --benchmark_repetitions=5
//   --benchmark_report_aggregates_only
#include <benchmark/benchmark.h>

#include "base/isa.h"
#include "base/rng.h"
#include "kernels/activation.h"
#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/attention_train.h"
#include "kernels/cross_entropy.h"
#include "kernels/matmul.h"
#include "kernels/norm.h"
#include "kernels/rope.h"
#include "quant/codec.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace quire {
namespace {

using Floats = std::vector<float>;
using benchmark::Counter;
using benchmark::State;

Floats random_floats(int64_t n) {
  Rng rng(1);
  Floats x(static_cast<size_t>(n));
  for (float& v : x) v = static_cast<float>(rng.uniform() - 0.5);
  return x;
}
View<float, 1> vector_of(Floats& x) { return View<float, 1>(x.data(), x.size()); }
Rows<float> rows_of(Floats& x, int64_t n) {
  return View<float, 2>(x.data(), n, static_cast<int64_t>(x.size()) / n);
}

struct Lent {
  std::shared_ptr<std::byte[]> memory;
  Scratch scratch;
  explicit Lent(size_t n) : memory(allocate_aligned(n)), scratch(memory.get(), n) {}
};

void count_flops(State& state, double flops) {
  state.counters["FLOP/s"] =
      Counter(flops * static_cast<double>(state.iterations()), Counter::kIsRate);
}
void count_bytes(State& state, double bytes) {
  state.counters["B/s"] =
      Counter(bytes * static_cast<double>(state.iterations()), Counter::kIsRate, Counter::kIs1024);
}

Tensor weights(DType dtype, int64_t n, int64_t k) {
  Tensor w(dtype, Shape{n, k});
  const Floats values = random_floats(k);
  const int64_t bytes = row_bytes(dtype, k);
  for (int64_t i = 0; i < n; ++i) codec(dtype)->encode(values.data(), w.data() + i * bytes, k);
  return w;
}

// Many rows: FLOP/s.
void matmul_rows(State& state, DType dtype) {
  const int64_t t = state.range(0), k = state.range(1), n = state.range(2);
  const Tensor w = weights(dtype, n, k);
  Floats x = random_floats(t * k), y(static_cast<size_t>(t * n));
  const Lent lent(matmul_scratch_bytes());
  for (auto _ : state)
    matmul({.x = rows_of(x, t), .w = w.view(), .y = rows_of(y, t)}, lent.scratch);
  count_flops(state, 2.0 * static_cast<double>(t * n * k));
}

// One row: bytes of weights per second, out of 256 MiB so that they come from memory.
void matmul_one_row(State& state, DType dtype) {
  const int64_t t = state.range(0), k = 4096;
  const int64_t n = (int64_t{256} << 20) / row_bytes(dtype, k);
  const Tensor w = weights(dtype, n, k);
  Floats x = random_floats(t * k), y(static_cast<size_t>(t * n));
  const Lent lent(matmul_scratch_bytes());
  for (auto _ : state)
    matmul({.x = rows_of(x, t), .w = w.view(), .y = rows_of(y, t)}, lent.scratch);
  count_bytes(state, static_cast<double>(w.n_bytes()));
}

void matmul_backward(State& state) {
  const int64_t t = state.range(0), k = state.range(1), n = state.range(2);
  const Tensor w = weights(DType::f32, n, k);
  Floats x = random_floats(t * k), dy = random_floats(t * n), dx(x.size());
  Floats dw(static_cast<size_t>(n * k));
  const Lent lent(matmul_scratch_bytes());
  for (auto _ : state) {
    gemm(matmul_backward_x(rows_of(dx, t), rows_of(dy, t), w.view(), Output::write), lent.scratch);
    gemm(matmul_backward_w(rows_of(dw, n), rows_of(dy, t), rows_of(x, t), Output::add),
         lent.scratch);
  }
  count_flops(state, 4.0 * static_cast<double>(t * n * k));
}

// One new token against S cached positions, 32 query heads on 8 kv heads of 64: bytes of cache per
// second.
void attention_decode(State& state, DType dtype) {
  const int64_t s = state.range(0), n_heads = 8, n_group = 4, width = 64;
  const int64_t n_blocks = (s + kv_block_size - 1) / kv_block_size;
  const int64_t block_bytes = v_block_bytes(dtype, n_heads, width);
  const Lent k(static_cast<size_t>(n_blocks * block_bytes));
  const Lent v(static_cast<size_t>(n_blocks * block_bytes));
  std::vector<int32_t> blocks;
  for (int64_t b = 0; b < n_blocks; ++b) blocks.push_back(static_cast<int32_t>(b));
  const KvPages pages{.k = {k.memory.get(), dtype, block_bytes, width},
                      .v = {v.memory.get(), dtype, block_bytes, width},
                      .blocks = blocks,
                      .n_heads = n_heads,
                      .n_stored = s};
  Floats row = random_floats(n_heads * width);
  for (int64_t i = 0; i < s; ++i) {
    const int32_t position = static_cast<int32_t>(i);
    kv_store(pages, View<float, 3>(row.data(), 1, n_heads, width),
             View<float, 3>(row.data(), 1, n_heads, width), View<const int32_t, 1>(&position, 1));
  }
  Floats q = random_floats(n_heads * n_group * width), out(q.size());
  const int32_t last = static_cast<int32_t>(s - 1);
  const Lent lent(attention_scratch_bytes(n_group, width, width));
  for (auto _ : state)
    for (int64_t g = 0; g < n_heads; ++g)
      attention(View<float, 3>(out.data(), 1, n_heads * n_group, width),
                View<float, 3>(q.data(), 1, n_heads * n_group, width), pages,
                View<const int32_t, 1>(&last, 1), g, {.scale = 0.125f}, lent.scratch);
  count_bytes(state, 2.0 * static_cast<double>(s * n_heads * row_bytes(dtype, width)));
}

// T tokens of one sequence, 8 query heads on 8 kv heads. FLOPs of the visible half: 2 products
// forward, 5 backward.
void attention_train(State& state) {
  const int64_t t = state.range(0), width = state.range(1), h = 8;
  Floats q = random_floats(t * h * width), k(q), v(q), out(q.size()), dout(q), dq(q), dk(q), dv(q);
  Floats lse(static_cast<size_t>(t * h));
  const auto heads = [&](Floats& x) { return View<float, 3>(x.data(), t, h, width); };
  const AttentionTrain a{1, t, heads(q), heads(k), heads(v), {.scale = 0.125f}};
  const Lent lent(attention_train_scratch_bytes(a));
  const View<float, 2> lse_view(lse.data(), t, h);
  for (auto _ : state) {
    for (int64_t i = 0; i < attention_forward_tiles(a); ++i)
      attention_forward_tile(a, heads(out), lse_view, i, lent.scratch);
    for (int64_t i = 0; i < attention_backward_tiles(a); ++i)
      attention_backward_tile(a, {heads(dq), heads(dk), heads(dv)}, heads(dout), heads(out),
                              lse_view, i, lent.scratch);
  }
  count_flops(state, 7.0 * static_cast<double>(t * t * width * h));
}

void rows(State& state, const char* what) {
  const int64_t t = 512, d = state.range(0);
  Floats x = random_floats(t * d), up(x), y(x.size()), w = random_floats(d), loss(512);
  std::vector<int32_t> targets(512, 3);
  double bytes = 8.0 * static_cast<double>(t * d);
  for (auto _ : state) {
    if (std::strcmp(what, "rms_norm") == 0)
      rms_norm(rows_of(y, t), rows_of(x, t), vector_of(w), 1e-5f);
    else if (std::strcmp(what, "silu") == 0)
      activate_gated(rows_of(y, t), rows_of(x, t), rows_of(up, t), Activation::silu);
    else
      cross_entropy_backward(rows_of(y, t), vector_of(loss), rows_of(x, t),
                             View<const int32_t, 1>(targets.data(), 512), 1.0f);
  }
  if (std::strcmp(what, "silu") == 0) bytes *= 1.5;
  count_bytes(state, bytes);
}

void adamw(State& state) {
  const int64_t n = state.range(0);
  Floats w = random_floats(n), m(w), v(w.size(), 1.0f), g(w);
  for (auto _ : state)
    adamw_step(vector_of(w), vector_of(m), vector_of(v), vector_of(g), {.weight_decay = 0.1f});
  count_bytes(state, 28.0 * static_cast<double>(n));
}

void register_all() {
  using benchmark::RegisterBenchmark;
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0}) {
    const std::string name = info(dtype).name;
    RegisterBenchmark(("matmul/" + name + "/T/K/N").c_str(), matmul_rows, dtype)
        ->Args({16, 256, 256})
        ->Args({1024, 128, 512})
        ->Args({1024, 256, 256})
        ->Args({1024, 256, 1024})
        ->Args({512, 2048, 2048});
    RegisterBenchmark(("matmul from memory/" + name + "/T").c_str(), matmul_one_row, dtype)
        ->Arg(1)
        ->Arg(4)
        ->Arg(12);
  }
  RegisterBenchmark("matmul backward/T/K/N", matmul_backward)
      ->Args({1024, 128, 512})
      ->Args({1024, 256, 256})
      ->Args({1024, 256, 1024});
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0})
    RegisterBenchmark(("attention decode/" + std::string(info(dtype).name) + "/S").c_str(),
                      attention_decode, dtype)
        ->Arg(256)
        ->Arg(4096);
  RegisterBenchmark("attention train/T/E", attention_train)
      ->Args({256, 32})
      ->Args({512, 32})
      ->Args({512, 64})
      ->Args({1024, 128});
  RegisterBenchmark("rms_norm/D", rows, "rms_norm")->Arg(256)->Arg(2048);
  RegisterBenchmark("silu gated/F", rows, "silu")->Arg(1024);
  RegisterBenchmark("cross_entropy/V", rows, "cross_entropy")->Arg(4096);
  RegisterBenchmark("adamw/n", adamw)->Arg(1 << 16)->Arg(1 << 22);
}

}  // namespace
}  // namespace quire

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::strncmp(argv[i], "--isa=", 6) == 0) {
      const auto limit = quire::isa_from_name(argv[i] + 6);
      if (!limit.has_value()) return 2;
      quire::limit_isa(*limit);
      std::rotate(argv + i, argv + i + 1, argv + argc);
      --argc;
      break;
    }
  quire::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
