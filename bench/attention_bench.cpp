// Speed of attention over the cache on one thread: one new token (bytes of the cache per second)
// and a piece of a prompt (FLOP/s), by what the cache keeps and how far back it goes. Heads as in a
// Llama of a billion parameters: 32 queries on 8 of 64.
//
//   ninja bench_attention && ./bench/bench_attention --benchmark_repetitions=5
//   --benchmark_report_aggregates_only
#include "base/rng.h"
#include "kernels/attention.h"
#include "kernels/attention_bf16.h"
#include "quant/codec.h"
#include "tensor/tensor.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace quire {
namespace {

using benchmark::Counter;
using benchmark::State;

constexpr int64_t n_heads = 8, n_group = 4, width = 64;

std::vector<float> random_floats(int64_t n) {
  Rng rng(1);
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = static_cast<float>(rng.uniform() - 0.5);
  return x;
}

// A cache of n positions, all stored; block by block for several layers' worth of memory, so that
// decoding reads memory and not a cache of the processor.
struct Cache {
  KvPages pages;
  std::shared_ptr<std::byte[]> memory;
  std::vector<int32_t> blocks;

  Cache(DType dtype, int64_t n) {
    const int64_t n_blocks = (n + kv_block_size - 1) / kv_block_size;
    const int64_t k_bytes = k_block_bytes(dtype, n_heads, width);
    const int64_t stride = k_bytes + v_block_bytes(dtype, n_heads, width);
    memory = allocate_aligned(static_cast<size_t>(n_blocks * stride));
    blocks.resize(static_cast<size_t>(n_blocks));
    std::iota(blocks.begin(), blocks.end(), 0);
    pages = {.k = {memory.get(), dtype, stride, width},
             .v = {memory.get() + k_bytes, dtype, stride, width},
             .blocks = blocks,
             .n_heads = n_heads,
             .n_stored = n};
    const std::vector<float> row = random_floats(n_heads * width);
    const View<const float, 3> x(row.data(), 1, n_heads, width);
    for (int64_t i = 0; i < n; ++i) {
      const auto position = static_cast<int32_t>(i);
      kv_store(pages, x, x, View<const int32_t, 1>(&position, 1));
    }
  }
  Cache(const Cache&) = delete;
};

enum class Products { f32, bf16 };

void attend(State& state, DType dtype, int64_t n_rows, Products products) {
  const int64_t n = state.range(0);
  const Cache cache(dtype, n);
  const std::vector<float> q = random_floats(n_rows * n_heads * n_group * width);
  std::vector<float> out(q.size());
  std::vector<int32_t> positions(static_cast<size_t>(n_rows));
  std::iota(positions.begin(), positions.end(), static_cast<int32_t>(n - n_rows));
  const size_t n_bytes = std::max(attention_scratch_bytes(n_group, width, width),
                                  attention_bf16_scratch_bytes(n_group, width, width));
  const auto memory = allocate_aligned(n_bytes);
  const Scratch scratch(memory.get(), n_bytes);
  const Heads<float> to(View<float, 3>(out.data(), n_rows, n_heads * n_group, width));
  const Heads<const float> from(View<const float, 3>(q.data(), n_rows, n_heads * n_group, width));
  const View<const int32_t, 1> at(positions.data(), n_rows);
  for (auto _ : state)
    for (int64_t g = 0; g < n_heads; ++g) {
      if (products == Products::bf16)
        attention_bf16(to, from, cache.pages, at, g, {.scale = 0.125f}, scratch);
      else
        attention(to, from, cache.pages, at, g, {.scale = 0.125f}, scratch);
    }
  const auto per_second = [&](double amount) {
    return Counter(amount * static_cast<double>(state.iterations()), Counter::kIsRate);
  };
  const double pairs =
      static_cast<double>(n_rows) * (static_cast<double>(n) - static_cast<double>(n_rows - 1) / 2);
  state.counters["FLOP/s"] = per_second(4 * pairs * n_heads * n_group * width);
  if (n_rows == 1)
    state.counters["B/s"] =
        per_second(2.0 * static_cast<double>(n * n_heads * row_bytes(dtype, width)));
}

void register_all() {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0}) {
    const std::string name = info(dtype).name;
    benchmark::RegisterBenchmark(("decode/" + name + "/S").c_str(), attend, dtype, 1, Products::f32)
        ->Arg(4096)
        ->Arg(65536);
    benchmark::RegisterBenchmark(("prompt in f32/" + name + "/S").c_str(), attend, dtype, 128,
                                 Products::f32)
        ->Arg(4096);
    if (attention_bf16_suits(128))
      benchmark::RegisterBenchmark(("prompt in bf16/" + name + "/S").c_str(), attend, dtype, 128,
                                   Products::bf16)
          ->Arg(4096);
  }
}

}  // namespace
}  // namespace quire

int main(int argc, char** argv) {
  quire::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
