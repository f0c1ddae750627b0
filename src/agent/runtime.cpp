#include "agent/runtime.h"

#include "format/printable.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace quire::agent {
namespace {

constexpr std::chrono::seconds engine_timeout(120);  // an image may have to be fetched
constexpr size_t engine_bytes_max = 1 << 20;         // that it says meanwhile
constexpr double removal_timeout_s = 15;

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

constexpr std::string_view sign_of_life = "quire\n";

// What has come and not been read yet.
std::string read_some(int fd) {
  char buffer[4096];
  const ssize_t n = ::read(fd, buffer, sizeof buffer);
  return {buffer, n > 0 ? static_cast<size_t>(n) : 0};
}

// Sends a line and waits for it to come back.
Result<void> wait_for_life(Child& child, const std::string& engine, const std::string& image) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + engine_timeout;
  std::string output, errors;
  std::ignore = ::send(child.input(), sign_of_life.data(), sign_of_life.size(), MSG_NOSIGNAL);
  while (Clock::now() < deadline) {
    const bool ended = child.ends_within(0.02);
    output += read_some(child.output());
    errors += read_some(child.errors());
    if (output.ends_with(sign_of_life)) return {};
    if (output.size() + errors.size() > engine_bytes_max) break;
    if (!ended) continue;
    while (errors.ends_with('\n')) errors.pop_back();
    return fail(Fault::io, "{}: cannot run {}: {}", engine, image,
                errors.empty() ? "it ended" : printable(errors, 300));
  }
  return fail(Fault::io, "{}: cannot run {}: no answer in time", engine, image);
}

std::string new_container_name() {
  std::random_device random;
  return fmt::format("quire-{:08x}{:08x}", random(), random());
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

// A container whose program is cat, reading from a pipe that is ours: with this process, however
// it ends, the pipe does, with that cat, with that the container, which is then removed.
struct OwnRuntime::Container {
  std::string engine, name;
  Child child;

  static Result<std::unique_ptr<Container>> start(const std::string& engine,
                                                  const std::string& image) {
    std::string name = new_container_name();
    Child child = TRY(Child::start({.command = {engine, "run", "-i", "--rm", "--init", "--name",
                                                name, "--entrypoint", "cat", "--", image},
                                    .takes_input = true}));
    auto container = std::make_unique<Container>(engine, std::move(name), std::move(child));
    TRY(wait_for_life(container->child, engine, image));
    return container;
  }
  ~Container() {
    child.close_input();
    if (!child.ends_within(removal_timeout_s))
      std::ignore =
          run_command({.command = {engine, "rm", "-f", name}}, {.timeout_s = removal_timeout_s});
  }
};

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
  runtime->container_ = TRY(Container::start(engine, std::string(named.what)));
  runtime->name_ = engine + "-container:" + runtime->container_->name;
  return runtime;
}

OwnRuntime::OwnRuntime() = default;
OwnRuntime::~OwnRuntime() = default;

}  // namespace quire::agent
