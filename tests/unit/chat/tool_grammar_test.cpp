#include "chat/tool_grammar.h"

#include "chat/reply_parser.h"
#include "grammar/matcher.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

const std::vector<Tool> tools = {
    {"weather", "",
     R"({"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]})"},
    {"now", "", ""}};

// Every byte is a token, and some markers are control tokens, which are no text.
std::shared_ptr<const TokenVocabulary> vocabulary() {
  std::vector<std::string> bytes, names;
  for (int byte = 0; byte < 256; ++byte) bytes.emplace_back(1, static_cast<char>(byte));
  names = bytes;
  for (const char* control : {"<tool_call>", "</tool_call>", "[TOOL_CALLS]", "</think>"}) {
    bytes.emplace_back();
    names.emplace_back(control);
  }
  names.push_back("<end>");
  bytes.emplace_back();
  const auto end = static_cast<int32_t>(bytes.size() - 1);
  return TokenVocabulary::create(std::move(bytes), std::move(names), {end});
}

// Whether the grammar takes the text, and whether it may end there.
struct Taken {
  size_t n_bytes;
  bool accepts;
};
Taken take(const OutputGrammar& grammar, std::string_view text) {
  auto masks = TokenMasks::create(grammar.automaton, vocabulary(), "test");
  GrammarMatcher matcher(*masks);
  size_t n = 0;
  while (n < text.size() && matcher.accept(static_cast<uint8_t>(text[n])).has_value()) ++n;
  return {n, *matcher.accepts()};
}

OutputGrammar grammar_of(ToolStyle style, ToolChoice choice, ParallelCalls parallel) {
  auto grammar = tool_grammar({style, "", ""}, Opens::model, tools, choice, parallel);
  EXPECT_TRUE(grammar.has_value()) << grammar.error().text;
  return **grammar;
}

struct Example {
  ToolStyle style;
  const char* text;
};
const Example examples[] = {
    {ToolStyle::hermes,
     "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}\n</tool_call>"},
    {ToolStyle::qwen_xml,
     "<tool_call>\n<function=weather>\n<parameter=city>\nRome</b> "
     "\n</parameter>\n</function>\n</tool_call>"},
    {ToolStyle::llama3, "{\"name\": \"weather\", \"parameters\": {\"city\": \"Rome\"}}"},
    {ToolStyle::mistral,
     "[TOOL_CALLS][{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}]"},
    {ToolStyle::firefunction,
     "functools[{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}]"},
    {ToolStyle::deepseek,
     "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{\"city\":"
     " \"Rome\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"},
    {ToolStyle::deepseek31,
     "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"city\": "
     "\"Rome\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"},
    {ToolStyle::harmony,
     "<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{\"city\": \"Rome\"}"},
    {ToolStyle::command_r,
     "<|START_ACTION|>[{\"tool_name\": \"weather\", \"parameters\": {\"city\": "
     "\"Rome\"}}]<|END_ACTION|>"},
    {ToolStyle::functionary, "<function=weather>{\"city\": \"Rome\"}</function>"},
    {ToolStyle::generic, "{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}"},
};

TEST(ToolGrammar, EveryFamilyCallsInItsWordsAndTheParserReadsThem) {
  for (const Example& example : examples) {
    SCOPED_TRACE(tool_style_name(example.style));
    const OutputGrammar grammar =
        grammar_of(example.style, {ToolChoice::Kind::required, ""}, ParallelCalls::one);
    const Taken taken = take(grammar, example.text);
    EXPECT_EQ(taken.n_bytes, std::string_view(example.text).size());
    EXPECT_TRUE(taken.accepts);
    EXPECT_EQ(take(grammar, "Rome").n_bytes, 0u);
    ReplyOptions options;
    options.format = {example.style, "", ""};
    const ParsedReply reply = parse_reply(example.text, options);
    ASSERT_EQ(reply.calls.size(), 1u);
    EXPECT_EQ(reply.calls[0].name, "weather");
    EXPECT_FALSE(reply.tool_parse_failed);
  }
}

TEST(ToolGrammar, ArgumentsFollowTheirSchema) {
  const OutputGrammar grammar =
      grammar_of(ToolStyle::llama3, {ToolChoice::Kind::required, ""}, ParallelCalls::one);
  const std::string begin = "{\"name\": \"weather\", \"parameters\": {";
  EXPECT_EQ(take(grammar, begin + "}").n_bytes, begin.size());  // city is required
  EXPECT_EQ(take(grammar, begin + "\"city\": 7").n_bytes, begin.size() + 8);
  EXPECT_EQ(take(grammar, "{\"name\": \"rm\"").n_bytes, 10u);
}

TEST(ToolGrammar, ANamedToolIsTheOnlyOne) {
  const OutputGrammar grammar =
      grammar_of(ToolStyle::llama3, {ToolChoice::Kind::named, "now"}, ParallelCalls::one);
  EXPECT_TRUE(take(grammar, R"({"name": "now", "parameters": {}})").accepts);
  EXPECT_EQ(take(grammar, R"({"name": "weather")").n_bytes, 10u);
  EXPECT_EQ(tool_grammar({ToolStyle::llama3, "", ""}, Opens::model, tools,
                         {ToolChoice::Kind::named, "rm"}, ParallelCalls::one)
                .error()
                .text,
            "tool_choice names 'rm', which is not among the 2 tools of the request");
}

TEST(ToolGrammar, ManyCallsWhereTheyAreAllowed) {
  const std::string call = examples[0].text;
  const auto grammar = [](ParallelCalls parallel) {
    return grammar_of(ToolStyle::hermes, {ToolChoice::Kind::required, ""}, parallel);
  };
  EXPECT_TRUE(take(grammar(ParallelCalls::many), call + "\n" + call).accepts);
  EXPECT_EQ(take(grammar(ParallelCalls::one), call + "\n" + call).n_bytes, call.size());
}

TEST(ToolGrammar, ThinkingComesBeforeTheCall) {
  const ReplyFormat format = {ToolStyle::hermes, "<think>", "</think>"};
  const std::string call = examples[0].text;
  const ToolChoice required = {ToolChoice::Kind::required, ""};
  const auto by_model = **tool_grammar(format, Opens::model, tools, required, ParallelCalls::one);
  EXPECT_TRUE(by_model.start.markers.empty());
  EXPECT_TRUE(take(by_model, call).accepts);
  EXPECT_TRUE(take(by_model, "<think>a <tool_call> </thin</think>\n" + call).accepts);
  EXPECT_EQ(take(by_model, "<think>a</think>b").n_bytes, 16u);
  const auto by_prompt = **tool_grammar(format, Opens::prompt, tools, required, ParallelCalls::one);
  EXPECT_EQ(by_prompt.start.markers, std::vector<std::string>{"</think>"});
}

TEST(ToolGrammar, AutomaticIsFreeUntilTheMarker) {
  const OutputGrammar grammar =
      grammar_of(ToolStyle::hermes, {ToolChoice::Kind::automatic, ""}, ParallelCalls::many);
  EXPECT_EQ(grammar.start.markers, std::vector<std::string>{"<tool_call>"});
  EXPECT_FALSE(grammar.start.marker_required);
  EXPECT_TRUE(take(grammar, std::string_view(examples[0].text).substr(11)).accepts);
  const auto free = tool_grammar({ToolStyle::llama3, "", ""}, Opens::model, tools,
                                 {ToolChoice::Kind::automatic, ""}, ParallelCalls::many);
  EXPECT_FALSE(free->has_value());
}

TEST(ToolGrammar, ErrorsOfASchemaNameTheTool) {
  const std::vector<Tool> bad = {{"f", "", R"({"type":"object","properties":{"x":{"not":{}}}})"}};
  EXPECT_EQ(tool_grammar({ToolStyle::hermes, "", ""}, Opens::model, bad,
                         {ToolChoice::Kind::required, ""}, ParallelCalls::one)
                .error()
                .text,
            "tool 'f': #/properties/x/not: 'not' cannot be enforced while generating");
}

}  // namespace
}  // namespace quire
