#include "train/peak.h"

#include "kernels/gemm.h"
#include "tensor/tensor.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace quire {
namespace {

constexpr int64_t width = 256;  // three matrices of 256 KiB: inside a core's L2 cache

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

double measured_flops(ThreadPool& pool, double seconds) {
  struct Operands {
    Tensor a{DType::f32, {width, width}}, b{DType::f32, {width, width}},
        c{DType::f32, {width, width}};
    std::shared_ptr<std::byte[]> scratch = allocate_aligned(gemm_scratch_bytes());
  };
  std::vector<Operands> operands(static_cast<size_t>(pool.size()));
  constexpr int n_products = 16;
  double best = 0;
  for (const double end = now_s() + seconds; now_s() < end;) {
    const double start = now_s();
    pool.run_on_each([&](int thread) {
      Operands& own = operands[static_cast<size_t>(thread)];
      Gemm product;
      product.m = product.n = product.k = width;
      product.a = GemmOperand::rows(own.a.f32(), width);
      product.b = GemmOperand::rows(own.b.f32(), width);
      product.c = own.c.f32();
      product.c_stride = width;
      for (int i = 0; i < n_products; ++i)
        gemm(product, Scratch(own.scratch.get(), gemm_scratch_bytes()));
    });
    const double flops = 2.0 * width * width * width * n_products * pool.size();
    best = std::max(best, flops / (now_s() - start));
  }
  return best;
}

}  // namespace quire
