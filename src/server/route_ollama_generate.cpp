// POST /api/generate and /api/chat.
#include "server/completion.h"
#include "server/fim.h"
#include "server/ollama.h"
#include "server/request_fields.h"
#include "server/stream.h"

namespace quire::server {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Json frame(const ServedModel& model) {
  return {{"model", model.name}, {"created_at", iso_time(std::chrono::system_clock::now())}};
}

// What both endpoints write: lines as the answer grows, or one object at its end.
class OllamaAnswer {
 public:
  enum class Kind : uint8_t { generate, chat };
  OllamaAnswer(Kind kind, std::shared_ptr<ServedModel> model, Exchange& exchange,
               const OllamaForm& form)
      : kind_(kind), model_(std::move(model)), exchange_(exchange), form_(form) {}

  bool take(const ChatDelta& delta) {
    if (delta.kind == ChatDelta::Kind::finish) {
      if (!begun_ && delta.outcome->error) return false;
      outcome_ = *delta.outcome;
      reply_ = *delta.whole;
      return true;
    }
    if (delta.kind == ChatDelta::Kind::tokens && form_.logprobs)
      for (Json& token : logprobs_json(model_->tokenizer(), *delta.tokens))
        logprobs_.push_back(std::move(token));
    if (delta.kind != ChatDelta::Kind::reply || !form_.stream) return true;
    if (!std::exchange(begun_, true)) exchange_.begin(200, "application/x-ndjson");
    using Reply = ReplyDelta::Kind;
    if (delta.reply.kind == Reply::content) return line(delta.reply.text, "", Json());
    if (delta.reply.kind == Reply::reasoning) return line("", delta.reply.text, Json());
    return true;  // calls are given whole, at the end
  }

  ApiResult<void> finish(const ChatTotals& totals, double load_s, double total_s, Json context) {
    if (totals.error && !begun_) return std::unexpected(ApiError(*totals.error));
    if (totals.error) {
      write_line(exchange_, {{"error", totals.error->text}});
      exchange_.end();
      return {};
    }
    if (form_.stream && !std::exchange(begun_, true)) exchange_.begin(200, "application/x-ndjson");
    if (begun_ && !reply_.calls.empty()) line("", "", calls());
    Json last = frame(*model_);
    add_text(last, begun_ ? "" : reply_.content, begun_ ? "" : reply_.reasoning,
             begun_ ? Json() : calls());
    last["done"] = true;
    last["done_reason"] = ollama_done_reason(outcome_);
    if (!context.is_null()) last["context"] = std::move(context);
    if (!logprobs_.empty()) last["logprobs"] = std::move(logprobs_);
    add_ollama_totals(last, totals, total_s, load_s);
    if (!begun_) {
      send_json(exchange_, last);
      return {};
    }
    write_line(exchange_, last);
    exchange_.end();
    return {};
  }

  const Outcome& outcome() const { return outcome_; }

 private:
  bool line(const std::string& text, const std::string& thinking, Json tool_calls) {
    Json json = frame(*model_);
    add_text(json, text, thinking, std::move(tool_calls));
    json["done"] = false;
    if (!logprobs_.empty()) json["logprobs"] = std::exchange(logprobs_, Json::array());
    return write_line(exchange_, json);
  }

  void add_text(Json& json, const std::string& text, const std::string& thinking,
                Json tool_calls) const {
    if (kind_ == Kind::generate) {
      json["response"] = text;
      if (!thinking.empty()) json["thinking"] = thinking;
      return;
    }
    Json message = {{"role", "assistant"}, {"content", text}};
    if (!thinking.empty()) message["thinking"] = thinking;
    if (!tool_calls.empty()) message["tool_calls"] = std::move(tool_calls);
    json["message"] = std::move(message);
  }

  Json calls() const {
    Json list = Json::array();
    for (const ToolCall& call : reply_.calls) {
      Json arguments = Json::parse(call.arguments, nullptr, false);
      if (arguments.is_discarded()) arguments = Json::object();
      list.push_back({{"id", call.id},
                      {"function", {{"name", call.name}, {"arguments", std::move(arguments)}}}});
    }
    return list;
  }

  Kind kind_;
  std::shared_ptr<ServedModel> model_;
  Exchange& exchange_;
  const OllamaForm& form_;
  bool begun_ = false;
  Json logprobs_ = Json::array();  // that no line has told yet
  Outcome outcome_;
  ParsedReply reply_;
};

// A request without anything to say loads the model, or unloads it with keep_alive 0. Encoders,
// too.
ApiResult<void> answer_load(App& app, const Json& body, Exchange& exchange,
                            OllamaAnswer::Kind kind) {
  Json json;
  if (asks_unload(body)) {
    const std::string name = TRY_API(ollama_model_name(body));
    const CatalogEntry entry = TRY_API(app.models.catalog().find(name));
    app.models.release(name);
    exchange.model = entry.name;
    json = {{"model", entry.name}, {"created_at", iso_time(std::chrono::system_clock::now())}};
  } else {
    json = frame(*TRY_API(any_ollama_model(app, body, exchange)));
  }
  if (kind == OllamaAnswer::Kind::chat)
    json["message"] = {{"role", "assistant"}, {"content", ""}};
  else
    json["response"] = "";
  json["done"] = true;
  json["done_reason"] = asks_unload(body) ? "unload" : "load";
  send_json(exchange, json);
  return {};
}

// Fields that both have: think, format, and what is not supported.
ApiResult<void> read_answer_form(const Json& body, ChatRequest& chat, const OllamaForm& form,
                                 const ServedModel& model) {
  Fields fields(body);
  if (const Json* think = fields.find("think")) {
    if (model.format.think_open.empty() && *think != Json(false))
      return fail_api(400, "think", "\"{}\" does not support thinking", model.name);
    if (think->is_boolean())
      chat.template_kwargs["enable_thinking"] = *think;
    else
      chat.template_kwargs["reasoning_effort"] =
          fields.word("think", "", {"low", "medium", "high"});
  }
  if (const Json* images = fields.array("images"); images != nullptr && !images->empty())
    fields.complain("images", "are not supported");
  TRY_API(fields.done());
  chat.grammar = TRY_API(read_format(fields.find("format"), "format"));
  if (!chat.tools.empty() && model.format.tools == ToolStyle::none)
    return fail_api(400, "tools", "\"{}\" does not support tools", model.name);
  chat.logprobs = form.logprobs;
  chat.n_top_logprobs = form.n_top_logprobs;
  chat.sampling = form.sampling;
  chat.sequence = form.sequence;
  chat.n_predict = form.n_predict;
  chat.stop = form.stop;
  chat.truncate = form.truncate;
  return {};
}

// Ollama's messages: arguments of calls are objects, results name their tool.
ApiResult<Json> checked_messages(const Json& messages) {
  Json result = Json::array();
  size_t i = 0;
  for (const Json& message : messages) {
    Fields fields(message, fmt::format("messages[{}].", i++));
    Json entry = {{"role", fields.word("role", "", {"system", "user", "assistant", "tool"})},
                  {"content", fields.text("content")}};
    if (!fields.has("role")) fields.complain("role", "is missing");
    if (fields.has("thinking")) entry["reasoning_content"] = fields.text("thinking");
    if (fields.has("tool_name")) entry["name"] = fields.text("tool_name");
    if (fields.has("tool_call_id")) entry["tool_call_id"] = fields.text("tool_call_id");
    if (const Json* images = fields.array("images"); images != nullptr && !images->empty())
      fields.complain("images", "are not supported");
    if (const Json* calls = fields.array("tool_calls")) {
      entry["tool_calls"] = Json::array();
      for (const Json& call : *calls) {
        Fields outer(call, "tool_calls[].");
        const Json* function = outer.object("function");
        if (function == nullptr) outer.complain("function", "is missing");
        TRY_API(outer.done());
        Fields inner(*function, "tool_calls[].function.");
        const Json* arguments = inner.find("arguments");
        Json copied = {{"name", inner.text("name")},
                       {"arguments", arguments == nullptr     ? std::string("{}")
                                     : arguments->is_string() ? arguments->get<std::string>()
                                                              : to_text(*arguments)}};
        TRY_API(inner.done());
        entry["tool_calls"].push_back({{"id", outer.text("id", fmt::format("call_{}", i))},
                                       {"type", "function"},
                                       {"function", std::move(copied)}});
      }
    }
    TRY_API(fields.done());
    result.push_back(std::move(entry));
  }
  return result;
}

}  // namespace

ApiResult<void> route_ollama_chat(App& app, Exchange& exchange) {
  const auto start = Clock::now();
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const Json* messages = fields.array("messages");
  const Json* tools = fields.array("tools");
  TRY_API(fields.done());
  if (messages == nullptr || messages->empty())
    return answer_load(app, body, exchange, OllamaAnswer::Kind::chat);
  const auto model = TRY_API(ollama_model(app, body, exchange, "chat"));
  const double load_s = seconds_since(start);
  const OllamaForm form = TRY_API(read_ollama_form(app, body, *model));
  ChatRequest request;
  request.messages = TRY_API(checked_messages(*messages));
  // An answer that the assistant has begun goes on.
  request.continue_last = request.messages.back()["role"] == "assistant" &&
                          !request.messages.back().contains("tool_calls");
  request.tools = TRY_API(checked_tools(tools));
  TRY_API(read_answer_form(body, request, form, *model));
  PreparedChat chat = TRY_API(prepare_chat(app, model, std::move(request)));
  announce(chat, exchange);
  if (!form.note.empty()) exchange.add_header("x-quire-note", form.note);
  OllamaAnswer answer(OllamaAnswer::Kind::chat, model, exchange, form);
  const ChatTotals totals =
      TRY_API(run_chat(chat, exchange, [&](const ChatDelta& delta) { return answer.take(delta); }));
  return answer.finish(totals, load_s, seconds_since(start), nullptr);
}

namespace {

ApiResult<std::vector<int32_t>> insert_tokens(const Tokenizer& tokenizer, const ServedModel& model,
                                              const std::string& prompt,
                                              const std::string& suffix) {
  auto ids = fim_tokens(tokenizer, model.name, {.prefix = prompt, .suffix = suffix});
  if (ids || ids.error().status != 501) return ids;
  return fail_api(400, "suffix", "\"{}\" does not support insert: {}", model.name,
                  ids.error().message);
}

}  // namespace

// The prompt goes through the chat template as a message of the user, unless `raw` says otherwise,
// the model has none, or `context` holds the tokens that came before.
ApiResult<void> route_ollama_generate(App& app, Exchange& exchange) {
  const auto start = Clock::now();
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string prompt = fields.text("prompt");
  const std::string system = fields.text("system");
  const bool raw = fields.flag("raw", false);
  const Json* context = fields.array("context");
  const std::string suffix = fields.text("suffix");
  if (!fields.text("template").empty())
    fields.complain("template", "is not taken here: /api/create makes a model with another one");
  if (raw && (!system.empty() || context != nullptr))
    fields.complain("raw", "mode does not support template, system, or context");
  TRY_API(fields.done());
  if (prompt.empty()) return answer_load(app, body, exchange, OllamaAnswer::Kind::generate);
  const auto model = TRY_API(ollama_model(app, body, exchange, "generate"));
  const double load_s = seconds_since(start);
  const OllamaForm form = TRY_API(read_ollama_form(app, body, *model));
  ChatRequest request;
  if (!system.empty() && !raw)
    request.messages.push_back({{"role", "system"}, {"content", system}});
  request.messages.push_back({{"role", "user"}, {"content", prompt}});
  TRY_API(read_answer_form(body, request, form, *model));

  PreparedChat chat;
  std::vector<int32_t> ids;
  const Tokenizer& tokenizer = model->tokenizer();
  if (raw || !model->own_template || !suffix.empty()) {
    // The form of the answer is that of a chat; only the prompt is its own.
    if (suffix.empty())
      ids = TRY_API(prompt_tokens(tokenizer, prompt, "prompt", AddSpecial::as_model));
    else
      ids = TRY_API(insert_tokens(tokenizer, *model, prompt, suffix));
    ChatRequest plain = request;
    plain.messages = Json::array({{{"role", "user"}, {"content", "x"}}});
    chat = TRY_API(prepare_chat(app, model, std::move(plain)));
    chat.notes.clear();
    chat.reply.opens = Opens::model;
    for (HostRequest& one : chat.requests) {
      one.request.show_special = ShowSpecial::hide;
      one.request.decode_at = DecodeAt::middle;
    }
  } else {
    const RenderedChat rendered = TRY_API(render_chat(app, *model, request));
    chat = TRY_API(prepare_chat(app, model, std::move(request)));
    ids = rendered.ids;
  }
  if (context != nullptr && !context->empty()) {
    auto before = TRY_API(prompt_tokens(tokenizer, *context, "context", AddSpecial::never));
    // The token that starts a text stands at its start only.
    const auto first = ids.begin() + (!ids.empty() && ids[0] == tokenizer.bos() ? 1 : 0);
    before.insert(before.end(), first, ids.end());
    ids = std::move(before);
  }
  TRY_API(check_context(*model, ids.size()));
  for (HostRequest& one : chat.requests) one.request.prompt = ids;
  announce(chat, exchange);
  if (!form.note.empty()) exchange.add_header("x-quire-note", form.note);
  OllamaAnswer answer(OllamaAnswer::Kind::generate, model, exchange, form);
  const ChatTotals totals =
      TRY_API(run_chat(chat, exchange, [&](const ChatDelta& delta) { return answer.take(delta); }));
  Json after = nullptr;
  if (!raw) {
    after = ids;
    for (const int32_t id : answer.outcome().tokens) after.push_back(id);
  }
  return answer.finish(totals, load_s, seconds_since(start), std::move(after));
}

}  // namespace quire::server
