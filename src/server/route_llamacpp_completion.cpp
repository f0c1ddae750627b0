// POST /completion and /infill, as llama.cpp's server has them (tools/server/README.md there).
#include "server/completion.h"
#include "server/fim.h"
#include "server/request_fields.h"
#include "server/stream.h"
#include "text/utf8.h"

namespace quire::server {
namespace {

struct Form {
  HostRequest request;  // the prompt left out
  size_t n_choices = 1;
  bool stream = false, return_tokens = false, post_sampling = false;
  int64_t n_probs = 0;
};

ApiResult<Form> read_form(const App& app, const Json& body, const ServedModel& model) {
  Form form;
  Fields fields(body);
  const RequestLimits& limits = app.options.limits;
  Request& request = form.request.request;
  request.n_predict = fields.integer("n_predict", stored_n_predict(model), -2, INT32_MAX);
  request.n_predict = fields.integer("max_tokens", request.n_predict, -2, INT32_MAX);
  if (request.n_predict < 0) request.n_predict = -1;
  if (request.n_predict < 0 || request.n_predict > limits.n_predict_max)
    request.n_predict = limits.n_predict_max;
  form.n_choices = static_cast<size_t>(fields.integer("n", 1, 1, limits.n_choices_max));
  form.stream = fields.flag("stream", false);
  form.return_tokens = fields.flag("return_tokens", false);
  form.n_probs =
      fields.integer("n_probs", fields.integer("logprobs", 0, 0, limits.n_top_logprobs_max), 0,
                     limits.n_top_logprobs_max);
  request.stop = read_stop(fields, app, model);
  if (fields.flag("ignore_eos", false)) request.end = EndOfGeneration::never_drawn;
  request.shift.n_keep = fields.integer("n_keep", 0, -1, INT32_MAX);
  read_sampling(fields, app, model, request.sampling);
  read_sequence_fields(fields, model).put_into(request);
  if (form.n_probs > 0 || form.return_tokens || form.stream) form.request.tokens = Tokens::told;
  request.n_probabilities = static_cast<int32_t>(form.n_probs);
  TRY_API(fields.done());
  form.request.grammar = TRY_API(read_grammar(body));
  return form;
}

Json timings_json(const Timings& t) {
  const double n_run = static_cast<double>(t.n_prompt - t.n_cached);
  const auto each = [](double seconds, double n) { return n > 0 ? seconds * 1000 / n : 0; };
  return {{"cache_n", t.n_cached},
          {"prompt_n", t.n_prompt - t.n_cached},
          {"prompt_ms", t.prompt_s * 1000},
          {"prompt_per_token_ms", each(t.prompt_s, n_run)},
          {"prompt_per_second", t.prompt_rate()},
          {"predicted_n", t.n_generated},
          {"predicted_ms", t.generate_s * 1000},
          {"predicted_per_token_ms", each(t.generate_s, static_cast<double>(t.n_generated))},
          {"predicted_per_second", t.generate_rate()}};
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

Json settings_json(const HostRequest& request) {
  const SamplingParams& p = request.request.sampling;
  return {{"seed", p.seed},
          {"temperature", p.temperature},
          {"top_k", p.top_k},
          {"top_p", p.top_p},
          {"min_p", p.min_p},
          {"typical_p", p.typical_p},
          {"repeat_penalty", p.repeat_penalty},
          {"repeat_last_n", p.repeat_last_n},
          {"presence_penalty", p.presence_penalty},
          {"frequency_penalty", p.frequency_penalty},
          {"mirostat", p.mirostat},
          {"n_predict", request.request.n_predict},
          {"stop", request.request.stop}};
}

struct Choice {
  std::string text, prompt;
  std::vector<TokenEvent> tokens;
};

// One answer of several prompts and choices: an object each, as pieces or at the end.
class Answer {
 public:
  Answer(ServedModel& model, const Form& form, std::vector<Choice> choices)
      : model_(model), form_(form), choices_(std::move(choices)) {}

  Json piece(const Generation::Event& event) const {
    Json json = {{"index", event.index},
                 {"content", event.text},
                 {"tokens", ids(event.tokens)},
                 {"stop", false},
                 {"id_slot", -1},
                 {"tokens_predicted", n_drawn(event.index)},
                 {"tokens_evaluated", n_prompt(event.index)}};
    add_probabilities(json, event.tokens);
    return json;
  }

  void take(const Generation::Event& event) {
    Choice& choice = choices_[event.index];
    choice.text += event.text;
    choice.tokens.insert(choice.tokens.end(), event.tokens.begin(), event.tokens.end());
  }

  Json last(size_t index, const Outcome& outcome, bool with_text) const {
    const Choice& choice = choices_[index];
    const Timings& t = outcome.timings;
    Json json = {
        {"index", index},
        {"content", with_text ? choice.text : ""},
        {"tokens", form_.return_tokens && with_text ? Json(outcome.tokens) : Json::array()},
        {"id_slot", -1},
        {"stop", true},
        {"model", model_.name},
        {"tokens_predicted", t.n_generated},
        {"tokens_evaluated", t.n_prompt},
        {"tokens_cached", t.n_prompt + static_cast<int64_t>(outcome.tokens.size())},
        {"generation_settings", settings_json(form_.request)},
        {"prompt", choice.prompt},
        {"has_new_line", choice.text.find('\n') != std::string::npos},
        {"truncated", outcome.reason == StopReason::context_full},
        {"stop_type", stop_type(outcome)},
        {"stopping_word", outcome.stop},
        {"timings", timings_json(t)}};
    if (with_text) add_probabilities(json, choice.tokens);
    return json;
  }

 private:
  static Json ids(const std::vector<TokenEvent>& tokens) {
    Json list = Json::array();
    for (const TokenEvent& token : tokens) list.push_back(token.token);
    return list;
  }
  size_t n_drawn(size_t index) const { return choices_[index].tokens.size(); }
  size_t n_prompt(size_t index) const { return prompt_sizes[index]; }
  void add_probabilities(Json& json, const std::vector<TokenEvent>& tokens) const {
    if (form_.n_probs > 0)
      json["completion_probabilities"] = logprobs_json(model_.tokenizer(), tokens);
  }

  ServedModel& model_;
  const Form& form_;
  std::vector<Choice> choices_;

 public:
  std::vector<size_t> prompt_sizes;
};

ApiResult<void> complete(ServedModel& model, const Form& form,
                         const std::vector<std::vector<int32_t>>& prompts, Exchange& exchange,
                         bool single) {
  std::vector<HostRequest> requests;
  std::vector<Choice> choices;
  std::vector<size_t> sizes;
  for (const auto& ids : prompts) {
    TRY_API(check_context(model, ids.size()));
    for (size_t i = 0; i < form.n_choices; ++i) {
      requests.push_back(form.request);
      requests.back().request.prompt = ids;
      requests.back().request.sampling.seed += i;
      choices.push_back(
          {"",
           utf8_replace_invalid(model.tokenizer().decode(ids, {.special = ShowSpecial::show})),
           {}});
      sizes.push_back(ids.size());
    }
  }
  std::vector<Json> whole(requests.size());
  Answer answer(model, form, std::move(choices));
  answer.prompt_sizes = std::move(sizes);
  bool begun = false;
  const auto on_event = [&](const Generation::Event& event) {
    if (!begun && event.outcome && event.outcome->error) return false;
    answer.take(event);
    if (!form.stream) {
      if (event.outcome) whole[event.index] = answer.last(event.index, *event.outcome, true);
      return true;
    }
    if (!std::exchange(begun, true)) begin_events(exchange);
    bool listening = true;
    if (!event.text.empty()) listening = write_data(exchange, answer.piece(event));
    if (event.outcome)
      listening = write_data(exchange, answer.last(event.index, *event.outcome, false));
    return listening;
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
  const Form form = TRY_API(read_form(app, body, *model));
  const auto prompts = TRY_API(prompts_of(model->tokenizer(), *prompt, "prompt",
                                          static_cast<size_t>(app.options.limits.n_inputs_max)));
  return complete(*model, form, prompts, exchange, is_one_prompt(*prompt));
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
  const Form form = TRY_API(read_form(app, body, *model));
  return complete(*model, form, {ids}, exchange, true);
}

}  // namespace quire::server
