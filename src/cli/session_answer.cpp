#include "cli/session_answer.h"

#include "cli/suggest.h"
#include "model/find_model.h"

#include <charconv>
#include <optional>
#include <variant>

namespace quire {
namespace {

using Target = std::variant<float*, int32_t*, int64_t*, uint64_t*>;

struct SessionSetting {
  const char* name;
  Target target;
};

std::vector<SessionSetting> settings_of(SessionOptions& options) {
  SamplingParams& p = options.sampling.params;
  return {{"temp", &p.temperature},
          {"top-k", &p.top_k},
          {"top-p", &p.top_p},
          {"min-p", &p.min_p},
          {"typical", &p.typical_p},
          {"top-nsigma", &p.top_n_sigma},
          {"xtc-probability", &p.xtc_probability},
          {"xtc-threshold", &p.xtc_threshold},
          {"repeat-penalty", &p.repeat_penalty},
          {"repeat-last-n", &p.repeat_last_n},
          {"presence-penalty", &p.presence_penalty},
          {"frequency-penalty", &p.frequency_penalty},
          {"dry-multiplier", &p.dry_multiplier},
          {"mirostat", &p.mirostat},
          {"seed", &options.seed},
          {"n-predict", &options.n_predict}};
}

}  // namespace

Result<void> change_setting(SessionOptions& options, const std::string& name,
                            const std::string& text) {
  SessionOptions changed = options;
  for (const SessionSetting& setting : settings_of(changed)) {
    if (name != setting.name) continue;
    const bool fits = std::visit(
        [&](auto* target) {
          const auto [end, error] =
              std::from_chars(text.data(), text.data() + text.size(), *target);
          return error == std::errc{} && end == text.data() + text.size();
        },
        setting.target);
    if (!fits) return fail(Fault::usage, "{}: '{}' is not a number that fits", name, text);
    TRY(check_sampling(changed.sampling.params));
    if (changed.n_predict < -1)
      return fail(Fault::usage, "n-predict {} is out of range, at least -1", changed.n_predict);
    options = std::move(changed);
    return {};
  }
  return fail(Fault::usage, "no setting '{}'; /set alone shows them", name);
}

void show_settings(const SessionOptions& options) {
  SessionOptions copy = options;
  for (const SessionSetting& setting : settings_of(copy))
    std::visit([&](auto* target) { fmt::print("  {} {}\n", setting.name, *target); },
               setting.target);
}

SessionCommand parse_command(const std::string& line) {
  SessionCommand command;
  for (size_t begin = 0; begin < line.size();) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    if (end > begin) command.words.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  const size_t space = line.find(' ');
  if (space != line.npos) command.rest = line.substr(space + 1);
  return command;
}

std::unexpected<Error> unknown_command(const std::string& name,
                                       std::span<const std::string> known) {
  const std::string guess = nearest(name, known);
  return fail(Fault::usage, "unknown command '{}'{}", name,
              guess.empty() ? "; /help lists them" : ", did you mean '" + guess + "'?");
}

Result<void> set_command(SessionOptions& options, const std::vector<std::string>& words) {
  if (words.size() == 1) return show_settings(options), Result<void>();
  if (words.size() == 3) return change_setting(options, words[1], words[2]);
  return fail(Fault::usage, "/set needs a name and a value, as in /set temp 0.5");
}

Result<void> print_answer(LoadedEngine& loaded, AnswerMaker& maker, SessionOptions& options,
                          SessionPrompt prompt, InterruptGuard& interrupts, SessionAnswer& answer) {
  Request request = TRY(make_request(options.sampling, options.seed));
  request.prompt = std::move(prompt.ids);
  request.n_predict = options.n_predict;
  request.shift = options.shift;
  request.decode_at = prompt.decode_at;
  request.replace = StreamDecoder::Replace::nothing;  // the session keeps the model's very bytes
  ShownAnswer shown = TRY(maker.begin(request, prompt.text, ShownAnswer::Show::all));
  request.on_text = [&](std::string_view piece) { shown.push(piece); };
  Outcome& outcome = answer.outcome;
  request.on_finish = [&](const Outcome& done) { outcome = done; };
  interrupts.reset();
  Engine& engine = *loaded.engine;
  const RequestId id = TRY(engine.add(std::move(request)));
  while (TRY(engine.step()))
    if (interrupts.interrupted()) engine.cancel(id);
  shown.finish();
  answer.text = shown.content();
  answer.reasoning = shown.reasoning();
  fmt::print("\n");
  const int64_t n_ctx = engine.runner().n_ctx();
  if (outcome.reason == StopReason::cancelled) fmt::print("{}\n", dim("(stopped)"));
  if (outcome.reason == StopReason::context_full)
    fmt::print("{}\n", dim(fmt::format("(the context of {} positions is full: /reset begins anew)",
                                       n_ctx)));
  if (outcome.n_discarded > 0)
    fmt::print("{}\n", dim(fmt::format("(the context of {} positions was full: the oldest {} "
                                       "tokens that may go were forgotten)",
                                       n_ctx, outcome.n_discarded)));
  if (options.timings == SessionOptions::Timings::show)
    print_timings(loaded, outcome, options.seed);
  ++options.seed;
  if (outcome.error) return std::unexpected(*outcome.error);
  return {};
}

void read_lines(
    LoadedEngine& loaded, InterruptGuard& interrupts,
    const std::function<Next(const std::string& line)>& on_command,
    const std::function<Result<void>(LineEditor& editor, const std::string& line)>& on_line) {
  fmt::print("{}, {} positions of context. /help lists the commands, Ctrl-D leaves.\n",
             bold(model_name(loaded.model->path())), loaded.engine->runner().n_ctx());
  LineEditor editor("> ");
  while (true) {
    interrupts.reset();
    const std::optional<std::string> line = editor.read();
    if (!line) {
      fmt::print("\n");
      return;
    }
    if (editor.interrupted()) {
      fmt::print("\n{}\n", dim("(Ctrl-D or /quit leaves)"));
    } else if (line->starts_with('/')) {
      if (on_command(*line) == Next::leave) return;
    } else if (auto done = on_line(editor, *line); !done) {
      fmt::print(stderr, "error: {}\n", done.error().text);
    }
  }
}

}  // namespace quire
