// POST /v1/messages and /v1/messages/count_tokens (Anthropic API reference, "Messages").
#include "format/printable.h"
#include "server/chat.h"
#include "server/request_fields.h"
#include "server/stream.h"

namespace quire::server {
namespace {

struct AnthropicForm {
  ChatRequest chat;
  std::string model;
  bool stream = false, thinking = false;
};

std::string not_supported(const std::string& type) {
  if (type == "image") return "is 'image': image input is not supported by the models here";
  return fmt::format("is '{}', which is not supported here", printable(type, 60));
}

// The text of a string or of an array of text blocks.
ApiResult<std::string> text_of(const Json& content, const char* name) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array())
    return fail_api(400, name, "{} is {}, neither a string nor an array of blocks", name,
                    shown(content));
  std::string text;
  for (const Json& block : content) {
    Fields fields(block, std::string(name) + "[].");
    const std::string type = fields.text("type");
    if (type != "text") fields.complain("type", not_supported(type));
    text += (text.empty() ? "" : "\n") + fields.text("text");
    TRY_API(fields.done());
  }
  return text;
}

// The blocks of one message as messages of the chat completions API.
ApiResult<void> add_message(const Json& message, size_t i, Json& messages) {
  const std::string where = fmt::format("messages[{}].", i);
  Fields fields(message, where);
  const std::string role = fields.word("role", "", {"user", "assistant"});
  const Json* content = fields.find("content");
  if (!fields.has("role")) fields.complain("role", "is missing");
  if (content == nullptr) fields.complain("content", "is missing");
  TRY_API(fields.done());
  if (content->is_string()) {
    messages.push_back({{"role", role}, {"content", *content}});
    return {};
  }
  if (!content->is_array())
    return fail_api(400, where + "content", "{}content is {}", where, shown(*content));
  std::string text, reasoning;
  Json calls = Json::array();
  for (const Json& block : *content) {
    Fields inner(block, where + "content[].");
    const std::string type = inner.text("type");
    if (type == "text") {
      text += inner.text("text");
    } else if (type == "thinking") {
      reasoning += inner.text("thinking");
    } else if (type == "redacted_thinking") {
    } else if (type == "tool_use" && role == "assistant") {
      const Json* input = inner.object("input");
      calls.push_back({{"id", inner.text("id")},
                       {"type", "function"},
                       {"function",
                        {{"name", inner.text("name")},
                         {"arguments", input != nullptr ? to_text(*input) : "{}"}}}});
    } else if (type == "tool_result" && role == "user") {
      const Json* result = inner.find("content");
      messages.push_back(
          {{"role", "tool"},
           {"tool_call_id", inner.text("tool_use_id")},
           {"content",
            result == nullptr ? std::string() : TRY_API(text_of(*result, "tool_result.content"))}});
    } else {
      inner.complain("type", not_supported(type));
    }
    TRY_API(inner.done());
  }
  if (text.empty() && calls.empty() && role == "user") return {};
  Json entry = {{"role", role}, {"content", text}};
  if (!reasoning.empty()) entry["reasoning_content"] = reasoning;
  if (!calls.empty()) entry["tool_calls"] = std::move(calls);
  messages.push_back(std::move(entry));
  return {};
}

ApiResult<void> read_tools(Fields& fields, ChatRequest& chat) {
  if (const Json* tools = fields.array("tools")) {
    for (const Json& tool : *tools) {
      Fields inner(tool, "tools[].");
      Json function = {{"name", inner.text("name")}};
      if (function["name"].get_ref<const std::string&>().empty())
        inner.complain("name", "is missing");
      if (inner.has("description")) function["description"] = inner.text("description");
      if (const Json* schema = inner.object("input_schema")) function["parameters"] = *schema;
      TRY_API(inner.done());
      chat.tools.push_back({{"type", "function"}, {"function", std::move(function)}});
    }
  }
  const Json* choice = fields.object("tool_choice");
  TRY_API(fields.done());
  if (choice == nullptr) return {};
  Fields inner(*choice, "tool_choice.");
  const std::string type = inner.word("type", "auto", {"auto", "any", "none", "tool"});
  chat.parallel_tool_calls = !inner.flag("disable_parallel_tool_use", false);
  if (type == "any") chat.tool_choice.kind = ToolChoice::Kind::required;
  if (type == "none") chat.tool_choice.kind = ToolChoice::Kind::none;
  if (type == "tool") chat.tool_choice = {ToolChoice::Kind::named, inner.text("name")};
  TRY_API(inner.done());
  return {};
}

enum class Purpose : uint8_t { answer, count };

ApiResult<AnthropicForm> read_anthropic_form(const App& app, const Json& body,
                                             const ServedModel& model, Purpose purpose) {
  AnthropicForm form;
  ChatRequest& chat = form.chat;
  Fields fields(body);
  if (const Json* system = fields.find("system")) {
    std::string text = TRY_API(text_of(*system, "system"));
    chat.messages.push_back({{"role", "system"}, {"content", std::move(text)}});
  }
  chat.template_kwargs = app.options.defaults.template_kwargs;
  chat.thinking_tokens_max = app.options.defaults.thinking_tokens_max;
  const Json* messages = fields.array("messages");
  if (messages == nullptr) fields.complain("messages", "is missing");
  TRY_API(fields.done());
  size_t i = 0;
  for (const Json& message : *messages) TRY_API(add_message(message, i++, chat.messages));
  // A last message of the assistant is the beginning of the answer.
  chat.continue_last = !chat.messages.empty() && chat.messages.back()["role"] == "assistant" &&
                       !chat.messages.back().contains("tool_calls");
  TRY_API(read_tools(fields, chat));
  if (const Json* thinking = fields.object("thinking")) {
    Fields inner(*thinking, "thinking.");
    form.thinking =
        inner.word("type", "disabled", {"enabled", "disabled", "adaptive"}) != "disabled";
    chat.thinking_tokens_max =
        inner.integer("budget_tokens", chat.thinking_tokens_max, 0, INT32_MAX);
    TRY_API(inner.done());
    chat.template_kwargs["enable_thinking"] = form.thinking;
  }
  if (purpose == Purpose::count) return form;
  if (!fields.has("max_tokens")) fields.complain("max_tokens", "is missing");
  chat.n_predict = fields.integer("max_tokens", 1, 1, INT32_MAX);
  chat.stop = read_stop(fields, app, model, "stop_sequences");
  fields.number("temperature", 1, 0, 2);
  chat.sampling = app.options.defaults.sampling;
  read_sampling(fields, app, model, chat.sampling);
  chat.sequence = read_sequence_fields(fields, model);
  form.stream = fields.flag("stream", false);
  TRY_API(fields.done());
  chat.grammar = TRY_API(read_grammar(body));
  return form;
}

Json parsed_arguments(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json::object() : json;
}

const char* stop_reason(const Outcome& outcome, const ParsedReply& reply) {
  if (!reply.calls.empty()) return "tool_use";
  switch (outcome.reason) {
    case StopReason::stop_string:
      return "stop_sequence";
    case StopReason::n_predict:
      return "max_tokens";
    case StopReason::context_full:
      return "model_context_window_exceeded";
    default:
      return "end_turn";
  }
}

class AnthropicAnswer {
 public:
  AnthropicAnswer(const PreparedChat& chat, Exchange& exchange)
      : exchange_(exchange), model_(chat.model->name), n_prompt_(chat.n_prompt) {}

  Json message(Json content, Json reason, Json sequence, Json usage) const {
    return {{"id", id_},
            {"type", "message"},
            {"role", "assistant"},
            {"model", model_},
            {"content", std::move(content)},
            {"stop_reason", std::move(reason)},
            {"stop_sequence", std::move(sequence)},
            {"usage", std::move(usage)}};
  }

  void begin() {
    begin_events(exchange_);
    write_event(exchange_, "message_start",
                {{"type", "message_start"},
                 {"message", message(Json::array(), nullptr, nullptr,
                                     {{"input_tokens", n_prompt_}, {"output_tokens", 0}})}});
    write_event(exchange_, "ping", {{"type", "ping"}});
  }

  bool take(const ChatDelta& delta) {
    if (delta.kind == ChatDelta::Kind::finish) {
      close_block();
      outcome_ = *delta.outcome;
      reply_ = *delta.whole;
      return true;
    }
    if (delta.kind != ChatDelta::Kind::reply) return true;
    using Kind = ReplyDelta::Kind;
    const ReplyDelta& reply = delta.reply;
    switch (reply.kind) {
      case Kind::content:
        open_block("text", {{"type", "text"}, {"text", ""}});
        return block_delta({{"type", "text_delta"}, {"text", reply.text}});
      case Kind::reasoning:
        open_block("thinking", {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}});
        return block_delta({{"type", "thinking_delta"}, {"thinking", reply.text}});
      case Kind::call_begin:
        close_block();
        return open_block("tool_use", {{"type", "tool_use"},
                                       {"id", reply.id},
                                       {"name", reply.name},
                                       {"input", Json::object()}});
      case Kind::call_arguments:
        return block_delta({{"type", "input_json_delta"}, {"partial_json", reply.text}});
      case Kind::call_end:
        close_block();
        return true;
    }
    return true;
  }

  void end(const ChatTotals& totals) {
    if (totals.error) {
      exchange_.write(
          "event: error\ndata: " +
          error_json(Dialect::anthropic, ApiError(*totals.error), exchange_.request().id) + "\n\n");
    } else {
      write_event(
          exchange_, "message_delta",
          {{"type", "message_delta"},
           {"delta",
            {{"stop_reason", stop_reason(outcome_, reply_)}, {"stop_sequence", sequence()}}},
           {"usage", usage(totals)}});
      write_event(exchange_, "message_stop", {{"type", "message_stop"}});
    }
    exchange_.end();
  }

  void send_whole(const ChatTotals& totals) {
    Json content = Json::array();
    if (!reply_.reasoning.empty())
      content.push_back({{"type", "thinking"}, {"thinking", reply_.reasoning}, {"signature", ""}});
    if (!reply_.content.empty()) content.push_back({{"type", "text"}, {"text", reply_.content}});
    for (const ToolCall& call : reply_.calls)
      content.push_back({{"type", "tool_use"},
                         {"id", call.id},
                         {"name", call.name},
                         {"input", parsed_arguments(call.arguments)}});
    send_json(exchange_, message(std::move(content), stop_reason(outcome_, reply_), sequence(),
                                 usage(totals)));
  }

 private:
  Json sequence() const { return outcome_.stop.empty() ? Json(nullptr) : Json(outcome_.stop); }
  static Json usage(const ChatTotals& totals) {
    return {{"input_tokens", totals.n_prompt - totals.n_cached},
            {"cache_read_input_tokens", totals.n_cached},
            {"cache_creation_input_tokens", 0},
            {"output_tokens", totals.n_generated}};
  }
  bool open_block(const char* kind, Json block) {
    if (open_ == kind) return true;
    close_block();
    open_ = kind;
    return write_event(
        exchange_, "content_block_start",
        {{"type", "content_block_start"}, {"index", index_}, {"content_block", std::move(block)}});
  }
  bool block_delta(Json delta) {
    return write_event(
        exchange_, "content_block_delta",
        {{"type", "content_block_delta"}, {"index", index_}, {"delta", std::move(delta)}});
  }
  void close_block() {
    if (open_.empty()) return;
    // What was thought is not signed: clients want the field all the same.
    if (open_ == "thinking" && exchange_.begun())
      block_delta({{"type", "signature_delta"}, {"signature", ""}});
    open_.clear();
    if (exchange_.begun())
      write_event(exchange_, "content_block_stop",
                  {{"type", "content_block_stop"}, {"index", index_}});
    ++index_;
  }

  Exchange& exchange_;
  std::string model_, id_ = new_id("msg_"), open_;
  size_t n_prompt_, index_ = 0;
  Outcome outcome_;
  ParsedReply reply_;
};

struct AnthropicAsked {
  std::shared_ptr<ServedModel> model;
  AnthropicForm form;
};

ApiResult<AnthropicAsked> read_anthropic_request(App& app, Exchange& exchange, Purpose purpose) {
  auto [body, model] = TRY_API(app.read_request(exchange));
  AnthropicForm form = TRY_API(read_anthropic_form(app, body, *model, purpose));
  return AnthropicAsked{std::move(model), std::move(form)};
}

}  // namespace

ApiResult<void> route_messages(App& app, Exchange& exchange) {
  AnthropicAsked asked = TRY_API(read_anthropic_request(app, exchange, Purpose::answer));
  PreparedChat chat = TRY_API(prepare_chat(app, asked.model, asked.form.chat));
  announce(chat, exchange);
  AnthropicAnswer answer(chat, exchange);
  bool begun = false;
  const auto on_delta = [&](const ChatDelta& delta) {
    if (!begun && delta.outcome != nullptr && delta.outcome->error) return false;
    if (asked.form.stream && !std::exchange(begun, true)) answer.begin();
    return asked.form.stream || delta.kind == ChatDelta::Kind::finish ? answer.take(delta) : true;
  };
  const ChatTotals totals = TRY_API(run_chat(chat, exchange, on_delta));
  if (begun) {
    answer.end(totals);
    return {};
  }
  if (totals.error) return std::unexpected(ApiError(*totals.error));
  answer.send_whole(totals);
  return {};
}

ApiResult<void> route_count_tokens(App& app, Exchange& exchange) {
  const AnthropicAsked asked = TRY_API(read_anthropic_request(app, exchange, Purpose::count));
  const RenderedChat rendered = TRY_API(render_chat(app, *asked.model, asked.form.chat));
  send_json(exchange, {{"input_tokens", rendered.ids.size()}});
  return {};
}

}  // namespace quire::server
