// What a model of the store says about how it is run: the parameters of its Modelfile are flags
// that were not given.
#pragma once
#include "cli/command_line.h"

#include <string_view>

namespace quire {

// parameters: JSON as ModelContents has it. bad_format names the parameter that is not sound.
Result<void> fill_in_parameters(CommandLine& app, std::string_view parameters);

}  // namespace quire
