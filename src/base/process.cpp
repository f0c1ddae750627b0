#include "base/process.h"

#include "base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

namespace quire {
namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point after(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                            std::chrono::duration<double>(std::max(seconds, 0.0)));
}

void close_now(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

// Two ends of something, closed unless they were taken.
struct Ends {
  int ours = -1, theirs = -1;
  Ends() = default;
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;
  ~Ends() {
    close_now(ours);
    close_now(theirs);
  }
  int take_ours() { return std::exchange(ours, -1); }
};

Result<void> open_output(Ends& ends) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0)
    return fail(Fault::io, "cannot make a pipe: {}", std::strerror(errno));
  ends.ours = fds[0];
  ends.theirs = fds[1];
  ::fcntl(ends.ours, F_SETFL, O_NONBLOCK);
  return {};
}

// A socket: writing to one that nobody reads any more is an error without a signal.
Result<void> open_input(Ends& ends) {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    return fail(Fault::io, "cannot make a pair of sockets: {}", std::strerror(errno));
  ends.ours = fds[0];
  ends.theirs = fds[1];
  ::fcntl(ends.ours, F_SETFL, O_NONBLOCK);
  return {};
}

// What is given goes over what is there.
std::vector<std::string> whole_environment(const std::vector<std::string>& own) {
  std::vector<std::string> all = own;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view line = *at;
    const std::string_view name = line.substr(0, line.find('=') + 1);
    const bool replaced = std::ranges::any_of(
        own, [&](const std::string& each) { return std::string_view(each).starts_with(name); });
    if (!replaced) all.emplace_back(line);
  }
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

struct SpawnSettings {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

Result<void> check(const ChildOptions& options) {
  if (options.command.empty() || options.command[0].empty())
    return fail(Fault::usage, "a command without a program");
  for (const std::string& word : options.command)
    if (word.find('\0') != std::string::npos)
      return fail(Fault::usage, "a command with a zero byte in it");
  for (const std::string& line : options.environment)
    if (line.find('\0') != std::string::npos || line.find('=') == 0 ||
        line.find('=') == std::string::npos)
      return fail(Fault::usage, "'{}' is no NAME=value for the environment", line);
  if (!options.folder.empty() && !is_directory(options.folder))
    return fail(Fault::not_found, "{}: there is no such folder to work in", options.folder);
  return {};
}

}  // namespace

Result<Child> Child::start(const ChildOptions& options) {
  TRY(check(options));
  Ends input, output, errors;
  TRY(open_output(output));
  if (options.takes_input) TRY(open_input(input));
  if (!options.merges_errors) TRY(open_output(errors));

  SpawnSettings settings;
  if (options.takes_input)
    posix_spawn_file_actions_adddup2(&settings.actions, input.theirs, 0);
  else
    posix_spawn_file_actions_addopen(&settings.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&settings.actions, output.theirs, 1);
  posix_spawn_file_actions_adddup2(&settings.actions,
                                   options.merges_errors ? output.theirs : errors.theirs, 2);
  posix_spawn_file_actions_addclosefrom_np(&settings.actions, 3);
  if (!options.folder.empty())
    posix_spawn_file_actions_addchdir_np(&settings.actions, options.folder.c_str());

  const std::vector<std::string> environment = whole_environment(options.environment);
  const std::vector<char*> argv = pointers(options.command), envp = pointers(environment);
  Child child;
  const int code = ::posix_spawnp(&child.pid_, argv[0], &settings.actions, &settings.attributes,
                                  argv.data(), envp.data());
  if (code != 0) {
    child.pid_ = -1;
    return fail(code == ENOENT ? Fault::not_found : Fault::io, "{}: cannot be started: {}",
                options.command[0], std::strerror(code));
  }
  child.input_ = input.take_ours();
  child.output_ = output.take_ours();
  child.errors_ = errors.take_ours();
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      exit_code_(other.exit_code_),
      input_(std::exchange(other.input_, -1)),
      output_(std::exchange(other.output_, -1)),
      errors_(std::exchange(other.errors_, -1)) {}

Child::~Child() {
  finish();
  close_now(output_);
  close_now(errors_);
}

void Child::close_input() { close_now(input_); }

// It stays a zombie until finish(), so that its number, and that of its group, is nobody else's.
bool Child::ends_within(double seconds) const {
  if (pid_ < 0) return true;
  const Clock::time_point deadline = after(seconds);
  while (true) {
    siginfo_t info{};
    const int code = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    if (code != 0 ? errno != EINTR : info.si_pid == pid_) return true;
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void Child::signal(int number) const {
  if (pid_ > 0) ::kill(-pid_, number);
}

int Child::finish() {
  close_input();
  if (pid_ < 0) return exit_code_;
  signal(SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return exit_code_;
}

namespace {

constexpr int slice_ms = 20;  // how long a command that was stopped may go on

// Gives input, takes output; counts what it takes.
struct Flow {
  Child& child;
  std::string_view input;
  const CommandLimits& limits;
  const CommandWatch& watch;
  CommandEnd& end;
  bool open = true;  // the output

  bool read_some() {
    char buffer[16384];
    const ssize_t n = ::read(child.output(), buffer, sizeof buffer);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) open = false;
    if (n <= 0) return false;
    const auto n_bytes = static_cast<size_t>(n);
    const size_t kept = std::min(n_bytes, limits.output_bytes_max - end.output.size());
    end.cut |= kept < n_bytes;
    end.output.append(buffer, kept);
    if (kept > 0 && watch.on_output) watch.on_output({buffer, kept});
    return true;
  }

  void write_some() {
    const ssize_t n = ::send(child.input(), input.data(), input.size(), MSG_NOSIGNAL);
    if (n > 0) input.remove_prefix(static_cast<size_t>(n));
    if (n < 0 && errno != EAGAIN && errno != EINTR) input = {};  // it reads no more
    if (input.empty()) child.close_input();
  }

  // Waits a slice at most. False: nothing more can come.
  bool step() {
    if (!open) return !child.ends_within(slice_ms / 1e3);
    pollfd entries[2] = {{child.output(), POLLIN, 0}, {child.input(), POLLOUT, 0}};
    const int n = ::poll(entries, child.input() >= 0 ? 2 : 1, slice_ms);
    if (n > 0 && entries[1].revents != 0) write_some();
    if (n > 0 && entries[0].revents != 0) read_some();
    // Somebody else may hold the other end open: the child's own end counts.
    if (n != 0 || !child.ends_within(0)) return true;
    while (open && read_some()) {
    }
    return false;
  }
};

}  // namespace

Result<CommandEnd> run_command(ChildOptions options, const CommandLimits& limits,
                               std::string_view input, const CommandWatch& watch) {
  options.takes_input = !input.empty();
  options.merges_errors = true;
  Child child = TRY(Child::start(options));
  CommandEnd end;
  Flow flow{child, input, limits, watch, end};
  const Clock::time_point deadline = after(limits.timeout_s);
  while (flow.step()) {
    end.stopped = watch.stopped && watch.stopped();
    end.timed_out = !end.stopped && Clock::now() >= deadline;
    if (end.stopped || end.timed_out) break;
  }
  end.exit_code = child.finish();
  return end;
}

}  // namespace quire
