#include "store/credential_helper.h"

#include "base/process.h"
#include "format/json.h"
#include "format/printable.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace quire {
namespace {

constexpr size_t answer_bytes_max = 64 << 10, address_bytes_max = 4096;

Result<std::string> find_program(const std::string& program, const std::string& folders) {
  for (size_t begin = 0; begin <= folders.size();) {
    const size_t end = std::min(folders.find(':', begin), folders.size());
    std::string path = folders.substr(begin, end - begin) + "/" + program;
    if (end > begin && ::access(path.c_str(), X_OK) == 0) return path;
    begin = end + 1;
  }
  return fail(Fault::not_found,
              "the program '{}', which keeps passwords of registries for Docker, is not in PATH; "
              "QUIRE_REGISTRY_TOKEN can have a token",
              program);
}

}  // namespace

Result<Credential> parse_credential(std::string_view answer, const std::string& program) {
  const auto json = parse_json(answer, program);
  const auto text = [&](const char* name) {
    const auto at = json->find(name);
    return at != json->end() && at->is_string() ? at->get<std::string>() : "";
  };
  Credential credential;
  if (json.has_value() && json->is_object()) credential = {text("Username"), text("Secret")};
  // The answer may have a password in it: it is not shown.
  if (credential.name.empty() || credential.secret.empty())
    return fail(Fault::bad_format, "{}: its answer is no JSON object with Username and Secret",
                program);
  if (credential.name.find(':') != std::string::npos)
    return fail(Fault::bad_format, "{}: the name in its answer has a colon", program);
  return credential;
}

Result<std::optional<Credential>> ask_credential_helper(const std::string& helper,
                                                        const std::string& address,
                                                        const std::string& programs,
                                                        double timeout_s) {
  const bool plain = std::ranges::all_of(helper, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (helper.empty() || !plain)
    return fail(Fault::bad_format, "'{}' is no name of a credential helper: letters, digits, -_.",
                printable(helper));
  const std::string program = "docker-credential-" + helper;
  if (address.size() > address_bytes_max)
    return fail(Fault::limit, "{}: a registry's address of {} bytes, at most {} are asked for",
                program, address.size(), address_bytes_max);
  const std::string path = TRY(find_program(program, programs));
  // What it has to say is on standard output, errors too. One that says too much is ended.
  size_t n_said = 0;
  const CommandWatch watch{.on_output = [&](std::string_view piece) { n_said += piece.size(); },
                           .stopped = [&] { return n_said > answer_bytes_max; }};
  const CommandEnd end = TRY(run_command(
      {.command = {path, "get"}},
      {.timeout_s = timeout_s, .output_bytes_max = answer_bytes_max + 1}, address, watch));
  if (end.timed_out || n_said > answer_bytes_max)
    return fail(Fault::io, "{}: no answer of at most {} bytes within {:g} s", path,
                answer_bytes_max, timeout_s);
  if (end.exit_code == 0) return TRY(parse_credential(end.output, path));
  if (end.output.find("credentials not found") != std::string::npos) return std::nullopt;
  std::string_view why = end.output;
  why = why.substr(0, why.find('\n'));
  return fail(Fault::io, "{}: it ends with {}: {}", path, end.exit_code, printable(why, 200));
}

}  // namespace quire
