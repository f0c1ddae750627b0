// POST /v1/chat/completions (OpenAI API reference, "Chat").
#include "server/beam_search.h"
#include "server/chat.h"
#include "server/completion_logprobs.h"
#include "server/llamacpp_json.h"
#include "server/request_fields.h"
#include "server/stream.h"

namespace quire::server {
namespace {

struct ChatForm {
  ChatRequest chat;
  std::string model;
  bool stream = false, include_usage = false, usage_in_all = false;
  bool timings_per_token = false, return_progress = false, verbose = false;
  bool names_by_ids = false;  // return_tokens_as_token_ids, as vLLM has it
  std::string echo;           // what the answer goes on with, when it is to be shown
};

constexpr size_t role_bytes_max = 64;

// Messages as the templates take them; texts may come in parts. What is said in a role of one's own
// is looked for in the prompt (render_chat).
ApiResult<Json> checked_messages(const Json* messages) {
  if (messages == nullptr) return fail_api(400, "messages", "messages is missing");
  Json result = Json::array();
  size_t i = 0;
  for (const Json& message : *messages) {
    Fields fields(message, fmt::format("messages[{}].", i++));
    if (!fields.has("role")) fields.complain("role", "is missing");
    const std::string role = fields.text("role");
    if (role.empty() || role.size() > role_bytes_max)
      fields.complain("role",
                      fmt::format("has {} bytes, not 1 to {}", role.size(), role_bytes_max));
    TRY_API(fields.done());
    if (const Json* content = fields.find("content");
        content != nullptr && !content->is_string() && !content->is_array())
      fields.complain("content", fmt::format("is {}, neither a string nor parts", shown(*content)));
    fields.array("tool_calls");
    TRY_API(fields.done());
    result.push_back(message);
  }
  return result;
}

// Whether the answer goes on with the last message: when that is the assistant's, unless the
// request says that a new one begins.
ApiResult<bool> read_continuation(Fields& fields, const Json& messages) {
  const auto is_assistant = [&](size_t from_end) {
    return messages.size() > from_end &&
           messages[messages.size() - 1 - from_end].value("role", "") == "assistant";
  };
  const bool asked = fields.flag("continue_final_message", false);
  const bool begins = fields.flag("add_generation_prompt", false);
  if (asked && begins)
    fields.complain("continue_final_message",
                    "and add_generation_prompt are both true: the answer goes on with the last "
                    "message, or begins a new one");
  TRY_API(fields.done());
  if (begins || !is_assistant(0)) return false;
  const Json& last = messages.back();
  if (last.contains("tool_calls") && !last["tool_calls"].empty()) return false;
  if (is_assistant(1))
    return fail_api(400, "messages",
                    "messages ends with two of the assistant: the answer can go on with one");
  return true;
}

ApiResult<ChatForm> read_chat_form(const App& app, const Json& body, const ServedModel& model) {
  ChatForm form;
  ChatRequest& chat = form.chat;
  Fields fields(body);
  const RequestLimits& limits = app.options.limits;
  chat.messages = TRY_API(checked_messages(fields.array("messages")));
  TRY_API(fields.done());
  chat.tools = TRY_API(checked_tools(fields.array("tools")));
  chat.tool_choice = TRY_API(read_tool_choice(fields.find("tool_choice")));
  chat.parallel_tool_calls = fields.flag("parallel_tool_calls", true);
  chat.n_predict = fields.integer("n_predict", stored_n_predict(model), -2, INT32_MAX);
  chat.n_predict = fields.integer("max_tokens", chat.n_predict, -1, INT32_MAX);
  chat.n_predict = fields.integer("max_completion_tokens", chat.n_predict, -1, INT32_MAX);
  chat.n_choices = static_cast<size_t>(fields.integer("n", 1, 1, limits.n_choices_max));
  chat.beams = read_beam_options(fields, limits, chat.n_choices);
  chat.logprobs = fields.flag("logprobs", false);
  chat.n_top_logprobs =
      static_cast<int32_t>(fields.integer("top_logprobs", 0, 0, limits.n_top_logprobs_max));
  if (chat.n_top_logprobs > 0 && !chat.logprobs)
    fields.complain("top_logprobs", "needs logprobs to be true");
  chat.stop = read_stop(fields, app, model);
  chat.ignore_eos = fields.flag("ignore_eos", app.options.defaults.ignore_eos);
  chat.cache_prompt = fields.flag("cache_prompt", app.options.defaults.cache_prompt);
  fields.integer("id_slot", -1, -1, INT32_MAX);  // any place is as good: see docs/server.md
  chat.truncate = fields.word("truncation", "disabled", {"auto", "disabled"}) == "auto";
  chat.sampling = app.options.defaults.sampling;
  read_sampling(fields, app, model, chat.sampling);
  chat.sequence = read_sequence_fields(fields, model);
  chat.template_kwargs = app.options.defaults.template_kwargs;
  if (const Json* kwargs = fields.object("chat_template_kwargs"))
    chat.template_kwargs.update(*kwargs);
  if (fields.has("reasoning_effort"))
    chat.template_kwargs["reasoning_effort"] = fields.text("reasoning_effort");
  for (const char* name :
       {"reasoning_budget_tokens", "thinking_budget_tokens", "thinking_token_budget"})
    chat.thinking_tokens_max = fields.integer(
        name, std::max(chat.thinking_tokens_max, app.options.defaults.thinking_tokens_max), -1,
        INT32_MAX);
  chat.continue_last = TRY_API(read_continuation(fields, chat.messages));
  if (fields.flag("echo", false) && chat.continue_last)
    form.echo = chat.messages.back().value("content", Json("")).is_string()
                    ? chat.messages.back().value("content", "")
                    : "";
  form.names_by_ids = fields.flag("return_tokens_as_token_ids", false);
  chat.thinking_apart =
      fields.word("reasoning_format", app.options.defaults.thinking_apart ? "auto" : "none",
                  {"auto", "none", "deepseek", "deepseek-legacy"}) != "none";
  form.stream = fields.flag("stream", false);
  if (const Json* options = fields.object("stream_options")) {
    if (!form.stream)
      fields.complain("stream_options", "is for streams: it needs stream to be true");
    Fields inner(*options, "stream_options.");
    form.include_usage = inner.flag("include_usage", false);
    form.usage_in_all = inner.flag("continuous_usage_stats", false) && form.include_usage;
    TRY_API(inner.done());
  }
  chat.n_prompt_logprobs =
      static_cast<int32_t>(fields.integer("prompt_logprobs", -1, 0, limits.n_top_logprobs_max));
  if (form.stream && chat.n_prompt_logprobs >= 0)
    fields.complain("prompt_logprobs", "is for whole answers: leave out stream");
  form.verbose = fields.flag("verbose", app.options.defaults.verbose);
  form.timings_per_token = fields.flag("timings_per_token", false);
  form.return_progress = form.stream && fields.flag("return_progress", false);
  chat.counts_tokens = form.timings_per_token || form.usage_in_all;
  chat.tells_progress = form.return_progress || form.timings_per_token;
  TRY_API(fields.done());
  chat.grammar = TRY_API(read_grammar(body));
  return form;
}

Json usage_json(const ChatTotals& totals) {
  return {{"prompt_tokens", totals.n_prompt},
          {"completion_tokens", totals.n_generated},
          {"total_tokens", totals.n_prompt + totals.n_generated},
          {"prompt_tokens_details", {{"cached_tokens", totals.n_cached}}}};
}

// One choice as it grows, for an answer in one piece.
struct ChatChoice {
  Json logprobs = Json::array();
  RunningTimings timings{};
  ParsedReply reply;
  std::string reason;
  Outcome outcome;  // without its tokens
};

Json message_json(const ParsedReply& reply) {
  Json message = {{"role", "assistant"}};
  // Beside calls, no content is null; alone, it is an empty text.
  message["content"] =
      reply.content.empty() && !reply.calls.empty() ? Json(nullptr) : Json(reply.content);
  message["refusal"] = nullptr;
  if (!reply.reasoning.empty()) message["reasoning_content"] = reply.reasoning;
  if (!reply.calls.empty()) {
    message["tool_calls"] = Json::array();
    for (const ToolCall& call : reply.calls)
      message["tool_calls"].push_back(
          {{"id", call.id},
           {"type", "function"},
           {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  if (reply.tool_parse_failed) message["tool_parse_failed"] = true;
  return message;
}

Json settings_of(const ChatForm& form, const ServedModel& model) {
  const ChatRequest& chat = form.chat;
  AnswerSettings settings{.sampling = chat.sampling,
                          .n_predict = chat.n_predict,
                          .stop = chat.stop,
                          .n_probs = chat.n_top_logprobs,
                          .stream = form.stream,
                          .ignore_eos = chat.ignore_eos,
                          .timings_per_token = form.timings_per_token,
                          .grammar = "",
                          .lora = lora_scales(model, chat.sequence.strengths)};
  return settings_json(settings, {});
}

class ChatAnswer {
 public:
  ChatAnswer(const PreparedChat& chat, Exchange& exchange, const ChatForm& form)
      : model_(chat.model),
        exchange_(exchange),
        form_(form),
        id_(new_id("chatcmpl-")),
        prompt_(chat.prompt),
        created_(unix_seconds()),
        n_prompt_(static_cast<int64_t>(chat.n_prompt)),
        choices_(form.chat.n_choices) {
    if (form.verbose) settings_ = settings_of(form, *model_);
  }

  bool take(const ChatDelta& delta) { return form_.stream ? stream(delta) : collect(delta); }

  void send_whole(const ChatTotals& totals) {
    Json answer = frame("chat.completion");
    answer["choices"] = Json::array();
    for (size_t i = 0; i < choices_.size(); ++i) {
      ChatChoice& choice = choices_[i];
      answer["choices"].push_back({{"index", i},
                                   {"message", message_json(choice.reply)},
                                   {"logprobs", nullptr},
                                   {"finish_reason", choice.reason}});
      add_stop(answer["choices"].back(), model_->tokenizer(), choice.outcome);
      if (form_.chat.logprobs)
        answer["choices"].back()["logprobs"] = {{"content", std::move(choice.logprobs)},
                                                {"refusal", nullptr}};
    }
    answer["usage"] = usage_json(totals);
    answer["timings"] = timings_json(totals);
    const int32_t n = form_.chat.n_prompt_logprobs;
    answer["prompt_logprobs"] =
        n < 0 ? Json()
              : prompt_logprobs_json(model_->tokenizer(), totals.prompt_tokens,
                                     static_cast<size_t>(n));
    if (form_.verbose) answer["__verbose"] = verbose_json();
    send_json(exchange_, answer);
  }

  void begin_stream() {
    begin_events(exchange_);
    for (size_t i = 0; i < choices_.size(); ++i)
      chunk(i, {{"role", "assistant"}, {"content", form_.echo.empty() ? Json() : Json(form_.echo)}},
            nullptr);
  }

  void end_stream(const ChatTotals& totals) {
    if (totals.error) {
      ApiError error(*totals.error);
      exchange_.write("data: " + error_json(Dialect::openai, error, id_) + "\n\n");
    }
    if (form_.include_usage) {
      Json last = frame("chat.completion.chunk");
      last["choices"] = Json::array();
      last["usage"] = usage_json(totals);
      last["timings"] = timings_json(totals);
      write_data(exchange_, last);
    }
    end_events(exchange_);
  }

 private:
  Json frame(const char* object) const {
    return {{"id", id_},
            {"object", object},
            {"created", created_},
            {"model", model_->name},
            {"system_fingerprint", fingerprint()}};
  }
  Json verbose_json() const { return {{"prompt", prompt_}, {"generation_settings", settings_}}; }
  // What a chunk tells beside its choice.
  void add_extras(Json& json, size_t choice) const {
    const RunningTimings& timings = choices_[choice].timings;
    if (form_.usage_in_all)
      json["usage"] = {{"prompt_tokens", n_prompt_},
                       {"completion_tokens", timings.n_tokens()},
                       {"total_tokens", n_prompt_ + timings.n_tokens()}};
    else if (form_.include_usage)
      json["usage"] = nullptr;
    if (form_.timings_per_token && n_chunks_ >= choices_.size()) json["timings"] = timings.json();
  }

  bool chunk(size_t choice, Json delta, Json reason, Json logprobs = nullptr) {
    Json json = frame("chat.completion.chunk");
    json["choices"] = Json::array({{{"index", choice},
                                    {"delta", std::move(delta)},
                                    {"logprobs", std::move(logprobs)},
                                    {"finish_reason", std::move(reason)}}});
    add_extras(json, choice);
    if (form_.verbose && n_chunks_ == 0) json["__verbose"] = verbose_json();
    ++n_chunks_;
    if (!holds_) return write_data(exchange_, json);
    held_ = std::move(json);
    return true;
  }

  void add_logprobs(ChatChoice& choice, const std::vector<TokenEvent>& tokens) const {
    const auto rename = [](Json& token) {
      token["token"] = fmt::format("token_id:{}", token["id"].get<int32_t>());
    };
    for (Json& token : logprobs_json(model_->tokenizer(), tokens)) {
      if (form_.names_by_ids) {
        rename(token);
        for (Json& other : token["top_logprobs"]) rename(other);
      }
      choice.logprobs.push_back(std::move(token));
    }
  }

  bool collect(const ChatDelta& delta) {
    ChatChoice& choice = choices_[delta.choice];
    if (delta.kind == ChatDelta::Kind::tokens && form_.chat.logprobs)
      add_logprobs(choice, *delta.tokens);
    if (delta.kind == ChatDelta::Kind::finish) {
      choice.reply = *delta.whole;
      choice.reply.content.insert(0, form_.echo);
      choice.reason = finish_reason(*delta.outcome, *delta.whole);
      choice.outcome = {.reason = delta.outcome->reason,
                        .tokens = {},
                        .stop = delta.outcome->stop,
                        .ended_by = delta.outcome->ended_by,
                        .timings = {},
                        .error = {}};
    }
    return true;
  }

  bool stream(const ChatDelta& delta) {
    switch (delta.kind) {
      case ChatDelta::Kind::progress:
        return progress_chunk(delta);
      case ChatDelta::Kind::tokens: {
        choices_[delta.choice].timings.count(delta.tokens->size());
        if (!form_.chat.logprobs) return true;
        // Sent with the text that the tokens belong to.
        add_logprobs(choices_[delta.choice], *delta.tokens);
        return true;
      }
      case ChatDelta::Kind::finish: {
        Json rest = nullptr;
        if (!choices_[delta.choice].logprobs.empty()) rest = take_logprobs(delta.choice);
        Json last = Json::object();
        if (delta.whole->tool_parse_failed) last["tool_parse_failed"] = true;
        return finish_chunk(delta, std::move(last), std::move(rest));
      }
      case ChatDelta::Kind::reply:
        // Where each chunk counts, the last one says with its text why it is the last.
        holds_ = delta.ends && form_.usage_in_all && delta.reply.kind == ReplyDelta::Kind::content;
        return stream_reply(delta.choice, delta.reply);
    }
    return true;
  }

  bool progress_chunk(const ChatDelta& delta) {
    RunningTimings& timings = choices_[delta.choice].timings;
    timings.progress(*delta.progress);
    if (!form_.return_progress) return true;
    Json json = frame("chat.completion.chunk");
    json["choices"] = Json::array({{{"index", delta.choice},
                                    {"delta", Json::object()},
                                    {"logprobs", nullptr},
                                    {"finish_reason", nullptr}}});
    json["prompt_progress"] = timings.progress_json();
    add_extras(json, delta.choice);
    return write_data(exchange_, json);
  }

  // The last of a choice. Timings stand here unless a chunk with the usage follows.
  bool finish_chunk(const ChatDelta& delta, Json last, Json logprobs) {
    if (!held_.is_null()) {
      held_["choices"][0]["finish_reason"] = finish_reason(*delta.outcome, *delta.whole);
      if (!last.empty()) held_["choices"][0]["delta"].update(last);
      add_stop(held_["choices"][0], model_->tokenizer(), *delta.outcome);
      return write_data(exchange_, std::exchange(held_, nullptr));
    }
    Json json = frame("chat.completion.chunk");
    json["choices"] =
        Json::array({{{"index", delta.choice},
                      {"delta", std::move(last)},
                      {"logprobs", std::move(logprobs)},
                      {"finish_reason", finish_reason(*delta.outcome, *delta.whole)}}});
    add_stop(json["choices"][0], model_->tokenizer(), *delta.outcome);
    add_extras(json, delta.choice);
    if (!form_.include_usage) json["timings"] = timings_json(delta.outcome->timings);
    return write_data(exchange_, json);
  }

  Json take_logprobs(size_t choice) {
    if (!form_.chat.logprobs) return nullptr;
    return {{"content", std::exchange(choices_[choice].logprobs, Json::array())},
            {"refusal", nullptr}};
  }

  bool stream_reply(size_t choice, const ReplyDelta& delta) {
    using Kind = ReplyDelta::Kind;
    switch (delta.kind) {
      case Kind::content:
        return chunk(choice, {{"content", delta.text}}, nullptr, take_logprobs(choice));
      case Kind::reasoning:
        return chunk(choice, {{"reasoning_content", delta.text}}, nullptr, take_logprobs(choice));
      case Kind::call_begin:
        return call_chunk(choice, {{"index", delta.call},
                                   {"id", delta.id},
                                   {"type", "function"},
                                   {"function", {{"name", delta.name}, {"arguments", ""}}}});
      case Kind::call_arguments:
        return call_chunk(choice,
                          {{"index", delta.call}, {"function", {{"arguments", delta.text}}}});
      case Kind::call_end:
        return true;
    }
    return true;
  }

  bool call_chunk(size_t choice, Json call) {
    return chunk(choice, {{"tool_calls", Json::array({std::move(call)})}}, nullptr);
  }

  std::shared_ptr<ServedModel> model_;
  Exchange& exchange_;
  const ChatForm& form_;
  std::string id_, prompt_;
  int64_t created_, n_prompt_;
  std::vector<ChatChoice> choices_;
  Json settings_, held_;
  bool holds_ = false;
  size_t n_chunks_ = 0;
};

}  // namespace

namespace {

struct ChatAsked {
  std::shared_ptr<ServedModel> model;
  ChatForm form;
};

ApiResult<ChatAsked> read_chat_request(App& app, Exchange& exchange) {
  auto [body, model] = TRY_API(app.read_request(exchange));
  ChatForm form = TRY_API(read_chat_form(app, body, *model));
  return ChatAsked{std::move(model), std::move(form)};
}

}  // namespace

// How many tokens the prompt of a chat would have.
ApiResult<void> route_openai_chat_tokens(App& app, Exchange& exchange) {
  const ChatAsked asked = TRY_API(read_chat_request(app, exchange));
  const RenderedChat rendered = TRY_API(render_chat(app, *asked.model, asked.form.chat));
  send_json(exchange, {{"object", "response.input_tokens"}, {"input_tokens", rendered.ids.size()}});
  return {};
}

ApiResult<void> route_openai_chat(App& app, Exchange& exchange) {
  const auto [model, form] = TRY_API(read_chat_request(app, exchange));
  PreparedChat chat = TRY_API(prepare_chat(app, model, form.chat));
  announce(chat, exchange);

  ChatAnswer answer(chat, exchange, form);
  bool begun = false;
  const auto on_delta = [&](const ChatDelta& delta) {
    // What fails before its first word is an ordinary error.
    if (!begun && delta.outcome != nullptr && delta.outcome->error) return false;
    if (delta.kind == ChatDelta::Kind::progress && !form.stream) return true;
    if (form.stream && !std::exchange(begun, true)) answer.begin_stream();
    return answer.take(delta);
  };
  const ChatTotals totals = TRY_API(run_chat(chat, exchange, on_delta));
  if (begun && form.stream) {
    answer.end_stream(totals);
    return {};
  }
  if (totals.error) return std::unexpected(ApiError(*totals.error));
  answer.send_whole(totals);
  return {};
}

}  // namespace quire::server
