// POST /v1/chat/completions (OpenAI API reference, "Chat").
#include "server/chat.h"
#include "server/request_fields.h"
#include "server/stream.h"

namespace quire::server {
namespace {

struct ChatForm {
  ChatRequest chat;
  std::string model;
  bool stream = false, include_usage = false, timings = false;
};

// Messages as the templates take them; texts may come in parts.
ApiResult<Json> checked_messages(const Json* messages) {
  if (messages == nullptr) return fail_api(400, "messages", "messages is missing");
  Json result = Json::array();
  size_t i = 0;
  for (const Json& message : *messages) {
    Fields fields(message, fmt::format("messages[{}].", i++));
    if (!fields.has("role")) fields.complain("role", "is missing");
    fields.word("role", "", {"system", "developer", "user", "assistant", "tool", "function"});
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

ApiResult<ChatForm> read_form(const App& app, const Json& body, const ServedModel& model) {
  ChatForm form;
  ChatRequest& chat = form.chat;
  Fields fields(body);
  const RequestLimits& limits = app.options.limits;
  chat.messages = TRY_API(checked_messages(fields.array("messages")));
  TRY_API(fields.done());
  chat.tools = TRY_API(checked_tools(fields.array("tools")));
  chat.tool_choice = TRY_API(read_tool_choice(fields.find("tool_choice")));
  chat.parallel_tool_calls = fields.flag("parallel_tool_calls", true);
  chat.n_predict = fields.integer("max_tokens", stored_n_predict(model), -1, INT32_MAX);
  chat.n_predict = fields.integer("max_completion_tokens", chat.n_predict, -1, INT32_MAX);
  chat.n_choices = static_cast<size_t>(fields.integer("n", 1, 1, limits.n_choices_max));
  chat.logprobs = fields.flag("logprobs", false);
  chat.n_top_logprobs =
      static_cast<int32_t>(fields.integer("top_logprobs", 0, 0, limits.n_top_logprobs_max));
  if (chat.n_top_logprobs > 0 && !chat.logprobs)
    fields.complain("top_logprobs", "needs logprobs to be true");
  chat.stop = read_stop(fields, app, model);
  chat.ignore_eos = fields.flag("ignore_eos", false);
  chat.truncate = fields.word("truncation", "disabled", {"auto", "disabled"}) == "auto";
  read_sampling(fields, app, model, chat.sampling);
  chat.sequence = read_sequence_fields(fields, model);
  if (const Json* kwargs = fields.object("chat_template_kwargs")) chat.template_kwargs = *kwargs;
  if (fields.has("reasoning_effort"))
    chat.template_kwargs["reasoning_effort"] = fields.text("reasoning_effort");
  const std::string last = chat.messages.empty() ? "" : chat.messages.back().value("role", "");
  const bool add_prompt = fields.flag("add_generation_prompt", true);
  chat.continue_last = fields.flag("continue_final_message", false) && last == "assistant";
  if (!add_prompt && last == "assistant") chat.continue_last = true;
  form.stream = fields.flag("stream", false);
  if (const Json* options = fields.object("stream_options")) {
    Fields inner(*options, "stream_options.");
    form.include_usage = inner.flag("include_usage", false);
    TRY_API(inner.done());
  }
  form.timings = fields.flag("timings_per_token", false);
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

Json timings_json(const ChatTotals& t) {
  const double n_run = static_cast<double>(t.n_prompt - t.n_cached);
  return {{"prompt_n", t.n_prompt - t.n_cached},
          {"cache_n", t.n_cached},
          {"prompt_ms", t.prompt_s * 1000},
          {"prompt_per_second", t.prompt_s > 0 ? n_run / t.prompt_s : 0},
          {"predicted_n", t.n_generated},
          {"predicted_ms", t.generate_s * 1000},
          {"predicted_per_second",
           t.generate_s > 0 ? static_cast<double>(t.n_generated) / t.generate_s : 0}};
}

// One choice as it grows, for an answer in one piece.
struct Choice {
  Json logprobs = Json::array();
  ParsedReply reply;
  std::string reason;
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

class ChatAnswer {
 public:
  ChatAnswer(const PreparedChat& chat, Exchange& exchange, const ChatForm& form)
      : model_(chat.model),
        exchange_(exchange),
        form_(form),
        id_(new_id("chatcmpl-")),
        created_(unix_seconds()),
        choices_(form.chat.n_choices) {}

  bool take(const ChatDelta& delta) { return form_.stream ? stream(delta) : collect(delta); }

  void send_whole(const ChatTotals& totals) {
    Json answer = frame("chat.completion");
    answer["choices"] = Json::array();
    for (size_t i = 0; i < choices_.size(); ++i) {
      Choice& choice = choices_[i];
      answer["choices"].push_back({{"index", i},
                                   {"message", message_json(choice.reply)},
                                   {"logprobs", nullptr},
                                   {"finish_reason", choice.reason}});
      if (form_.chat.logprobs)
        answer["choices"].back()["logprobs"] = {{"content", std::move(choice.logprobs)},
                                                {"refusal", nullptr}};
    }
    answer["usage"] = usage_json(totals);
    answer["timings"] = timings_json(totals);
    send_json(exchange_, answer);
  }

  void begin_stream() {
    begin_events(exchange_);
    for (size_t i = 0; i < choices_.size(); ++i)
      chunk(i, {{"role", "assistant"}, {"content", ""}}, nullptr);
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
            {"system_fingerprint", "quire-" QUIRE_VERSION}};
  }

  bool chunk(size_t choice, Json delta, Json reason, Json logprobs = nullptr) {
    Json json = frame("chat.completion.chunk");
    json["choices"] = Json::array({{{"index", choice},
                                    {"delta", std::move(delta)},
                                    {"logprobs", std::move(logprobs)},
                                    {"finish_reason", std::move(reason)}}});
    if (form_.include_usage) json["usage"] = nullptr;
    return write_data(exchange_, json);
  }

  bool collect(const ChatDelta& delta) {
    Choice& choice = choices_[delta.choice];
    if (delta.kind == ChatDelta::Kind::tokens)
      for (Json& token : logprobs_json(model_->tokenizer(), *delta.tokens))
        choice.logprobs.push_back(std::move(token));
    if (delta.kind == ChatDelta::Kind::finish) {
      choice.reply = *delta.whole;
      choice.reason = finish_reason(*delta.outcome, *delta.whole);
    }
    return true;
  }

  bool stream(const ChatDelta& delta) {
    switch (delta.kind) {
      case ChatDelta::Kind::tokens: {
        // Sent with the text that the tokens belong to.
        for (Json& token : logprobs_json(model_->tokenizer(), *delta.tokens))
          choices_[delta.choice].logprobs.push_back(std::move(token));
        return true;
      }
      case ChatDelta::Kind::finish: {
        Json rest = nullptr;
        if (!choices_[delta.choice].logprobs.empty()) rest = take_logprobs(delta.choice);
        Json last = Json::object();
        if (delta.whole->tool_parse_failed) last["tool_parse_failed"] = true;
        return chunk(delta.choice, std::move(last), finish_reason(*delta.outcome, *delta.whole),
                     std::move(rest));
      }
      case ChatDelta::Kind::reply:
        return stream_reply(delta.choice, delta.reply);
    }
    return true;
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
  std::string id_;
  int64_t created_;
  std::vector<Choice> choices_;
};

}  // namespace

ApiResult<void> route_openai_chat(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  TRY_API(fields.done());
  const auto model = TRY_API(app.model(name, exchange));
  ChatForm form = TRY_API(read_form(app, body, *model));
  PreparedChat chat = TRY_API(prepare_chat(app, model, form.chat));
  announce(chat, exchange);

  ChatAnswer answer(chat, exchange, form);
  bool begun = false;
  const auto on_delta = [&](const ChatDelta& delta) {
    // What fails before its first word is an ordinary error.
    if (!begun && delta.outcome != nullptr && delta.outcome->error) return false;
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
