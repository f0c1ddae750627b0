#include "chat/go_template.h"

#include "chat/chat_template.h"
#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

// What a template makes of a chat, as JSON messages.
std::string rendered(const std::string& source, const std::string& messages,
                     const std::string& tools = "") {
  const auto jinja_source = jinja_of_go_template(source);
  if (!jinja_source) return "error: " + jinja_source.error().text;
  const auto parsed = jinja::Template::parse(*jinja_source, "test");
  if (!parsed) return "jinja: " + parsed.error().text + "\n" + *jinja_source;
  const auto variables = std::make_shared<jinja::Dict>();
  const auto list = parse_messages(messages);
  if (!list) return list.error().text;
  variables->set(jinja::Value(std::string("messages")), *list);
  if (!tools.empty()) {
    const auto parsed_tools = parse_tools(tools);
    if (!parsed_tools) return parsed_tools.error().text;
    variables->set(jinja::Value(std::string("tools")), *parsed_tools);
  }
  const auto text = (*parsed)->render(jinja::make_dict(variables));
  return text ? *text : text.error().text + "\n" + *jinja_source;
}

constexpr const char* one = R"([{"role": "user", "content": "Hi"}])";
constexpr const char* several = R"([
  {"role": "system", "content": "Be brief."},
  {"role": "user", "content": "Hi"},
  {"role": "assistant", "content": "Yes?"},
  {"role": "user", "content": "Why?"}])";

TEST(GoTemplate, ATurnIsRepeatedAndTheLastOneEndsAtItsResponse) {
  const std::string turn =
      "{{ if .System }}<s>{{ .System }}\n{{ end }}<u>{{ .Prompt }}\n<a>{{ .Response }}<end>\n";
  EXPECT_EQ(rendered(turn, one), "<u>Hi\n<a>");
  EXPECT_EQ(rendered(turn, several), "<s>Be brief.\n<u>Hi\n<a>Yes?<end>\n<u>Why?\n<a>");
}

TEST(GoTemplate, WithoutAResponseItComesLast) {
  EXPECT_EQ(rendered("[{{ .Prompt }}]", several), "[Hi]Yes?[Why?]");
}

TEST(GoTemplate, ARangeOverMessages) {
  EXPECT_EQ(rendered("{{- if .System }}({{ .System }}){{ end }}\n"
                     "{{- range $i, $m := .Messages }}\n"
                     "{{- $last := eq (len (slice $.Messages $i)) 1 -}}\n"
                     "{{- if eq $m.Role \"user\" }}<u>{{ $m.Content }}\n"
                     "{{- else if eq .Role \"assistant\" }}<a>{{ .Content }}\n"
                     "{{- end }}\n"
                     "{{- if and $last (ne .Role \"assistant\") }}<a>{{ end }}\n"
                     "{{- end }}",
                     several),
            "(Be brief.)<u>Hi<a>Yes?<u>Why?<a>");
}

TEST(GoTemplate, VariablesOutliveTheirLoops) {
  EXPECT_EQ(
      rendered("{{ $n := 0 }}{{ $who := \"\" }}{{ range .Messages }}{{ if eq .Role \"user\" }}"
               "{{ $who = .Content }}{{ end }}{{ end }}{{ $who }}",
               several),
      "Why?");
  EXPECT_EQ(
      rendered("{{ range $m := .Messages }}{{ if eq $m.Role \"assistant\" }}{{ break }}{{ end }}"
               "{{ $m.Role }};{{ end }}",
               several),
      "system;user;");
}

TEST(GoTemplate, ToolsAndCallsAreJson) {
  const std::string tools =
      R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}])";
  EXPECT_EQ(rendered("{{ if .Tools }}{{ range .Tools }}{{ .Function.Name }}={{ json .Function }};"
                     "{{ end }}{{ else }}none{{ end }}{{ range .Messages }}{{ end }}",
                     one, tools),
            R"(f={"name":"f","parameters":{"type":"object"}};)");
  EXPECT_EQ(rendered("{{ range .Messages }}{{ range .ToolCalls }}{{ .Function.Name }}"
                     "{{ .Function.Arguments }}{{ end }}{{ end }}",
                     R"([{"role": "assistant", "content": "", "tool_calls":
                         [{"type": "function", "function": {"name": "f", "arguments": {"a": 1}}}]}])"),
            R"(f{"a":1})");
}

// Expected texts are those of Ollama's template package (Go 1.26).
TEST(GoTemplate, MapsAreGoneThroughInTheOrderOfTheirKeys) {
  const std::string tools = R"([{"type": "function", "function": {"name": "weather", "parameters": {
      "type": "object", "properties": {
        "unit": {"type": "string", "enum": ["C", "F"]},
        "city": {"type": "string", "description": "a <name>"},
        "days": {"type": ["integer", "null"]},
        "x": {"anyOf": [{"type": "array"}, {"type": "boolean"}]}}}}}])";
  EXPECT_EQ(rendered("{{ range .Tools }}{{ .Function.Name }}({{ range $name, $p := "
                     ".Function.Parameters.Properties }}{{ $name }}: {{ toTypeScriptType $p }}"
                     "{{ if $p.Enum }} of {{ $p.Enum }}{{ range $i, $e := $p.Enum }}"
                     "{{ if $i }}|{{ end }}{{ $e }}{{ end }}{{ end }}, {{ end }}){{ end }}"
                     "{{ range .Messages }}{{ end }}",
                     one, tools),
            "weather(city: string, days: number | null, unit: string of [C F]C|F, "
            "x: any[] | boolean, )");
  EXPECT_EQ(rendered("{{ range .Tools }}{{ range .Function.Parameters.Properties }}"
                     "{{ .Type }}{{ json .Description }};{{ end }}{{ end }}{{ .Prompt }}",
                     one, tools),
            R"(string"a \u003cname\u003e";[integer null]"";string"";"";Hi)");
}

TEST(GoTemplate, PrintfAndPrintln) {
  using testing::HasSubstr;
  EXPECT_EQ(rendered("{{ range .Messages }}{{ printf \"%s says %q %d%%\\n\" .Role .Content "
                     "(len .Content) }}{{ end }}{{ println \"a\" \"b\" }}.",
                     several),
            "system says \"Be brief.\" 9%\nuser says \"Hi\" 2%\nassistant says \"Yes?\" 4%\n"
            "user says \"Why?\" 4%\na b\n.");
  EXPECT_EQ(rendered("{{ $s := \"\" }}{{ range .Messages }}{{ if $s }}"
                     "{{ $s = printf \"%s\\n\\n%s\" $s .Content }}{{ else }}{{ $s = .Content }}"
                     "{{ end }}{{ end }}{{ $s }}",
                     several),
            "Be brief.\n\nHi\n\nYes?\n\nWhy?");
  EXPECT_THAT(rendered("{{ printf \"%x\" .Prompt }}", one), HasSubstr("not '%x'"));
  EXPECT_THAT(rendered("{{ printf \"%s %\" .Prompt }}", one), HasSubstr("not '%'"));
  EXPECT_THAT(rendered("{{ printf \"%s %s\" .Prompt }}", one), HasSubstr("too few arguments"));
  EXPECT_THAT(rendered("{{ printf \"%s\" .Prompt 1 }}", one), HasSubstr("too many arguments"));
  EXPECT_THAT(rendered("{{ printf .Prompt }}", one), HasSubstr("must be a text"));
}

TEST(GoTemplate, TextsStayAsTheyAre) {
  EXPECT_EQ(rendered("a {% x %} {# y #} \"q\" \\ {{ .Prompt }} 'z'\n\n", one),
            "a {% x %} {# y #} \"q\" \\ Hi 'z'\n\n");
  EXPECT_EQ(
      rendered("{{/* a }} comment */}}x{{- /* b */ -}}  y{{ \"}}\" }}{{ `\\n` }}{{ .Prompt }}",
               one),
      "xy}}\\nHi");
  EXPECT_EQ(rendered("a \n {{- .Prompt -}} \n b", one), "aHib");
}

TEST(GoTemplate, PipesAndComparisons) {
  EXPECT_EQ(rendered("{{ (index .Messages 0).Content | print \"x\" }}{{ if not .System }}!{{ end }}"
                     "{{ if or (gt (len .Messages) 3) .System }}a{{ else }}b{{ end }}"
                     "{{ (index .Messages 0).Role }}",
                     one),
            "xHi!buser");
}

TEST(GoTemplate, WhatIsNotUnderstoodIsNamed) {
  using testing::HasSubstr;
  EXPECT_THAT(rendered("{{ .Prompt", one), HasSubstr("has no }}"));
  EXPECT_THAT(rendered("{{ if .Prompt }}", one), HasSubstr("have no {{ end }}"));
  EXPECT_THAT(rendered("{{ .Prompt }}{{ end }}", one), HasSubstr("no block to end"));
  EXPECT_THAT(rendered("{{ .Nonsense }}", one), HasSubstr("there is no .Nonsense"));
  EXPECT_THAT(rendered("{{ shout .Prompt }}", one), HasSubstr("there is no function 'shout'"));
  EXPECT_THAT(rendered("{{ template \"x\" }}", one), HasSubstr("not supported"));
  EXPECT_THAT(rendered("{{ $x }}", one), HasSubstr("no variable '$x'"));
  EXPECT_THAT(rendered("{{ eq .Prompt }}", one), HasSubstr("does not take 1 arguments"));
  std::string deep = "{{ ";
  for (int i = 0; i < 5000; ++i) deep += '(';
  EXPECT_THAT(rendered(deep + ".Prompt }}", one), HasSubstr("nested too deep"));
  std::string blocks;
  for (int i = 0; i < 100; ++i) blocks += "{{ if .Prompt }}";
  EXPECT_THAT(rendered(blocks, one), HasSubstr("deeper than"));
}

TEST(GoTemplate, JinjaIsNotTakenForIt) {
  EXPECT_TRUE(is_go_template("{{ .Prompt }}"));
  EXPECT_TRUE(is_go_template("{{- range .Messages }}{{ .Role }}{{ end }}"));
  EXPECT_FALSE(is_go_template("{{ messages[0].content }}"));
  EXPECT_FALSE(is_go_template("{% for m in messages %}{{ m.content }}{% endfor %}"));
  EXPECT_FALSE(is_go_template("no template"));
}

}  // namespace
}  // namespace quire
