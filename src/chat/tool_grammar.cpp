#include "chat/tool_grammar.h"

#include "chat/json_scanner.h"
#include "format/printable.h"
#include "grammar/grammar.h"
#include "grammar/json_schema.h"
#include "grammar/json_text.h"
#include "grammar/text_until.h"

#include <vector>

namespace quire {
namespace {

class Writer {
 public:
  Writer(Grammar& grammar, const ReplyFormat& format, std::span<const Tool> tools,
         ParallelCalls parallel)
      : g_(grammar), json_(grammar), format_(format), tools_(tools), parallel_(parallel) {}

  // Where calls begin in an answer that is otherwise free; "" for a family without a marker.
  std::string_view marker() const {
    switch (format_.tools) {
      case ToolStyle::hermes:
      case ToolStyle::qwen_xml:
        return "<tool_call>";
      case ToolStyle::mistral:
        return "[TOOL_CALLS]";
      case ToolStyle::deepseek:
      case ToolStyle::deepseek31:
        return "<｜tool▁calls▁begin｜>";
      case ToolStyle::command_r:
        return "<|START_ACTION|>";
      case ToolStyle::functionary:
        return "<function=";
      case ToolStyle::firefunction:
        return "functools";
      case ToolStyle::harmony:
        return " to=functions.";
      default:
        return "";
    }
  }

  // What follows the marker, to the end of that call or list of calls.
  Result<ExpressionId> behind_marker() {
    std::vector<ExpressionId> each;
    for (const Tool& tool : tools_) each.push_back(TRY(call(tool)));
    const ExpressionId one = g_.as_rule("call", g_.choice(each));
    const bool many = parallel_ == ParallelCalls::many;
    switch (format_.tools) {
      case ToolStyle::deepseek:
      case ToolStyle::deepseek31: {
        const ExpressionId more = g_.repeat(g_.sequence({line(), one}), 0, many ? g_.unbounded : 0);
        return g_.sequence({one, more, line(), mark("<｜tool▁calls▁end｜>")});
      }
      case ToolStyle::command_r:
        return g_.sequence(
            {json_.space(), listed(one, many), json_.space(), mark("<|END_ACTION|>")});
      case ToolStyle::generic:
        return many ? listed(one, many) : one;
      case ToolStyle::mistral:
      case ToolStyle::firefunction:
        return listed(one, many);
      default:
        return one;
    }
  }

  // All the calls of an answer, markers included.
  Result<ExpressionId> whole() {
    const ExpressionId rest = TRY(behind_marker());
    if (marker().empty()) {
      if (parallel_ == ParallelCalls::one || format_.tools != ToolStyle::llama3) return rest;
      return g_.sequence({rest, g_.repeat(g_.sequence({g_.text("; "), rest}), 0, g_.unbounded)});
    }
    if (format_.tools == ToolStyle::harmony)
      return g_.sequence({mark("<|channel|>"), g_.text("commentary to=functions."), rest});
    const ExpressionId one = g_.sequence({mark(marker()), rest});
    const bool in_list =
        format_.tools == ToolStyle::mistral || format_.tools == ToolStyle::firefunction ||
        format_.tools == ToolStyle::command_r || format_.tools == ToolStyle::deepseek ||
        format_.tools == ToolStyle::deepseek31;
    if (parallel_ == ParallelCalls::one || in_list) return one;
    return g_.sequence({one, g_.repeat(g_.sequence({line(), one}), 0, g_.unbounded)});
  }

  // Thinking before them, where the model decides about it.
  ExpressionId behind_thinking(ExpressionId calls) {
    ExpressionId thinking;
    if (format_.tools == ToolStyle::harmony)
      thinking = g_.sequence({mark("<|channel|>"), g_.text("analysis"), mark("<|message|>"),
                              text_until(g_, "<|end|>"), mark("<|start|>"), g_.text("assistant")});
    else if (!format_.think_open.empty())
      thinking = g_.sequence(
          {mark(format_.think_open), text_until(g_, format_.think_close), json_.space()});
    else
      return calls;
    return g_.sequence({g_.optional(thinking), calls});
  }

 private:
  ExpressionId mark(std::string_view text) { return marker_text(g_, text); }
  ExpressionId line() { return g_.repeat(g_.text("\n"), 0, 2); }

  ExpressionId listed(ExpressionId one, bool many) {
    const ExpressionId more = g_.sequence({json_.comma(), one, json_.space()});
    return json_.enclosed(
        "[", g_.sequence({one, json_.space(), g_.repeat(more, 0, many ? g_.unbounded : 0)}), "]");
  }

  Result<ExpressionId> call(const Tool& tool) {
    const std::string where = "tool '" + printable(tool.name, 60) + "'";
    if (format_.tools == ToolStyle::qwen_xml) return tagged_call(tool, where);
    const std::string_view schema =
        tool.parameters.empty() ? std::string_view(R"({"type":"object"})") : tool.parameters;
    const ExpressionId arguments =
        g_.as_rule("arguments", TRY(json_schema_expression(g_, schema, where)));
    const ExpressionId name = g_.text(tool.name);
    switch (format_.tools) {
      case ToolStyle::hermes:
        return g_.sequence({json_.space(), object(tool, "name", "arguments", arguments),
                            json_.space(), mark("</tool_call>")});
      case ToolStyle::llama3:
        return object(tool, "name", "parameters", arguments);
      case ToolStyle::command_r:
        return object(tool, "tool_name", "parameters", arguments);
      case ToolStyle::functionary:
        return g_.sequence({name, g_.text(">"), arguments, g_.text("</function>")});
      case ToolStyle::harmony:
        return g_.sequence({name, g_.text(" "), g_.optional(mark("<|constrain|>")), g_.text("json"),
                            mark("<|message|>"), arguments});
      case ToolStyle::deepseek31:
        return g_.sequence({mark("<｜tool▁call▁begin｜>"), name, mark("<｜tool▁sep｜>"), arguments,
                            mark("<｜tool▁call▁end｜>")});
      case ToolStyle::deepseek:
        return g_.sequence({mark("<｜tool▁call▁begin｜>"), g_.text("function"),
                            mark("<｜tool▁sep｜>"), name, g_.text("\n```json\n"), arguments,
                            g_.text("\n```"), mark("<｜tool▁call▁end｜>")});
      default:
        return object(tool, "name", "arguments", arguments);
    }
  }

  ExpressionId object(const Tool& tool, std::string_view name_key, std::string_view arguments_key,
                      ExpressionId arguments) {
    return json_.enclosed(
        "{",
        g_.sequence({json_.member(json_.exactly(name_key), json_.exactly(tool.name)), json_.comma(),
                     json_.member(json_.exactly(arguments_key), arguments)}),
        "}");
  }

  // Values in tags are text: of the schema only the names and what is required can be held to.
  Result<ExpressionId> tagged_call(const Tool& tool, const std::string& where) {
    std::vector<ExpressionId> parts = {json_.space(), g_.text("<function=" + tool.name + ">\n")};
    const auto value = [&] {
      if (!value_) value_ = g_.as_rule("value", text_until(g_, "</parameter>"));
      return *value_;
    };
    const auto document = TRY(
        parse_schema_document(tool.parameters.empty() ? R"({"type":"object"})" : tool.parameters,
                              where, g_.limits().depth_max));
    const SchemaValue* properties = document->root->find("properties");
    const SchemaValue* required = document->root->find("required");
    for (size_t i = 0; properties != nullptr && i < properties->keys.size(); ++i) {
      const std::string& key = properties->keys[i];
      bool needed = false;
      for (size_t j = 0; required != nullptr && j < required->items.size(); ++j)
        needed |= required->items[j]->text == key;
      const ExpressionId one =
          g_.sequence({g_.text("<parameter=" + key + ">\n"), value(), g_.text("\n")});
      parts.push_back(needed ? one : g_.optional(one));
    }
    parts.insert(parts.end(), {g_.text("</function>\n"), mark("</tool_call>")});
    return g_.sequence(parts);
  }

  Grammar& g_;
  JsonText json_;
  const ReplyFormat& format_;
  std::span<const Tool> tools_;
  ParallelCalls parallel_;
  std::optional<ExpressionId> value_;
};

}  // namespace

Result<std::optional<OutputGrammar>> tool_grammar(const ReplyFormat& format, Opens opens,
                                                  std::span<const Tool> tools,
                                                  const ToolChoice& choice, ParallelCalls parallel,
                                                  const GrammarLimits& limits) {
  using Kind = ToolChoice::Kind;
  if (choice.kind == Kind::none) return std::nullopt;
  const bool must = choice.kind != Kind::automatic;
  if (must && tools.empty())
    return fail(Fault::usage, "tool_choice asks for a call, and the request has no tools");
  if (must && format.tools == ToolStyle::none)
    return fail(Fault::usage,
                "tool_choice asks for a call, and the chat template of this model knows no tools");
  if (choice.kind == Kind::named) {
    size_t at = 0;
    while (at < tools.size() && tools[at].name != choice.name) ++at;
    if (at == tools.size())
      return fail(Fault::usage,
                  "tool_choice names '{}', which is not among the {} tools of the request",
                  printable(choice.name, 60), tools.size());
    tools = tools.subspan(at, 1);
  }
  Grammar grammar(limits);
  Writer writer(grammar, format, tools, parallel);
  if (!must && (tools.empty() || writer.marker().empty())) return std::nullopt;
  const RuleId root = grammar.add_rule("root");
  GrammarStart start;
  if (must) {
    const ExpressionId calls = TRY(writer.whole());
    grammar.define(root, opens == Opens::prompt ? calls : writer.behind_thinking(calls));
    if (opens == Opens::prompt) start.markers = {format.think_close};
  } else {
    grammar.define(root, TRY(writer.behind_marker()));
    start = {{std::string(writer.marker())}, false, true};
  }
  grammar.set_root(root);
  OutputGrammar result = TRY(OutputGrammar::compile(grammar, "tools"));
  result.start = std::move(start);
  return result;
}

}  // namespace quire
