// What a subcommand is. To add one: a line in commands.inc, and a file cmd_NAME.cpp with
//
//   CommandBody command_NAME(CommandLine& app) {
//     auto flags = std::make_shared<NameFlags>();           // a struct of the file's own
//     add_int(app, "-n,--lines", flags->n_lines, "lines to print", 1, 1000);
//     app.add_flag("--json", flags->json, "print JSON");
//     examples(app, {{"quire NAME -n 3", "the first three"}});
//     return [flags] { return run(*flags); };               // Result<int> run(const NameFlags&)
//   }
//
// The body runs after the flags were parsed; what it returns is the exit code, an Error is printed
// as one line `quire: error: ...` and exits with exit_code(fault) (base/result.h). Answers go to
// standard output, everything else to standard error. Only this layer reads the environment.
#pragma once
#include "base/result.h"
#include "cli/command_line.h"

#include <functional>
#include <memory>

namespace quire {

using CommandBody = std::function<Result<int>()>;

#define COMMAND(name, chapter, summary) CommandBody command_##name(CommandLine& app);
#include "cli/commands.inc"
#undef COMMAND

}  // namespace quire
