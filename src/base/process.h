// Child processes: started without a shell, in a process group of their own, with nothing of ours
// open but their standard streams, and with signals as they are by default.
//
// When its object goes, the whole group is killed and the child is waited for: no zombie stays, and
// what it left running in the background ends with it (unless that made a session of its own).
#pragma once
#include "base/result.h"

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

struct ChildOptions {
  // The program and its arguments. It is looked for in PATH unless it has a slash.
  std::vector<std::string> command{};
  std::string folder{};                    // to work in; "": ours
  std::vector<std::string> environment{};  // "NAME=value": beside and over ours
  bool takes_input = false;                // otherwise its standard input is empty
  bool merges_errors = false;              // standard error goes where standard output goes
};

// Belongs to one thread at a time. Move-only.
class Child {
 public:
  // usage for a command that cannot be one, not_found for a program or a folder that is not there,
  // io when it cannot be started.
  static Result<Child> start(const ChildOptions& options);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  // Descriptors that do not block: where to write its input (a socket), where to read what it
  // prints. -1 when there is none.
  int input() const { return input_; }
  int output() const { return output_; }
  int errors() const { return errors_; }
  void close_input();

  // Whether it has ended, within that time.
  bool ends_within(double seconds) const;
  // To the whole group.
  void signal(int number) const;
  // Kills the child and what is left of its group, and waits for it: the exit code; 128 + N when
  // signal N ended it. One that cannot die (it hangs in the kernel, or became another user) is not
  // waited for longer than that: later children see to it that it leaves no zombie.
  int finish(double patience_s = 2);

 private:
  Child() = default;
  pid_t pid_ = -1;  // -1: waited for
  int exit_code_ = -1;
  int input_ = -1, output_ = -1, errors_ = -1;
};

struct CommandLimits {
  double timeout_s = 10;
  size_t output_bytes_max = 16 << 10;  // what comes after is read and thrown away
  size_t errors_bytes_max = 4 << 10;   // what came before is thrown away
};

struct CommandWatch {
  std::function<void(std::string_view)> on_output{};  // what is kept of the output, as it comes
  std::function<bool()> stopped{};                    // asked often: true ends the command
};

struct CommandEnd {
  std::string output{};
  std::string errors{};  // the end of its standard error, unless the two were merged
  int exit_code = -1;
  bool timed_out = false, stopped = false;  // it was killed
  bool cut = false;                         // there was more output
};

// Runs a child to its end, giving it `input` and taking its output. As Child::start() when it
// cannot be started.
Result<CommandEnd> run_command(ChildOptions options, const CommandLimits& limits,
                               std::string_view input = {}, const CommandWatch& watch = {});

}  // namespace quire
