// POST /v1/completions (OpenAI API reference, "Completions").
#include "server/completion.h"
#include "server/fim.h"
#include "server/llamacpp_json.h"
#include "server/request_fields.h"
#include "server/stream.h"
#include "text/utf8.h"

namespace quire::server {
namespace {

struct CompletionsForm {
  std::vector<std::vector<int32_t>> prompts;
  HostRequest request;  // the prompt left out
  size_t n = 1;
  bool stream = false, include_usage = false, usage_in_all = false, echo = false;
  int64_t n_logprobs = -1;
};

// With a suffix the text between the two is wanted, from a model that was trained for it.
ApiResult<std::vector<std::vector<int32_t>>> read_prompts(Fields& fields, const App& app,
                                                          const ServedModel& model) {
  const Json* prompt = fields.find("prompt");
  if (prompt == nullptr) fields.complain("prompt", "is missing");
  const std::string suffix = fields.text("suffix");
  TRY_API(fields.done());
  if (suffix.empty())
    return prompts_of(model.tokenizer(), *prompt, "prompt",
                      static_cast<size_t>(app.options.limits.n_inputs_max));
  if (!prompt->is_string())
    return fail_api(400, "prompt", "prompt is {}: with a suffix it is one text", shown(*prompt));
  const FimParts parts{.prefix = prompt->get<std::string>(), .suffix = suffix};
  std::vector<std::vector<int32_t>> prompts;
  prompts.push_back(TRY_API(fim_tokens(model.tokenizer(), model.name, parts)));
  return prompts;
}

ApiResult<CompletionsForm> read_completions_form(const App& app, const Json& body,
                                                 const ServedModel& model) {
  CompletionsForm form;
  Fields fields(body);
  const RequestLimits& limits = app.options.limits;
  form.prompts = TRY_API(read_prompts(fields, app, model));
  Request& request = form.request.request;
  request.n_predict = fields.integer("n_predict", 16, -2, INT32_MAX);
  request.n_predict = fields.integer("max_tokens", request.n_predict, -1, INT32_MAX);
  if (request.n_predict < 0 || request.n_predict > limits.n_predict_max)
    request.n_predict = limits.n_predict_max;
  form.n = static_cast<size_t>(fields.integer("n", 1, 1, limits.n_choices_max));
  fields.integer("best_of", 1, 1, static_cast<int64_t>(form.n));
  form.echo = fields.flag("echo", false);
  if (const Json* logprobs = fields.find("logprobs"); logprobs != nullptr && logprobs->is_boolean())
    form.n_logprobs = logprobs->get<bool>() ? 0 : -1;
  else
    form.n_logprobs = fields.integer("logprobs", -1, 0, limits.n_top_logprobs_max);
  if (form.echo && form.n_logprobs >= 0)
    fields.complain("echo", "with logprobs is not supported here: there are none of the prompt");
  request.stop = read_stop(fields, app, model);
  if (fields.flag("ignore_eos", app.options.defaults.ignore_eos))
    request.end = EndOfGeneration::never_drawn;
  request.shift.wanted = app.options.defaults.context_shift;
  request.shift.n_keep = app.options.defaults.n_keep;
  request.sampling = app.options.defaults.sampling;
  read_sampling(fields, app, model, request.sampling);
  read_sequence_fields(fields, model).put_into(request);
  read_cache_use(fields, app, request);
  if (form.n_logprobs >= 0) {
    form.request.tokens = Tokens::told;
    request.n_probabilities = static_cast<int32_t>(form.n_logprobs);
  }
  form.stream = fields.flag("stream", false);
  if (const Json* options = fields.object("stream_options")) {
    if (!form.stream)
      fields.complain("stream_options", "is for streams: it needs stream to be true");
    Fields inner(*options, "stream_options.");
    form.include_usage = inner.flag("include_usage", false);
    form.usage_in_all = inner.flag("continuous_usage_stats", false) && form.include_usage;
    if (form.usage_in_all) form.request.tokens = Tokens::told;
    TRY_API(inner.done());
  }
  TRY_API(fields.done());
  form.request.grammar = TRY_API(read_grammar(body));
  for (const auto& ids : form.prompts) TRY_API(check_context(model, ids.size()));
  return form;
}

// The lists of the completions API, which differ from those of chats.
Json logprobs_of(const Tokenizer& tokenizer, const std::vector<TokenEvent>& tokens,
                 size_t first_offset) {
  Json json = {{"tokens", Json::array()},
               {"token_logprobs", Json::array()},
               {"top_logprobs", Json::array()},
               {"text_offset", Json::array()}};
  size_t offset = first_offset;
  for (const TokenEvent& event : tokens) {
    const std::string text = utf8_replace_invalid(tokenizer.piece(event.token));
    json["tokens"].push_back(text);
    json["token_logprobs"].push_back(event.log_probability);
    Json top = Json::object();
    for (const TokenProbability& other : event.likeliest)
      top[utf8_replace_invalid(tokenizer.piece(other.token))] = other.log_probability;
    top[text] = event.log_probability;  // the one that was drawn is among them
    json["top_logprobs"].push_back(std::move(top));
    json["text_offset"].push_back(offset);
    offset += text.size();
  }
  return json;
}

struct CompletionsChoice {
  std::string text;
  std::vector<TokenEvent> tokens;
  std::string reason;
  size_t n_sent = 0;  // bytes of tokens that were streamed
  int64_t n_tokens = 0;
};

}  // namespace

ApiResult<void> route_openai_completions(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  TRY_API(fields.done());
  const auto model = TRY_API(app.model(name, exchange));
  const CompletionsForm form = TRY_API(read_completions_form(app, body, *model));
  const Tokenizer& tokenizer = model->tokenizer();

  std::vector<HostRequest> requests;
  for (const auto& ids : form.prompts)
    for (size_t i = 0; i < form.n; ++i) {
      requests.push_back(form.request);
      requests.back().request.prompt = ids;
      requests.back().request.sampling.seed += i;
    }
  std::vector<CompletionsChoice> choices(requests.size());
  if (form.echo)
    for (size_t i = 0; i < choices.size(); ++i)
      choices[i].text = utf8_replace_invalid(tokenizer.decode(form.prompts[i / form.n]));

  const std::string id = new_id("cmpl-");
  const auto frame = [&] {
    return Json{{"id", id},
                {"object", "text_completion"},
                {"created", unix_seconds()},
                {"model", model->name},
                {"system_fingerprint", fingerprint()}};
  };
  const auto choice_json = [&](size_t i, const std::string& text, Json reason,
                               const std::vector<TokenEvent>& tokens) {
    Json logprobs = nullptr;
    if (form.n_logprobs >= 0) {
      logprobs = logprobs_of(tokenizer, tokens, choices[i].n_sent);
      for (const Json& token : logprobs["tokens"])
        choices[i].n_sent += token.get_ref<const std::string&>().size();
    }
    return Json{{"index", i},
                {"text", text},
                {"logprobs", std::move(logprobs)},
                {"finish_reason", std::move(reason)}};
  };
  bool begun = false;
  const auto on_event = [&](const Generation::Event& event) {
    if (!begun && event.outcome && event.outcome->error) return Then::gone;
    CompletionsChoice& choice = choices[event.index];
    const Json reason = event.outcome ? Json(finish_reason(*event.outcome, {})) : Json(nullptr);
    if (!form.stream) {
      choice.text += event.text;
      choice.tokens.insert(choice.tokens.end(), event.tokens.begin(), event.tokens.end());
      if (event.outcome) choice.reason = finish_reason(*event.outcome, {});
      return Then::more;
    }
    if (!std::exchange(begun, true)) begin_events(exchange);
    Json chunk = frame();
    const std::string text = std::exchange(choice.text, "") + event.text;  // echo comes first
    chunk["choices"] = Json::array({choice_json(event.index, text, reason, event.tokens)});
    choice.n_tokens += static_cast<int64_t>(event.tokens.size());
    const auto n_of = static_cast<int64_t>(form.prompts[event.index / form.n].size());
    if (form.usage_in_all)
      chunk["usage"] = {{"prompt_tokens", n_of},
                        {"completion_tokens", choice.n_tokens},
                        {"total_tokens", n_of + choice.n_tokens}};
    else if (form.include_usage)
      chunk["usage"] = nullptr;
    if (event.outcome && !form.include_usage)
      chunk["timings"] = timings_json(event.outcome->timings);
    return write_data(exchange, chunk) ? Then::more : Then::gone;
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
  answer["timings"] = timings_json(totals);
  send_json(exchange, answer);
  return {};
}

}  // namespace quire::server
