// /v1/responses (OpenAI API reference, "Responses"): answers that are remembered.
#include "format/printable.h"
#include "server/chat.h"
#include "server/llamacpp_json.h"
#include "server/request_fields.h"
#include "server/stream.h"

#include <charconv>

namespace quire::server {
namespace {

struct ResponsesForm {
  ChatRequest chat;
  Json input = Json::array();  // as items
  Json echo = Json::object();  // fields that the answer repeats
  std::string previous;
  bool stream = false, store = true, background = false;
  bool timings_per_token = false, return_progress = false;  // of llama.cpp's server
};

// The text of a string or of parts.
ApiResult<std::string> responses_text_of(const Json& content, const char* name) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array())
    return fail_api(400, name, "{} is {}, neither a string nor parts", name, shown(content));
  std::string text;
  for (const Json& part : content) {
    Fields fields(part, std::string(name) + "[].");
    fields.word("type", "",
                {"input_text", "output_text", "text", "refusal", "summary_text", "reasoning_text"});
    text += fields.text("text", fields.text("refusal"));
    TRY_API(fields.done());
  }
  return text;
}

// One item of `input` as a message of the chat completions API.
ApiResult<void> add_item(const Json& item, Json& messages) {
  Fields fields(item, "input[].");
  const std::string type = fields.text("type", "message");
  TRY_API(fields.done());
  if (type == "message") {
    const std::string role =
        fields.word("role", "user", {"user", "assistant", "system", "developer"});
    const Json* content = fields.find("content");
    if (content == nullptr) fields.complain("content", "is missing");
    TRY_API(fields.done());
    messages.push_back(
        {{"role", role}, {"content", TRY_API(responses_text_of(*content, "input[].content"))}});
  } else if (type == "function_call") {
    const Json call = {
        {"id", fields.text("call_id")},
        {"type", "function"},
        {"function", {{"name", fields.text("name")}, {"arguments", fields.text("arguments")}}}};
    TRY_API(fields.done());
    const bool joins = !messages.empty() && messages.back().value("role", "") == "assistant";
    if (!joins) messages.push_back({{"role", "assistant"}, {"content", ""}});
    if (!messages.back().contains("tool_calls")) messages.back()["tool_calls"] = Json::array();
    messages.back()["tool_calls"].push_back(call);
  } else if (type == "function_call_output") {
    const Json* output = fields.find("output");
    if (output == nullptr) fields.complain("output", "is missing");
    TRY_API(fields.done());
    messages.push_back({{"role", "tool"},
                        {"tool_call_id", fields.text("call_id")},
                        {"content", TRY_API(responses_text_of(*output, "input[].output"))}});
  } else if (type != "reasoning" && type != "item_reference") {
    return fail_api(400, "input", "input[].type '{}' is not supported here", type);
  }
  return {};
}

ApiResult<ResponsesForm> read_responses_form(const App& app, const Json& body,
                                             const ServedModel& model) {
  ResponsesForm form;
  ChatRequest& chat = form.chat;
  Fields fields(body);
  form.previous = fields.text("previous_response_id");
  const std::string instructions = fields.text("instructions");
  const Json* input = fields.find("input");
  if (input == nullptr) fields.complain("input", "is missing");
  form.stream = fields.flag("stream", false);
  form.store = fields.flag("store", true);
  form.background = fields.flag("background", false);
  if (form.background && !form.store)
    fields.complain("background", "needs store: an answer that is not kept cannot be asked for");
  form.timings_per_token = form.stream && fields.flag("timings_per_token", false);
  form.return_progress = form.stream && fields.flag("return_progress", false);
  chat.counts_tokens = form.timings_per_token;
  chat.tells_progress = form.return_progress || form.timings_per_token;
  chat.n_predict = fields.integer("max_output_tokens", stored_n_predict(model), 1, INT32_MAX);
  chat.parallel_tool_calls = fields.flag("parallel_tool_calls", true);
  chat.truncate = fields.word("truncation", "disabled", {"auto", "disabled"}) == "auto";
  chat.n_top_logprobs = static_cast<int32_t>(
      fields.integer("top_logprobs", 0, 0, app.options.limits.n_top_logprobs_max));
  chat.logprobs = chat.n_top_logprobs > 0;
  chat.sampling = app.options.defaults.sampling;
  chat.template_kwargs = app.options.defaults.template_kwargs;
  chat.thinking_tokens_max = app.options.defaults.thinking_tokens_max;
  read_sampling(fields, app, model, chat.sampling);
  chat.sequence = read_sequence_fields(fields, model);
  if (const Json* reasoning = fields.object("reasoning")) {
    Fields inner(*reasoning, "reasoning.");
    if (inner.has("effort")) chat.template_kwargs["reasoning_effort"] = inner.text("effort");
    TRY_API(inner.done());
  }
  TRY_API(fields.done());

  if (!instructions.empty())
    chat.messages.push_back({{"role", "system"}, {"content", instructions}});
  if (!form.previous.empty()) {
    const auto stored = app.responses.get(form.previous);
    if (const auto job = app.responses.job(form.previous); job && !job->finished())
      return fail_api(400, "previous_response_id", "the response '{}' is still being made",
                      form.previous);
    if (!stored) {
      ApiError error{400,
                     fmt::format("there is no response '{}' (any more)", printable(form.previous))};
      error.param = "previous_response_id";
      error.code = "previous_response_not_found";
      return std::unexpected(error);
    }
    for (const Json& message : stored->messages) chat.messages.push_back(message);
  }
  if (input->is_string())
    form.input.push_back({{"type", "message"},
                          {"role", "user"},
                          {"content", Json::array({{{"type", "input_text"}, {"text", *input}}})}});
  else if (input->is_array())
    form.input = *input;
  else
    return fail_api(400, "input", "input is {}, neither a string nor an array", shown(*input));
  for (const Json& item : form.input) TRY_API(add_item(item, chat.messages));
  for (Json& item : form.input)
    if (!item.contains("id")) item["id"] = new_id("msg_");

  chat.tools = TRY_API(checked_tools(fields.array("tools")));
  chat.tool_choice = TRY_API(read_tool_choice(fields.find("tool_choice")));
  if (const Json* text = fields.object("text"); text != nullptr && text->contains("format")) {
    // {"type": "json_schema", "name", "schema"}: flat here, nested in chat completions.
    chat.grammar = TRY_API(read_grammar({{"response_format", (*text)["format"]}}));
  }
  TRY_API(fields.done());
  for (const char* key : {"instructions", "metadata", "temperature", "top_p", "tools",
                          "tool_choice", "text", "max_output_tokens", "truncation", "reasoning",
                          "previous_response_id", "user", "prompt_cache_key"})
    form.echo[key] = body.contains(key) ? body[key] : Json(nullptr);
  if (form.echo["tools"].is_null()) form.echo["tools"] = Json::array();
  if (form.echo["tool_choice"].is_null()) form.echo["tool_choice"] = "auto";
  if (form.echo["truncation"].is_null()) form.echo["truncation"] = "disabled";
  if (form.echo["metadata"].is_null()) form.echo["metadata"] = Json::object();
  if (form.echo["text"].is_null()) form.echo["text"] = {{"format", {{"type", "text"}}}};
  form.echo["parallel_tool_calls"] = chat.parallel_tool_calls;
  return form;
}

// The items of the answer, as they grow and as they stand at the end.
class ResponsesAnswer {
 public:
  // Takes the events of a stream; false: nobody reads them. Null when none is wanted.
  using Sink = std::function<bool(const char* type, const Json& event)>;
  ResponsesAnswer(const PreparedChat& chat, const ResponsesForm& form, Sink sink)
      : sink_(std::move(sink)), form_(form), model_(chat.model->name) {}

  const std::string& id() const { return id_; }

  Json response(const char* status, Json usage) const {
    Json json = {
        {"id", id_},
        {"object", "response"},
        {"created_at", created_},
        {"status", status},
        {"background", form_.background},
        {"error", nullptr},
        {"incomplete_details", incomplete_.empty() ? Json(nullptr) : Json{{"reason", incomplete_}}},
        {"model", model_},
        {"output", output_},
        {"store", form_.store},
        {"usage", std::move(usage)}};
    json.update(form_.echo);
    return json;
  }

  void begin() {
    event("response.created", {{"response", response("in_progress", nullptr)}});
    event("response.in_progress", {{"response", response("in_progress", nullptr)}});
  }

  bool take(const ChatDelta& delta) {
    if (delta.kind == ChatDelta::Kind::finish) {
      close();
      outcome_ = *delta.outcome;
      reply_ = *delta.whole;
      if (outcome_.reason == StopReason::n_predict) incomplete_ = "max_output_tokens";
      if (outcome_.reason == StopReason::context_full) incomplete_ = "context_window";
      return true;
    }
    if (delta.kind == ChatDelta::Kind::tokens) timings_.count(delta.tokens->size());
    if (delta.kind == ChatDelta::Kind::progress) return take_progress(*delta.progress);
    if (delta.kind != ChatDelta::Kind::reply) return true;
    using Kind = ReplyDelta::Kind;
    const ReplyDelta& reply = delta.reply;
    switch (reply.kind) {
      case Kind::content:
        open("message");
        text_ += reply.text;
        return part_event("response.output_text.delta",
                          {{"delta", reply.text}, {"logprobs", Json::array()}});
      case Kind::reasoning:
        open("reasoning");
        text_ += reply.text;
        return part_event("response.reasoning_text.delta", {{"delta", reply.text}});
      case Kind::call_begin:
        close();
        call_ = {reply.id, reply.name, ""};
        open("function_call");
        return true;
      case Kind::call_arguments:
        call_.arguments += reply.text;
        return event(
            "response.function_call_arguments.delta",
            {{"item_id", item_id_}, {"output_index", output_.size()}, {"delta", reply.text}});
      case Kind::call_end:
        close();
        return true;
    }
    return true;
  }

  const char* status(const ChatTotals& totals) const {
    if (totals.error) return "failed";
    if (outcome_.reason == StopReason::cancelled) return "cancelled";
    return incomplete_.empty() ? "completed" : "incomplete";
  }

  // The chat with its answer, to go on from.
  Json messages_after() const {
    Json messages = Json::array();
    for (const Json& message : form_.chat.messages)
      if (message.value("role", "") != "system" || form_.echo["instructions"].is_null())
        messages.push_back(message);
    Json answer = {{"role", "assistant"}, {"content", reply_.content}};
    for (const ToolCall& call : reply_.calls)
      answer["tool_calls"].push_back(
          {{"id", call.id},
           {"type", "function"},
           {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    messages.push_back(std::move(answer));
    return messages;
  }

  bool event(const char* type, const Json& json) {
    if (!sink_) return true;
    Json full = {{"type", type}, {"sequence_number", sequence_++}};
    full.update(json);
    if (form_.timings_per_token && timings_.n_tokens() > 0 && !full.contains("timings"))
      full["timings"] = timings_.json();
    return sink_(type, full);
  }
  size_t n_items() const { return output_.size(); }

 private:
  bool take_progress(const PromptProgress& progress) {
    timings_.progress(progress);
    if (!form_.return_progress) return true;
    return event("response.in_progress", {{"response", response("in_progress", nullptr)},
                                          {"prompt_progress", timings_.progress_json()}});
  }
  Json item(const char* status) const {
    if (open_ == "function_call")
      return {{"id", item_id_},      {"type", "function_call"}, {"status", status},
              {"call_id", call_.id}, {"name", call_.name},      {"arguments", call_.arguments}};
    const bool done = std::string_view(status) != "in_progress";
    if (open_ == "reasoning") {
      Json content = Json::array();
      if (done) content.push_back({{"type", "reasoning_text"}, {"text", text_}});
      return {{"id", item_id_},
              {"type", "reasoning"},
              {"summary", Json::array()},
              {"content", std::move(content)}};
    }
    Json content = Json::array();
    if (done) content.push_back(part());
    return {{"id", item_id_},
            {"type", "message"},
            {"status", status},
            {"role", "assistant"},
            {"content", std::move(content)}};
  }
  Json part() const {
    if (open_ == "reasoning") return {{"type", "reasoning_text"}, {"text", text_}};
    return {{"type", "output_text"},
            {"text", text_},
            {"annotations", Json::array()},
            {"logprobs", Json::array()}};
  }
  bool part_event(const char* type, const Json& json) {
    Json full = {{"item_id", item_id_}, {"output_index", output_.size()}, {"content_index", 0}};
    full.update(json);
    return event(type, full);
  }

  void open(const std::string& kind) {
    if (open_ == kind) return;
    close();
    open_ = kind;
    item_id_ = new_id(kind == "message" ? "msg_" : kind == "reasoning" ? "rs_" : "fc_");
    event("response.output_item.added",
          {{"output_index", output_.size()}, {"item", item("in_progress")}});
    if (kind != "function_call") part_event("response.content_part.added", {{"part", part()}});
  }

  void close() {
    if (open_.empty()) return;
    if (open_ == "function_call") {
      event("response.function_call_arguments.done", {{"item_id", item_id_},
                                                      {"output_index", output_.size()},
                                                      {"name", call_.name},
                                                      {"arguments", call_.arguments}});
    } else {
      if (open_ == "message")
        part_event("response.output_text.done", {{"text", text_}, {"logprobs", Json::array()}});
      else
        part_event("response.reasoning_text.done", {{"text", text_}});
      part_event("response.content_part.done", {{"part", part()}});
    }
    Json whole = item("completed");
    event("response.output_item.done", {{"output_index", output_.size()}, {"item", whole}});
    output_.push_back(std::move(whole));
    open_.clear();
    text_.clear();
  }

  Sink sink_;
  const ResponsesForm& form_;
  std::string model_, id_ = new_id("resp_"), open_, item_id_, text_, incomplete_;
  int64_t created_ = unix_seconds(), sequence_ = 0;
  ToolCall call_;
  Json output_ = Json::array();
  Outcome outcome_;
  ParsedReply reply_;
  RunningTimings timings_;
};

Json responses_usage_json(const ChatTotals& totals) {
  return {{"input_tokens", totals.n_prompt},
          {"input_tokens_details", {{"cached_tokens", totals.n_cached}}},
          {"output_tokens", totals.n_generated},
          {"output_tokens_details", {{"reasoning_tokens", 0}}},
          {"total_tokens", totals.n_prompt + totals.n_generated}};
}

// An answer that is made while nobody waits, and all that it needs.
struct Background {
  Background(ResponsesForm the_form, PreparedChat the_chat, Exchange& asked)
      : form(std::move(the_form)), chat(std::move(the_chat)) {
    exchange.cache_salt = asked.cache_salt;
    exchange.kept = asked.kept;
  }
  ResponsesForm form;
  PreparedChat chat;
  NobodyListens exchange;
  std::shared_ptr<ResponseJob> job;  // set before the answer begins
  ResponsesAnswer answer{chat, form, [this](const char* type, const Json& event) {
                           job->add_event(event_text(type, event));
                           return true;
                         }};
};

ApiResult<ChatTotals> run_in_background(Background& work) {
  ResponsesAnswer& answer = work.answer;
  ResponseJob& job = *work.job;
  const std::stop_callback cancelled(job.stop_token(), [&] { work.exchange.request_stop(); });
  bool begun = false;
  size_t n_items = 0;
  const auto on_delta = [&](const ChatDelta& delta) {
    if (delta.outcome != nullptr && delta.outcome->error) return false;
    if (!std::exchange(begun, true)) {
      job.set(answer.response("in_progress", nullptr));
      answer.event("response.in_progress", {{"response", job.response()}});
    }
    answer.take(delta);
    if (answer.n_items() > std::exchange(n_items, answer.n_items()))
      job.set(answer.response("in_progress", nullptr));
    return true;
  };
  try {
    return run_chat(work.chat, work.exchange, on_delta);
  } catch (const std::exception& exception) {
    return fail_api(500, "", "unexpected: {}", exception.what());
  }
}

// The thread of an answer in the background.
void make_in_background(App& app, Background& work) {
  ResponsesAnswer& answer = work.answer;
  const auto totals = run_in_background(work);
  std::optional<std::string> error;
  if (!totals) error = totals.error().message;
  if (totals && totals->error) error = totals->error->text;
  const char* status = error ? "failed" : answer.status(*totals);
  Json response = answer.response(status, totals ? responses_usage_json(*totals) : Json(nullptr));
  if (error) response["error"] = {{"code", "server_error"}, {"message", *error}};
  answer.event((std::string("response.") + status).c_str(), {{"response", response}});
  app.responses.put_made(answer.id(), {response, work.form.input, answer.messages_after()});
  work.job->finish(response);
}

// All events from one on, those that are there and those that come.
ApiResult<void> send_events(Exchange& exchange, const ResponseJob& job, size_t first) {
  begin_events(exchange);
  for (size_t n = first; auto event = job.event(n, exchange.stop_token()); ++n)
    if (!exchange.write(*event)) break;
  exchange.end();
  return {};
}

ApiResult<void> start_in_background(App& app, Exchange& exchange, ResponsesForm form,
                                    PreparedChat chat) {
  const auto work = std::make_shared<Background>(std::move(form), std::move(chat), exchange);
  const Json queued = work->answer.response("queued", nullptr);
  const auto job = std::make_shared<ResponseJob>(work->form.input, queued);
  work->job = job;
  work->answer.event("response.created", {{"response", queued}});
  work->answer.event("response.queued", {{"response", queued}});
  const bool streams = work->form.stream;
  TRY_API(app.responses.start(work->answer.id(), job,
                              static_cast<size_t>(app.options.models.host.n_queue_max),
                              [work, &app] { make_in_background(app, *work); }));
  if (streams) return send_events(exchange, *job, 0);
  send_json(exchange, queued);
  return {};
}

ApiResult<StoredResponse> stored(App& app, Exchange& exchange) {
  const std::string& id = exchange.request().path_parameters[0];
  auto found = app.responses.get(id);
  if (!found)
    return fail_api(404, "response_id", "there is no response '{}' (any more)", id.substr(0, 80));
  return *std::move(found);
}

struct ResponsesAsked {
  std::shared_ptr<ServedModel> model;
  ResponsesForm form;
};

ApiResult<ResponsesAsked> read_responses_request(App& app, Exchange& exchange) {
  auto [body, model] = TRY_API(app.read_request(exchange));
  ResponsesForm form = TRY_API(read_responses_form(app, body, *model));
  return ResponsesAsked{std::move(model), std::move(form)};
}

}  // namespace

// How many tokens the prompt of an answer would have.
ApiResult<void> route_response_tokens(App& app, Exchange& exchange) {
  const ResponsesAsked asked = TRY_API(read_responses_request(app, exchange));
  const RenderedChat rendered = TRY_API(render_chat(app, *asked.model, asked.form.chat));
  send_json(exchange, {{"object", "response.input_tokens"}, {"input_tokens", rendered.ids.size()}});
  return {};
}

ApiResult<void> route_responses(App& app, Exchange& exchange) {
  auto [model, form] = TRY_API(read_responses_request(app, exchange));
  PreparedChat chat = TRY_API(prepare_chat(app, model, form.chat));
  announce(chat, exchange);
  if (form.background) return start_in_background(app, exchange, std::move(form), std::move(chat));
  ResponsesAnswer::Sink sink;
  if (form.stream)
    sink = [&](const char* type, const Json& event) { return write_event(exchange, type, event); };
  ResponsesAnswer answer(chat, form, std::move(sink));
  bool begun = false;
  std::stop_source cancel;
  app.responses.begin(answer.id(), cancel);
  const std::stop_callback cancelled(cancel.get_token(), [&] { exchange.request_stop(); });
  const auto on_delta = [&](const ChatDelta& delta) {
    if (!begun && delta.outcome != nullptr && delta.outcome->error) return false;
    if (form.stream && !std::exchange(begun, true)) {
      begin_events(exchange);
      answer.begin();
    }
    return answer.take(delta);
  };
  auto ran = run_chat(chat, exchange, on_delta);
  app.responses.end(answer.id());
  const ChatTotals totals = TRY_API(std::move(ran));
  if (totals.error && !begun) return std::unexpected(ApiError(*totals.error));
  const char* status = answer.status(totals);
  const Json response = answer.response(status, responses_usage_json(totals));
  if (form.store && !totals.error)
    app.responses.put(answer.id(), {response, form.input, answer.messages_after()});
  if (!begun) {
    send_json(exchange, response);
    return {};
  }
  const std::string last = std::string("response.") + status;
  answer.event(last.c_str(), {{"response", response}, {"timings", timings_json(totals)}});
  exchange.end();
  return {};
}

ApiResult<void> route_response_get(App& app, Exchange& exchange) {
  const HttpRequest& request = exchange.request();
  const auto job = app.responses.job(request.path_parameters[0]);
  const std::string_view stream = request.query_or("stream", "false");
  const std::string_view after = request.query_or("starting_after", "");
  if (stream != "true" && !after.empty())
    return fail_api(400, "starting_after", "starting_after needs stream=true");
  if (stream != "true") {
    send_json(exchange, job ? job->response() : TRY_API(stored(app, exchange)).response);
    return {};
  }
  if (!job) {
    TRY_API(stored(app, exchange));
    return fail_api(400, "stream", "the response was not made in the background: it has no events");
  }
  size_t n_after = 0;
  const auto [end, error] = std::from_chars(after.data(), after.data() + after.size(), n_after);
  if (!after.empty() && (error != std::errc{} || end != after.data() + after.size()))
    return fail_api(400, "starting_after", "starting_after is '{}', not the number of an event",
                    printable(after));
  return send_events(exchange, *job, after.empty() ? 0 : n_after + 1);
}

ApiResult<void> route_response_items(App& app, Exchange& exchange) {
  const auto job = app.responses.job(exchange.request().path_parameters[0]);
  const Json input = job ? job->input : TRY_API(stored(app, exchange)).input;
  Json answer = {{"object", "list"}, {"data", input}, {"has_more", false}};
  answer["first_id"] = input.empty() ? Json(nullptr) : input.front()["id"];
  answer["last_id"] = input.empty() ? Json(nullptr) : input.back()["id"];
  send_json(exchange, answer);
  return {};
}

ApiResult<void> route_response_delete(App& app, Exchange& exchange) {
  const std::string& id = exchange.request().path_parameters[0];
  if (!app.responses.erase(id)) TRY_API(stored(app, exchange));
  send_json(exchange, {{"id", id}, {"object", "response"}, {"deleted", true}});
  return {};
}

ApiResult<void> route_response_cancel(App& app, Exchange& exchange) {
  const std::string& id = exchange.request().path_parameters[0];
  if (const auto job = app.responses.job(id)) {  // also one that has ended: as it ended
    job->cancel();
    job->wait(exchange.stop_token());
    send_json(exchange, job->response());
    return {};
  }
  if (app.responses.cancel(id)) {
    send_json(exchange, {{"id", id}, {"object", "response"}, {"status", "cancelled"}});
    return {};
  }
  const StoredResponse found = TRY_API(stored(app, exchange));
  return fail_api(400, "response_id", "response '{}' is {} already", id,
                  found.response.value("status", "completed"));
}

}  // namespace quire::server
