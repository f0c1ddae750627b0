// Flags with one dash and several letters, as llama.cpp has them ("-md FILE", "-no-cnv").
//
// CLI11 reads "-md" as -m with the value "d". So before it sees the arguments, those that are
// exactly such a flag of the command get its long name. To add one: a line in short_flags.cpp.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

// In place; arguments after "--" stay as they are, and so do flags the command does not have.
void expand_short_flags(const std::function<bool(const std::string& flag)>& has_flag,
                        std::vector<std::string>& arguments);
// "-md" for "--model-draft"; empty when there is none.
std::string_view short_flag_of(std::string_view long_name);

}  // namespace quire
