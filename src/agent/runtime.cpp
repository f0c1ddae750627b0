#include "agent/runtime.h"

#include "format/printable.h"

#include <algorithm>

namespace quire::agent {
namespace {

constexpr double engine_timeout_s = 120;  // an image may have to be fetched

// Letters, digits and these; the first one is a letter or a digit.
bool is_name(std::string_view text, std::string_view signs) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= 256 && plain(text[0]) &&
         std::ranges::all_of(text, [&](char c) { return plain(c) || signs.contains(c); });
}

struct Named {
  std::string_view kind, what;
};

Named split(std::string_view name) {
  const size_t colon = name.find(':');
  if (colon == name.npos) return {name, ""};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

std::unexpected<Error> unknown_runtime(const std::string& name, std::string_view known) {
  return fail(Fault::usage, "unknown tool runtime '{}'; there are: {}", printable(name), known);
}

}  // namespace

Result<std::unique_ptr<Place>> place_of(const std::string& runtime, const std::string& folder) {
  if (runtime.empty()) return host_place(folder);
  const Named named = split(runtime);
  for (const std::string engine : {"docker", "podman"}) {
    if (named.kind != engine + "-container") continue;
    if (!is_name(named.what, "_.-"))
      return fail(Fault::usage, "invalid container id '{}': letters, digits, _ . - are taken",
                  printable(named.what));
    return command_place({engine, "exec", "-i", std::string(named.what)}, CommandForm::words,
                         folder);
  }
  if (named.kind != "ssh")
    return unknown_runtime(runtime, "docker-container:ID, podman-container:ID, ssh:TARGET");
  if (!is_name(named.what, "_.-@:[]%"))
    return fail(Fault::usage, "invalid ssh target '{}': as in ssh:user@host",
                printable(named.what));
  return command_place({"ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "--",
                        std::string(named.what)},
                       CommandForm::shell_text, folder);
}

Result<std::unique_ptr<OwnRuntime>> OwnRuntime::start(const std::string& name) {
  std::unique_ptr<OwnRuntime> runtime(new OwnRuntime());
  const Named named = split(name);
  if (named.kind != "docker" && named.kind != "podman") {
    auto place = place_of(name, "");
    if (!place && place.error().text.starts_with("unknown"))
      return unknown_runtime(name,
                             "docker:IMAGE, podman:IMAGE, docker-container:ID, "
                             "podman-container:ID, ssh:TARGET");
    if (!place) return std::unexpected(place.error());
    runtime->name_ = name;
    return runtime;
  }
  const std::string engine(named.kind);
  if (!is_name(named.what, "_.-:/@"))
    return fail(Fault::usage, "invalid image '{}' of {}", printable(named.what), engine);
  const CommandEnd end = TRY(
      run_command({.command = {engine, "run", "-d", "--rm", "--init", "--", std::string(named.what),
                               "sh", "-c", "while :; do sleep 3600; done"}},
                  {.timeout_s = engine_timeout_s, .output_bytes_max = 64 << 10}));
  // What it says while it fetches an image comes before.
  std::string_view said = end.output;
  while (said.ends_with('\n')) said.remove_suffix(1);
  const size_t line = said.rfind('\n');
  const std::string id(said.substr(line == said.npos ? 0 : line + 1));
  if (end.exit_code != 0 || !is_name(id, ""))
    return fail(Fault::io, "{}: cannot run {}: {}", engine, named.what,
                end.timed_out ? "no answer in time" : printable(id, 300));
  runtime->name_ = engine + "-container:" + id;
  runtime->removal_ = {engine, "rm", "-f", id};
  return runtime;
}

OwnRuntime::~OwnRuntime() {
  if (!removal_.empty()) std::ignore = run_command({.command = removal_}, {.timeout_s = 15});
}

}  // namespace quire::agent
