// What a subcommand is. To add one: a line in commands.inc, and a file cmd_NAME.cpp with
//
//   CommandBody command_NAME(CLI::App& app) {
//     auto flags = std::make_shared<Flags>();               // a struct of the file's own
//     add_int(app, "-n,--lines", flags->n_lines, "lines to print", 1, 1000);
//     app.add_flag("--json", flags->json, "print JSON");
//     examples(app, {{"quire NAME -n 3", "the first three"}});
//     return [flags] { return run(*flags); };               // Result<int> run(const Flags&)
//   }
//
// The body runs after the flags were parsed; what it returns is the exit code, an Error is printed
// as one line `quire: error: ...` and exits with exit_code(fault) (base/result.h). Answers go to
// standard output, everything else to standard error. Only this layer reads the environment.
#pragma once
#include "base/result.h"

#include <CLI/CLI.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace quire {

using CommandBody = std::function<Result<int>()>;

#define COMMAND(name, chapter, summary) CommandBody command_##name(CLI::App& app);
#include "cli/commands.inc"
#undef COMMAND

// Validators: the text must be a number in [least, most]; the error names value and limits.
CLI::Validator integer_between(int64_t least, int64_t most);
CLI::Validator number_between(double least, double most);

// A flag or positional with a number that is checked. Compiled once, in command.cpp, for int32_t,
// int64_t, uint64_t, float and double: CLI11's templates are what takes long in this layer.
template <std::integral T>
CLI::Option* add_int(CLI::App& app, const std::string& names, T& value, const std::string& help,
                     int64_t least, int64_t most);
template <std::floating_point T>
CLI::Option* add_number(CLI::App& app, const std::string& names, T& value, const std::string& help,
                        double least, double most);
CLI::Option* add_text(CLI::App& app, const std::string& names, std::string& value,
                      const std::string& help, const std::string& type = "TEXT");
// -t/--threads; 0 stands for all that the machine gives.
CLI::Option* add_threads(CLI::App& app, int& n_threads);

// How --help looks: main gives it to every app.
std::shared_ptr<CLI::FormatterBase> help_format();

// Shown at the end of --help.
struct Example {
  const char* line;
  const char* meaning;
};
void examples(CLI::App& app, std::initializer_list<Example> list);

}  // namespace quire
