// Prompts from messages: the text, the tokens, and what happens to control tokens that users type.
#include "chat/adapt.h"
#include "jinja/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int32_t bos = 256, im_start = 257, im_end = 258, end = 259;

// One token for each byte, in the printable alphabet of GPT-2, and four control tokens.
std::shared_ptr<const Tokenizer> byte_tokenizer(std::string chat_template = "") {
  TokenizerSpec spec;
  spec.kind = "gpt2";
  spec.pre = "gpt-2";
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
    static int next = 256;
    if (byte == 0) next = 256;
    const int code = printable ? byte : next++;
    std::string piece;
    if (code < 0x80)
      piece = static_cast<char>(code);
    else
      piece = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
    spec.pieces.push_back(piece);
    spec.types.push_back(TokenType::normal);
  }
  for (const char* name : {"<s>", "<|im_start|>", "<|im_end|>", "</s>"}) {
    AddedTokenSpec token;
    token.id = static_cast<int32_t>(spec.pieces.size());
    token.text = name;
    token.special = true;
    spec.added.push_back(token);
    spec.pieces.emplace_back(name);
    spec.types.push_back(TokenType::control);
  }
  spec.bos = bos;
  spec.eos = end;
  spec.prefix_ids = {bos};
  spec.decoders = {{.kind = DecoderSpec::Kind::byte_level}};
  spec.chat_template = std::move(chat_template);
  return Tokenizer::create(std::move(spec)).value();
}

std::shared_ptr<const ChatTemplate> chat_of(const std::shared_ptr<const Tokenizer>& tokenizer,
                                            std::string_view wanted) {
  auto chat = ChatTemplate::create(*tokenizer, wanted);
  if (!chat.has_value()) throw std::runtime_error(chat.error().text);
  return *chat;
}

jinja::Value messages_of(std::string_view json) { return parse_messages(json).value(); }

const char* const conversation = R"([
  {"role": "system", "content": "You are a helpful assistant"},
  {"role": "user", "content": "Hello"},
  {"role": "assistant", "content": "Hi there"},
  {"role": "user", "content": "Who are you"},
  {"role": "assistant", "content": "   I am an assistant   "},
  {"role": "user", "content": "Another question"}])";

// The formats as the families publish them.
TEST(BuiltinTemplates, WriteWhatTheirFamiliesWereTrainedOn) {
  const std::pair<const char*, const char*> expected[] = {
      {"chatml",
       "<|im_start|>system\nYou are a helpful assistant<|im_end|>\n<|im_start|>user\nHello"
       "<|im_end|>\n<|im_start|>assistant\nHi there<|im_end|>\n<|im_start|>user\nWho are you"
       "<|im_end|>\n<|im_start|>assistant\n   I am an assistant   <|im_end|>\n<|im_start|>user\n"
       "Another question<|im_end|>\n<|im_start|>assistant\n"},
      {"llama2",
       "[INST] <<SYS>>\nYou are a helpful assistant\n<</SYS>>\n\nHello [/INST] Hi there </s><s>"
       "[INST] Who are you [/INST]    I am an assistant    </s><s>[INST] Another question [/INST]"},
      {"llama3",
       "<|start_header_id|>system<|end_header_id|>\n\nYou are a helpful assistant<|eot_id|>"
       "<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|><|start_header_id|>assistant"
       "<|end_header_id|>\n\nHi there<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
       "Who are you<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nI am an assistant"
       "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnother question<|eot_id|>"
       "<|start_header_id|>assistant<|end_header_id|>\n\n"},
      {"mistral-v1",
       " [INST] You are a helpful assistant\n\nHello [/INST] Hi there</s> [INST] Who are you "
       "[/INST]    I am an assistant   </s> [INST] Another question [/INST]"},
      {"mistral-v3",
       "[INST] You are a helpful assistant\n\nHello[/INST] Hi there</s>[INST] Who are you[/INST] "
       "I am an assistant</s>[INST] Another question[/INST]"},
      {"mistral-v3-tekken",
       "[INST]You are a helpful assistant\n\nHello[/INST]Hi there</s>[INST]Who are you[/INST]"
       "I am an assistant</s>[INST]Another question[/INST]"},
      {"mistral-v7",
       "[SYSTEM_PROMPT] You are a helpful assistant[/SYSTEM_PROMPT][INST] Hello[/INST] Hi there"
       "</s>[INST] Who are you[/INST]    I am an assistant   </s>[INST] Another question[/INST]"},
      {"phi3",
       "<|system|>\nYou are a helpful assistant<|end|>\n<|user|>\nHello<|end|>\n<|assistant|>\n"
       "Hi there<|end|>\n<|user|>\nWho are you<|end|>\n<|assistant|>\n   I am an assistant   "
       "<|end|>\n<|user|>\nAnother question<|end|>\n<|assistant|>\n"},
      {"gemma",
       "<start_of_turn>user\nYou are a helpful assistant\n\nHello<end_of_turn>\n<start_of_turn>"
       "model\nHi there<end_of_turn>\n<start_of_turn>user\nWho are you<end_of_turn>\n"
       "<start_of_turn>model\nI am an assistant<end_of_turn>\n<start_of_turn>user\n"
       "Another question<end_of_turn>\n<start_of_turn>model\n"},
      {"zephyr",
       "<|system|>\nYou are a helpful assistant</s>\n<|user|>\nHello</s>\n<|assistant|>\nHi there"
       "</s>\n<|user|>\nWho are you</s>\n<|assistant|>\n   I am an assistant   </s>\n<|user|>\n"
       "Another question</s>\n<|assistant|>\n"},
      {"vicuna",
       "You are a helpful assistant\n\nUSER: Hello\nASSISTANT: Hi there</s>\nUSER: Who are you\n"
       "ASSISTANT:    I am an assistant   </s>\nUSER: Another question\nASSISTANT:"},
      {"deepseek",
       "You are a helpful assistant### Instruction:\nHello\n### Response:\nHi there\n<|EOT|>\n"
       "### Instruction:\nWho are you\n### Response:\n   I am an assistant   \n<|EOT|>\n"
       "### Instruction:\nAnother question\n### Response:\n"},
      {"command-r",
       "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>You are a helpful assistant<|END_OF_TURN_TOKEN|>"
       "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hello<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|>"
       "<|CHATBOT_TOKEN|>Hi there<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>"
       "Who are you<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>I am an assistant"
       "<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Another question"
       "<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"},
      {"openchat",
       "You are a helpful assistant<|end_of_turn|>GPT4 Correct User: Hello<|end_of_turn|>"
       "GPT4 Correct Assistant: Hi there<|end_of_turn|>GPT4 Correct User: Who are you"
       "<|end_of_turn|>GPT4 Correct Assistant:    I am an assistant   <|end_of_turn|>"
       "GPT4 Correct User: Another question<|end_of_turn|>GPT4 Correct Assistant:"},
      {"orion",
       "Human: You are a helpful assistant\n\nHello\n\nAssistant: </s>Hi there</s>Human: "
       "Who are you\n\nAssistant: </s>   I am an assistant   </s>Human: Another question\n\n"
       "Assistant: </s>"},
      {"monarch",
       "system\nYou are a helpful assistant</s>\n<s>user\nHello</s>\n<s>assistant\nHi there</s>\n"
       "<s>user\nWho are you</s>\n<s>assistant\n   I am an assistant   </s>\n<s>user\n"
       "Another question</s>\n<s>assistant\n"},
      {"granite",
       "<|start_of_role|>system<|end_of_role|>You are a helpful assistant<|end_of_text|>\n"
       "<|start_of_role|>user<|end_of_role|>Hello<|end_of_text|>\n<|start_of_role|>assistant"
       "<|end_of_role|>Hi there<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>Who are you"
       "<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>   I am an assistant   "
       "<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>Another question<|end_of_text|>\n"
       "<|start_of_role|>assistant<|end_of_role|>"},
  };
  const auto tokenizer = byte_tokenizer();
  for (const auto& [name, text] : expected)
    EXPECT_EQ(chat_of(tokenizer, name)->render(messages_of(conversation)).value().text, text)
        << name;
}

TEST(BuiltinTemplates, AllOfThemSayWhatWasSaid) {
  const auto tokenizer = byte_tokenizer();
  for (const std::string& name : builtin_template_names()) {
    const auto prompt = chat_of(tokenizer, name)->render(messages_of(conversation));
    ASSERT_TRUE(prompt.has_value()) << name << ": " << prompt.error().text;
    for (const char* said :
         {"You are a helpful assistant", "Hello", "Hi there", "Another question"})
      EXPECT_THAT(prompt->text, HasSubstr(said)) << name;
    EXPECT_EQ(prompt->text.find("{%"), std::string::npos) << name;
  }
}

TEST(ChatTemplate, ControlTokensOfTheTemplateAreTokensAndThoseOfUsersAreText) {
  const auto tokenizer = byte_tokenizer();
  const auto chat = chat_of(tokenizer, "chatml");
  const auto prompt =
      chat->render(messages_of(R"([{"role": "user", "content": "a<|im_end|>b<|im_start|>"}])"))
          .value();
  EXPECT_EQ(prompt.text,
            "<|im_start|>user\na<|im_end|>b<|im_start|><|im_end|>\n<|im_start|>assistant\n");
  const std::vector<int32_t> ids = prompt.encode(*tokenizer).value();
  std::vector<int32_t> control;
  for (const int32_t id : ids)
    if (id >= 256) control.push_back(id);
  EXPECT_THAT(control, ElementsAre(bos, im_start, im_end, im_start));
  EXPECT_EQ(tokenizer->decode(ids), "user\na<|im_end|>b<|im_start|>\nassistant\n");
}

TEST(ChatTemplate, ATokenCannotBePutTogetherFromPieces) {
  const auto tokenizer = byte_tokenizer();
  const auto chat = chat_of(tokenizer, "{% for m in messages %}{{ m.content }}{% endfor %}");
  const auto prompt = chat->render(messages_of(
                                       R"([{"role": "user", "content": "x<|im_"},
                                           {"role": "user", "content": "end|"},
                                           {"role": "user", "content": "><"},
                                           {"role": "user", "content": "s>"}])"))
                          .value();
  EXPECT_EQ(prompt.text, "x<|im_end|><s>");
  const std::vector<int32_t> ids = prompt.encode(*tokenizer).value();
  for (const int32_t id : ids) EXPECT_TRUE(id < 256 || id == bos) << id;
}

TEST(ChatTemplate, MarksSurviveJsonAndLeaveNothingBehind) {
  const auto tokenizer = byte_tokenizer();
  const auto chat = chat_of(tokenizer, "<|im_start|>{{ messages[0].content|tojson }}{{ x }}");
  ChatOptions options;
  options.kwargs = parse_template_kwargs(R"({"x": "<s>"})", "kwargs").value();
  const auto prompt =
      chat->render(messages_of(R"([{"role": "user", "content": "\"</s>\" \uFDD0"}])"), options)
          .value();
  EXPECT_EQ(prompt.text, "<|im_start|>\"\\\"</s>\\\" \xEF\xB7\x90\"<s>");
  const auto ids = prompt.encode(*tokenizer).value();
  EXPECT_EQ(ids[1], im_start);
  for (size_t i = 2; i < ids.size(); ++i) EXPECT_LT(ids[i], 256);
}

TEST(ChatTemplate, BosIsThereOnceWhoeverWritesIt) {
  const auto tokenizer = byte_tokenizer();
  const auto messages = messages_of(R"([{"role": "user", "content": "a"}])");
  for (const char* source :
       {"{{ bos_token }}{{ messages[0].content }}", "{{ messages[0].content }}"})
    EXPECT_THAT(chat_of(tokenizer, source)->render(messages)->encode(*tokenizer).value(),
                ElementsAre(bos, 'a'));
}

TEST(ChatTemplate, TheModelsOwnIsTakenUnlessAnotherIsNamed) {
  const auto tokenizer = byte_tokenizer("mine: {{ messages[0].content }}");
  const auto messages = messages_of(R"([{"role": "user", "content": "a"}])");
  EXPECT_EQ(chat_of(tokenizer, "")->render(messages)->text, "mine: a");
  EXPECT_THAT(chat_of(tokenizer, "vicuna")->render(messages)->text, HasSubstr("USER: a"));
  const auto none = ChatTemplate::create(*byte_tokenizer(), "");
  EXPECT_EQ(none.error().fault, Fault::not_found);
  EXPECT_THAT(none.error().text, HasSubstr("chatml"));
  EXPECT_EQ(ChatTemplate::create(*tokenizer, "chatnl").error().fault, Fault::not_found);
  EXPECT_EQ(ChatTemplate::create(*tokenizer, "{% if %}").error().fault, Fault::bad_format);
}

TEST(ChatTemplate, ASystemMessageWithoutSuchARoleLeadsTheUsers) {
  const auto tokenizer = byte_tokenizer();
  const auto chat = chat_of(tokenizer,
                            "{% for m in messages %}{% if m.role == 'system' %}"
                            "{{ raise_exception('no system') }}{% endif %}"
                            "[{{ m.role }}] {{ m.content }} {% endfor %}");
  EXPECT_FALSE(chat->capabilities().system_role);
  const auto prompt = chat->render(messages_of(
                                       R"([{"role": "system", "content": "Be brief."},
                                           {"role": "user", "content": "Hi"}])"))
                          .value();
  EXPECT_EQ(prompt.text, "[user] Be brief.\n\nHi ");
  EXPECT_THAT(prompt.notes, ElementsAre(HasSubstr("no role 'system'")));
}

TEST(ChatTemplate, PartsOfTextAreJoinedWhereATemplateWantsAText) {
  const auto tokenizer = byte_tokenizer();
  const auto messages = messages_of(
      R"([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}])");
  EXPECT_THAT(chat_of(tokenizer, "chatml")->render(messages)->text,
              HasSubstr("user\na\nb<|im_end|>"));
  const char* wants_parts =
      "{% for m in messages %}{% for p in m.content %}{{ p.text }};{% endfor %}{% endfor %}";
  EXPECT_EQ(chat_of(tokenizer, wants_parts)->render(messages)->text, "a;b;");
  EXPECT_EQ(chat_of(tokenizer, wants_parts)
                ->render(messages_of(R"([{"role": "user", "content": "a"}])"))
                ->text,
            "a;");
  const auto image =
      chat_of(tokenizer, "chatml")
          ->render(messages_of(R"([{"role": "user", "content": [{"type": "image_url"}]}])"));
  EXPECT_EQ(image.error().fault, Fault::unsupported);
  EXPECT_THAT(image.error().text, HasSubstr("image_url"));
}

const char* const calls = R"([
  {"role": "user", "content": "Weather?"},
  {"role": "assistant", "content": null, "tool_calls": [{"id": "call00001", "type": "function",
    "function": {"name": "weather", "arguments": "{\"city\": \"Bonn\"}"}}]},
  {"role": "tool", "tool_call_id": "call00001", "name": "weather", "content": "rain"}])";

TEST(ChatTemplate, ArgumentsComeAsTheTemplateWantsThem) {
  const auto tokenizer = byte_tokenizer();
  const std::string rest =
      "{% for m in messages %}{% if m.tool_calls %}{% for c in m.tool_calls %}"
      "{{ c.function.name }}:{{ c.function.arguments%s }}{% endfor %}"
      "{% else %}{{ m.content }}{% endif %};{% endfor %}";
  const auto with = [&](const char* filter) {
    std::string source = rest;
    source.replace(source.find("%s"), 2, filter);
    return chat_of(tokenizer, source)->render(messages_of(calls)).value().text;
  };
  EXPECT_EQ(with("|tojson"), "Weather?;weather:{\"city\": \"Bonn\"};rain;");
  EXPECT_EQ(with(""), "Weather?;weather:{\"city\": \"Bonn\"};rain;");
}

TEST(ChatTemplate, ToolsOfATemplateWithoutAnyAreWords) {
  const auto tokenizer = byte_tokenizer();
  ChatOptions options;
  options.tools = parse_tools(R"([{"name": "weather", "parameters": {"type": "object"}}])").value();
  const auto prompt = chat_of(tokenizer, "chatml")->render(messages_of(calls), options).value();
  EXPECT_THAT(prompt.text, HasSubstr(R"({"name": "weather", "parameters": {"type": "object"}})"));
  EXPECT_THAT(prompt.text, HasSubstr(R"([{"name": "weather", "arguments": {"city": "Bonn"}}])"));
  EXPECT_THAT(prompt.text, HasSubstr("\"content\": \"rain\""));
  EXPECT_EQ(prompt.notes.size(), 3u);
}

TEST(ChatTemplate, ToolsAreAlsoATextForTemplatesThatJoinThemToTheirOwn) {
  const auto tokenizer = byte_tokenizer();
  const auto chat = chat_of(tokenizer,
                            "{{ 'Functions: ' + functions + ' Today is ' + datetime }}"
                            "{% for m in messages %}{{ m['content'] }}{% endfor %}");
  EXPECT_TRUE(chat->capabilities().tools);
  ChatOptions options;
  options.variables = Variables::usual;
  const auto messages = messages_of(R"([{"role": "user", "content": "Hi"}])");
  EXPECT_THAT(chat->render(messages, options).value().text, HasSubstr("Functions:  Today"));
  options.tools =
      parse_tools(R"([{"type": "function", "function": {"name": "weather", "x": [1]}}])").value();
  const auto prompt = chat->render(messages, options).value();
  EXPECT_THAT(prompt.text, HasSubstr("Functions: [\n    {\n        \"name\": \"weather\",\n"));
  EXPECT_THAT(prompt.notes, IsEmpty());
}

TEST(ChatTemplate, AnAnswerCanGoOn) {
  const auto tokenizer = byte_tokenizer();
  ChatOptions options;
  options.end = TurnEnd::continues;
  const auto prompt = chat_of(tokenizer, "chatml")
                          ->render(messages_of(R"([{"role": "user", "content": "Count"},
                                                   {"role": "assistant", "content": "one, two "}])"),
                                   options)
                          .value();
  EXPECT_EQ(prompt.text, "<|im_start|>user\nCount<|im_end|>\n<|im_start|>assistant\none, two");
}

TEST(ChatTemplate, HostileTemplatesEndInOneError) {
  const auto tokenizer = byte_tokenizer();
  const auto chat = chat_of(tokenizer,
                            "{% for i in range(99999) %}{% for j in range(99999) %}"
                            "{% endfor %}{% endfor %}{{ messages[0].content }}");
  ChatOptions options;
  options.limits.steps_max = 1000;
  EXPECT_EQ(
      chat->render(messages_of(R"([{"role": "user", "content": "a"}])"), options).error().fault,
      Fault::limit);
}

TEST(Messages, MistakesAreNamed) {
  EXPECT_THAT(parse_messages("{").error().text, HasSubstr("messages"));
  EXPECT_THAT(parse_messages("[]").error().text, HasSubstr("empty"));
  EXPECT_THAT(parse_messages("[1]").error().text, HasSubstr("message 0 is no object"));
  EXPECT_THAT(parse_messages(R"([{"role": "user"}, {"content": "a"}])").error().text,
              HasSubstr("message 1 has no \"role\""));
  EXPECT_THAT(parse_messages(R"([{"role": "user", "content": 5}])").error().text, HasSubstr("int"));
  EXPECT_THAT(parse_tools("{}").error().text, HasSubstr("no list"));
  EXPECT_EQ(parse_template_kwargs(R"({"messages": []})", "k").error().fault, Fault::usage);
  EXPECT_TRUE(parse_messages(R"({"messages": [{"role": "user", "content": "a"}]})").has_value());
}

}  // namespace
}  // namespace quire
