// What sessions share: settings that can be changed while one runs, and an answer that appears as
// it is made.
#pragma once
#include "cli/generation.h"
#include "cli/line_editor.h"
#include "cli/terminal.h"

#include <functional>
#include <string>
#include <vector>

namespace quire {

struct SessionOptions {
  SamplingFlags sampling;
  int64_t n_predict = -1;
  uint64_t seed = 0;  // of the first answer; each later one takes the next
  ContextShift shift;
  enum class Timings { hide, show };
  Timings timings = Timings::hide;
};

// "/set NAME VALUE". usage when there is no such setting or the value is out of range; then nothing
// has changed.
Result<void> change_setting(SessionOptions& options, const std::string& name,
                            const std::string& value);
void show_settings(const SessionOptions& options);

// "/command word word": words between spaces; `rest` is everything after the first space, as the
// name of a file may have spaces in it.
struct SessionCommand {
  std::vector<std::string> words;
  std::string rest;
};
SessionCommand parse_command(const std::string& line);
// "unknown command '/sav', did you mean '/save'?"
std::unexpected<Error> unknown_command(const std::string& name, std::span<const std::string> known);
// /set, /set NAME VALUE
Result<void> set_command(SessionOptions& options, const std::vector<std::string>& words);

// Runs the prompt and prints the answer, also into `text`. Ctrl-C ends the answer. Counts the seed
// on.
Result<Outcome> print_answer(LoadedEngine& loaded, SessionOptions& options,
                             std::vector<int32_t> prompt, DecodeAt decode_at,
                             InterruptGuard& interrupts, std::string& text);

enum class Next : uint8_t { go_on, leave };

// Lines of the terminal, until Ctrl-D or a command that leaves; those that start with '/' are
// commands. An error of on_line is shown, Ctrl-C at the prompt says how to leave.
void read_lines(
    LoadedEngine& loaded, InterruptGuard& interrupts,
    const std::function<Next(const std::string& line)>& on_command,
    const std::function<Result<void>(LineEditor& editor, const std::string& line)>& on_line);

}  // namespace quire
