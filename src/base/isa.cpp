#include "base/isa.h"

#include <algorithm>
#include <atomic>

namespace quire {
namespace {

constexpr const char* names[] = {"portable", "avx2", "avx512"};

Isa detect() {
#ifdef QUIRE_X86
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
  // Every processor with AVX2 also has F16C, which __builtin_cpu_supports of g++ 12 cannot be asked
  // about.
  if (avx2 && avx512) return Isa::avx512;
  if (avx2) return Isa::avx2;
#endif
  return Isa::portable;
}

std::atomic<int>& limit() {
  static std::atomic<int> value{static_cast<int>(Isa::avx512)};
  return value;
}

}  // namespace

Isa isa_detected() {
  static const Isa detected = detect();
  return detected;
}

Isa isa() {
  return std::min(isa_detected(), static_cast<Isa>(limit().load(std::memory_order_relaxed)));
}

void limit_isa(Isa value) { limit().store(static_cast<int>(value), std::memory_order_relaxed); }

const char* isa_name(Isa value) { return names[static_cast<int>(value)]; }

Result<Isa> isa_from_name(std::string_view name) {
  for (int i = 0; i < 3; ++i)
    if (name == names[i]) return static_cast<Isa>(i);
  return fail(Fault::usage, "instruction set '{}' is not known: use portable, avx2 or avx512",
              name);
}

}  // namespace quire
