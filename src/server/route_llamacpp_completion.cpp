// POST /completion and /infill, as llama.cpp's server has them (tools/server/README.md there).
#include "server/completion.h"
#include "server/fim.h"
#include "server/llamacpp_json.h"
#include "server/request_fields.h"
#include "server/stream.h"

namespace quire::server {
namespace {

constexpr int64_t n_probs_max = 1000;

struct LlamacppForm {
  HostRequest request;  // the prompt left out
  AnswerSettings settings;
  size_t n_choices = 1;
  bool return_tokens = false, return_progress = false;
  int64_t id_slot = -1;                      // saved_slots.h
  double time_max_s = 0;                     // after the first token, once there is a line; 0: none
  std::vector<std::string> response_fields;  // empty: all
};

// llama.cpp's limits: -1 and -2 are all that the context has room for.
int64_t read_n_predict(Fields& fields, const App& app, const ServedModel& model) {
  const int64_t most = app.options.limits.n_predict_max;
  int64_t n = fields.integer("n_predict", stored_n_predict(model), -2, INT32_MAX);
  n = fields.integer("max_tokens", n, -2, INT32_MAX);
  if (n < 0) n = -1;
  return most < INT32_MAX && (n < 0 || n > most) ? most : n;
}

ApiResult<LlamacppForm> read_llamacpp_form(const App& app, const Json& body,
                                           const ServedModel& model) {
  LlamacppForm form;
  Fields fields(body);
  const RequestLimits& limits = app.options.limits;
  const RequestDefaults& defaults = app.options.defaults;
  Request& request = form.request.request;
  AnswerSettings& settings = form.settings;
  request.n_predict = settings.n_predict = read_n_predict(fields, app, model);
  form.n_choices = static_cast<size_t>(fields.integer(
      "n_cmpl", fields.integer("n", 1, 1, limits.n_choices_max), 1, limits.n_choices_max));
  settings.stream = fields.flag("stream", false);
  settings.timings_per_token = fields.flag("timings_per_token", false);
  settings.post_sampling_probs = fields.flag("post_sampling_probs", false);
  form.return_tokens = fields.flag("return_tokens", false);
  settings.n_probs =
      fields.integer("n_probs", fields.integer("logprobs", 0, 0, n_probs_max), 0, n_probs_max);
  settings.stop = request.stop = read_stop(fields, app, model);
  settings.ignore_eos = fields.flag("ignore_eos", defaults.ignore_eos);
  if (settings.ignore_eos) request.end = EndOfGeneration::never_drawn;
  request.shift.wanted = defaults.context_shift;
  request.shift.n_keep = settings.n_keep = fields.integer("n_keep", defaults.n_keep, -1, INT32_MAX);
  form.time_max_s =
      static_cast<double>(fields.integer("t_max_predict_ms", -1, -1, INT32_MAX)) / 1e3;
  form.response_fields = fields.texts("response_fields", 64);
  request.sampling = defaults.sampling;
  read_sampling(fields, app, model, request.sampling);
  settings.sampling = request.sampling;
  read_sequence_fields(fields, model).put_into(form.request);
  settings.lora = lora_scales(model, request.strengths);
  read_cache_use(fields, app, request);
  if (settings.n_probs > 0 || form.return_tokens || settings.stream || settings.timings_per_token)
    form.request.tokens = Tokens::told;
  request.n_probabilities = static_cast<int32_t>(settings.n_probs);
  if (settings.post_sampling_probs) request.probabilities = Probabilities::after_sampling;
  form.return_progress = settings.stream && fields.flag("return_progress", false);
  if (form.return_progress || settings.timings_per_token) form.request.progress = Progress::told;
  form.id_slot = fields.integer("id_slot", -1, -1, INT32_MAX);
  fields.integer("n_indent", 0, 0, INT32_MAX);  // of /infill
  TRY_API(fields.done());
  form.request.grammar = TRY_API(read_grammar(body));
  if (const Json* grammar = fields.find("grammar"); grammar != nullptr && grammar->is_string())
    settings.grammar = grammar->get<std::string>();
  return form;
}

const char* stop_type(const Outcome& outcome) {
  switch (outcome.reason) {
    case StopReason::end_of_generation:
      return "eos";
    case StopReason::stop_string:
      return "word";
    case StopReason::n_predict:
    case StopReason::context_full:
      return "limit";
    default:
      return "none";
  }
}

// Tokens that end a text: never drawn when a request wants none to.
std::vector<int32_t> never_drawn(const Tokenizer& tokenizer, const AnswerSettings& settings) {
  return settings.ignore_eos ? tokenizer.end_of_generation() : std::vector<int32_t>{};
}

struct LlamacppChoice {
  std::string text, prompt;
  size_t n_prompt = 0;
  std::vector<TokenEvent> tokens{};
  RunningTimings timings{};
  bool out_of_time = false;
};

// One answer of several prompts and choices: an object each, as pieces or at the end.
class LlamacppAnswer {
 public:
  LlamacppAnswer(const ServedModel& model, const LlamacppForm& form,
                 std::vector<LlamacppChoice> choices)
      : model_(model),
        form_(form),
        choices_(std::move(choices)),
        settings_(settings_json(form.settings, never_drawn(model.tokenizer(), form.settings))) {}

  void take(const Generation::Event& event) {
    LlamacppChoice& choice = choices_[event.index];
    choice.text += event.text;
    choice.timings.count(event.tokens.size());
    choice.tokens.insert(choice.tokens.end(), event.tokens.begin(), event.tokens.end());
    if (form_.time_max_s > 0 && choice.timings.generate_s() > form_.time_max_s &&
        choice.text.find('\n') != std::string::npos)
      choice.out_of_time = true;
  }
  // Every answer has had its time.
  bool out_of_time() const {
    return std::ranges::all_of(choices_,
                               [](const LlamacppChoice& choice) { return choice.out_of_time; });
  }

  void take_progress(const Generation::Event& event) {
    choices_[event.index].timings.progress(*event.progress);
  }
  bool stream_progress(Exchange& exchange, const Generation::Event& event) const {
    const LlamacppChoice& choice = choices_[event.index];
    Json json = piece(event.index, "", {});
    json["prompt_progress"] = choice.timings.progress_json();
    return write_data(exchange, json);
  }

  // A piece for each token; where several came at once the text is that of the last.
  bool stream(Exchange& exchange, const Generation::Event& event) const {
    const size_t n = event.tokens.size();
    for (size_t i = 0; i + 1 < n; ++i)
      if (!write_data(exchange, piece(event.index, "", std::span(event.tokens).subspan(i, 1))))
        return false;
    return write_data(exchange, piece(event.index, event.text,
                                      std::span(event.tokens).subspan(n == 0 ? 0 : n - 1)));
  }

  Json last(size_t index, const Outcome& outcome) const {
    const LlamacppChoice& choice = choices_[index];
    const Timings& t = outcome.timings;
    const bool whole = !form_.settings.stream;
    Json json = {
        {"index", index},
        {"content", whole ? choice.text : ""},
        {"tokens", form_.return_tokens && whole ? Json(outcome.tokens) : Json::array()},
        {"id_slot", form_.id_slot},
        {"stop", true},
        {"model", model_.name},
        {"tokens_predicted", t.n_generated},
        {"tokens_evaluated", t.n_prompt},
        {"tokens_cached", t.n_prompt + static_cast<int64_t>(outcome.tokens.size())},
        {"generation_settings", settings_},
        {"prompt", choice.prompt},
        {"has_new_line", choice.text.find('\n') != std::string::npos},
        {"truncated", outcome.reason == StopReason::context_full || outcome.n_discarded > 0},
        {"stop_type", choice.out_of_time ? "limit" : stop_type(outcome)},
        {"stopping_word", outcome.stop},
        {"timings", timings_json(t)}};
    if (whole) add_probabilities(json, choice.tokens);
    return form_.response_fields.empty() ? json : chosen_fields(json, form_.response_fields);
  }

 private:
  Json piece(size_t index, const std::string& text, std::span<const TokenEvent> tokens) const {
    const LlamacppChoice& choice = choices_[index];
    Json ids = Json::array();
    for (const TokenEvent& token : tokens) ids.push_back(token.token);
    Json json = {{"index", index},
                 {"content", text},
                 {"tokens", std::move(ids)},
                 {"stop", false},
                 {"id_slot", form_.id_slot},
                 {"tokens_predicted", choice.tokens.size()},
                 {"tokens_evaluated", choice.n_prompt}};
    if (form_.settings.timings_per_token) json["timings"] = choice.timings.json();
    if (!tokens.empty()) add_probabilities(json, tokens);
    return json;
  }
  void add_probabilities(Json& json, std::span<const TokenEvent> tokens) const {
    if (form_.settings.n_probs > 0)
      json["completion_probabilities"] =
          logprobs_json(model_.tokenizer(), tokens,
                        form_.settings.post_sampling_probs ? Probabilities::after_sampling
                                                           : Probabilities::of_model);
  }

  const ServedModel& model_;
  const LlamacppForm& form_;
  std::vector<LlamacppChoice> choices_;
  Json settings_;
};

ApiResult<void> complete(App& app, ServedModel& model, const LlamacppForm& form,
                         const std::vector<std::vector<int32_t>>& prompts, Exchange& exchange,
                         bool single) {
  std::vector<HostRequest> requests;
  std::vector<LlamacppChoice> choices;
  for (const auto& ids : prompts) {
    TRY_API(check_context(model, ids.size()));
    const std::string shown =
        model.tokenizer().readable(model.tokenizer().decode(ids, {.special = ShowSpecial::show}));
    for (size_t i = 0; i < form.n_choices; ++i) {
      requests.push_back(form.request);
      requests.back().request.prompt = ids;
      requests.back().request.sampling.seed += i;
      name_slot(app, model, form.id_slot, requests.back().request);
      choices.push_back({"", shown, ids.size()});
    }
  }
  std::vector<Json> whole(requests.size());
  LlamacppAnswer answer(model, form, std::move(choices));
  bool begun = false;
  const auto on_event = [&](const Generation::Event& event) {
    if (!begun && event.outcome && event.outcome->error) return Then::gone;
    if (event.progress) {
      answer.take_progress(event);
      if (!form.return_progress) return Then::more;
      if (!std::exchange(begun, true)) begin_events(exchange);
      return answer.stream_progress(exchange, event) ? Then::more : Then::gone;
    }
    answer.take(event);
    if (event.outcome)
      keep_slot(app, model, form.id_slot, prompts[event.index / form.n_choices], *event.outcome);
    const Then then = answer.out_of_time() ? Then::end : Then::more;
    if (!form.settings.stream) {
      if (event.outcome) whole[event.index] = answer.last(event.index, *event.outcome);
      return then;
    }
    if (!std::exchange(begun, true)) begin_events(exchange);
    bool listening = true;
    if (!event.text.empty()) listening = answer.stream(exchange, event);
    if (event.outcome) listening = write_data(exchange, answer.last(event.index, *event.outcome));
    return listening ? then : Then::gone;
  };
  const ChatTotals totals = TRY_API(run_text(model, std::move(requests), exchange, on_event));
  if (begun) {
    if (totals.error)
      exchange.write("data: " + error_json(Dialect::llamacpp, ApiError(*totals.error), "") +
                     "\n\n");
    exchange.end();
    return {};
  }
  if (totals.error) return std::unexpected(ApiError(*totals.error));
  send_json(exchange, single && whole.size() == 1 ? whole[0] : Json(whole));
  return {};
}

}  // namespace

ApiResult<void> route_completion(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  const Json* prompt = fields.find("prompt");
  if (prompt == nullptr) fields.complain("prompt", "is missing");
  TRY_API(fields.done());
  const auto model = TRY_API(app.model(name, exchange));
  const LlamacppForm form = TRY_API(read_llamacpp_form(app, body, *model));
  const auto prompts = TRY_API(prompts_of(model->tokenizer(), *prompt, "prompt",
                                          static_cast<size_t>(app.options.limits.n_inputs_max)));
  return complete(app, *model, form, prompts, exchange, is_one_prompt(*prompt));
}

namespace {

// [{"filename", "text"}], of the same work.
ApiResult<std::vector<FimParts::File>> read_files(const App& app, Fields& fields) {
  std::vector<FimParts::File> files;
  const Json* list = fields.array("input_extra");
  TRY_API(fields.done());
  if (list == nullptr) return files;
  const int64_t n_max = app.options.limits.n_inputs_max;
  if (static_cast<int64_t>(list->size()) > n_max)
    return fail_api(400, "input_extra", "input_extra has {} files, at most {} are taken",
                    list->size(), n_max);
  for (const Json& item : *list) {
    Fields file(item, "input_extra[].");
    if (!file.has("text")) file.complain("text", "is missing");
    files.push_back({file.text("filename", "file"), file.text("text")});
    TRY_API(file.done());
  }
  return files;
}

}  // namespace

ApiResult<void> route_infill(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  FimParts parts;
  parts.prefix = fields.text("input_prefix");
  parts.suffix = fields.text("input_suffix");
  parts.middle = fields.text("prompt");
  parts.files = TRY_API(read_files(app, fields));
  TRY_API(fields.done());
  const auto model = TRY_API(app.model(name, exchange));
  const auto ids = TRY_API(fim_tokens(model->tokenizer(), model->name, parts));
  const LlamacppForm form = TRY_API(read_llamacpp_form(app, body, *model));
  return complete(app, *model, form, {ids}, exchange, true);
}

}  // namespace quire::server
