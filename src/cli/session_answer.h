// What sessions share: settings that can be changed while one runs, and an answer that appears as
// it is made.
#pragma once
#include "cli/generation.h"
#include "cli/line_editor.h"
#include "cli/shown_answer.h"
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

struct SessionPrompt {
  std::vector<int32_t> ids;
  std::string text{};  // of a chat, as rendered
  DecodeAt decode_at = DecodeAt::middle;
};
struct SessionAnswer {
  std::string text, reasoning;
  Outcome outcome;
};
// Runs the prompt, and prints the answer as it grows in `answer`. Ctrl-C ends it. Counts the seed
// on.
Result<void> print_answer(LoadedEngine& loaded, AnswerMaker& maker, SessionOptions& options,
                          SessionPrompt prompt, InterruptGuard& interrupts, SessionAnswer& answer);

enum class Next : uint8_t { go_on, leave };

// Lines of the terminal, until Ctrl-D or a command that leaves; those that start with '/' are
// commands. An error of on_line is shown, Ctrl-C at the prompt says how to leave.
void read_lines(
    LoadedEngine& loaded, InterruptGuard& interrupts,
    const std::function<Next(const std::string& line)>& on_command,
    const std::function<Result<void>(LineEditor& editor, const std::string& line)>& on_line);

}  // namespace quire
