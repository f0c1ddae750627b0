// F32: 4 bytes per element, IEEE 754 binary32. Decode and encode copy the bits, NaN and infinity
// too.
//
// dot: every version adds product i to accumulator i mod (its number of accumulators), then sums
// the accumulators in one fixed order. The AVX versions keep four vectors in flight: a fused
// multiply-add takes four cycles, and two loads per cycle are all the memory gives.
#include "quant/codec.h"
#include "quant/simd.h"

#include <cstring>

namespace quire {
namespace {

namespace portable {

void copy_in(const std::byte* src, float* dst, int64_t n) {
  if (n > 0) std::memcpy(dst, src, static_cast<size_t>(n) * sizeof(float));
}

void copy_out(const float* src, std::byte* dst, int64_t n) {
  if (n > 0) std::memcpy(dst, src, static_cast<size_t>(n) * sizeof(float));
}

float dot(const std::byte* a, const float* x, int64_t n) {
  const float* w = reinterpret_cast<const float*>(a);
  float sum[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; ++k) sum[k] += w[i + k] * x[i + k];
  for (int k = 0; i < n; ++i, ++k) sum[k] += w[i] * x[i];
  return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

}  // namespace portable

#ifdef QUIRE_X86

ISA_BEGIN_AVX2
namespace avx2 {
using namespace codec_avx2;

float dot(const std::byte* a, const float* x, int64_t n) {
  const float* w = reinterpret_cast<const float*>(a);
  __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    sum0 = _mm256_fmadd_ps(_mm256_loadu_ps(w + i), _mm256_loadu_ps(x + i), sum0);
    sum1 = _mm256_fmadd_ps(_mm256_loadu_ps(w + i + 8), _mm256_loadu_ps(x + i + 8), sum1);
    sum2 = _mm256_fmadd_ps(_mm256_loadu_ps(w + i + 16), _mm256_loadu_ps(x + i + 16), sum2);
    sum3 = _mm256_fmadd_ps(_mm256_loadu_ps(w + i + 24), _mm256_loadu_ps(x + i + 24), sum3);
  }
  for (; i + 8 <= n; i += 8)
    sum0 = _mm256_fmadd_ps(_mm256_loadu_ps(w + i), _mm256_loadu_ps(x + i), sum0);
  float total = sum8(_mm256_add_ps(_mm256_add_ps(sum0, sum1), _mm256_add_ps(sum2, sum3)));
  for (; i < n; ++i) total += w[i] * x[i];
  return total;
}

}  // namespace avx2
ISA_END

ISA_BEGIN_AVX512
namespace avx512 {
using namespace codec_avx512;

float dot(const std::byte* a, const float* x, int64_t n) {
  const float* w = reinterpret_cast<const float*>(a);
  __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) {
    sum0 = _mm512_fmadd_ps(_mm512_loadu_ps(w + i), _mm512_loadu_ps(x + i), sum0);
    sum1 = _mm512_fmadd_ps(_mm512_loadu_ps(w + i + 16), _mm512_loadu_ps(x + i + 16), sum1);
    sum2 = _mm512_fmadd_ps(_mm512_loadu_ps(w + i + 32), _mm512_loadu_ps(x + i + 32), sum2);
    sum3 = _mm512_fmadd_ps(_mm512_loadu_ps(w + i + 48), _mm512_loadu_ps(x + i + 48), sum3);
  }
  for (; i < n; i += 16) {
    const __mmask16 mask = first16(n - i);
    sum0 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, w + i), _mm512_maskz_loadu_ps(mask, x + i),
                           sum0);
  }
  return sum16(_mm512_add_ps(_mm512_add_ps(sum0, sum1), _mm512_add_ps(sum2, sum3)));
}

}  // namespace avx512
ISA_END

#endif  // QUIRE_X86

constexpr Codec versions[] = {
    {DType::f32, portable::copy_in, portable::copy_out, portable::dot},
#ifdef QUIRE_X86
    {DType::f32, portable::copy_in, portable::copy_out, avx2::dot},
    {DType::f32, portable::copy_in, portable::copy_out, avx512::dot},
#endif
};

}  // namespace

const Codec& codec_f32(Isa isa) { return versions[static_cast<int>(isa)]; }

}  // namespace quire
