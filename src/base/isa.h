// Instruction sets: what this machine has, what the program may use, and the regions that compile
// for one.
//
// One binary starts on any x86-64 (and on other processors with the portable code) and picks at run
// time. A kernel file holds all its versions:
//
//   ISA_BEGIN_AVX2
//   namespace avx2 { void f(...) { _mm256_... } }
//   ISA_END
//
// Inside a region use raw pointers, intrinsics and the region's own namespace only: a std::
// template instantiated there could be emitted with wide instructions and picked by the linker for
// old processors.
#pragma once
#include "base/result.h"

#include <string_view>

#if defined(__x86_64__)
#define QUIRE_X86 1
#include <immintrin.h>
#endif

#if defined(__clang__)
#define ISA_BEGIN_(clang_target, gcc_target) \
  _Pragma(ISA_STRING_(                       \
      clang attribute push(__attribute__((target(clang_target))), apply_to = function)))
#define ISA_STRING_(x) #x
#define ISA_END _Pragma("clang attribute pop")
#define ISA_BEGIN_AVX2 ISA_BEGIN_("avx2,fma,f16c,bmi,bmi2", )
#define ISA_BEGIN_AVX512 \
  ISA_BEGIN_("avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16", )
#else
#define ISA_END _Pragma("GCC pop_options")
#define ISA_BEGIN_AVX2 _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma,f16c,bmi,bmi2\")")
// clang-format off: the text of a pragma cannot be put together from pieces.
#define ISA_BEGIN_AVX512 _Pragma("GCC push_options") \
  _Pragma("GCC target(\"avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16\")")
// clang-format on
#endif

namespace quire {

// In rising order; each includes the ones before it.
enum class Isa {
  portable,  // plain C++, starts anywhere
  avx2,      // AVX2, FMA, F16C, BMI
  avx512,    // AVX-512 F, BW, VL, DQ, VNNI, BF16 (Zen 4 and later, Sapphire Rapids and later)
};

// The best this processor and operating system can run. Asked once, then remembered.
Isa isa_detected();
// The one to use: isa_detected(), unless limit_isa() lowered it. Cheap, thread-safe to call.
Isa isa();
// From now on use nothing better than `limit`. Call before any kernel runs (the program does at
// start, from QUIRE_ISA).
void limit_isa(Isa limit);

const char* isa_name(Isa isa);                     // "portable", "avx2", "avx512"
Result<Isa> isa_from_name(std::string_view name);  // usage when unknown

}  // namespace quire
