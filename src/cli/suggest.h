// "Did you mean": the nearest of some names to one that is not among them.
#pragma once
#include "base/result.h"

#include <span>
#include <string>
#include <string_view>

namespace quire {

// Insertions, deletions, substitutions and swaps of neighbours that turn a into b (optimal string
// alignment). Quadratic: names only.
size_t edit_distance(std::string_view a, std::string_view b);
// Empty when none is near: at most a third of the letters may differ.
std::string nearest(std::string_view name, std::span<const std::string> names);
// "unknown flag '--tmep', did you mean '--temp'?", or with the way out when none is near.
std::unexpected<Error> fail_unknown(const char* what, const std::string& name,
                                    std::span<const std::string> known, const std::string& way_out);

}  // namespace quire
