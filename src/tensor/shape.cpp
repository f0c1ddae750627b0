#include "tensor/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>

namespace quire {

std::string Shape::text() const {
  return fmt::format("({})", fmt::join(std::span(n.data(), static_cast<size_t>(rank)), ", "));
}

}  // namespace quire
