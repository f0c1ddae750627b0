// Runs transcripts: text files of commands and what they print.
//
//   # a comment: at the start, or after an empty line
//   $ quire tokenize tales 'Once upon' --json
//   {"tokens": [...]}
//   $ quire show nowhere.gguf
//   quire: nowhere.gguf: cannot open: No such file or directory
//   exit 3
//
// A line that starts with "$ " is a command for sh (a backslash at its end continues it). The lines
// below it are what it prints, standard error in between; "exit N" at the end is its exit code, 0
// when left out. "..." inside a line stands for any text, a line of only "..." for any number of
// lines. All commands of a file run in one new folder, which is also HOME, with quire in PATH,
// nothing on standard input and $SOURCE naming the repository. In a .md file the transcript is what
// stands in its ```console blocks.
//
//   transcripts --quire PROGRAM --source FOLDER [--update] FILE...
//
// --update writes what the commands really print into the files, for a person to read in the diff;
// output that matched keeps its "..." .
#include "base/file.h"
#include "base/result.h"

#include <fmt/core.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace quire {
namespace {

struct Options {
  std::string quire, source;
  bool update = false;
  std::vector<std::string> files;
};

struct Outcome {
  std::vector<std::string> lines;
  int exit_code = 0;
};

// One command with what the file expects; the lines [first_line, end_line) of the file are its
// output.
struct Step {
  std::string command;
  Outcome expected;
  size_t first_line = 0, end_line = 0;
};

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<Step> parse(const std::vector<std::string>& lines, bool markdown) {
  std::vector<Step> steps;
  bool inside = !markdown, in_command = false, comment_may_start = true;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (markdown && line.starts_with("```")) {
      inside = !inside && line == "```console";
      in_command = false;
      continue;
    }
    if (!inside) continue;
    const bool comment = comment_may_start && line.starts_with('#');
    comment_may_start = comment || line.empty();
    if (in_command) {
      steps.back().command += "\n" + line;
    } else if (line.starts_with("$ ")) {
      steps.push_back({line.substr(2), {}, i + 1, i + 1});
    } else if (steps.empty() || comment) {
      continue;
    } else {
      Step& step = steps.back();
      if (int code = 0; std::sscanf(line.c_str(), "exit %d", &code) == 1) {
        step.expected.exit_code = code;
      } else {
        step.expected.lines.push_back(line);
      }
      step.end_line = i + 1;
      continue;
    }
    in_command = line.ends_with('\\');
    steps.back().first_line = steps.back().end_line = i + 1;
  }
  for (Step& step : steps) {  // empty lines before the next command are only there for the eye
    auto& expected = step.expected.lines;
    while (!expected.empty() && expected.back().empty()) expected.pop_back();
    while (step.end_line > step.first_line && lines[step.end_line - 1].empty()) --step.end_line;
  }
  return steps;
}

// Whether text is pattern, in which "..." stands for any text.
bool line_matches(std::string_view pattern, std::string_view text) {
  size_t dots = pattern.find("...");
  if (dots == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, dots))) return false;
  text.remove_prefix(dots);
  pattern.remove_prefix(dots + 3);
  // The pieces between two "..." in turn, each as early as possible; the last one at the end.
  while ((dots = pattern.find("...")) != std::string_view::npos) {
    const size_t found = text.find(pattern.substr(0, dots));
    if (found == std::string_view::npos) return false;
    text.remove_prefix(found + dots);
    pattern.remove_prefix(dots + 3);
  }
  return text.ends_with(pattern);
}

// The same one level up: whether the lines are as expected, where "..." stands for any lines.
bool lines_match(const std::vector<std::string>& expected, const std::vector<std::string>& lines) {
  // can[j]: the expected lines so far match the first j lines.
  std::vector<bool> can(lines.size() + 1, false);
  can[0] = true;
  for (const std::string& pattern : expected) {
    std::vector<bool> next(lines.size() + 1, false);
    bool any = false;
    for (size_t j = 0; j <= lines.size(); ++j) {
      any = any || can[j];
      if (pattern == "...")
        next[j] = any;
      else if (j > 0)
        next[j] = can[j - 1] && line_matches(pattern, lines[j - 1]);
    }
    can = std::move(next);
  }
  return can[lines.size()];
}

Result<Outcome> run(const std::string& command, const std::string& folder) {
  const std::string script =
      fmt::format("cd '{}' || exit 99\nexec 2>&1 </dev/null\n{}\n", folder, command);
  std::FILE* pipe = ::popen(script.c_str(), "r");
  if (pipe == nullptr) return fail(Fault::io, "cannot start sh");
  std::string output;
  char chunk[1 << 12];
  for (size_t n = 0; (n = std::fread(chunk, 1, sizeof chunk, pipe)) > 0;) output.append(chunk, n);
  const int status = ::pclose(pipe);
  Outcome outcome{split_lines(output), 0};
  while (!outcome.lines.empty() && outcome.lines.back().empty()) outcome.lines.pop_back();
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

// The folder of one file's commands, and the environment they see.
Result<std::string> prepare(const Options& options) {
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "quire-transcript-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return fail(Fault::io, "{}: cannot create", folder);
  const char* path = ::getenv("PATH");
  ::setenv("PATH",
           fmt::format("{}:{}", fs::path(options.quire).parent_path().string(),
                       path == nullptr ? "/usr/bin:/bin" : path)
               .c_str(),
           1);
  ::setenv("SOURCE", options.source.c_str(), 1);
  ::setenv("HOME", folder.c_str(), 1);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::setenv("TERM", "dumb", 1);
  for (const char* name :
       {"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "QUIRE_ISA", "QUIRE_HUGE_PAGES"})
    ::unsetenv(name);
  return folder;
}

void print_difference(const std::string& file, const Step& step, const Outcome& actual) {
  fmt::print("{}:{}: $ {}\n", file, step.first_line, step.command);
  fmt::print("  expected, exit {}:\n", step.expected.exit_code);
  for (const std::string& line : step.expected.lines) fmt::print("    {}\n", line);
  fmt::print("  printed, exit {}:\n", actual.exit_code);
  for (const std::string& line : actual.lines) fmt::print("    {}\n", line);
}

// Puts what was printed in the place of what was expected, last step first so that line numbers
// stay right.
Result<void> rewrite(const std::string& file, std::vector<std::string> lines,
                     const std::vector<std::pair<Step, Outcome>>& wrong) {
  for (auto it = wrong.rbegin(); it != wrong.rend(); ++it) {
    const auto& [step, actual] = *it;
    std::vector<std::string> output = actual.lines;
    if (actual.exit_code != 0) output.push_back(fmt::format("exit {}", actual.exit_code));
    const auto begin = lines.begin() + static_cast<long>(step.first_line);
    lines.erase(begin, lines.begin() + static_cast<long>(step.end_line));
    lines.insert(lines.begin() + static_cast<long>(step.first_line), output.begin(), output.end());
  }
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return write_file(file, text);
}

// Number of commands that did not do what the file says.
Result<int> run_file(const Options& options, const std::string& file) {
  const auto lines = split_lines(TRY(read_file(file)));
  const auto steps = parse(lines, file.ends_with(".md"));
  if (steps.empty()) return fail(Fault::bad_format, "{}: has no line that starts with '$ '", file);
  const std::string folder = TRY(prepare(options));
  std::vector<std::pair<Step, Outcome>> wrong;
  for (const Step& step : steps) {
    Outcome actual = TRY(run(step.command, folder));
    if (actual.exit_code == step.expected.exit_code &&
        lines_match(step.expected.lines, actual.lines))
      continue;
    print_difference(file, step, actual);
    wrong.emplace_back(step, std::move(actual));
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  fmt::print("{}: {} commands, {} wrong\n", file, steps.size(), wrong.size());
  const int n_wrong = static_cast<int>(wrong.size());
  if (options.update && n_wrong > 0) TRY(rewrite(file, lines, wrong));
  return n_wrong;
}

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--update")
      options.update = true;
    else if (argument == "--quire" && i + 1 < argc)
      options.quire = argv[++i];
    else if (argument == "--source" && i + 1 < argc)
      options.source = argv[++i];
    else if (!argument.starts_with('-'))
      options.files.emplace_back(argument);
    else
      return fail(Fault::usage, "unknown option '{}'", argument);
  }
  if (options.quire.empty() || options.source.empty() || options.files.empty())
    return fail(Fault::usage, "needs --quire PROGRAM --source FOLDER FILE...");
  return options;
}

Result<int> run_all(int argc, char** argv) {
  const Options options = TRY(parse_options(argc, argv));
  int n_wrong = 0;
  for (const std::string& file : options.files) n_wrong += TRY(run_file(options, file));
  return n_wrong;
}

}  // namespace
}  // namespace quire

int main(int argc, char** argv) {
  const auto n_wrong = quire::run_all(argc, argv);
  if (n_wrong.has_value()) return *n_wrong == 0 ? 0 : 1;
  fmt::print(stderr, "transcripts: {}\n", n_wrong.error().text);
  return quire::exit_code(n_wrong.error().fault);
}
