#include "server/chat.h"

#include "format/printable.h"
#include "server/beam_search.h"
#include "server/completion_logprobs.h"
#include "server/fields.h"
#include "server/request_fields.h"
#include "server/request_log.h"
#include "text/utf8.h"

#include <cmath>

namespace quire::server {
namespace {

std::vector<Tool> tools_of(const Json& tools) {
  std::vector<Tool> result;
  for (const Json& tool : tools) {
    const Json& function = tool["function"];
    result.push_back({function["name"].get<std::string>(), function.value("description", ""),
                      function.contains("parameters") ? to_text(function["parameters"]) : ""});
  }
  return result;
}

// Where a template has no tools they are described in a message, which asks for calls in the
// generic form (chat/adapt.h).
ReplyFormat reply_format_of(const ServedModel& model, const ChatRequest& request) {
  ReplyFormat format = model.format;
  if (format.tools == ToolStyle::none && !request.tools.empty()) format.tools = ToolStyle::generic;
  return format;
}

// The grammar of the answer: its form, or what tool_choice demands.
ApiResult<std::optional<OutputGrammar>> answer_grammar(const ChatRequest& request,
                                                       const ReplyFormat& format, Opens opens) {
  const bool must_call = request.tool_choice.kind == ToolChoice::Kind::required ||
                         request.tool_choice.kind == ToolChoice::Kind::named;
  if (request.grammar) {
    if (must_call)
      return fail_api(400, "tool_choice",
                      "tool_choice demands a call, and response_format another form: ask for one");
    OutputGrammar grammar = *request.grammar;
    // A model whose thinking has been opened thinks first, freely.
    if (opens == Opens::prompt && !format.think_close.empty())
      grammar.start = GrammarStart::after_marker(format.think_close);
    return std::optional(std::move(grammar));
  }
  if (request.tools.empty()) {
    if (must_call)
      return fail_api(400, "tool_choice", "tool_choice demands a call, and there are no tools");
    return std::optional<OutputGrammar>{};
  }
  const auto tools = tools_of(request.tools);
  auto grammar =
      tool_grammar(format, opens, tools, request.tool_choice,
                   request.parallel_tool_calls ? ParallelCalls::many : ParallelCalls::one);
  if (!grammar) return std::unexpected(ApiError{400, grammar.error().text, "tools"});
  return *std::move(grammar);
}

// A model without markers around its thinking has none that could be too long.
ApiResult<std::optional<ThinkingBudget::Options>> thinking_budget(const ServedModel& model,
                                                                  const ChatRequest& request,
                                                                  Opens opens) {
  if (request.thinking_tokens_max < 0 || model.format.think_close.empty())
    return std::optional<ThinkingBudget::Options>{};
  // A grammar begins right behind the marker.
  const std::string closing = "\n" + model.format.think_close + (request.grammar ? "" : "\n\n");
  return std::optional(ThinkingBudget::Options{
      .n_tokens_max = request.thinking_tokens_max,
      .open = model.format.think_open,
      .close = model.format.think_close,
      .thinking = opens == Opens::prompt,
      .closing = TRY_API(model.tokenizer().encode(closing, {.add = AddSpecial::never}))});
}

// Where a chat may begin when its oldest messages are dropped: behind its instructions, at messages
// of the user, so that no answer and no result of a tool stands without what it belongs to.
std::vector<size_t> possible_starts(const Json& messages) {
  const auto role = [&](size_t i) { return messages[i].value("role", ""); };
  size_t first = 0;
  while (first < messages.size() && (role(first) == "system" || role(first) == "developer"))
    ++first;
  std::vector<size_t> starts;
  for (size_t i = first; i < messages.size(); ++i)
    if (i == first || role(i) == "user") starts.push_back(i);
  return starts;
}

Json without(const Json& messages, size_t begin, size_t end) {
  Json rest = Json::array();
  for (size_t i = 0; i < messages.size(); ++i)
    if (i < begin || i >= end) rest.push_back(messages[i]);
  return rest;
}

// When truncation is asked for: drops as few of the oldest messages as must go.
ApiResult<RenderedChat> render_fitting(const App& app, const ServedModel& model,
                                       ChatRequest& request, size_t& n_dropped) {
  RenderedChat whole = TRY_API(render_chat(app, model, request));
  const auto fits = check_context(model, whole.ids.size());
  if (fits) return whole;
  const Json all = request.messages;
  const std::vector<size_t> starts = possible_starts(all);
  std::optional<RenderedChat> best;
  size_t low = 1, high = request.truncate ? starts.size() : 0;  // of starts: not tried yet
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    request.messages = without(all, starts[0], starts[middle]);
    RenderedChat rendered = TRY_API(render_chat(app, model, request));
    if (!check_context(model, rendered.ids.size())) {
      low = middle + 1;
      continue;
    }
    high = middle;
    n_dropped = starts[middle] - starts[0];
    best = std::move(rendered);
  }
  if (!best) return std::unexpected(fits.error());
  request.messages = without(all, starts[0], starts[0] + n_dropped);
  return *std::move(best);
}

// What the model's Modelfile says comes first: its system text unless the chat has its own, then
// its messages.
Json with_stored_messages(const ServedModel& model, const Json& messages) {
  if (!model.contents) return messages;
  const ModelContents& stored = *model.contents;
  const auto role_is = [&](const char* role) {
    return messages[0].is_object() && messages[0].contains("role") && messages[0]["role"] == role;
  };
  const bool has_system = role_is("system") || role_is("developer");
  Json all = Json::array();
  if (has_system)
    all.push_back(messages[0]);
  else if (stored.system && !stored.system->empty())
    all.push_back({{"role", "system"}, {"content", *stored.system}});
  for (const auto& [role, text] : stored.messages)
    if (role != "system" || all.empty()) all.push_back({{"role", role}, {"content", text}});
  for (size_t i = has_system ? 1 : 0; i < messages.size(); ++i) all.push_back(messages[i]);
  return all;
}

// Templates leave out what is said in roles that they do not know: no message goes unheard.
ApiResult<void> check_own_roles(const Json& messages, std::string_view prompt) {
  constexpr std::string_view known[] = {"system",    "developer", "user",
                                        "assistant", "tool",      "function"};
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string role = messages[i].value("role", "");
    if (std::ranges::find(known, role) != std::end(known)) continue;
    const Json content = messages[i].value("content", Json());
    std::vector<std::string> texts;
    if (content.is_string()) texts.push_back(content.get<std::string>());
    for (const Json& part : content.is_array() ? content : Json::array())
      if (part.is_object() && part.contains("text") && part["text"].is_string())
        texts.push_back(part["text"].get<std::string>());
    for (std::string_view text : texts) {
      constexpr const char* blanks = " \t\r\n";
      const size_t begin = std::min(text.find_first_not_of(blanks), text.size());
      text = text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
      if (prompt.find(text) != prompt.npos) continue;
      return fail_api(400, "messages",
                      "messages[{}].role is {}: the model's chat template shows nothing of such a "
                      "role; take system, user, assistant or tool",
                      i, shown(Json(role)));
    }
  }
  return {};
}

// What llama-server makes of a chat before the template sees it: without messages it is an empty
// one of the user, and the parts of an answer that goes on are paragraphs.
Json as_in_llama_server(Json messages, bool continues) {
  if (messages.empty()) return Json::array({{{"role", "user"}, {"content", ""}}});
  Json& last = messages.back();
  if (!continues || !last.is_object() || !last.value("content", Json()).is_array()) return messages;
  std::string text;
  for (const Json& part : last["content"]) {
    const Json one = part.is_object() ? part.value("text", Json()) : Json();
    if (!one.is_string()) return messages;
    text += (text.empty() ? "" : "\n\n") + one.get<std::string>();
  }
  last["content"] = text;
  return messages;
}

}  // namespace

ApiResult<RenderedChat> render_chat(const App& app, const ServedModel& model,
                                    const ChatRequest& request) {
  const Json asked = app.options.like_llama_server
                         ? as_in_llama_server(request.messages, request.continue_last)
                         : request.messages;
  if (asked.empty()) return fail_api(400, "messages", "messages is empty");
  ChatOptions options;
  options.variables = Variables::usual;
  options.limits.steps_max = app.options.limits.template_steps_max;
  const auto wrong = [](const Error& error, const char* param) {
    return std::unexpected(ApiError{400, error.text, param});
  };
  auto messages = parse_messages(to_text(with_stored_messages(model, asked)));
  if (!messages) return wrong(messages.error(), "messages");
  if (!request.tools.empty() && request.tool_choice.kind != ToolChoice::Kind::none) {
    auto tools = parse_tools(to_text(request.tools));
    if (!tools) return wrong(tools.error(), "tools");
    options.tools = *tools;
  }
  if (!request.template_kwargs.empty()) {
    auto kwargs = parse_template_kwargs(to_text(request.template_kwargs), "chat_template_kwargs");
    if (!kwargs) return wrong(kwargs.error(), "chat_template_kwargs");
    options.kwargs = *kwargs;
  }
  if (request.continue_last) options.end = TurnEnd::continues;
  if (request.no_answer) options.end = TurnEnd::nothing;
  auto prompt = model.chat->render(*messages, options);
  if (!prompt) return wrong(prompt.error(), "messages");
  TRY_API(check_own_roles(request.messages, prompt->text));
  auto ids = prompt->encode(model.tokenizer());
  if (!ids) return wrong(ids.error(), "messages");
  return RenderedChat{*std::move(prompt), *std::move(ids)};
}

ApiResult<PreparedChat> prepare_chat(const App& app, std::shared_ptr<ServedModel> model,
                                     ChatRequest request) {
  PreparedChat chat;
  RenderedChat rendered = TRY_API(render_fitting(app, *model, request, chat.n_dropped));
  const Opens opens = who_opens_thinking(model->format, rendered.prompt.text);
  const ReplyFormat format = reply_format_of(*model, request);
  const auto grammar = TRY_API(answer_grammar(request, format, opens));

  chat.model = std::move(model);
  chat.beams = request.beams;
  chat.n_prompt = rendered.ids.size();
  chat.prompt = std::move(rendered.prompt.text);
  chat.notes = std::move(rendered.prompt.notes);
  if (!chat.model->own_template)
    chat.notes.push_back("the model has no chat template: messages are joined to a plain text");
  chat.reply.format = format;
  chat.reply.opens = opens;
  chat.reply.read_thinking = request.thinking_apart;
  chat.reply.read_tools =
      !request.tools.empty() && request.tool_choice.kind != ToolChoice::Kind::none;
  for (const Tool& tool : tools_of(request.tools)) chat.reply.tool_names.push_back(tool.name);

  const auto thinking = TRY_API(thinking_budget(*chat.model, request, opens));
  const std::string salt = new_id("alone-");
  for (size_t i = 0; i < request.n_choices; ++i) {
    HostRequest choice;
    choice.request.prompt = rendered.ids;
    choice.request.sampling = request.sampling;
    request.sequence.put_into(choice);
    choice.request.sampling.seed += i;
    choice.request.n_predict = std::min(request.n_predict < 0 ? INT64_MAX : request.n_predict,
                                        app.options.limits.n_predict_max);
    choice.request.stop = request.stop;
    choice.request.show_special = ShowSpecial::show;
    choice.request.decode_at = request.continue_last ? DecodeAt::middle : DecodeAt::start;
    if (!chat.model->own_template) choice.request.decode_at = DecodeAt::middle;
    if (request.ignore_eos) choice.request.end = EndOfGeneration::never_drawn;
    choice.request.n_probabilities =
        std::max({0, request.n_top_logprobs, request.n_prompt_logprobs});
    if (request.n_prompt_logprobs >= 0 && i == 0) choice.prompt_tokens = Tokens::told;
    if (request.logprobs || request.counts_tokens) choice.tokens = Tokens::told;
    if (request.tells_progress) choice.progress = Progress::told;
    if (!request.cache_prompt) choice.request.cache_salt = salt;
    choice.request.shift.wanted = app.options.defaults.context_shift;
    choice.request.shift.n_keep = app.options.defaults.n_keep;
    choice.grammar = grammar;
    choice.thinking = thinking;
    choice.n_alike = i == 0 ? request.n_choices : 0;
    chat.requests.push_back(std::move(choice));
  }
  return chat;
}

void ChatTotals::add_answer(const Outcome& outcome) {
  const Timings& t = outcome.timings;
  n_generated += t.n_generated;
  n_drafted += t.n_drafted;
  n_accepted += t.n_accepted;
  prompt_s = std::max(prompt_s, t.prompt_s);
  generate_s = std::max(generate_s, t.generate_s);
  if (outcome.error) error = outcome.error;
}

namespace {

// The choices of a chat as their events come.
class ChatRun {
 public:
  ChatRun(const PreparedChat& chat, Exchange& exchange, const OnDelta& on_delta)
      : exchange_(exchange), on_delta_(on_delta) {
    parsers_.reserve(chat.requests.size());
    for (size_t i = 0; i < chat.requests.size(); ++i) parsers_.emplace_back(chat.reply);
  }

  // False: nobody listens any more.
  bool take(Generation::Event& event) {
    const size_t choice = event.index;
    ReplyParser& parser = parsers_[choice];
    if (exchange_.kept) exchange_.kept->add_answer(choice, event.text);
    std::ranges::move(event.prompt_tokens, std::back_inserter(totals_.prompt_tokens));
    if (event.progress)
      tell({.kind = ChatDelta::Kind::progress, .choice = choice, .progress = &*event.progress});
    if (!event.tokens.empty())
      tell({.kind = ChatDelta::Kind::tokens, .choice = choice, .tokens = &event.tokens});
    std::vector<ReplyDelta> deltas;
    if (!event.text.empty()) deltas = parser.push(event.text);
    if (event.outcome)
      for (ReplyDelta& delta : parser.finish()) deltas.push_back(std::move(delta));
    for (size_t i = 0; i < deltas.size(); ++i)
      tell({.kind = ChatDelta::Kind::reply,
            .choice = choice,
            .reply = std::move(deltas[i]),
            .ends = event.outcome && i + 1 == deltas.size()});
    if (event.outcome) finish(choice, *event.outcome);
    return listening_;
  }

  ChatTotals& totals() { return totals_; }

 private:
  void finish(size_t choice, const Outcome& outcome) {
    totals_.n_prompt = outcome.timings.n_prompt;  // shared by all choices
    totals_.n_cached = std::max(totals_.n_cached, outcome.timings.n_cached);
    totals_.add_answer(outcome);
    tell({.kind = ChatDelta::Kind::finish,
          .choice = choice,
          .outcome = &outcome,
          .whole = &parsers_[choice].reply()});
  }

  void tell(const ChatDelta& delta) {
    if (listening_ && !on_delta_(delta)) listening_ = false;
  }

  Exchange& exchange_;
  const OnDelta& on_delta_;
  std::vector<ReplyParser> parsers_;
  ChatTotals totals_;
  bool listening_ = true;
};

}  // namespace

ApiResult<ChatTotals> run_chat(PreparedChat& chat, Exchange& exchange, const OnDelta& on_delta) {
  ChatRun run(chat, exchange, on_delta);
  ChatTotals& totals = run.totals();
  if (chat.beams.width > 0) {
    for (Generation::Event& event :
         TRY_API(beam_search(*chat.model, chat.requests[0], chat.beams, exchange)))
      if (!run.take(event)) break;
  } else {
    const auto generation =
        TRY_API(chat.model->host->submit(std::move(chat.requests), exchange.cache_salt));
    const std::stop_callback gone(exchange.stop_token(), [&] { generation->cancel(); });
    if (exchange.kept) exchange.kept->set_prompt(chat.prompt);
    while (auto event = generation->next())
      if (!run.take(*event)) generation->cancel();
    if (generation->overflowed())
      totals.error = Error{Fault::cancelled, "the client read too slowly: the answer was given up"};
  }
  exchange.n_prompt = totals.n_prompt;
  exchange.n_cached = totals.n_cached;
  exchange.n_generated = totals.n_generated;
  return std::move(totals);
}

std::string finish_reason(const Outcome& outcome, const ParsedReply& reply) {
  switch (outcome.reason) {
    case StopReason::n_predict:
    case StopReason::context_full:
      return "length";
    case StopReason::end_of_generation:
    case StopReason::stop_string:
      return reply.calls.empty() ? "stop" : "tool_calls";
    case StopReason::cancelled:
    case StopReason::failed:
      return "error";
  }
  return "error";
}

void add_stop(Json& choice, const Tokenizer& tokenizer, const Outcome& outcome) {
  Json matched;
  if (outcome.ended_by >= 0) matched = outcome.ended_by;
  if (outcome.reason == StopReason::stop_string) matched = utf8_replace_invalid(outcome.stop);
  const bool own = outcome.ended_by >= 0 && tokenizer.is_end_of_generation(outcome.ended_by);
  choice["stop_reason"] = own ? Json() : matched;
  choice["matched_stop"] = std::move(matched);
}

ApiResult<Json> checked_tools(const Json* tools) {
  Json result = Json::array();
  if (tools == nullptr) return result;
  for (const Json& tool : *tools) {
    Fields fields(tool, "tools[].");
    const Json* function = fields.object("function");
    const Json& inner = function != nullptr ? *function : tool;
    if (tool.is_object() && tool.value("type", "function") != "function")
      fields.complain("type", fmt::format("'{}' is not supported: only functions are",
                                          printable(tool.value("type", ""))));
    TRY_API(fields.done());
    Fields named(inner, "tools[].function.");
    const std::string name = named.text("name");
    if (name.empty()) named.complain("name", "is missing");
    named.text("description");
    named.object("parameters");
    TRY_API(named.done());
    Json entry = {{"name", name}};
    for (const char* key : {"description", "parameters", "strict"})
      if (inner.contains(key) && !inner[key].is_null()) entry[key] = inner[key];
    result.push_back({{"type", "function"}, {"function", std::move(entry)}});
  }
  return result;
}

ApiResult<ToolChoice> read_tool_choice(const Json* choice, const char* name) {
  if (choice == nullptr) return ToolChoice{};
  if (choice->is_string()) {
    const std::string& word = choice->get_ref<const std::string&>();
    if (word == "auto") return ToolChoice{};
    if (word == "none") return ToolChoice{ToolChoice::Kind::none, ""};
    if (word == "required" || word == "any") return ToolChoice{ToolChoice::Kind::required, ""};
  } else if (choice->is_object()) {
    const Json& inner = choice->contains("function") ? (*choice)["function"] : *choice;
    if (inner.is_object() && inner.contains("name") && inner["name"].is_string())
      return ToolChoice{ToolChoice::Kind::named, inner["name"].get<std::string>()};
  }
  return fail_api(400, name, "{} is {}: it may be 'auto', 'none', 'required' or name a function",
                  name, shown(*choice));
}

void announce(const PreparedChat& chat, Exchange& exchange) {
  for (const std::string& note : chat.notes)
    exchange.add_header("x-quire-note", printable(note, 300));
  if (chat.n_dropped > 0)
    exchange.add_header("x-quire-dropped-messages", std::to_string(chat.n_dropped));
}

namespace {

Json token_json(const Tokenizer& tokenizer, int32_t id, float log_probability, Probabilities kind) {
  const std::string_view piece = tokenizer.piece(id);
  Json bytes = Json::array();
  for (const char c : piece) bytes.push_back(static_cast<uint8_t>(c));
  Json json = {{"id", id}, {"token", tokenizer.readable(piece)}, {"bytes", std::move(bytes)}};
  if (kind == Probabilities::of_model)
    json["logprob"] = finite_log_probability(log_probability);
  else
    json["prob"] = std::exp(log_probability);
  return json;
}

}  // namespace

Json logprobs_json(const Tokenizer& tokenizer, std::span<const TokenEvent> tokens,
                   Probabilities kind) {
  const char* top = kind == Probabilities::of_model ? "top_logprobs" : "top_probs";
  Json list = Json::array();
  for (const TokenEvent& event : tokens) {
    Json token = token_json(tokenizer, event.token, event.log_probability, kind);
    token[top] = Json::array();
    for (const TokenProbability& other : event.likeliest)
      token[top].push_back(token_json(tokenizer, other.token, other.log_probability, kind));
    list.push_back(std::move(token));
  }
  return list;
}

}  // namespace quire::server
