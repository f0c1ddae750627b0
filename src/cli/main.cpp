// The program: finds the subcommand, parses its flags, runs it, and turns what came of it into one
// line and an exit code. Exceptions of libraries end here.
#include "base/isa.h"
#include "cli/command.h"
#include "cli/short_flags.h"
#include "cli/suggest.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>

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
  CommandBody (*add)(CLI::App& app);
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
         "QUIRE_ISA=portable|avx2|avx512 limits the instructions that are used.\n";
}

std::unexpected<Error> fail_unknown(const char* what, const std::string& name,
                                    const std::vector<std::string>& known, const char* way_out) {
  const std::string guess = nearest(name, known);
  if (guess.empty()) return fail(Fault::usage, "unknown {} '{}'; {}", what, name, way_out);
  return fail(Fault::usage, "unknown {} '{}', did you mean '{}'?", what, name, guess);
}

Result<Command> find_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : all_commands()) {
    if (name == command.name) return command;
    names.emplace_back(command.name);
  }
  if (name.starts_with('-'))
    return fail_unknown("flag", name, {"--help", "--version"}, "'quire --help' lists the commands");
  return fail_unknown("command", name, names, "'quire --help' lists them");
}

// The app whose flags the user was giving: the innermost subcommand that was named.
CLI::App* innermost(CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

std::unexpected<Error> explain(CLI::App& app, const CLI::ParseError& error) {
  CLI::App* inner = innermost(&app);
  const std::string way_out = fmt::format("'{} --help' explains it", app.get_name());
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const auto extras = app.remaining(true);
    const std::string extra = extras.empty() ? std::string(error.what()) : extras.front();
    std::vector<std::string> known;
    if (!extra.starts_with('-')) {
      for (const CLI::App* sub : inner->get_subcommands({})) known.push_back(sub->get_name());
      return fail_unknown(known.empty() ? "argument" : "command", extra, known, way_out.c_str());
    }
    for (const CLI::Option* option : inner->get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
      for (const std::string& name : option->get_snames()) known.push_back("-" + name);
    }
    return fail_unknown("flag", extra.substr(0, extra.find('=')), known, way_out.c_str());
  }
  return fail(Fault::usage, "{}; {}", error.what(), way_out);
}

// "-ctk f16" is "--ctk f16", as in other programs: a flag with one dash and a name that a flag with
// two has.
void add_second_dashes(const CLI::App& app, std::vector<std::string>& arguments) {
  for (std::string& argument : arguments) {
    if (argument == "--") return;
    if (argument.size() < 3 || argument[0] != '-' || argument[1] == '-') continue;
    const std::string name = "-" + argument.substr(0, argument.find('='));
    if (app.get_option_no_throw(name) != nullptr) argument.insert(0, "-");
  }
}

Result<int> run_command(const Command& command, std::vector<std::string> arguments) {
  CLI::App app(command.summary, fmt::format("quire {}", command.name));
  app.formatter(help_format());
  app.option_defaults()->group("Flags");
  app.set_help_flag("-h,--help", "print this help and exit");
  const CommandBody body = command.add(app);
  expand_short_flags(app, arguments);
  add_second_dashes(app, arguments);
  try {
    std::reverse(arguments.begin(), arguments.end());  // the order CLI11 wants
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    const CLI::App* inner = innermost(&app);
    fmt::print("{}", inner->help(inner == &app ? "" : app.get_name()));
    return 0;
  } catch (const CLI::ParseError& error) {
    return explain(app, error);
  }
  return body();
}

Result<int> run_program(std::vector<std::string> arguments) {
  if (const char* limit = std::getenv("QUIRE_ISA"); limit != nullptr && *limit != '\0') {
    const auto isa = isa_from_name(limit);
    if (!isa) return fail(Fault::usage, "QUIRE_ISA: {}", isa.error().text);
    limit_isa(*isa);
  }
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

int run_main(std::span<char*> argv) {
  // `quire ... | head` ends quietly, also when started by a program that ignores the signal.
  std::signal(SIGPIPE, SIG_DFL);
  Result<int> result =
      run_guarded(std::vector<std::string>(argv.begin() + (argv.empty() ? 0 : 1), argv.end()));
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
