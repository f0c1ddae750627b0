// exp, log, tanh, erf and loops for vector kernels (simd_math.inc), in namespace avx2 and avx512.
// Only for kernel files.
#pragma once
#include "kernels/rows.h"
#include "kernels/simd.h"

#ifdef QUIRE_X86
ISA_BEGIN_AVX2
namespace quire::avx2 {
#include "kernels/simd_math.inc"
}
ISA_END
ISA_BEGIN_AVX512
namespace quire::avx512 {
#include "kernels/simd_math.inc"
}
ISA_END
#endif
