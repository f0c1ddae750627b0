// quire template: the chat template of a model, and the prompt it makes of messages.
#include "base/file.h"
#include "cli/chat_flags.h"
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/model_store.h"
#include "cli/terminal.h"
#include "model/find_model.h"
#include "text/tokenizer_io.h"

namespace quire {
namespace {

constexpr uint64_t messages_bytes_max = 64 << 20;

struct TemplateFlags {
  std::string model = default_model;
  std::string messages, tools, prompt, system;
  ChatFlags chat;
  bool json = false, no_generation_prompt = false, continues = false;
};

Result<std::vector<jinja::Value>> read_messages(const TemplateFlags& flags) {
  std::vector<jinja::Value> messages;
  if (!flags.system.empty()) messages.push_back(make_message("system", flags.system));
  if (!flags.messages.empty()) {
    const std::string text = TRY(read_file(flags.messages, messages_bytes_max));
    const jinja::Value list = TRY(parse_messages(text, flags.messages));
    const auto& items = list.sequence().items;
    messages.insert(messages.end(), items.begin(), items.end());
  }
  if (!flags.prompt.empty()) messages.push_back(make_message("user", flags.prompt));
  return messages;
}

nlohmann::json as_json(const ChatTemplate& chat, const ChatPrompt& prompt,
                       const std::vector<int32_t>& ids) {
  const ChatCapabilities& can = chat.capabilities();
  return {{"prompt", prompt.text},
          {"tokens", ids},
          {"notes", prompt.notes},
          {"template", chat.source()},
          {"capabilities",
           {{"system_role", can.system_role},
            {"developer_role", can.developer_role},
            {"text_content", can.text_content},
            {"part_content", can.part_content},
            {"tools", can.tools},
            {"tool_calls", can.tool_calls},
            {"tool_responses", can.tool_responses},
            {"object_arguments", can.object_arguments}}}};
}

Result<int> run(const TemplateFlags& flags) {
  if (flags.no_generation_prompt && flags.continues)
    return fail(Fault::usage, "--no-generation-prompt and --continue exclude each other");
  const std::string path = TRY(resolve_model(flags.model));
  const auto tokenizer = TRY(load_tokenizer(path));
  const auto chat = TRY(load_template(*tokenizer, flags.chat));
  const std::vector<jinja::Value> messages = TRY(read_messages(flags));
  if (messages.empty()) {
    if (flags.json) return fail(Fault::usage, "--json needs messages: --messages FILE or -p TEXT");
    put_text(chat->source());
    if (!chat->source().ends_with('\n')) put_text("\n");
    return 0;
  }
  ChatOptions options;
  options.kwargs = TRY(template_kwargs(flags.chat));
  if (!flags.tools.empty()) {
    const std::string text = TRY(read_file(flags.tools, messages_bytes_max));
    options.tools = TRY(parse_tools(text, flags.tools));
  }
  if (flags.no_generation_prompt) options.end = TurnEnd::nothing;
  if (flags.continues) options.end = TurnEnd::continues;
  const ChatPrompt prompt = TRY(chat->render(make_messages(messages), options));
  if (flags.json) {
    print_json(as_json(*chat, prompt, TRY(prompt.encode(*tokenizer))));
    return 0;
  }
  for (const std::string& note : prompt.notes) fmt::print(stderr, "quire: note: {}\n", note);
  put_text(prompt.text);
  if (output_is_terminal() && !prompt.text.ends_with('\n')) put_text("\n");
  return 0;
}

}  // namespace

CommandBody command_template(CommandLine& app) {
  auto flags = std::make_shared<TemplateFlags>();
  app.add_option("MODEL", flags->model, "a model, a tokenizer.json or a folder with one")
      ->type_name("")
      ->capture_default_str();
  add_text(app, "--messages", flags->messages,
           "a JSON list of messages, or a request with one; -: standard input", "FILE");
  add_text(app, "--tools", flags->tools, "a JSON list of tools", "FILE");
  add_text(app, "-p,--prompt", flags->prompt, "a message of the user, after the others");
  add_text(app, "--system-prompt,--system", flags->system, "a system message, before the others");
  add_template_flags(app, flags->chat);
  app.add_flag("--no-generation-prompt", flags->no_generation_prompt, "end after the last message");
  app.add_flag("--continue", flags->continues,
               "end inside the last message, for the model to go on");
  app.add_flag("--json", flags->json, "print prompt, tokens and what the template understands");
  examples(app, {{"quire template model.gguf", "the template itself"},
                 {"quire template model.gguf --messages chat.json", "the prompt, byte for byte"},
                 {"quire template tales --chat-template chatml -p Hi", "with another template"},
                 {"quire template model.gguf -p Hi --kwargs '{\"enable_thinking\": false}'",
                  "with a variable of the template"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
