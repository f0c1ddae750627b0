#include "cli/json_output.h"

#include <fmt/core.h>

namespace quire {

void print_json(const nlohmann::json& value) {
  fmt::print("{}\n", value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace quire
