#include "cli/session.h"

#include "base/file.h"
#include "cli/line_editor.h"
#include "cli/suggest.h"
#include "cli/terminal.h"
#include "model/find_model.h"

#include <charconv>
#include <optional>
#include <span>

namespace quire {
namespace {

constexpr uint64_t session_bytes_max = 64 << 20;

const char* help_text =
    "Type the beginning of a text and the model goes on; type more and it goes on from there.\n"
    "An empty line lets it go on by itself. After it has ended a text, a new one begins.\n"
    "  /reset             forget the text and begin a new one\n"
    "  /save FILE         write the text to a file\n"
    "  /load FILE         go on from the text of a file\n"
    "  /set               show the settings; /set temp 0.5 changes one\n"
    "  /help              this text\n"
    "  /quit              leave, as Ctrl-D does\n"
    "Ctrl-C stops an answer. Lines can be edited; the arrow keys bring back earlier ones.\n";

class Session {
 public:
  Session(LoadedEngine& loaded, SessionOptions options)
      : loaded_(loaded), options_(std::move(options)) {}
  Result<int> run();

 private:
  enum class Next { go_on, leave };
  Next command(const std::string& line);
  void take_line(const std::string& line);
  Result<void> answer();
  Result<void> save(const std::string& path) const;
  Result<void> load(const std::string& path);
  Result<void> set(const std::string& name, const std::string& value);
  void show_settings() const;

  LoadedEngine& loaded_;
  SessionOptions options_;
  InterruptGuard interrupts_;
  std::string text_;
  bool text_ended_ = false;  // by the model: the next line begins a new text
};

Result<int> Session::run() {
  fmt::print("{}, {} positions of context. /help lists the commands, Ctrl-D leaves.\n",
             bold(model_name(loaded_.model->path())), loaded_.engine->runner().n_ctx());
  LineEditor editor("> ");
  while (true) {
    interrupts_.reset();
    const std::optional<std::string> line = editor.read();
    if (!line) {
      fmt::print("\n");
      return 0;
    }
    if (editor.interrupted()) {
      fmt::print("\n{}\n", dim("(Ctrl-D or /quit leaves)"));
      continue;
    }
    if (line->starts_with('/')) {
      if (command(*line) == Next::leave) return 0;
      continue;
    }
    take_line(*line);
    if (auto result = answer(); !result) fmt::print(stderr, "error: {}\n", result.error().text);
  }
}

// The line goes after the text with a space between, unless one of them brings white space.
void Session::take_line(const std::string& line) {
  if (text_ended_) text_.clear();
  text_ended_ = false;
  const auto space = [](char c) { return c == ' ' || c == '\n' || c == '\t'; };
  if (!text_.empty() && !line.empty() && !space(text_.back()) && !space(line.front())) text_ += ' ';
  text_ += line;
}

Result<void> Session::answer() {
  Request request = make_request(options_.sampling, options_.seed);
  request.prompt = TRY(prompt_ids(loaded_.model->tokenizer(), text_));
  request.n_predict = options_.n_predict;
  request.replace = StreamDecoder::Replace::nothing;  // the session keeps the model's very bytes
  request.on_text = [&](std::string_view piece) {
    text_ += piece;
    put_text(piece);
  };
  Outcome outcome;
  request.on_finish = [&](const Outcome& done) { outcome = done; };
  interrupts_.reset();
  Engine& engine = *loaded_.engine;
  const RequestId id = TRY(engine.add(std::move(request)));
  while (TRY(engine.step()))
    if (interrupts_.interrupted()) engine.cancel(id);
  fmt::print("\n");
  if (outcome.reason == StopReason::cancelled) fmt::print("{}\n", dim("(stopped)"));
  if (outcome.reason == StopReason::context_full)
    fmt::print("{}\n", dim(fmt::format("(the context of {} positions is full: /reset begins anew)",
                                       engine.runner().n_ctx())));
  if (options_.timings == SessionOptions::Timings::show)
    print_timings(loaded_, outcome, options_.seed);
  text_ended_ = outcome.reason == StopReason::end_of_generation;
  ++options_.seed;
  if (outcome.error) return std::unexpected(*outcome.error);
  return {};
}

Result<void> Session::save(const std::string& path) const {
  if (path.empty()) return fail(Fault::usage, "/save needs the name of a file");
  if (file_exists(path)) return fail(Fault::usage, "{} exists already, nothing was written", path);
  TRY(write_file(path, text_));
  fmt::print("{} bytes written to {}\n", text_.size(), path);
  return {};
}

Result<void> Session::load(const std::string& path) {
  if (path.empty() || path == "-") return fail(Fault::usage, "/load needs the name of a file");
  text_ = TRY(read_file(path, session_bytes_max));
  text_ended_ = false;
  put_text(text_);
  fmt::print("\n");
  return {};
}

template <class T>
Result<void> parse_setting(const std::string& name, const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(Fault::usage, "{}: '{}' is not a number that fits", name, text);
  return {};
}

Result<void> Session::set(const std::string& name, const std::string& value) {
  const SessionOptions before = options_;
  SamplingParams& params = options_.sampling.params;
  Result<void> result;
  if (name == "temp")
    result = parse_setting(name, value, params.temperature);
  else if (name == "top-k")
    result = parse_setting(name, value, params.top_k);
  else if (name == "top-p")
    result = parse_setting(name, value, params.top_p);
  else if (name == "min-p")
    result = parse_setting(name, value, params.min_p);
  else if (name == "repeat-penalty")
    result = parse_setting(name, value, params.repeat_penalty);
  else if (name == "repeat-last-n")
    result = parse_setting(name, value, params.repeat_last_n);
  else if (name == "seed")
    result = parse_setting(name, value, options_.seed);
  else if (name == "n-predict")
    result = parse_setting(name, value, options_.n_predict);
  else
    result = fail(Fault::usage, "no setting '{}'; /set alone shows them", name);
  if (result) result = check_sampling(params);
  if (result && options_.n_predict < -1)
    result = fail(Fault::usage, "n-predict {} is out of range, at least -1", options_.n_predict);
  if (!result) options_ = before;
  return result;
}

void Session::show_settings() const {
  const SamplingParams& p = options_.sampling.params;
  fmt::print(
      "  temp {}\n  top-k {}\n  top-p {}\n  min-p {}\n  repeat-penalty {}\n  repeat-last-n {}\n"
      "  seed {}\n  n-predict {}\n",
      p.temperature, p.top_k, p.top_p, p.min_p, p.repeat_penalty, p.repeat_last_n, options_.seed,
      options_.n_predict);
}

Session::Next Session::command(const std::string& line) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin < line.size();) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    if (end > begin) words.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  // The name of a file may have spaces in it.
  const size_t space = line.find(' ');
  const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  Result<void> result;
  if (words[0] == "/quit" || words[0] == "/exit" || words[0] == "/bye") return Next::leave;
  if (words[0] == "/help" || words[0] == "/?") {
    fmt::print("{}", help_text);
  } else if (words[0] == "/reset") {
    text_.clear();
    text_ended_ = false;
    fmt::print("{}\n", dim("(a new text)"));
  } else if (words[0] == "/save") {
    result = save(rest);
  } else if (words[0] == "/load") {
    result = load(rest);
  } else if (words[0] == "/set" && words.size() == 1) {
    show_settings();
  } else if (words[0] == "/set" && words.size() == 3) {
    result = set(words[1], words[2]);
  } else if (words[0] == "/set") {
    result = fail(Fault::usage, "/set needs a name and a value, as in /set temp 0.5");
  } else {
    const std::string known[] = {"/help", "/reset", "/save", "/load", "/set", "/quit"};
    const std::string guess = nearest(words[0], known);
    result = fail(Fault::usage, "unknown command '{}'{}", words[0],
                  guess.empty() ? "; /help lists them" : ", did you mean '" + guess + "'?");
  }
  if (!result) fmt::print(stderr, "error: {}\n", result.error().text);
  return Next::go_on;
}

}  // namespace

Result<int> run_session(LoadedEngine& loaded, SessionOptions options) {
  return Session(loaded, std::move(options)).run();
}

}  // namespace quire
