// The API of Hugging Face's text-generation-inference, which its InferenceClient speaks: POST
// /generate, /generate_stream and /, GET /info (its OpenAPI document, version 3). Text goes on from
// `inputs` as it is; chats have /v1/chat/completions.
#include "server/completion.h"
#include "server/completion_logprobs.h"
#include "server/llamacpp_json.h"
#include "server/request_fields.h"
#include "server/stream.h"

#include <cmath>

namespace quire::server {
namespace {

constexpr int64_t n_predict_standard = 100;

struct TgiForm {
  HostRequest request;
  std::string input;  // as it is shown in front of the answer
  bool details = false, prefill = false, full_text = false;
  size_t n_top = 0;
  size_t n_dropped = 0;  // tokens at the start, which `truncate` cut
};

// Without a word about sampling the likeliest token is taken; with one, nothing is left out but
// what the request leaves out.
void read_tgi_sampling(Fields& fields, const App& app, const ServedModel& model,
                       SamplingParams& params) {
  bool samples = fields.flag("do_sample", false);
  for (const char* name : {"temperature", "top_k", "top_p", "typical_p"})
    samples |= fields.has(name);
  params = SamplingParams{};
  params.temperature = samples ? 1 : 0;
  params.top_k = 0;
  params.top_p = 1;
  params.min_p = 0;
  read_sampling(fields, app, model, params);
}

// {"type": "json", "regex" or "json_schema", "value"}
ApiResult<std::optional<OutputGrammar>> read_tgi_grammar(const Json& grammar) {
  Fields fields(grammar, "parameters.grammar.");
  const std::string type = fields.word("type", "", {"json", "regex", "json_schema"});
  const Json* value = fields.find("value");
  if (value == nullptr) fields.complain("value", "is missing");
  TRY_API(fields.done());
  if (type == "regex") return read_grammar({{"guided_regex", *value}});
  const bool named = type == "json_schema" && value->is_object() && value->contains("schema");
  return read_grammar({{"guided_json", named ? (*value)["schema"] : *value}});
}

// What this server does not do is refused, never left out.
void refuse_other_tgi_fields(Fields& fields) {
  if (fields.flag("watermark", false))
    fields.complain("watermark", "is not there: texts are not marked");
  if (fields.has("adapter_id"))
    fields.complain("adapter_id", "is not known here: the field lora sets adapters by their ids");
  fields.integer("best_of", 1, 1, 1);
}

ApiResult<TgiForm> read_tgi_form(const App& app, const Json& body, const ServedModel& model) {
  TgiForm form;
  Fields outer(body);
  const Json* inputs = outer.find("inputs");
  if (inputs == nullptr) outer.complain("inputs", "is missing");
  const Json none = Json::object();
  const Json* given = outer.object("parameters");
  TRY_API(outer.done());
  Fields fields(given != nullptr ? *given : none, "parameters.");
  const RequestLimits& limits = app.options.limits;
  Request& request = form.request.request;
  request.n_predict = std::min(fields.integer("max_new_tokens", n_predict_standard, 0, INT32_MAX),
                               limits.n_predict_max);
  read_tgi_sampling(fields, app, model, request.sampling);
  read_sequence_fields(fields, model).put_into(form.request);
  request.stop = read_stop(fields, app, model);
  form.details = fields.flag("details", false);
  form.prefill = fields.flag("decoder_input_details", false);
  form.full_text = fields.flag("return_full_text", false);
  form.n_top = static_cast<size_t>(fields.integer("top_n_tokens", 0, 0, limits.n_top_logprobs_max));
  const int64_t n_kept = fields.integer("truncate", INT32_MAX, 1, INT32_MAX);
  refuse_other_tgi_fields(fields);
  const Json* grammar = fields.object("grammar");
  TRY_API(fields.done());
  if (grammar != nullptr) form.request.grammar = TRY_API(read_tgi_grammar(*grammar));
  request.prompt =
      TRY_API(prompt_tokens(model.tokenizer(), *inputs, "inputs", AddSpecial::as_model));
  if (const auto n = static_cast<int64_t>(request.prompt.size()); n > n_kept) {
    form.n_dropped = static_cast<size_t>(n - n_kept);
    request.prompt.erase(request.prompt.begin(), request.prompt.end() - n_kept);
  }
  TRY_API(check_context(model, request.prompt.size()));
  form.input = inputs->is_string()
                   ? inputs->get<std::string>()
                   : model.tokenizer().readable(model.tokenizer().decode(request.prompt));
  form.request.tokens = Tokens::told;
  request.n_probabilities = static_cast<int32_t>(form.n_top);
  if (form.prefill) form.request.prompt_tokens = Tokens::told;
  return form;
}

const char* tgi_finish_reason(const Outcome& outcome) {
  if (outcome.reason == StopReason::stop_string) return "stop_sequence";
  return outcome.reason == StopReason::end_of_generation ? "eos_token" : "length";
}

// Of one request as it grows.
class TgiAnswer {
 public:
  TgiAnswer(const ServedModel& model, const TgiForm& form) : model_(model), form_(form) {}

  void take(const Generation::Event& event) {
    text_ += event.text;
    for (const TokenEvent& token : event.tokens) tokens_.push_back(token);
    for (const TokenEvent& token : event.prompt_tokens) prefill_.push_back(token);
    if (event.outcome) outcome_ = *event.outcome;
  }

  // As a whole, the text ends with the sequence that ended it.
  std::string text() const { return (form_.full_text ? form_.input : "") + text_ + outcome_.stop; }
  Json whole() const {
    Json json = {{"generated_text", text()}};
    if (!form_.details && !form_.prefill) return json;
    json["details"] = details();
    Json& all = json["details"];
    all["prefill"] = Json::array();
    if (form_.prefill) {
      all["prefill"].push_back(prefill_json(LogprobLists::first_of_prompt(prompt().front())));
      for (const TokenEvent& token : prefill_) all["prefill"].push_back(prefill_json(token));
    }
    all["tokens"] = Json::array();
    for (const TokenEvent& token : tokens_)
      all["tokens"].push_back(token_json(token, piece(token)));
    if (form_.n_top > 0) {
      all["top_tokens"] = Json::array();
      for (const TokenEvent& token : tokens_) all["top_tokens"].push_back(top_json(token));
    }
    return json;
  }

  // An event for each token, the last one held back: the end comes with it. Where several tokens
  // came at once the text is that of the last.
  bool stream(Exchange& exchange, const Generation::Event& event) {
    for (size_t i = 0; i < event.tokens.size(); ++i) {
      if (held_ && !write_token(exchange, nullptr)) return false;
      held_ = event.tokens[i];
      if (i + 1 == event.tokens.size()) held_text_ = event.text;
    }
    if (event.tokens.empty()) held_text_ += event.text;
    if (!event.outcome) return true;
    // An answer without a token ends with the one that ended it.
    if (!held_) held_ = TokenEvent{.token = model_.tokenizer().eos()};
    held_text_ += outcome_.stop;
    Json end = details();
    return write_token(exchange, &end);
  }

 private:
  const std::vector<int32_t>& prompt() const { return form_.request.request.prompt; }
  std::string piece(const TokenEvent& token) const {
    return model_.tokenizer().readable(model_.tokenizer().piece(token.token));
  }
  Json prefill_json(const TokenEvent& token) const {
    const bool known = !std::isnan(token.log_probability);
    return {{"id", token.token},
            {"text", piece(token)},
            {"logprob", known ? Json(finite_log_probability(token.log_probability)) : Json()}};
  }
  Json token_json(const TokenEvent& token, const std::string& text) const {
    return {{"id", token.token},
            {"text", text},
            {"logprob", finite_log_probability(token.log_probability)},
            {"special", model_.tokenizer().is_special(token.token)}};
  }
  Json top_json(const TokenEvent& token) const {
    Json list = Json::array();
    for (const TokenProbability& other : token.likeliest) {
      const TokenEvent one{.token = other.token, .log_probability = other.log_probability};
      list.push_back(token_json(one, piece(one)));
    }
    return list;
  }
  Json details() const {
    return {{"finish_reason", tgi_finish_reason(outcome_)},
            {"generated_tokens", tokens_.size()},
            {"input_length", prompt().size()},
            {"seed", form_.request.request.sampling.seed}};
  }
  bool write_token(Exchange& exchange, const Json* end) {
    Json json = {{"index", ++n_written_},
                 {"token", token_json(*held_, std::exchange(held_text_, ""))},
                 {"generated_text", nullptr},
                 {"details", nullptr}};
    if (form_.n_top > 0) json["top_tokens"] = top_json(*held_);
    if (end != nullptr) json["generated_text"] = text(), json["details"] = *end;
    return write_data(exchange, json);
  }

  const ServedModel& model_;
  const TgiForm& form_;
  std::string text_, held_text_;
  std::vector<TokenEvent> tokens_, prefill_;
  std::optional<TokenEvent> held_;
  Outcome outcome_;
  int64_t n_written_ = 0;
};

enum class TgiShape : uint8_t { object, array, events };

ApiResult<void> generate_tgi(App& app, Exchange& exchange, const Json& body,
                             const std::shared_ptr<ServedModel>& model, TgiShape shape) {
  const TgiForm form = TRY_API(read_tgi_form(app, body, *model));
  if (form.n_dropped > 0)
    exchange.add_header("x-quire-dropped-tokens", std::to_string(form.n_dropped));
  TgiAnswer answer(*model, form);
  bool begun = false;
  const auto on_event = [&](const Generation::Event& event) {
    if (!begun && event.outcome && event.outcome->error) return Then::gone;
    answer.take(event);
    if (shape != TgiShape::events) return Then::more;
    if (!std::exchange(begun, true)) begin_events(exchange);
    return answer.stream(exchange, event) ? Then::more : Then::gone;
  };
  const ChatTotals totals = TRY_API(run_text(*model, {form.request}, exchange, on_event));
  if (begun) {
    if (totals.error)
      exchange.write("data: " + error_json(Dialect::tgi, ApiError(*totals.error), "") + "\n\n");
    exchange.end();
    return {};
  }
  if (totals.error) return std::unexpected(ApiError(*totals.error));
  const Json whole = answer.whole();
  send_json(exchange, shape == TgiShape::array ? Json::array({whole}) : whole);
  return {};
}

}  // namespace

ApiResult<void> route_tgi_generate(App& app, Exchange& exchange) {
  const auto [body, model] = TRY_API(app.read_request(exchange));
  return generate_tgi(app, exchange, body, model, TgiShape::object);
}

ApiResult<void> route_tgi_generate_stream(App& app, Exchange& exchange) {
  const auto [body, model] = TRY_API(app.read_request(exchange));
  return generate_tgi(app, exchange, body, model, TgiShape::events);
}

// Either of them, as `stream` says; a whole answer stands in an array.
ApiResult<void> route_tgi_compat(App& app, Exchange& exchange) {
  const auto [body, model] = TRY_API(app.read_request(exchange));
  Fields fields(body);
  const bool streams = fields.flag("stream", false);
  TRY_API(fields.done());
  return generate_tgi(app, exchange, body, model, streams ? TgiShape::events : TgiShape::array);
}

ApiResult<void> route_tgi_info(App& app, Exchange& exchange) {
  const auto model =
      TRY_API(app.model(std::string(exchange.request().query_or("model", "")), exchange));
  const RequestLimits& limits = app.options.limits;
  send_json(exchange, {{"model_id", model->name},
                       {"model_sha", nullptr},
                       {"model_pipeline_tag", "text-generation"},
                       {"max_concurrent_requests", app.options.models.host.n_queue_max},
                       {"max_best_of", 1},
                       {"max_stop_sequences", limits.n_stop_max},
                       {"max_input_tokens", model->n_ctx() - 1},
                       {"max_total_tokens", model->n_ctx()},
                       {"validation_workers", 1},
                       {"max_client_batch_size", limits.n_inputs_max},
                       {"router", "quire"},
                       {"version", QUIRE_VERSION},
                       {"sha", nullptr},
                       {"docker_label", nullptr}});
  return {};
}

}  // namespace quire::server
