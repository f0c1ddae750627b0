// quire run: a model answers or continues a text, once or in a session.
#include "base/file.h"
#include "cli/answer_form.h"
#include "cli/chat_flags.h"
#include "cli/chat_session.h"
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/prompt_cache.h"
#include "cli/session.h"
#include "cli/shown_answer.h"
#include "cli/stored_parameters.h"
#include "cli/terminal.h"
#include "model/find_model.h"

namespace quire {
namespace {

constexpr uint64_t prompt_bytes_max = 64 << 20;

struct RunFlags {
  std::vector<std::string> positionals;
  std::string prompt, file;
  bool has_prompt = false, hide_prompt = false, interactive = false, verbose = false, json = false;
  int64_t n_predict = -1;
  ModelFlags model;
  SamplingFlags sampling;
  DraftFlags drafts;
  ContextShift shift;
  ChatFlags chat;
  FormFlags form;
  PromptCacheFlags prompt_cache;
};

// From a file or from standard input, without the line feed that ends it.
Result<std::string> read_prompt(const std::string& path) {
  std::string text = TRY(read_file(path, prompt_bytes_max));
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// The prompt, or nothing when a session is wanted.
Result<std::optional<std::string>> find_prompt(const RunFlags& flags,
                                               std::optional<std::string> positional) {
  const int n_given =
      (positional ? 1 : 0) + (flags.has_prompt ? 1 : 0) + (flags.file.empty() ? 0 : 1);
  if (n_given > 1)
    return fail(Fault::usage, "the prompt is given {} times: use one of PROMPT, --prompt, --file",
                n_given);
  if (flags.interactive && (n_given > 0 || !input_is_terminal() || flags.json))
    return fail(Fault::usage, "--interactive needs a terminal, no prompt and no --json");
  if (positional) return positional;
  if (flags.has_prompt) return flags.prompt;
  if (!flags.file.empty()) return TRY(read_prompt(flags.file));
  if (!input_is_terminal()) return TRY(read_prompt("-"));
  if (flags.json) return fail(Fault::usage, "--json needs a prompt");
  return std::nullopt;
}

nlohmann::json as_json(const LoadedEngine& loaded, const Outcome& outcome,
                       const std::string& prompt, const ShownAnswer& answer, uint64_t seed) {
  const Timings& t = outcome.timings;
  nlohmann::json json = {{"model", model_name(loaded.model->path())},
                         {"prompt", prompt},
                         {"text", answer.content()},
                         {"tokens", outcome.tokens},
                         {"stop_reason", stop_reason_name(outcome.reason)},
                         {"n_discarded", outcome.n_discarded},
                         {"seed", seed},
                         {"timings",
                          {{"load_s", loaded.load_s},
                           {"n_prompt", t.n_prompt},
                           {"n_cached", t.n_cached},
                           {"prompt_s", t.prompt_s},
                           {"prompt_tokens_per_s", t.prompt_rate()},
                           {"n_generated", t.n_generated},
                           {"generate_s", t.generate_s},
                           {"generate_tokens_per_s", t.generate_rate()},
                           {"n_drafted", t.n_drafted},
                           {"n_accepted", t.n_accepted}}}};
  if (answer.splits()) json["reasoning"] = answer.reasoning();
  return json;
}

// The text itself, or the chat that consists of this message.
Result<SessionPrompt> prompt_tokens(const RunFlags& flags, const Tokenizer& tokenizer,
                                    const std::optional<ChatSetup>& chat,
                                    const std::string& prompt) {
  if (!chat) return SessionPrompt{TRY(prompt_ids(tokenizer, prompt))};
  const ChatPrompt rendered = TRY(chat->render({make_message("user", prompt)}));
  if (flags.verbose)
    for (const std::string& note : rendered.notes) fmt::print(stderr, "quire: note: {}\n", note);
  return SessionPrompt{TRY(rendered.encode(tokenizer)), rendered.text, DecodeAt::start};
}

Result<int> run_once(const RunFlags& flags, LoadedEngine& loaded, AnswerMaker& maker,
                     const std::optional<ChatSetup>& chat, const std::string& prompt) {
  const uint64_t seed = chosen_seed(flags.sampling.seed);
  Request request = TRY(make_request(flags.sampling, seed));
  SessionPrompt tokens = TRY(prompt_tokens(flags, loaded.model->tokenizer(), chat, prompt));
  request.prompt = std::move(tokens.ids);
  request.n_predict = flags.n_predict;
  request.shift = flags.shift;
  request.decode_at = tokens.decode_at;
  if (!flags.json && !output_is_terminal()) request.replace = StreamDecoder::Replace::nothing;
  ShownAnswer answer = TRY(maker.begin(
      request, tokens.text, flags.json ? ShownAnswer::Show::nothing : ShownAnswer::Show::all));
  Outcome outcome;
  request.on_text = [&](std::string_view piece) { answer.push(piece); };
  request.on_finish = [&](const Outcome& done) { outcome = done; };
  Engine& engine = *loaded.engine;
  const RequestId id = TRY(engine.add(std::move(request)));
  const InterruptGuard interrupts;
  if (!flags.json && !flags.hide_prompt && !chat) put_prompt(prompt);
  while (TRY(engine.step()))
    if (interrupts.interrupted()) engine.cancel(id);
  answer.finish();

  if (flags.json)
    print_json(as_json(loaded, outcome, prompt, answer, seed));
  else if (!answer.content().ends_with('\n'))
    put_text("\n");
  note_stop_reason(outcome, engine.runner().n_ctx());
  if (flags.verbose) print_timings(loaded, outcome, seed);
  if (outcome.error) return std::unexpected(*outcome.error);
  return outcome.reason == StopReason::cancelled ? exit_code(Fault::cancelled) : 0;
}

Result<int> run(const RunFlags& flags, CommandLine& app) {
  ModelAndText what = TRY(split_positionals(flags.model.model, flags.positionals));
  TRY(fill_in_parameters(app, what.contents.parameters));
  const auto prompt = TRY(find_prompt(flags, std::move(what.text)));
  auto form = TRY(answer_form(flags.form));
  const BlockStoreOptions store = TRY(prompt_cache_options(flags.prompt_cache));
  LoadedEngine loaded = TRY(load_engine(what.contents, flags.model, 1, &flags.drafts, store));
  const auto chat = TRY(set_up_chat(loaded.model->tokenizer(), flags.chat, what.contents));
  AnswerMaker maker = TRY(AnswerMaker::create(loaded, std::move(form), chat ? &*chat : nullptr));
  note_memory(loaded);
  if (prompt) return run_once(flags, loaded, maker, chat, *prompt);
  SessionOptions options;
  options.sampling = flags.sampling;
  options.n_predict = flags.n_predict;
  options.shift = flags.shift;
  options.seed = chosen_seed(flags.sampling.seed);
  if (flags.verbose) options.timings = SessionOptions::Timings::show;
  if (chat) return run_chat(loaded, maker, *chat, std::move(options));
  return run_session(loaded, maker, std::move(options));
}

}  // namespace

CommandBody command_run(CommandLine& app) {
  auto flags = std::make_shared<RunFlags>();
  app.add_option("[MODEL] [PROMPT]", flags->positionals,
                 "a single argument is the MODEL when it names one")
      ->type_name("")
      ->expected(0, 2);
  CommandLine::Option* prompt =
      add_text(app, "-p,--prompt", flags->prompt, "the message to answer, or the text to continue");
  app.parse_complete_callback([flags, prompt] { flags->has_prompt = prompt->count() > 0; });
  add_text(app, "-f,--file", flags->file, "read the prompt from a file; -: standard input", "FILE");
  add_int(app, "-n,--n-predict", flags->n_predict, "at most so many tokens; -1: until it ends", -1,
          INT32_MAX);
  add_model_flags(app, flags->model);
  add_exact_flag(app, flags->model);
  add_rope_flags(app, flags->model.rope);
  add_adapter_flags(app, flags->model.adapters);
  add_chat_flags(app, flags->chat);
  add_form_flags(app, flags->form);
  add_sampling_flags(app, flags->sampling);
  add_shift_flags(app, flags->shift);
  add_draft_flags(app, flags->drafts);
  add_prompt_cache_flags(app, flags->prompt_cache);
  app.add_flag("-i,--interactive", flags->interactive,
               "a session, or an error if none is possible");
  app.add_flag("--no-display-prompt", flags->hide_prompt, "print the continuation only");
  app.add_flag("-v,--verbose", flags->verbose, "print timings to standard error");
  app.add_flag("--json", flags->json, "print one JSON object at the end");
  examples(
      app,
      {{"quire run", "a session with the bundled model"},
       {"quire run \"Once upon a time\"", "a story"},
       {"quire run model.gguf -n 64 --temp 0", "the likeliest text, prompt from stdin"},
       {"quire run chat.gguf \"Why is the sky blue?\"", "an answer, by the chat template"},
       {"quire run chat.gguf -sys \"Be brief.\"", "a chat"},
       {"quire run chat.gguf --raw \"Once\"", "the text goes on, without a template"},
       {"quire run -s 7 -p \"The dog\" --verbose", "the same story every time, and how fast"}});
  return [flags, &app] { return run(*flags, app); };
}

}  // namespace quire
