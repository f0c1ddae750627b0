#include "cli/tool_flags.h"

#include "agent/toolset.h"
#include "base/file.h"
#include "format/printable.h"

namespace quire {
namespace {

std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    if (end > begin) names.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

void print_line(const std::string& line) { fmt::print(stderr, "quire: {}\n", line); }

Result<void> add_mcp_servers(std::string_view text, std::string_view name,
                             std::vector<agent::McpServerSpec>& servers) {
  agent::McpConfig config = TRY(agent::parse_mcp_config(text, name));
  for (const std::string& remote : config.remote)
    print_line(fmt::format("{}: MCP server '{}' is one at an address, not a program: left out",
                           name, printable(remote)));
  servers.insert(servers.end(), std::make_move_iterator(config.servers.begin()),
                 std::make_move_iterator(config.servers.end()));
  return {};
}

bool gives_proxy(const ToolFlags& flags) {
  return flags.proxy.empty() ? flags.agent : flags.proxy == "yes";
}

}  // namespace

void add_tool_flags(CommandLine& app, ToolFlags& flags) {
  add_text(app, "--tools", flags.builtin,
           "tools that POST /tools runs on this machine for whoever may come in: all, or some of " +
               agent::builtin_tool_names(),
           "NAMES");
  add_text(app, "--tools-runtime", flags.runtime,
           "where they run: docker:IMAGE or podman:IMAGE, a container that ends with the server; "
           "docker-container:ID, podman-container:ID, ssh:TARGET",
           "WHERE");
  add_text(app, "--mcp-servers-config,--mcp-config", flags.mcp_file,
           "MCP servers to start, whose tools /tools offers, too: a JSON file with \"mcpServers\"",
           "FILE");
  add_text(app, "--mcp-servers-json", flags.mcp_json, "the same, the JSON itself", "JSON");
  app.add_flag(
         "--mcp-proxy{yes},--ui-mcp-proxy{yes},--webui-mcp-proxy{yes},--no-mcp-proxy{no},"
         "--no-ui-mcp-proxy{no},--no-webui-mcp-proxy{no}",
         flags.proxy, "/cors-proxy?url=ADDRESS asks other servers for pages of this one")
      ->check(one_of({"yes", "no"}, Case::as_written, InHelp::not_listed));
  app.add_flag("--agent,!--no-agent", flags.agent,
               "--tools all and --mcp-proxy, where these do not say otherwise");
}

bool gives_tools(const ToolFlags& flags) {
  return flags.agent || gives_proxy(flags) || !flags.builtin.empty() || !flags.mcp_file.empty() ||
         !flags.mcp_json.empty();
}

Result<void> apply(const ToolFlags& flags, server::AppOptions& options) {
  options.proxy = gives_proxy(flags);
  const bool builtin = flags.agent || !flags.builtin.empty();
  if (!flags.runtime.empty() && !builtin)
    return fail(Fault::usage, "--tools-runtime says where tools run; --tools says which");
  if (!builtin && flags.mcp_file.empty() && flags.mcp_json.empty()) return {};
  agent::ToolsetOptions tools;
  if (builtin) tools.builtin = names_in(flags.builtin.empty() ? "all" : flags.builtin);
  tools.runtime = flags.runtime;
  if (!flags.mcp_file.empty()) {
    const std::string text = TRY(read_file(flags.mcp_file, 16 << 20));
    TRY(add_mcp_servers(text, flags.mcp_file, tools.mcp_servers));
  }
  if (!flags.mcp_json.empty())
    TRY(add_mcp_servers(flags.mcp_json, "--mcp-servers-json", tools.mcp_servers));
  tools.log = print_line;
  options.tools = TRY(agent::Toolset::create(tools));
  return {};
}

}  // namespace quire
