// GET and POST /tools: the tools that the server runs itself, as llama.cpp's server has them
// (tools/server/README-dev.md there). What a client sends wrong is a 4xx; what goes wrong in a
// tool, or in arguments that a model wrote, is an answer with `error` in it, for the model to read.
#include "agent/toolset.h"
#include "format/printable.h"
#include "server/app.h"
#include "server/fields.h"
#include "server/stream.h"

namespace quire::server {
namespace {

ApiResult<agent::Toolset*> toolset_of(const App& app) {
  if (app.options.tools == nullptr)
    return fail_api(403, "",
                    "this server runs no tools; --tools, --mcp-servers-config and "
                    "--mcp-servers-json give it some");
  return app.options.tools.get();
}

Json tool_json(const agent::ToolInfo& info) {
  const bool is_mcp = info.source == agent::ToolInfo::Source::mcp;
  return {{"tool", info.name},
          {"display_name", info.title},
          {"type", is_mcp ? "mcp" : "server"},
          {"permissions", {{"write", info.writes}}},
          {"definition",
           {{"type", "function"},
            {"function",
             {{"name", info.name},
              {"description", info.description},
              {"parameters", info.parameters}}}}}};
}

Json answer_json(Result<agent::ToolResult> result) {
  if (!result) return {{"error", result.error().text}};
  Json answer = Json::object();
  if (result->text) answer["plain_text_response"] = *result->text;
  answer.update(result->fields);
  return answer;
}

// Where it is to work is the client's to say, not the model's.
ApiResult<std::unique_ptr<agent::Place>> place_asked_for(const agent::Toolset& tools,
                                                         const HttpRequest& request) {
  const std::string runtime(request.header_or("x-tool-runtime", ""));
  if (!tools.lets_choose(runtime))
    return fail_api(403, "x-tool-runtime",
                    "the runtime '{}' cannot be chosen: --tools-runtime says where the tools of "
                    "this server work",
                    printable(runtime));
  auto place = tools.place(runtime, std::string(request.header_or("x-tool-cwd", "")));
  // A 500 as there, where clients look for it, though it is often the header that is wrong.
  if (!place) return fail_api(500, "x-tool-runtime", "{}", place.error().text);
  return *std::move(place);
}

void stream_tool(Exchange& exchange, const agent::Tool& tool, agent::ToolCall& call) {
  begin_events(exchange);
  call.on_output = [&](std::string_view piece) {
    write_data(exchange, {{"chunk", std::string(piece)}});
  };
  const auto result = tool.run(call);
  Json last = {{"done", true}};
  if (!result) last["error"] = result.error().text;
  write_data(exchange, last);
  exchange.end();
}

}  // namespace

ApiResult<void> route_tools(App& app, Exchange& exchange) {
  const agent::Toolset* tools = TRY_API(toolset_of(app));
  Json list = Json::array();
  for (const auto& tool : tools->toolbox().tools()) list.push_back(tool_json(tool->info));
  send_json(exchange, list);
  return {};
}

ApiResult<void> route_tool_call(App& app, Exchange& exchange) {
  const agent::Toolset* tools = TRY_API(toolset_of(app));
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("tool");
  const Json* given = fields.object("params");
  const bool stream = fields.flag("stream", false);
  if (name.empty()) fields.complain("tool", "must be the name of a tool");
  TRY_API(fields.done());
  const agent::Tool* tool = tools->toolbox().find(name);
  if (tool == nullptr)
    return fail_api(404, "tool", "there is no tool '{}'; GET /tools lists those there are",
                    printable(name));
  if (stream && !tool->info.streams)
    return fail_api(404, "stream", "the tool '{}' does not stream", name);
  const auto place = TRY_API(place_asked_for(*tools, exchange.request()));
  exchange.note = "tool " + printable(name);
  const Json none = Json::object();
  agent::ToolCall call{.arguments = given != nullptr ? *given : none, .place = *place};
  call.stopped = [&] { return exchange.stop_token().stop_requested() || tools->is_ending(); };
  call.wants_bytes = exchange.request().header_or("x-resp-type", "") == "base64";
  if (stream)
    stream_tool(exchange, *tool, call);
  else
    send_json(exchange, answer_json(tool->run(call)));
  return {};
}

}  // namespace quire::server
