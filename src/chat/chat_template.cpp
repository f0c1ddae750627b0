#include "chat/chat_template.h"

#include "chat/adapt.h"
#include "chat/go_template.h"
#include "jinja/json.h"

#include <algorithm>

namespace quire {
namespace {

using jinja::Dict;
using jinja::Kind;
using jinja::Value;

Value text_value(std::string_view text) { return Value(std::string(text)); }

bool looks_like_template(std::string_view text) {
  return text.find("{{") != text.npos || text.find("{%") != text.npos;
}

const NamedTemplate* own_template(const Tokenizer& tokenizer, std::string_view name) {
  for (const NamedTemplate& one : tokenizer.named_chat_templates())
    if (one.name == name) return &one;
  return nullptr;
}

std::unexpected<Error> no_template(const Tokenizer& tokenizer, std::string_view wanted) {
  std::string names;
  for (const std::string& name : builtin_template_names())
    names += (names.empty() ? "" : ", ") + name;
  for (const NamedTemplate& one : tokenizer.named_chat_templates()) names += ", " + one.name;
  if (wanted.empty())
    return fail(Fault::not_found, "{}: the model has no chat template; choose one of {}",
                tokenizer.spec().name, names);
  return fail(
      Fault::not_found,
      "no chat template '{}'; it is the text of a template (with {{{{ or {{%), or one of {}",
      wanted.substr(0, 80), names);
}

Result<std::string_view> find_source(const Tokenizer& tokenizer, std::string_view wanted) {
  if (wanted.empty() || wanted == "default") {
    const std::string_view own = tokenizer.chat_template();
    if (!own.empty()) return own;
    return no_template(tokenizer, {});
  }
  if (looks_like_template(wanted)) return wanted;
  if (const NamedTemplate* own = own_template(tokenizer, wanted)) return own->source;
  const std::string_view builtin = builtin_template(wanted);
  if (builtin.empty()) return no_template(tokenizer, wanted);
  return builtin;
}

void set_token(Dict& variables, const char* name, const Tokenizer& tokenizer, int32_t id) {
  if (id >= 0) variables.set(text_value(name), text_value(tokenizer.piece(id)));
}

// The text up to the end of the last message's, as the model shall go on with it.
Result<void> cut_after_last_message(std::string& text, const Value& messages) {
  const jinja::Values& left =
      messages.sequence().items;  // empty if the template takes none of them
  if (left.empty())
    return fail(Fault::usage,
                "no message is left that the model could go on with; end with one of "
                "the user or the assistant");
  const Value* content = left.back().dict().find(std::string_view("content"));
  std::string_view wanted;
  if (content != nullptr && content->is(Kind::string)) wanted = content->string();
  if (content != nullptr && content->is(Kind::list) && !content->sequence().items.empty()) {
    const Value& part = content->sequence().items.back();
    const Value* one = part.is(Kind::dict) ? part.dict().find(std::string_view("text")) : nullptr;
    if (one != nullptr && one->is(Kind::string)) wanted = one->string();
  }
  const size_t begin = wanted.find_first_not_of(" \t\r\n");
  if (begin == wanted.npos)
    return fail(Fault::usage, "the last message has no text that the model could go on with");
  wanted = wanted.substr(begin, wanted.find_last_not_of(" \t\r\n") + 1 - begin);
  const size_t found = text.rfind(wanted);
  if (found == text.npos)
    return fail(Fault::unsupported,
                "the chat template changes the text of the last message, so the model cannot go on "
                "with it; end with a message of the user");
  text.resize(found + wanted.size());
  return {};
}

}  // namespace

ChatTemplate::ChatTemplate(const Tokenizer& tokenizer,
                           std::shared_ptr<const jinja::Template> parsed)
    : tokenizer_(tokenizer), template_(std::move(parsed)), marks_(tokenizer) {}

namespace {

auto parse(std::string_view source) -> decltype(jinja::Template::parse(source, "")) {
  if (!is_go_template(source)) return jinja::Template::parse(source, "chat template");
  const std::string as_jinja = TRY(jinja_of_go_template(source));
  return jinja::Template::parse(as_jinja, "chat template");
}

}  // namespace

Result<void> ChatTemplate::check(std::string_view source) {
  TRY(parse(source));
  return {};
}

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::create(const Tokenizer& tokenizer,
                                                                 std::string_view wanted) {
  const std::string_view source = TRY(find_source(tokenizer, wanted));
  auto parsed = TRY(parse(source));
  std::shared_ptr<ChatTemplate> chat(new ChatTemplate(tokenizer, std::move(parsed)));
  const auto capabilities = [&](const jinja::Template& which) {
    ChatOptions options;
    options.variables = Variables::usual;
    options.limits.time_s_max = 1;
    options.limits.steps_max = 200'000;
    return find_capabilities(
        [&](const Value& messages, const Value& tools) -> std::optional<std::string> {
          options.tools = tools;
          auto text = render_text(tokenizer, which, messages, options);
          return text.has_value() ? std::optional(*std::move(text)) : std::nullopt;
        });
  };
  chat->capabilities_ = chat->tools_capabilities_ = capabilities(*chat->template_);
  const NamedTemplate* tools = own_template(tokenizer, "tool_use");
  if (tools != nullptr && (wanted.empty() || wanted == "default")) {
    chat->with_tools_ = TRY(jinja::Template::parse(tools->source, "chat template 'tool_use'"));
    chat->tools_capabilities_ = capabilities(*chat->with_tools_);
  }
  return std::shared_ptr<const ChatTemplate>(std::move(chat));
}

namespace {

void set_usual(Dict& variables, const std::optional<std::tm>& given) {
  std::tm now{};
  const std::time_t seconds = std::time(nullptr);
  if (given)
    now = *given;
  else
    ::localtime_r(&seconds, &now);
  char text[32];
  for (const auto& [name, format] :
       {std::pair{"date_string", "%d %b %Y"}, std::pair{"datetime", "%b %d %Y"}})
    if (std::strftime(text, sizeof text, format, &now) > 0)
      variables.set(text_value(name), text_value(text));
  variables.set(text_value("enable_thinking"), Value(true));
}

// The tools as the text that templates with `functions` are given (firefunction): a JSON list of
// what stands behind "function", indented by four; empty without tools.
Result<std::string> functions_text(const Value& tools) {
  if (!tools.is(Kind::list) || tools.sequence().items.empty()) return std::string();
  jinja::Values functions;
  functions.reserve(tools.sequence().items.size());
  for (const Value& tool : tools.sequence().items) {
    const Value* inner =
        tool.is(Kind::dict) ? tool.dict().find(std::string_view("function")) : nullptr;
    functions.push_back(inner != nullptr ? *inner : tool);
  }
  jinja::JsonStyle style;
  style.has_indent = true;
  style.indent = "    ";
  return jinja::json_text(jinja::make_list(std::move(functions)), style);
}

}  // namespace

Result<std::string> ChatTemplate::render_text(const Tokenizer& tokenizer,
                                              const jinja::Template& parsed, const Value& messages,
                                              const ChatOptions& options) {
  auto variables = std::make_shared<Dict>();
  const bool has_tools = !options.tools.is(Kind::missing);
  variables->set(text_value("messages"), messages);
  variables->set(text_value("tools"), has_tools ? options.tools : Value::none());
  variables->set(text_value("documents"), Value::none());
  variables->set(text_value("add_generation_prompt"),
                 Value(options.end == TurnEnd::generation_prompt));
  set_token(*variables, "bos_token", tokenizer, tokenizer.bos());
  set_token(*variables, "eos_token", tokenizer, tokenizer.eos());
  set_token(*variables, "unk_token", tokenizer, tokenizer.unk());
  set_token(*variables, "pad_token", tokenizer, tokenizer.pad());
  set_token(*variables, "sep_token", tokenizer, tokenizer.sep());
  set_token(*variables, "mask_token", tokenizer, tokenizer.mask());
  if (options.variables == Variables::usual) {
    set_usual(*variables, options.now);
    variables->set(text_value("functions"), Value(TRY(functions_text(options.tools))));
  }
  if (options.kwargs.is(Kind::dict))
    for (const auto& [name, value] : options.kwargs.dict().entries) variables->set(name, value);
  jinja::RenderOptions rendering;
  rendering.limits = options.limits;
  rendering.now = options.now;
  return parsed.render(make_dict(std::move(variables)), rendering);
}

Result<ChatPrompt> ChatTemplate::render(const Value& messages, const ChatOptions& options) const {
  if (!messages.is(Kind::list) || messages.sequence().items.empty())
    return fail(Fault::usage, "there are no messages");
  const bool has_tools = options.tools.is(Kind::list) && !options.tools.sequence().items.empty();
  const bool for_tools = has_tools && with_tools_ != nullptr;
  const ChatCapabilities& can = for_tools ? tools_capabilities_ : capabilities_;
  AdaptedMessages adapted = TRY(adapt_messages(messages, options.tools, can));

  // Everything that came from outside is marked together, with one mark.
  const PlainMarks::Marked marked =
      TRY(marks_.mark(jinja::make_list({adapted.messages, options.tools, options.kwargs})));
  const jinja::Values& inputs = marked.value.sequence().items;
  ChatOptions with_marks = options;
  with_marks.tools = inputs[1];
  with_marks.kwargs = inputs[2];
  const jinja::Template& which = for_tools ? *with_tools_ : *template_;
  ChatPrompt prompt;
  prompt.text = TRY(render_text(tokenizer_, which, inputs[0], with_marks));
  if (options.end == TurnEnd::continues) TRY(cut_after_last_message(prompt.text, inputs[0]));
  prompt.plain_at = PlainMarks::unmark(prompt.text, marked.mark);
  prompt.notes = std::move(adapted.notes);
  return prompt;
}

Result<std::vector<int32_t>> ChatPrompt::encode(const Tokenizer& tokenizer) const {
  EncodeOptions options;
  options.add = AddSpecial::never;
  options.plain_at = plain_at;
  std::vector<int32_t> ids = TRY(tokenizer.encode(text, options));
  const auto prefix = tokenizer.prefix_ids();
  const bool has_prefix = ids.size() >= prefix.size() &&
                          std::ranges::equal(prefix, std::span(ids).first(prefix.size()));
  if (!has_prefix) ids.insert(ids.begin(), prefix.begin(), prefix.end());
  return ids;
}

}  // namespace quire
