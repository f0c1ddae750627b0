// Lists of whole numbers in one flag, as llama-bench writes them: "1,2,4", "1-8", "0-4096+1024",
// "1-16*2".
#pragma once
#include "base/result.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace quire {

// usage, with the flag's name, when the text is none of that, a number is outside [least, most], or
// there are more than 1000.
Result<std::vector<int64_t>> integer_list(std::string_view flag, std::string_view text,
                                          int64_t least, int64_t most);

}  // namespace quire
