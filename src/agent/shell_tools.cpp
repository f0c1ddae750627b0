// Running a command of the shell, and what the place is like.
#include "agent/arguments.h"
#include "agent/place.h"
#include "text/utf8.h"

#include <algorithm>

namespace quire::agent {
namespace {

constexpr int64_t timeout_max_s = 60;
constexpr int64_t output_bytes_max = 16 << 10;

class ShellCommand : public Tool {
 public:
  ShellCommand()
      : Tool({.name = "exec_shell_command",
              .title = "Execute shell command",
              .description =
                  "Run a command with the shell (sh) and read what it prints. It gets no "
                  "input, and what it leaves running in the background is ended with it.",
              .parameters = {{"type", "object"},
                             {"properties", properties()},
                             {"required", Json::array({"command"})}},
              .writes = true,
              .streams = true}) {}

  Result<ToolResult> run(const ToolCall& call) const override {
    Arguments arguments(call.arguments);
    const std::string command = arguments.text("command");
    const int64_t timeout_s = arguments.integer("timeout", 10, 1, timeout_max_s);
    const int64_t bytes_max =
        arguments.integer("max_output_size", output_bytes_max, 0, output_bytes_max);
    TRY(arguments.done());
    const CommandLimits limits{.timeout_s = static_cast<double>(timeout_s),
                               .output_bytes_max = static_cast<size_t>(bytes_max)};
    // A character that is not whole yet waits for the rest of it.
    std::string held;
    const auto pass_on = [&](std::string_view piece) {
      held += piece;
      const size_t n = utf8_incomplete_tail(held);
      if (n > 0) call.on_output(utf8_replace_invalid(std::string_view(held).substr(0, n)));
      held.erase(0, n);
    };
    CommandWatch watch{.stopped = call.stopped};
    if (call.on_output) watch.on_output = pass_on;
    const CommandEnd end = TRY(call.place.run({"sh", "-c", command}, limits, watch));
    if (end.stopped) return fail(Fault::cancelled, "the command was stopped");
    const std::string notes = notes_on(end, timeout_s, bytes_max);
    if (call.on_output) call.on_output(utf8_replace_invalid(held) + notes);
    return ToolResult{.text = utf8_replace_invalid(end.output) + notes};
  }

 private:
  static Json properties() {
    return {{"command", {{"type", "string"}, {"description", "What the shell is to run"}}},
            {"timeout",
             {{"type", "integer"},
              {"description",
               fmt::format("Seconds until it is ended; default 10, at most {}", timeout_max_s)}}},
            {"max_output_size",
             {{"type", "integer"},
              {"description", fmt::format("Bytes of its output that are shown; default and at most "
                                          "{}",
                                          output_bytes_max)}}}};
  }

  static std::string notes_on(const CommandEnd& end, int64_t timeout_s, int64_t bytes_max) {
    std::string notes;
    if (!end.output.empty() && !end.output.ends_with('\n')) notes += "\n";
    if (end.cut) notes += fmt::format("[output cut after {} bytes]\n", bytes_max);
    if (end.timed_out) notes += fmt::format("[ended after {} s, the timeout]\n", timeout_s);
    return notes + fmt::format("[exit code: {}]", end.exit_code);
  }
};

class GetInfo : public Tool {
 public:
  GetInfo()
      : Tool({.name = "get_info",
              .title = "Get runtime info",
              .description = "The operating system, the working directory, and the date and time "
                             "where tools work.",
              .parameters = {{"type", "object"}, {"properties", Json::object()}}}) {}

  Result<ToolResult> run(const ToolCall& call) const override {
    const CommandEnd end =
        TRY(call.place.run({"sh", "-c", "uname -a; pwd; date '+%Y-%m-%d %H:%M:%S %z'"},
                           {.timeout_s = 5, .output_bytes_max = 4096}, {.stopped = call.stopped}));
    std::string_view rest = end.output;
    ToolResult result;
    for (const char* name : {"os", "cwd", "time"}) {
      const size_t n = std::min(rest.find('\n'), rest.size());
      result.fields[name] = n > 0 ? utf8_replace_invalid(rest.substr(0, n)) : "unknown";
      rest.remove_prefix(std::min(n + 1, rest.size()));
    }
    return result;
  }
};

}  // namespace

std::unique_ptr<Tool> make_exec_shell_command() { return std::make_unique<ShellCommand>(); }
std::unique_ptr<Tool> make_get_info() { return std::make_unique<GetInfo>(); }

}  // namespace quire::agent
