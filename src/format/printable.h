// Text from a file made fit for a terminal and an error line: control characters and broken UTF-8
// become \xNN, and what is too long ends in "...".
#pragma once
#include <string>
#include <string_view>

namespace quire {

std::string printable(std::string_view text, size_t bytes_max = 80);

}  // namespace quire
