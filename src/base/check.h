// Assertions about ourselves. CHECK stays in every build and stands at module doors; DCHECK
// vanishes with NDEBUG and may stand in loops. Never used on what comes from a file, a flag or the
// network: that is Result (base/result.h).
#pragma once

namespace quire {
[[noreturn]] void check_failed(const char* file, int line, const char* what);
}

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::quire::check_failed(__FILE__, __LINE__, #condition))

#ifdef NDEBUG
#define DCHECK(condition) static_cast<void>(sizeof((condition) ? 1 : 0))  // not evaluated
#else
#define DCHECK(condition) CHECK(condition)
#endif
