#include "cli/chat_session.h"

#include "base/file.h"
#include "cli/line_editor.h"
#include "jinja/json.h"
#include "model/find_model.h"
#include "text/utf8.h"

#include <optional>

namespace quire {
namespace {

constexpr uint64_t chat_bytes_max = 64 << 20;
constexpr std::string_view quotes = "\"\"\"";

const char* help_text =
    "Type a message and the model answers. \"\"\" begins a message of several lines and ends it.\n"
    "  /reset             forget the chat and begin a new one (also /clear)\n"
    "  /system TEXT       what the model is told before the chat; alone: show it\n"
    "  /retry             answer the last message once more\n"
    "  /undo              forget the last message and its answer\n"
    "  /save FILE         write the chat to a file, as JSON\n"
    "  /load FILE         go on with the chat of a file\n"
    "  /set               show the settings; /set temp 0.5 changes one\n"
    "  /help              this text\n"
    "  /quit              leave, as Ctrl-D does\n"
    "Ctrl-C stops an answer. Lines can be edited; the arrow keys bring back earlier ones.\n";

class ChatSession {
 public:
  ChatSession(LoadedEngine& loaded, AnswerMaker& maker, ChatSetup setup, SessionOptions options)
      : loaded_(loaded), maker_(maker), setup_(std::move(setup)), options_(std::move(options)) {}
  Result<int> run();

 private:
  Next command(const std::string& line);
  std::optional<std::string> read_message(LineEditor& editor, std::string line);
  Result<void> say(std::string message);
  Result<void> answer();
  Result<void> retry();
  Result<void> undo();
  Result<void> save(const std::string& path) const;
  Result<void> load(const std::string& path);
  void show_or_set_system(const std::string& text);

  LoadedEngine& loaded_;
  AnswerMaker& maker_;
  ChatSetup setup_;
  SessionOptions options_;
  InterruptGuard interrupts_;
  std::vector<jinja::Value> messages_;
  bool notes_shown_ = false;
};

bool is_from(const jinja::Value& message, std::string_view role) {
  const jinja::Value* value = message.dict().find(std::string_view("role"));
  return value != nullptr && value->is(jinja::Kind::string) && value->string() == role;
}

Result<int> ChatSession::run() {
  read_lines(
      loaded_, interrupts_, [this](const std::string& line) { return command(line); },
      [this](LineEditor& editor, const std::string& line) -> Result<void> {
        if (line.empty()) return {};
        std::optional<std::string> message = read_message(editor, line);
        if (!message) return {};
        return say(*std::move(message));
      });
  return 0;
}

// The whole message, of several lines when it begins with quotes; nothing after Ctrl-C.
std::optional<std::string> ChatSession::read_message(LineEditor& editor, std::string line) {
  if (!line.starts_with(quotes)) return line;
  std::string text = line.substr(quotes.size());
  while (!text.ends_with(quotes)) {
    const std::optional<std::string> more = editor.read();
    if (!more || editor.interrupted()) return std::nullopt;
    text += '\n' + *more;
  }
  text.resize(text.size() - quotes.size());
  return text;
}

// A message that could not be answered is not kept.
Result<void> ChatSession::say(std::string message) {
  messages_.push_back(make_message("user", std::move(message)));
  auto answered = answer();
  if (!answered) messages_.pop_back();
  return answered;
}

Result<void> ChatSession::answer() {
  const Tokenizer& tokenizer = loaded_.model->tokenizer();
  const ChatPrompt prompt = TRY(setup_.render(messages_));
  if (!notes_shown_)
    for (const std::string& note : prompt.notes) fmt::print("{}\n", dim("(" + note + ")"));
  notes_shown_ = true;
  std::vector<int32_t> ids = TRY(prompt.encode(tokenizer));
  SessionAnswer answer;
  TRY(print_answer(loaded_, maker_, options_, {std::move(ids), prompt.text, DecodeAt::start},
                   interrupts_, answer));
  messages_.push_back(make_message("assistant", utf8_replace_invalid(answer.text),
                                   utf8_replace_invalid(answer.reasoning)));
  return {};
}

Result<void> ChatSession::retry() {
  if (!messages_.empty() && is_from(messages_.back(), "assistant")) messages_.pop_back();
  if (messages_.empty() || !is_from(messages_.back(), "user"))
    return fail(Fault::usage, "there is no message to answer yet");
  return answer();
}

Result<void> ChatSession::undo() {
  if (messages_.empty()) return fail(Fault::usage, "there is nothing to forget");
  while (!messages_.empty() && !is_from(messages_.back(), "user")) messages_.pop_back();
  if (!messages_.empty()) messages_.pop_back();
  fmt::print("{}\n", dim(fmt::format("({} messages are left)", messages_.size())));
  return {};
}

void ChatSession::show_or_set_system(const std::string& text) {
  if (!text.empty()) setup_.system = text;
  if (setup_.system.empty())
    fmt::print("{}\n", dim("(no system prompt)"));
  else if (text.empty())
    fmt::print("{}\n", setup_.system);
}

Result<void> ChatSession::save(const std::string& path) const {
  if (path.empty()) return fail(Fault::usage, "/save needs the name of a file");
  if (file_exists(path)) return fail(Fault::usage, "{} exists already, nothing was written", path);
  std::vector<jinja::Value> all = messages_;
  if (!setup_.system.empty()) all.insert(all.begin(), make_message("system", setup_.system));
  const size_t n = all.size();
  jinja::JsonStyle style;
  style.has_indent = true;
  style.indent = "  ";
  const std::string json = TRY(jinja::json_text(make_messages(std::move(all)), style));
  TRY(write_file(path, json + "\n"));
  fmt::print("{} messages written to {}\n", n, path);
  return {};
}

Result<void> ChatSession::load(const std::string& path) {
  if (path.empty() || path == "-") return fail(Fault::usage, "/load needs the name of a file");
  const std::string text = TRY(read_file(path, chat_bytes_max));
  const jinja::Value list = TRY(parse_messages(text, path));
  std::vector<jinja::Value> messages = list.sequence().items;
  std::string system;
  if (is_from(messages.front(), "system")) {
    const jinja::Value* content = messages.front().dict().find(std::string_view("content"));
    if (content != nullptr && content->is(jinja::Kind::string)) {
      system = content->string();
      messages.erase(messages.begin());
    }
  }
  setup_.system = std::move(system);
  messages_ = std::move(messages);
  fmt::print("{} messages read from {}\n", messages_.size(), path);
  return {};
}

Next ChatSession::command(const std::string& line) {
  const auto [words, rest] = parse_command(line);
  Result<void> result;
  const std::string& name = words[0];
  if (name == "/quit" || name == "/exit" || name == "/bye") return Next::leave;
  if (name == "/help" || name == "/?") {
    fmt::print("{}", help_text);
  } else if (name == "/reset" || name == "/clear") {
    messages_.clear();
    fmt::print("{}\n", dim("(a new chat)"));
  } else if (name == "/system") {
    show_or_set_system(rest);
  } else if (name == "/retry" || name == "/regenerate") {
    result = retry();
  } else if (name == "/undo") {
    result = undo();
  } else if (name == "/save") {
    result = save(rest);
  } else if (name == "/load") {
    result = load(rest);
  } else if (name == "/set") {
    result = set_command(options_, words);
  } else {
    const std::string known[] = {"/help", "/reset", "/system", "/retry", "/undo",
                                 "/save", "/load",  "/set",    "/quit"};
    result = unknown_command(name, known);
  }
  if (!result) fmt::print(stderr, "error: {}\n", result.error().text);
  return Next::go_on;
}

}  // namespace

Result<int> run_chat(LoadedEngine& loaded, AnswerMaker& maker, ChatSetup setup,
                     SessionOptions options) {
  return ChatSession(loaded, maker, std::move(setup), std::move(options)).run();
}

}  // namespace quire
