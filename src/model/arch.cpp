#include "model/arch.h"

#include <string>

namespace quire {

#define ARCH(name) extern const Arch arch_##name;
#include "model/archs.inc"
#undef ARCH

std::span<const Arch* const> all_archs() {
  static constexpr const Arch* archs[] = {
#define ARCH(name) &arch_##name,
#include "model/archs.inc"
#undef ARCH
  };
  return archs;
}

Result<const Arch*> find_arch(std::string_view name) {
  std::string known;
  for (const Arch* arch : all_archs()) {
    if (name == arch->name) return arch;
    known += known.empty() ? "" : ", ";
    known += arch->name;
  }
  return fail(Fault::unsupported, "architecture '{}' is not supported; known are: {}", name, known);
}

}  // namespace quire
