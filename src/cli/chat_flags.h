// Chat or plain text: the flags that decide, as llama.cpp has them, and what follows from them.
#pragma once
#include "chat/chat_template.h"
#include "cli/command.h"
#include "cli/thinking_flags.h"
#include "store/contents.h"

#include <memory>
#include <optional>
#include <string>

namespace quire {

// -cnv, -no-cnv, -sys, -sysf, --chat-template, --chat-template-file, --chat-template-kwargs
struct ChatFlags {
  bool conversation = false, no_conversation = false;
  bool jinja = false;        // accepted: templates are always rendered as Jinja
  bool single_turn = false;  // accepted: a prompt that is given is always answered once
  std::string system, system_file, template_text, template_file, kwargs;
  ThinkingFlags thinking;
};
void add_chat_flags(CommandLine& app, ChatFlags& flags);
// The flags of the template alone.
void add_template_flags(CommandLine& app, ChatFlags& flags);

// The template asked for, or the model's own. not_found when there is neither.
Result<std::shared_ptr<const ChatTemplate>> load_template(const Tokenizer& tokenizer,
                                                          const ChatFlags& flags);
Result<jinja::Value> template_kwargs(const ChatFlags& flags);  // missing when there are none
Result<std::string> system_prompt(const ChatFlags& flags);     // "" when there is none

// What a chat needs besides its messages.
struct ChatSetup {
  std::shared_ptr<const ChatTemplate> chat;
  std::string system;
  std::vector<jinja::Value> first;  // messages that every chat begins with
  ChatOptions options;
  ThinkingFlags thinking;

  // The messages with the system prompt and the first ones in front.
  Result<ChatPrompt> render(const std::vector<jinja::Value>& messages) const;
};
// Nothing when texts are continued as they are: asked for, or the model has no template and none is
// given. usage when what is asked for needs a template.
// What a model of the store says (template, system text, messages) counts where no flag does.
Result<std::optional<ChatSetup>> set_up_chat(const Tokenizer& tokenizer, ChatFlags flags,
                                             const ModelContents& contents = {});

}  // namespace quire
