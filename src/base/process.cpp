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
#include <mutex>
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

// The exit code of a child that has ended, or that somebody else has waited for (-1).
int exit_code_of(pid_t pid) {
  int status = 0;
  pid_t code = -1;
  while ((code = ::waitpid(pid, &status, 0)) < 0 && errno == EINTR) {
  }
  if (code < 0) return -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Children that were killed and did not die in time. They are looked after whenever there is to do
// with children.
class Reaper {
 public:
  static Reaper& of_process() {
    static Reaper reaper;
    return reaper;
  }
  void take(pid_t pid) {
    const std::lock_guard lock(mutex_);
    left_.push_back(pid);
  }
  void look() {
    const std::lock_guard lock(mutex_);
    std::erase_if(left_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
  }

 private:
  std::mutex mutex_;
  std::vector<pid_t> left_;
};

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
  Reaper::of_process().look();
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

int Child::finish(double patience_s) {
  close_input();
  if (pid_ < 0) return exit_code_;
  signal(SIGKILL);
  ::kill(pid_, SIGKILL);  // it may have left its group
  exit_code_ = 128 + SIGKILL;
  if (ends_within(patience_s))
    exit_code_ = exit_code_of(pid_);
  else
    Reaper::of_process().take(pid_);
  pid_ = -1;
  Reaper::of_process().look();
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
  bool output_open = true, errors_open = child.errors() >= 0;
  char buffer[16384]{};

  // What has come; nothing, perhaps because it is the end.
  std::string_view read_some(int fd, bool& open) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) open = false;
    return {buffer, n > 0 ? static_cast<size_t>(n) : 0};
  }

  bool take_output() {
    const std::string_view piece = read_some(child.output(), output_open);
    const std::string_view kept = piece.substr(0, limits.output_bytes_max - end.output.size());
    end.cut |= kept.size() < piece.size();
    end.output += kept;
    if (!kept.empty() && watch.on_output) watch.on_output(kept);
    return !piece.empty();
  }

  bool take_errors() {
    const std::string_view piece = read_some(child.errors(), errors_open);
    end.errors += piece;
    if (end.errors.size() > limits.errors_bytes_max)
      end.errors.erase(0, end.errors.size() - limits.errors_bytes_max);
    return !piece.empty();
  }

  // What an ended child has left in its pipes, which others may go on filling.
  void take_rest() {
    constexpr size_t n_reads_max = (1 << 20) / sizeof buffer;  // the most that a pipe holds
    for (size_t i = 0; i < n_reads_max && output_open && take_output(); ++i) {
    }
    for (size_t i = 0; i < n_reads_max && errors_open && take_errors(); ++i) {
    }
  }

  void write_some() {
    const ssize_t n = ::send(child.input(), input.data(), input.size(), MSG_NOSIGNAL);
    if (n > 0) input.remove_prefix(static_cast<size_t>(n));
    if (n < 0 && errno != EAGAIN && errno != EINTR) input = {};  // it reads no more
    if (input.empty()) child.close_input();
  }

  // Waits a slice at most. False: nothing more can come.
  bool step() {
    if (!output_open && !errors_open) return !child.ends_within(slice_ms / 1e3);
    // A descriptor of -1 is passed over.
    pollfd entries[3] = {{output_open ? child.output() : -1, POLLIN, 0},
                         {errors_open ? child.errors() : -1, POLLIN, 0},
                         {child.input(), POLLOUT, 0}};
    const int n = ::poll(entries, 3, slice_ms);
    if (n > 0 && entries[2].revents != 0) write_some();
    if (n > 0 && entries[0].revents != 0) take_output();
    if (n > 0 && entries[1].revents != 0) take_errors();
    // Somebody else may hold the other end open: the child's own end counts.
    if (n != 0 || !child.ends_within(0)) return true;
    take_rest();
    return false;
  }
};

}  // namespace

Result<CommandEnd> run_command(ChildOptions options, const CommandLimits& limits,
                               std::string_view input, const CommandWatch& watch) {
  options.takes_input = !input.empty();
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
