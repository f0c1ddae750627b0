// "Did you mean": the nearest of some names to one that is not among them.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace quire {

// Insertions, deletions, substitutions and swaps of neighbours that turn a into b (optimal string
// alignment). Quadratic: names only.
size_t edit_distance(std::string_view a, std::string_view b);
// Empty when none is near: at most a third of the letters may differ.
std::string nearest(std::string_view name, std::span<const std::string> names);

}  // namespace quire
