// Chat: messages to the prompt of a model, by the model's own template.
//
//   const auto chat = TRY(ChatTemplate::create(tokenizer));
//   const jinja::Value messages = TRY(parse_messages(R"([{"role": "user", "content": "Hi"}])"));
//   const ChatPrompt prompt = TRY(chat->render(messages, {}));
//   const std::vector<int32_t> ids = TRY(prompt.encode(tokenizer));
//
// A template is Jinja, rendered as transformers' apply_chat_template does (jinja/template.h), with
// messages, tools, documents, add_generation_prompt, the texts of the special tokens (bos_token,
// eos_token, ...) and whatever the caller adds (enable_thinking, ...). Messages are dicts as in the
// OpenAI API: role, content (a text, or a list of parts with a type), tool_calls, tool_call_id,
// reasoning_content, name.
//
// Templates differ in what they can say. What a template understands is found out once, by trying
// (ChatCapabilities), and messages are put into that form (chat/adapt.h); each change is said in
// ChatPrompt::notes. Where nothing has to be changed the text is what transformers gives, byte for
// byte.
//
// Control tokens in the prompt are the template's; the same characters in a message are text
// (chat/plain_marks.h).
#pragma once
#include "chat/plain_marks.h"
#include "jinja/template.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace quire {

struct ChatCapabilities {
  bool system_role = true;
  bool developer_role = false;    // else it is called system
  bool text_content = true;       // content is a text
  bool part_content = false;      // content is a list of parts
  bool tools = false;             // it describes them to the model
  bool tool_calls = false;        // of the assistant, in the history
  bool tool_responses = false;    // messages with the role "tool"
  bool object_arguments = false;  // arguments of a call are a dict; else they are JSON in a string
};

enum class TurnEnd : uint8_t {
  generation_prompt,  // ends with what an answer begins after
  nothing,            // ends after the last message
  continues,          // ends inside the last message, which the model goes on with
};

// What a template finds beside the messages.
enum class Variables : uint8_t {
  given,  // what is given and nothing else, as with transformers
  // Also today's date (date_string "26 Jul 2024", datetime "Jul 26 2024"), which a template has no
  // other way to know, and that thinking is allowed (enable_thinking), as llama.cpp's server has
  // it; tools also as a text of JSON (functions), for templates that take them so.
  usual,
};

struct ChatOptions {
  jinja::Value tools;   // a list of dicts {"type": "function", "function": {...}}; missing: none
  jinja::Value kwargs;  // a dict of further variables; missing: none
  TurnEnd end = TurnEnd::generation_prompt;
  Variables variables = Variables::given;
  std::optional<std::tm> now;  // for strftime_now and dates; the local time when there is none
  jinja::Limits limits;
};

struct ChatPrompt {
  std::string text;
  std::vector<size_t> plain_at;    // see EncodeOptions
  std::vector<std::string> notes;  // what was changed to suit the template

  // With what the model wants in front of every text (BOS), once, whether the template writes it or
  // not.
  Result<std::vector<int32_t>> encode(const Tokenizer& tokenizer) const;
};

// Immutable; may be used from many threads at once.
class ChatTemplate {
 public:
  // With `wanted` empty the model's own template: not_found when it has none. Else a name of
  // chat/builtin_templates.inc ("chatml"), the name of one of the model's own ("tool_use"), or the
  // text of a template, which contains "{{" or "{%": Jinja, or Go's as in Modelfiles
  // (chat/go_template.h). bad_format when it is no template. The
  // tokenizer must outlive the result.
  static Result<std::shared_ptr<const ChatTemplate>> create(const Tokenizer& tokenizer,
                                                            std::string_view wanted = {});

  // Whether the text is a template at all: bad_format, unsupported, or limit when it is not.
  static Result<void> check(std::string_view source);

  // bad_format when the template refuses the messages, limit when it takes too much.
  Result<ChatPrompt> render(const jinja::Value& messages, const ChatOptions& options = {}) const;

  const ChatCapabilities& capabilities() const { return capabilities_; }
  const std::string& source() const { return template_->source(); }

 private:
  ChatTemplate(const Tokenizer& tokenizer, std::shared_ptr<const jinja::Template> parsed);
  static Result<std::string> render_text(const Tokenizer& tokenizer, const jinja::Template& parsed,
                                         const jinja::Value& messages, const ChatOptions& options);

  const Tokenizer& tokenizer_;
  std::shared_ptr<const jinja::Template> template_;
  std::shared_ptr<const jinja::Template> with_tools_;  // null: the same
  PlainMarks marks_;
  ChatCapabilities capabilities_, tools_capabilities_;
};

// Of the templates that this program brings.
std::vector<std::string> builtin_template_names();
// Empty when there is none of that name.
std::string_view builtin_template(std::string_view name);

// From the JSON text of a list of messages; bad_format says which message lacks what.
Result<jinja::Value> parse_messages(std::string_view json, std::string_view name = "messages");
// A list, of functions as they are or in {"type": "function", "function": ...}.
Result<jinja::Value> parse_tools(std::string_view json, std::string_view name = "tools");
// A dict.
Result<jinja::Value> parse_template_kwargs(std::string_view json, std::string_view name);

// reasoning: what was thought before the content, where there was something (reasoning_content).
jinja::Value make_message(std::string role, std::string content, std::string reasoning = {});
jinja::Value make_messages(std::vector<jinja::Value> messages);

}  // namespace quire
