#include "cli/line_editor.h"

#include <histedit.h>

#include <langinfo.h>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>

namespace quire {
namespace {

constexpr int history_lines_max = 1000;

// libedit takes bytes for characters unless the locale says UTF-8.
void want_utf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace

struct LineEditor::State {
  std::string prompt;
  EditLine* editor = nullptr;
  History* history = nullptr;
  bool interrupted = false;

  static char* show_prompt(EditLine* editor) {
    State* state = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &state);
    return state->prompt.data();
  }
};

LineEditor::LineEditor(std::string prompt) : state_(std::make_unique<State>()) {
  want_utf8();
  State& state = *state_;
  state.prompt = std::move(prompt);
  state.editor = ::el_init("quire", stdin, stdout, stderr);
  state.history = ::history_init();
  HistEvent event{};
  ::history(state.history, &event, H_SETSIZE, history_lines_max);
  ::history(state.history, &event, H_SETUNIQUE, 1);
  ::el_set(state.editor, EL_CLIENTDATA, &state);
  ::el_set(state.editor, EL_PROMPT, &State::show_prompt);
  ::el_set(state.editor, EL_EDITOR, "emacs");
  ::el_set(state.editor, EL_HIST, ::history, state.history);
  ::el_set(state.editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  // A Ctrl-D typed while the terminal was not yet ours to edit (during an answer) arrives as NUL.
  ::el_set(state.editor, EL_BIND, "^@", "ed-end-of-file", nullptr);
}

LineEditor::~LineEditor() {
  ::history_end(state_->history);
  ::el_end(state_->editor);
}

std::optional<std::string> LineEditor::read() {
  State& state = *state_;
  state.interrupted = false;
  int n = 0;
  errno = 0;
  const char* line = ::el_gets(state.editor, &n);
  if (line == nullptr || n <= 0) {
    if (errno != EINTR) return std::nullopt;
    state.interrupted = true;
    return std::string{};
  }
  std::string text(line, static_cast<size_t>(n));
  HistEvent event{};
  if (text != "\n") ::history(state.history, &event, H_ENTER, text.c_str());
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

bool LineEditor::interrupted() const { return state_->interrupted; }

}  // namespace quire
