#include "chat/reply_parser.h"

#include "base/rng.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

struct Case {
  const char* name;
  ToolStyle style;
  std::string text;
  ParsedReply wanted;
  Opens opens = Opens::model;
};

ReplyOptions options_of(const Case& one) {
  ReplyOptions options;
  options.format = {one.style, "<think>", "</think>"};
  options.opens = one.opens;
  options.tool_names = {"weather", "add", "now", "python"};
  return options;
}

const ToolCall paris = {"call_0", "weather", R"({"city": "Paris"})"};

std::vector<Case> cases() {
  using S = ToolStyle;
  return {
      {"words", S::hermes, " Hello <tool> {x}\n", {" Hello <tool> {x}\n", "", {}, false}},
      {"nothing", S::hermes, "", {}},
      {"thinking that the model opens",
       S::hermes,
       "<think>\nso\nso \n</think>\n\nYes. ",
       {"Yes. ", "so\nso", {}, false}},
      {"thinking that the prompt opened",
       S::none,
       "\nso</think>Yes",
       {"Yes", "so", {}, false},
       Opens::prompt},
      {"thinking without an end", S::none, "so far\n", {"", "so far", {}, false}, Opens::prompt},
      {"thinking and then a call",
       S::hermes,
       "<think>hm</think>\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": "
       "\"Paris\"}}\n"
       "</tool_call>",
       {"", "hm", {paris}, false}},
      {"two calls behind words",
       S::hermes,
       "I look.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n"
       "</tool_call>\n<tool_call>{\"arguments\": {\"a\": [1, 2.5e3], \"b\": \"}\\\"\"}, \"name\": "
       "\"add\"}</tool_call>\n",
       {"I look.", "", {paris, {"call_1", "add", R"({"a": [1, 2.5e3], "b": "}\""})"}}, false}},
      {"a call without its end tag",
       S::hermes,
       "<tool_call>{\"name\": \"now\", \"arguments\": {}}",
       {"", "", {{"call_0", "now", "{}"}}, false}},
      {"arguments as a string",
       S::hermes,
       R"(<tool_call>{"id": "x7", "name": "add", "arguments": "{\"a\": 1}"}</tool_call>)",
       {"", "", {{"x7", "add", R"({"a": 1})"}}, false}},
      {"no arguments",
       S::hermes,
       R"(<tool_call>{"name": "now"}</tool_call>!)",
       {"!", "", {{"call_0", "now", "{}"}}, false}},
      {"a tool that is not there",
       S::hermes,
       "a <tool_call>{\"name\": \"rm\", \"arguments\": {}}</tool_call>",
       {"a <tool_call>{\"name\": \"rm\", \"arguments\": {}}</tool_call>", "", {}, true}},
      {"broken JSON",
       S::hermes,
       "<tool_call>{\"name\": \"add\", \"arguments\": {a}}</tool_call> x",
       {"<tool_call>{\"name\": \"add\", \"arguments\": {a}}</tool_call> x", "", {}, true}},
      {"a call that is cut off",
       S::hermes,
       "<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1",
       {"<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1", "", {}, true}},
      {"a good call and a bad one",
       S::hermes,
       "<tool_call>{\"name\": \"now\"}</tool_call>\n<tool_call>oops</tool_call>",
       {"<tool_call>oops</tool_call>", "", {{"call_0", "now", "{}"}}, true}},
      {"parameters in tags",
       S::qwen_xml,
       "<tool_call>\n<function=weather>\n<parameter=city>\nParis\n</"
       "parameter>\n<parameter=days>\n3\n"
       "</parameter>\n</function>\n</tool_call>",
       {"", "", {{"call_0", "weather", R"({"city": "Paris", "days": 3})"}}, false}},
      {"tags without parameters",
       S::qwen_xml,
       "<tool_call><function=now></function></tool_call>",
       {"", "", {{"call_0", "now", "{}"}}, false}},
      {"bare objects",
       S::llama3,
       R"({"name": "weather", "parameters": {"city": "Paris"}}; {"name": "now", "parameters": {}})",
       {"", "", {paris, {"call_1", "now", "{}"}}, false}},
      {"an answer in JSON",
       S::llama3,
       R"({"name": 7, "x": [1]} ok)",
       {R"({"name": 7, "x": [1]} ok)", "", {}, false}},
      {"a python tag with an object",
       S::llama3,
       R"(<|python_tag|>{"type": "function", "name": "weather", "parameters": {"city": "Paris"}})",
       {"", "", {paris}, false}},
      {"a python tag with a call",
       S::llama3,
       R"(<|python_tag|>weather.call(city="Paris", n=[1,2]))",
       {"", "", {{"call_0", "weather", R"({"city": "Paris", "n": [1,2]})"}}, false}},
      {"a python tag with a program",
       S::llama3,
       "<|python_tag|>print(\"a\")\n",
       {"", "", {{"call_0", "python", R"({"code": "print(\"a\")\n"})"}}, false}},
      {"a list",
       S::mistral,
       R"([TOOL_CALLS] [{"name": "weather", "id": "abc123456", "arguments": {"city": "Paris"}}, {"name": "now", "arguments": {}}])",
       {"",
        "",
        {{"abc123456", "weather", R"({"city": "Paris"})"}, {"call_1", "now", "{}"}},
        false}},
      {"names and arguments",
       S::mistral,
       R"(Yes.[TOOL_CALLS]weather[ARGS]{"city": "Paris"}[TOOL_CALLS]now[CALL_ID]q1[ARGS]{})",
       {"Yes.", "", {paris, {"q1", "now", "{}"}}, false}},
      {"a name without arguments",
       S::mistral,
       "[TOOL_CALLS]weather",
       {"[TOOL_CALLS]weather", "", {}, true}},
      {"a list behind a word",
       S::firefunction,
       R"(Wait. functools[{"name": "weather", "arguments": {"city": "Paris"}}, {"name": "now", "arguments": {}}])",
       {"Wait.", "", {paris, {"call_1", "now", "{}"}}, false}},
      {"the word in a text",
       S::firefunction,
       "import functools; functools[0]",
       {"import functools; functools[0]", "", {}, true}},
      {"a fence",
       S::deepseek,
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{"
       "\"city\": "
       "\"Paris\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```"
       "json\n{}\n"
       "```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       {"", "", {paris, {"call_1", "now", "{}"}}, false}},
      {"a name and an object",
       S::deepseek31,
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"city\": \"Paris\"}"
       "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       {"", "", {paris}, false}},
      {"channels",
       S::harmony,
       "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary "
       "to=functions.weather <|constrain|>json<|message|>{\"city\": \"Paris\"}<|call|>",
       {"", "hm", {paris}, false}},
      {"a recipient before its channel",
       S::harmony,
       "<|start|>assistant to=functions.now<|channel|>commentary json<|message|>{}",
       {"", "", {{"call_0", "now", "{}"}}, false}},
      {"the final channel",
       S::harmony,
       "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b <c>",
       {"b <c>", "a", {}, false}},
      {"a channel with something else",
       S::harmony,
       "<|channel|>commentary to=weather<|message|>x = 1",
       {"<|channel|>commentary to=weather<|message|>x = 1", "", {}, true}},
      {"an action",
       S::command_r,
       "<|START_ACTION|>[\n{\"tool_call_id\": \"0\", \"tool_name\": \"weather\", \"parameters\": "
       "{\"city\": \"Paris\"}}\n]<|END_ACTION|>",
       {"", "", {{"0", "weather", R"({"city": "Paris"})"}}, false}},
      {"a response", S::command_r, "<|START_RESPONSE|>Hi<|END_RESPONSE|>", {"Hi", "", {}, false}},
      {"a function tag",
       S::functionary,
       R"(So <function=weather>{"city": "Paris"}</function>)",
       {"So", "", {paris}, false}},
      {"a list without a marker",
       S::generic,
       R"([{"name": "weather", "arguments": {"city": "Paris"}}])",
       {"", "", {paris}, false}},
      {"another list", S::generic, "[1, 2]", {"[1, 2]", "", {}, false}},
  };
}

void expect_equal(const ParsedReply& got, const ParsedReply& wanted) {
  EXPECT_EQ(got.content, wanted.content);
  EXPECT_EQ(got.reasoning, wanted.reasoning);
  EXPECT_EQ(got.tool_parse_failed, wanted.tool_parse_failed);
  ASSERT_EQ(got.calls.size(), wanted.calls.size());
  for (size_t i = 0; i < got.calls.size(); ++i) {
    EXPECT_EQ(got.calls[i].id, wanted.calls[i].id);
    EXPECT_EQ(got.calls[i].name, wanted.calls[i].name);
    EXPECT_EQ(got.calls[i].arguments, wanted.calls[i].arguments);
  }
}

TEST(ReplyParser, TakesTheAnswersOfEveryFamilyApart) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.name);
    expect_equal(parse_reply(one.text, options_of(one)), one.wanted);
  }
}

TEST(ReplyParser, PiecesGiveWhatTheWholeGives) {
  Rng rng(7);
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.name);
    for (int round = 0; round < 60; ++round) {
      ReplyParser parser(options_of(one));
      ParsedReply sum;
      std::vector<ToolCall> calls;
      std::vector<bool> ended;
      const auto take = [&](const std::vector<ReplyDelta>& deltas) {
        for (const ReplyDelta& delta : deltas) switch (delta.kind) {
            case ReplyDelta::Kind::content:
              sum.content += delta.text;
              break;
            case ReplyDelta::Kind::reasoning:
              sum.reasoning += delta.text;
              break;
            case ReplyDelta::Kind::call_begin:
              ASSERT_EQ(delta.call, calls.size());
              calls.push_back({delta.id, delta.name, ""});
              ended.push_back(false);
              break;
            case ReplyDelta::Kind::call_arguments:
              calls[delta.call].arguments += delta.text;
              break;
            case ReplyDelta::Kind::call_end:
              ended[delta.call] = true;
              break;
          }
      };
      for (size_t at = 0; at < one.text.size();) {
        const size_t n = round == 0 ? 1 : 1 + rng.below(9);
        take(parser.push(std::string_view(one.text).substr(at, n)));
        at += n;
      }
      take(parser.finish());
      for (size_t i = 0; i < calls.size(); ++i)
        if (ended[i]) sum.calls.push_back(calls[i]);
      sum.tool_parse_failed = parser.reply().tool_parse_failed;
      expect_equal(sum, one.wanted);
      expect_equal(parser.reply(), one.wanted);
    }
  }
}

TEST(ReplyParser, ArgumentsAreStreamedWhileTheyAreWritten) {
  ReplyParser parser({.format = {ToolStyle::hermes, "", ""}, .tool_names = {}});
  EXPECT_TRUE(parser.push("<tool_call>{\"name\": \"add\", \"argu").empty());
  const auto begun = parser.push("ments\": {\"a\": 1");
  ASSERT_EQ(begun.size(), 2u);
  EXPECT_EQ(begun[0].kind, ReplyDelta::Kind::call_begin);
  EXPECT_EQ(begun[0].name, "add");
  EXPECT_EQ(begun[1].text, "{\"a\": 1");
}

TEST(ReplyParser, LeavesCallsAndThinkingInTheContentWhenTheyAreNotWanted) {
  const std::string text = "<think>a</think><tool_call>{\"name\": \"now\"}</tool_call>";
  ReplyOptions options;
  options.format = {ToolStyle::hermes, "<think>", "</think>"};
  options.read_tools = false;
  options.read_thinking = false;
  EXPECT_EQ(parse_reply(text, options).content, text);
  options.opens = Opens::prompt;
  EXPECT_EQ(parse_reply(text.substr(7), options).content, text.substr(7));
}

TEST(ReplyParser, KnowsWhetherItIsThinking) {
  ReplyParser parser({.format = {ToolStyle::hermes, "<think>", "</think>"}, .tool_names = {}});
  parser.push("<think>a");
  EXPECT_TRUE(parser.thinking());
  parser.push("</think>b");
  EXPECT_FALSE(parser.thinking());
}

TEST(ReplyFormat, IsFoundInTheTextOfATemplate) {
  const auto style = [](std::string_view text) { return find_reply_format(text).tools; };
  EXPECT_EQ(style("{{ messages }}"), ToolStyle::none);
  EXPECT_EQ(style("{% if tools %}"), ToolStyle::generic);
  EXPECT_EQ(style("{% if tools %}<tool_call>"), ToolStyle::hermes);
  EXPECT_EQ(style("<tool_call><function=a><parameter=b>"), ToolStyle::qwen_xml);
  EXPECT_EQ(style("<|start_header_id|>{{ tools }}"), ToolStyle::llama3);
  EXPECT_EQ(style("[AVAILABLE_TOOLS][TOOL_CALLS]"), ToolStyle::mistral);
  EXPECT_EQ(style("<|start_header_id|> functools[{...}] tools"), ToolStyle::firefunction);
  EXPECT_EQ(style("<｜tool▁call▁begin｜>```json"), ToolStyle::deepseek);
  EXPECT_EQ(style("<｜tool▁call▁begin｜>"), ToolStyle::deepseek31);
  EXPECT_EQ(style("<|channel|>analysis<|message|>"), ToolStyle::harmony);
  EXPECT_EQ(style("<|START_ACTION|>"), ToolStyle::command_r);
  EXPECT_EQ(find_reply_format("x </think>").think_open, "<think>");
  const ReplyFormat thinks = find_reply_format("</think>");
  EXPECT_EQ(who_opens_thinking(thinks, "<|im_start|>assistant\n<think>\n"), Opens::prompt);
  EXPECT_EQ(who_opens_thinking(thinks, "<think>\n\n</think>\n\n"), Opens::model);
}

}  // namespace
}  // namespace quire
