#include "cli/chat_flags.h"

#include "base/file.h"

namespace quire {
namespace {

constexpr uint64_t template_bytes_max = 16 << 20;

bool names_template(const ChatFlags& flags) {
  return !flags.template_text.empty() || !flags.template_file.empty();
}

}  // namespace

void add_template_flags(CommandLine& app, ChatFlags& flags) {
  add_text(app, "--chat-template", flags.template_text,
           "a name (chatml, llama3, gemma, ...) or the text of a Jinja template", "NAME|TEXT");
  add_text(app, "--chat-template-file", flags.template_file, "a Jinja template in a file", "FILE");
  add_text(app, "--chat-template-kwargs,--kwargs", flags.kwargs,
           "further variables of the template, as {\"enable_thinking\": false}", "JSON");
  app.add_flag("--jinja", flags.jinja, "templates are always Jinja; accepted for llama.cpp's sake");
}

void add_chat_flags(CommandLine& app, ChatFlags& flags) {
  app.add_flag("--conversation", flags.conversation,
               "chat; standard for a model with a chat template");
  app.add_flag("--no-conversation,--raw", flags.no_conversation,
               "continue the text as it is, without a chat template");
  app.add_flag("--single-turn", flags.single_turn, "one answer; standard when a prompt is given");
  add_text(app, "--system-prompt,--system", flags.system, "what the model is told before the chat");
  add_text(app, "--system-prompt-file", flags.system_file, "the same from a file", "FILE");
  add_template_flags(app, flags);
  add_thinking_flags(app, flags.thinking);
}

Result<std::shared_ptr<const ChatTemplate>> load_template(const Tokenizer& tokenizer,
                                                          const ChatFlags& flags) {
  if (!flags.template_text.empty() && !flags.template_file.empty())
    return fail(Fault::usage,
                "the chat template is given twice: --chat-template and "
                "--chat-template-file");
  if (flags.template_file.empty()) return ChatTemplate::create(tokenizer, flags.template_text);
  const std::string source = TRY(read_file(flags.template_file, template_bytes_max));
  if (source.find("{{") == source.npos && source.find("{%") == source.npos)
    return fail(Fault::bad_format, "{}: this is no Jinja template: there is no {{{{ or {{% in it",
                flags.template_file);
  return ChatTemplate::create(tokenizer, source);
}

Result<jinja::Value> template_kwargs(const ChatFlags& flags) {
  const std::string kwargs = TRY(with_thinking_kwargs(flags.kwargs, flags.thinking));
  if (kwargs.empty()) return jinja::Value();
  return parse_template_kwargs(kwargs, "--chat-template-kwargs");
}

Result<std::string> system_prompt(const ChatFlags& flags) {
  if (flags.system_file.empty()) return flags.system;
  if (!flags.system.empty())
    return fail(Fault::usage,
                "the system prompt is given twice: --system-prompt and --system-prompt-file");
  std::string text = TRY(read_file(flags.system_file, template_bytes_max));
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<ChatPrompt> ChatSetup::render(const std::vector<jinja::Value>& messages) const {
  std::vector<jinja::Value> all;
  if (!system.empty()) all.push_back(make_message("system", system));
  all.insert(all.end(), first.begin(), first.end());
  all.insert(all.end(), messages.begin(), messages.end());
  return chat->render(make_messages(std::move(all)), options);
}

Result<std::optional<ChatSetup>> set_up_chat(const Tokenizer& tokenizer, ChatFlags flags,
                                             const ModelContents& contents) {
  if (flags.conversation && flags.no_conversation)
    return fail(Fault::usage, "--conversation and --no-conversation exclude each other");
  const bool needs_chat = flags.conversation || names_template(flags) || !flags.system.empty() ||
                          !flags.system_file.empty() || !flags.kwargs.empty() ||
                          flags.thinking.asks();
  if (flags.no_conversation) {
    if (needs_chat)
      return fail(Fault::usage,
                  "--no-conversation continues the text as it is: leave out the system prompt, "
                  "the chat template and what is about thinking");
    return std::nullopt;
  }
  if (contents.chat_template && !names_template(flags))
    flags.template_text = *contents.chat_template;
  if (!needs_chat && !names_template(flags) && tokenizer.chat_template().empty())
    return std::nullopt;
  auto chat = load_template(tokenizer, flags);
  if (!chat.has_value()) {
    const bool own = !names_template(flags);
    return fail(chat.error().fault, "{}{}", chat.error().text,
                own && !tokenizer.chat_template().empty()
                    ? "; --chat-template chatml takes another one, --no-conversation none"
                : own ? " with --chat-template"
                      : "");
  }
  ChatSetup setup;
  setup.chat = *std::move(chat);
  setup.system = TRY(system_prompt(flags));
  if (setup.system.empty() && contents.system) setup.system = *contents.system;
  for (const auto& [role, text] : contents.messages) {
    if (role == "system" && setup.system.empty())
      setup.system = text;
    else if (role != "system")
      setup.first.push_back(make_message(role, text));
  }
  setup.options.kwargs = TRY(template_kwargs(flags));
  setup.options.variables = Variables::usual;
  setup.thinking = flags.thinking;
  return setup;
}

}  // namespace quire
