// A tool: something a model may ask for by name, with arguments that a JSON schema describes.
//
// Tools stand in a Toolbox. Those that are built in are rows of builtin_tools.inc; an MCP server
// brings others (mcp_server.h). Where a tool works is a Place: this machine, a container, another
// machine.
#pragma once
#include "base/result.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quire::agent {

class Place;
using Json = nlohmann::ordered_json;  // templates show the keys in their order

struct ToolInfo {
  enum class Source : uint8_t { builtin, mcp };
  std::string name, title, description;
  Json parameters;       // JSON schema of an object
  bool writes = false;   // may change something: ask before
  bool streams = false;  // says what it has while it runs
  Source source = Source::builtin;
};

struct ToolCall {
  const Json& arguments;  // an object
  const Place& place;
  std::function<bool()> stopped{};                    // asked often: true ends the call
  std::function<void(std::string_view)> on_output{};  // of a tool that streams: text as it comes
  bool wants_bytes = false;                           // a file as it is, not as text for a model
};

// What a model is shown is the text where there is one, else the fields.
struct ToolResult {
  std::optional<std::string> text{};
  Json fields = Json::object();
};

// Immutable; may be called from many threads.
class Tool {
 public:
  explicit Tool(ToolInfo the_info) : info(std::move(the_info)) {}
  virtual ~Tool() = default;
  // An error is for the model to read: it names what was wrong with the arguments or the world.
  virtual Result<ToolResult> run(const ToolCall& call) const = 0;
  const ToolInfo info;
};

class Toolbox {
 public:
  // The built-in tools of these names; {"all"} for all of them. usage names one that is not there.
  static Result<Toolbox> builtin(std::span<const std::string> names);
  // False, and nothing happens, when the name is taken.
  bool add(std::unique_ptr<Tool> tool);
  const Tool* find(std::string_view name) const;  // nullptr when there is none
  const std::vector<std::unique_ptr<Tool>>& tools() const { return tools_; }

 private:
  std::vector<std::unique_ptr<Tool>> tools_;
};

// "read_file, write_file, ..."
std::string builtin_tool_names();

#define TOOL(name, make) std::unique_ptr<Tool> make();
#include "agent/builtin_tools.inc"
#undef TOOL

}  // namespace quire::agent
