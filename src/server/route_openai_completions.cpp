// POST /v1/completions (OpenAI API reference, "Completions").
#include "server/completion.h"
#include "server/request_fields.h"
#include "server/stream.h"
#include "text/utf8.h"

namespace quire::server {
namespace {

struct Form {
  std::vector<std::vector<int32_t>> prompts;
  HostRequest request;  // the prompt left out
  size_t n = 1;
  bool stream = false, include_usage = false, echo = false;
  int64_t n_logprobs = -1;
};

ApiResult<Form> read_form(const App& app, const Json& body, const ServedModel& model) {
  Form form;
  Fields fields(body);
  const RequestLimits& limits = app.options.limits;
  const Json* prompt = fields.find("prompt");
  if (prompt == nullptr) fields.complain("prompt", "is missing");
  TRY_API(fields.done());
  form.prompts = TRY_API(
      prompts_of(model.tokenizer(), *prompt, "prompt", static_cast<size_t>(limits.n_inputs_max)));
  Request& request = form.request.request;
  request.n_predict = fields.integer("max_tokens", 16, -1, INT32_MAX);
  if (request.n_predict < 0 || request.n_predict > limits.n_predict_max)
    request.n_predict = limits.n_predict_max;
  form.n = static_cast<size_t>(fields.integer("n", 1, 1, limits.n_choices_max));
  fields.integer("best_of", 1, 1, static_cast<int64_t>(form.n));
  form.echo = fields.flag("echo", false);
  if (const Json* logprobs = fields.find("logprobs"); logprobs != nullptr && logprobs->is_boolean())
    form.n_logprobs = logprobs->get<bool>() ? 0 : -1;
  else
    form.n_logprobs = fields.integer("logprobs", -1, 0, limits.n_top_logprobs_max);
  if (!fields.text("suffix").empty())
    fields.complain("suffix", "is not supported here: /infill fills the place between two texts");
  request.stop = read_stop(fields, app, model);
  if (fields.flag("ignore_eos", false)) request.end = EndOfGeneration::never_drawn;
  read_sampling(fields, app, model, request.sampling);
  read_sequence_fields(fields, model).put_into(request);
  if (form.n_logprobs >= 0) {
    form.request.tokens = Tokens::told;
    request.n_probabilities = static_cast<int32_t>(form.n_logprobs);
  }
  form.stream = fields.flag("stream", false);
  if (const Json* options = fields.object("stream_options")) {
    Fields inner(*options, "stream_options.");
    form.include_usage = inner.flag("include_usage", false);
    TRY_API(inner.done());
  }
  TRY_API(fields.done());
  form.request.grammar = TRY_API(read_grammar(body));
  for (const auto& ids : form.prompts) TRY_API(check_context(model, ids.size()));
  return form;
}

// The lists of the completions API, which differ from those of chats.
Json logprobs_of(const Tokenizer& tokenizer, const std::vector<TokenEvent>& tokens) {
  Json json = {{"tokens", Json::array()},
               {"token_logprobs", Json::array()},
               {"top_logprobs", Json::array()},
               {"text_offset", Json::array()}};
  size_t offset = 0;
  for (const TokenEvent& event : tokens) {
    const std::string text = utf8_replace_invalid(tokenizer.piece(event.token));
    json["tokens"].push_back(text);
    json["token_logprobs"].push_back(event.log_probability);
    Json top = Json::object();
    for (const TokenProbability& other : event.likeliest)
      top[utf8_replace_invalid(tokenizer.piece(other.token))] = other.log_probability;
    json["top_logprobs"].push_back(std::move(top));
    json["text_offset"].push_back(offset);
    offset += text.size();
  }
  return json;
}

struct Choice {
  std::string text;
  std::vector<TokenEvent> tokens;
  std::string reason;
};

}  // namespace

ApiResult<void> route_openai_completions(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  TRY_API(fields.done());
  const auto model = TRY_API(app.model(name, exchange));
  const Form form = TRY_API(read_form(app, body, *model));
  const Tokenizer& tokenizer = model->tokenizer();

  std::vector<HostRequest> requests;
  for (const auto& ids : form.prompts)
    for (size_t i = 0; i < form.n; ++i) {
      requests.push_back(form.request);
      requests.back().request.prompt = ids;
      requests.back().request.sampling.seed += i;
    }
  std::vector<Choice> choices(requests.size());
  if (form.echo)
    for (size_t i = 0; i < choices.size(); ++i)
      choices[i].text = utf8_replace_invalid(tokenizer.decode(form.prompts[i / form.n]));

  const std::string id = new_id("cmpl-");
  const auto frame = [&] {
    return Json{{"id", id},
                {"object", "text_completion"},
                {"created", unix_seconds()},
                {"model", model->name},
                {"system_fingerprint", "quire-" QUIRE_VERSION}};
  };
  const auto choice_json = [&](size_t i, const std::string& text, Json reason,
                               const std::vector<TokenEvent>& tokens) {
    return Json{{"index", i},
                {"text", text},
                {"logprobs", form.n_logprobs >= 0 ? logprobs_of(tokenizer, tokens) : Json(nullptr)},
                {"finish_reason", std::move(reason)}};
  };
  bool begun = false;
  const auto on_event = [&](const Generation::Event& event) {
    if (!begun && event.outcome && event.outcome->error) return false;
    Choice& choice = choices[event.index];
    const Json reason = event.outcome ? Json(finish_reason(*event.outcome, {})) : Json(nullptr);
    if (!form.stream) {
      choice.text += event.text;
      choice.tokens.insert(choice.tokens.end(), event.tokens.begin(), event.tokens.end());
      if (event.outcome) choice.reason = finish_reason(*event.outcome, {});
      return true;
    }
    if (!std::exchange(begun, true)) begin_events(exchange);
    Json chunk = frame();
    const std::string text = std::exchange(choice.text, "") + event.text;  // echo comes first
    chunk["choices"] = Json::array({choice_json(event.index, text, reason, event.tokens)});
    if (form.include_usage) chunk["usage"] = nullptr;
    return write_data(exchange, chunk);
  };
  const ChatTotals totals = TRY_API(run_text(*model, std::move(requests), exchange, on_event));
  const int64_t n_prompt = totals.n_prompt / static_cast<int64_t>(form.n);
  const Json usage = {{"prompt_tokens", n_prompt},
                      {"completion_tokens", totals.n_generated},
                      {"total_tokens", n_prompt + totals.n_generated},
                      {"prompt_tokens_details", {{"cached_tokens", totals.n_cached}}}};
  if (begun) {
    if (totals.error)
      exchange.write("data: " + error_json(Dialect::openai, ApiError(*totals.error), id) + "\n\n");
    if (form.include_usage) {
      Json last = frame();
      last["choices"] = Json::array();
      last["usage"] = usage;
      write_data(exchange, last);
    }
    end_events(exchange);
    return {};
  }
  if (totals.error) return std::unexpected(ApiError(*totals.error));
  Json answer = frame();
  answer["choices"] = Json::array();
  for (size_t i = 0; i < choices.size(); ++i)
    answer["choices"].push_back(
        choice_json(i, choices[i].text, choices[i].reason, choices[i].tokens));
  answer["usage"] = usage;
  send_json(exchange, answer);
  return {};
}

}  // namespace quire::server
