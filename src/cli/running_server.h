// A server that runs already, asked over HTTP: QUIRE_HOST (as 127.0.0.1:8080 or https://name),
// QUIRE_API_KEY.
#pragma once
#include "cli/command_line.h"
#include "store/http.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace quire {

struct ServerFlags {
  std::string host, api_key, ca_file;
};
// --host, --api-key, --ca-file
void add_server_flags(CommandLine& app, ServerFlags& flags);

// io with a way out when nobody answers there, not_found and others as the server says.
Result<nlohmann::json> ask_server(const ServerFlags& flags, const std::string& path);
Result<nlohmann::json> tell_server(const ServerFlags& flags, const std::string& path,
                                   const nlohmann::json& body);

}  // namespace quire
