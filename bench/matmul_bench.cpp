// Speed of the fast matrix product on one thread: matmul/TYPE/rows/outputs/width. Arithmetic as
// operations/s (two per weight and row), streaming as bytes of weights/s. `copies` of the weights
// take turns, so that few rows find them in memory and not in a cache.
//
//   ninja bench_matmul && ./bench/bench_matmul --benchmark_filter=q4_k
#include <benchmark/benchmark.h>

#include "base/rng.h"
#include "kernels/matmul.h"
#include "quant/codec.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace quire {
namespace {

using benchmark::Counter;

// Random bytes are blocks of any type; scales that are no numbers change no speed.
Tensor random_weights(DType dtype, int64_t n, int64_t k) {
  Tensor w(dtype, Shape{n, k});
  Rng rng(1);
  const int64_t n_random = std::min<int64_t>(w.n_bytes(), 1 << 20);
  for (int64_t i = 0; i < n_random; ++i)
    w.data()[i] = static_cast<std::byte>(static_cast<int>(rng.uniform() * 60));
  for (int64_t i = n_random; i < w.n_bytes(); i += n_random)
    std::memcpy(w.data() + i, w.data(), static_cast<size_t>(std::min(n_random, w.n_bytes() - i)));
  return w;
}

void run(benchmark::State& state, DType dtype, Precision precision, int64_t t, int64_t n,
         int64_t k) {
  const int64_t bytes = n * row_bytes(dtype, k);
  const int64_t n_copies = n > 256 && t <= 16 ? std::max<int64_t>(1, (128 << 20) / bytes) : 1;
  const Tensor w = random_weights(dtype, n * n_copies, k);
  std::vector<float> x(static_cast<size_t>(t * k)), y(static_cast<size_t>(t * n));
  Rng rng(2);
  for (float& v : x) v = static_cast<float>(rng.uniform() - 0.5);
  QuantizedRows rows{row_format(dtype, precision), t, k, nullptr};
  const auto memory =
      allocate_aligned(static_cast<size_t>(quantized_rows_bytes(rows.format, t, k)));
  rows.data = memory.get();
  const Rows<const float> x_rows(x.data(), t, k);
  if (rows.format != RowFormat::f32) quantize_rows(rows, x_rows, 0, t);
  const auto scratch = allocate_aligned(matmul_scratch_bytes());
  int64_t copy = 0;
  for (auto _ : state) {
    const TensorView part{dtype, Shape{n, k}, w.data() + copy * bytes};
    copy = (copy + 1) % n_copies;
    matmul({.x = x_rows, .w = part, .y = Rows<float>(y.data(), t, n), .quantized = rows},
           {scratch.get(), matmul_scratch_bytes()});
    benchmark::ClobberMemory();
  }
  const auto times = static_cast<double>(state.iterations());
  state.counters["OP/s"] = Counter(2.0 * static_cast<double>(t * n * k) * times, Counter::kIsRate);
  state.counters["B/s"] = Counter(static_cast<double>(bytes) * times, Counter::kIsRate);
}

void add_all() {
  for (uint32_t id = 0; id < 64; ++id) {
    const auto dtype = dtype_from_id(id);
    if (!dtype) continue;
    for (const int64_t t : {1, 2, 4, 8, 16, 64, 512})
      for (const Precision precision : {Precision::fast, Precision::exact})
        if (precision == Precision::exact ? codec(*dtype) != nullptr
                                          : row_format(*dtype, Precision::fast) != RowFormat::f32)
          benchmark::RegisterBenchmark(
              (std::string(info(*dtype).name) + (precision == Precision::fast ? "" : "/exact") +
               "/rows:" + std::to_string(t))
                  .c_str(),
              [=](benchmark::State& state) { run(state, *dtype, precision, t, 1024, 2048); });
    if (row_format(*dtype, Precision::fast) != RowFormat::f32)
      benchmark::RegisterBenchmark(
          (std::string(info(*dtype).name) + "/cached/rows:1").c_str(),
          [=](benchmark::State& state) { run(state, *dtype, Precision::fast, 1, 128, 2048); });
  }
}
const int added = (add_all(), 0);

}  // namespace
}  // namespace quire
