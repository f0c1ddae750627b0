#include "cli/session.h"

#include "base/file.h"
#include "cli/line_editor.h"
#include "cli/terminal.h"
#include "model/find_model.h"

#include <optional>
#include <span>

namespace quire {
namespace {

constexpr uint64_t session_bytes_max = 64 << 20;

const char* text_session_help =
    "Type the beginning of a text and the model goes on; type more and it goes on from there.\n"
    "An empty line lets it go on by itself. After it has ended a text, a new one begins.\n"
    "  /reset             forget the text and begin a new one\n"
    "  /save FILE         write the text to a file\n"
    "  /load FILE         go on from the text of a file\n"
    "  /set               show the settings; /set temp 0.5 changes one\n"
    "  /help              this text\n"
    "  /quit              leave, as Ctrl-D does\n"
    "Ctrl-C stops an answer. Lines can be edited; the arrow keys bring back earlier ones.\n";

class TextSession {
 public:
  TextSession(LoadedEngine& loaded, AnswerMaker& maker, SessionOptions options)
      : loaded_(loaded), maker_(maker), options_(std::move(options)) {}
  Result<int> run();

 private:
  Next command(const std::string& line);
  void take_line(const std::string& line);
  Result<void> answer();
  Result<void> save(const std::string& path) const;
  Result<void> load(const std::string& path);

  LoadedEngine& loaded_;
  AnswerMaker& maker_;
  SessionOptions options_;
  InterruptGuard interrupts_;
  std::string text_;
  bool text_ended_ = false;  // by the model: the next line begins a new text
};

Result<int> TextSession::run() {
  read_lines(
      loaded_, interrupts_, [this](const std::string& line) { return command(line); },
      [this](LineEditor&, const std::string& line) {
        take_line(line);
        return answer();
      });
  return 0;
}

// The line goes after the text with a space between, unless one of them brings white space.
void TextSession::take_line(const std::string& line) {
  if (text_ended_) text_.clear();
  text_ended_ = false;
  const auto space = [](char c) { return c == ' ' || c == '\n' || c == '\t'; };
  if (!text_.empty() && !line.empty() && !space(text_.back()) && !space(line.front())) text_ += ' ';
  text_ += line;
}

Result<void> TextSession::answer() {
  SessionAnswer answer;
  auto printed =
      print_answer(loaded_, maker_, options_, {TRY(prompt_ids(loaded_.model->tokenizer(), text_))},
                   interrupts_, answer);
  text_ += answer.text;
  text_ended_ = answer.outcome.reason == StopReason::end_of_generation;
  return printed;
}

Result<void> TextSession::save(const std::string& path) const {
  if (path.empty()) return fail(Fault::usage, "/save needs the name of a file");
  if (file_exists(path)) return fail(Fault::usage, "{} exists already, nothing was written", path);
  TRY(write_file(path, text_));
  fmt::print("{} bytes written to {}\n", text_.size(), path);
  return {};
}

Result<void> TextSession::load(const std::string& path) {
  if (path.empty() || path == "-") return fail(Fault::usage, "/load needs the name of a file");
  text_ = TRY(read_file(path, session_bytes_max));
  text_ended_ = false;
  put_text(text_);
  fmt::print("\n");
  return {};
}

Next TextSession::command(const std::string& line) {
  const auto [words, rest] = parse_command(line);
  Result<void> result;
  if (words[0] == "/quit" || words[0] == "/exit" || words[0] == "/bye") return Next::leave;
  if (words[0] == "/help" || words[0] == "/?") {
    fmt::print("{}", text_session_help);
  } else if (words[0] == "/reset") {
    text_.clear();
    text_ended_ = false;
    fmt::print("{}\n", dim("(a new text)"));
  } else if (words[0] == "/save") {
    result = save(rest);
  } else if (words[0] == "/load") {
    result = load(rest);
  } else if (words[0] == "/set") {
    result = set_command(options_, words);
  } else {
    const std::string known[] = {"/help", "/reset", "/save", "/load", "/set", "/quit"};
    result = unknown_command(words[0], known);
  }
  if (!result) fmt::print(stderr, "error: {}\n", result.error().text);
  return Next::go_on;
}

}  // namespace

Result<int> run_session(LoadedEngine& loaded, AnswerMaker& maker, SessionOptions options) {
  return TextSession(loaded, maker, std::move(options)).run();
}

}  // namespace quire
