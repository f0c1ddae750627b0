// The program: finds the subcommand, parses its flags, runs it, and turns what came of it into one
// line and an exit code. Exceptions of libraries end here.
#include "base/huge_pages.h"
#include "base/isa.h"
#include "cli/command.h"
#include "cli/suggest.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <string_view>

namespace quire {
namespace {

enum class Chapter { structure, network, runtime, quantization, training, machine };

struct ChapterTitle {
  Chapter chapter;
  const char* title;
};
constexpr ChapterTitle chapters[] = {
    {Chapter::runtime, "Runtime"},           {Chapter::network, "Neural network"},
    {Chapter::structure, "Structure"},       {Chapter::training, "Training"},
    {Chapter::quantization, "Quantization"}, {Chapter::machine, "This machine"},
};

struct Command {
  std::string name;
  Chapter chapter;
  const char* summary;
  CommandBody (*add)(CommandLine& app);
};
std::vector<Command> all_commands() {
  std::vector<Command> commands = {
#define COMMAND(name, chapter, summary) {#name, Chapter::chapter, summary, command_##name},
#include "cli/commands.inc"
#undef COMMAND
  };
  for (Command& command : commands)
    std::replace(command.name.begin(), command.name.end(), '_', '-');
  return commands;
}

std::string overview() {
  std::string text =
      "Quire: one program for the whole life of a language model.\n\n"
      "usage: quire COMMAND [ARGUMENTS]\n";
  for (const ChapterTitle& chapter : chapters) {
    std::string lines;
    for (const Command& command : all_commands())
      if (command.chapter == chapter.chapter)
        lines += fmt::format("  {:<11} {}\n", command.name, command.summary);
    if (!lines.empty()) text += fmt::format("\n{}\n{}", chapter.title, lines);
  }
  return text +
         "\n'quire COMMAND --help' explains one. A MODEL is a .gguf file or a bundled name\n"
         "('tales', the default). Exit codes: 0 done, 2 usage, 3 not found, 4 bad format,\n"
         "5 unsupported, 6 limit, 7 input or output, 8 device, 130 cancelled.\n"
         "QUIRE_ISA=portable|avx2|avx512 limits the instructions that are used,\n"
         "QUIRE_HUGE_PAGES=off reads weights through the file's own pages.\n";
}

Result<Command> find_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : all_commands()) {
    if (name == command.name) return command;
    names.emplace_back(command.name);
  }
  if (name.starts_with('-'))
    return fail_unknown("flag", name, std::vector<std::string>{"--help", "--version"},
                        "'quire --help' lists the commands");
  return fail_unknown("command", name, names, "'quire --help' lists them");
}

Result<int> run_command(const Command& command, std::vector<std::string> arguments) {
  CommandLine app(command.summary, fmt::format("quire {}", command.name));
  const CommandBody body = command.add(app);
  const std::string help = TRY(app.parse(std::move(arguments)));
  if (help.empty()) return body();
  fmt::print("{}", help);
  return 0;
}

// A variable of the environment; empty when it is not set.
std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<void> read_environment() {
  if (const std::string_view limit = variable("QUIRE_ISA"); !limit.empty()) {
    const auto isa = isa_from_name(limit);
    if (!isa) return fail(Fault::usage, "QUIRE_ISA: {}", isa.error().text);
    limit_isa(*isa);
  }
  if (const std::string_view pages = variable("QUIRE_HUGE_PAGES"); !pages.empty()) {
    if (pages != "on" && pages != "off")
      return fail(Fault::usage, "QUIRE_HUGE_PAGES: '{}' is neither on nor off", pages);
    allow_huge_pages(pages == "on");
  }
  return {};
}

Result<int> run_program(std::vector<std::string> arguments) {
  TRY(read_environment());
  if (arguments.empty()) {
    fmt::print(stderr, "{}", overview());
    return exit_code(Fault::usage);
  }
  std::string name = arguments.front();
  arguments.erase(arguments.begin());
  if (name == "--version" || name == "version") {
    fmt::print("quire {}\n", QUIRE_VERSION);
    return 0;
  }
  const bool help = name == "--help" || name == "-h" || name == "help";
  if (help && arguments.empty()) {
    fmt::print("{}", overview());
    return 0;
  }
  if (help) name = arguments.front(), arguments = {"--help"};
  return run_command(TRY(find_command(name)), std::move(arguments));
}

Result<int> run_guarded(std::vector<std::string> arguments) {
  try {
    return run_program(std::move(arguments));
  } catch (const std::bad_alloc&) {
    return fail(Fault::limit, "out of memory");
  } catch (const std::exception& exception) {
    fmt::print(stderr, "quire: error: unexpected: {}\n", exception.what());
    return 1;
  }
}

// Called by the name of llama.cpp's server, through a link of that name, it is that server.
std::vector<std::string> arguments_of(std::span<char*> argv) {
  if (argv.empty()) return {};
  std::vector<std::string> arguments(argv.begin() + 1, argv.end());
  std::string_view name = argv[0];
  name.remove_prefix(name.find_last_of('/') + 1);  // npos + 1 is 0
  if (name == "llama-server") {
    const std::string first[] = {"serve", "--as", "llama-server"};
    arguments.insert(arguments.begin(), std::begin(first), std::end(first));
  }
  return arguments;
}

int run_main(std::span<char*> argv) {
  // `quire ... | head` ends quietly, also when started by a program that ignores the signal.
  std::signal(SIGPIPE, SIG_DFL);
  Result<int> result = run_guarded(arguments_of(argv));
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    result = fail(Fault::io, "standard output: cannot write: {}", std::strerror(errno));
  if (result) return *result;
  std::string line = result.error().text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  fmt::print(stderr, "quire: error: {}\n", line);
  return exit_code(result.error().fault);
}

}  // namespace
}  // namespace quire

int main(int argc, char** argv) {
  return quire::run_main(std::span(argv, static_cast<size_t>(argc)));
}
