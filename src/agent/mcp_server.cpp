#include "agent/mcp_server.h"

#include "format/json.h"
#include "format/printable.h"

#include <thread>

namespace quire::agent {
namespace {

constexpr double greeting_timeout_s = 20;  // some are fetched before they start
constexpr std::chrono::seconds failure_lasts(5);
constexpr std::chrono::milliseconds slice(20);  // until somebody who was stopped goes
constexpr size_t n_servers_max = 64;

// One server of a configuration; the first thing that is wrong is kept.
class SpecReader {
 public:
  SpecReader(const Json& entry, std::string where) : entry_(entry), where_(std::move(where)) {}

  Result<McpServerSpec> read(const std::string& name) {
    McpServerSpec spec;
    spec.name = name;
    if (!entry_.is_object()) return fail(Fault::bad_format, "{}: is no object", where_);
    const std::string program = text("command");
    if (program.empty() && !error_)
      return fail(Fault::bad_format, "{}: 'command' is missing: the program that is the server",
                  where_);
    spec.command.command = {program};
    if (const Json* list = typed("args", Json::value_t::array))
      for (const Json& word : *list) spec.command.command.push_back(text_of(word, "args"));
    if (const Json* list = typed("env", Json::value_t::object))
      for (const auto& [key, value] : list->items())
        spec.command.environment.push_back(key + "=" + text_of(value, "env"));
    spec.command.folder = text("cwd");
    if (const Json* timeout = find("timeout_ms")) {
      const double ms = timeout->is_number() ? timeout->get<double>() : 0;
      if (!(ms >= 1 && ms <= 86'400'000)) complain("timeout_ms", "is no number from 1 to 86400000");
      spec.timeout_s = ms / 1e3;
    }
    if (error_) return std::unexpected(*error_);
    return spec;
  }

 private:
  const Json* find(const char* name) const {
    const auto found = entry_.find(name);
    return found == entry_.end() || found->is_null() ? nullptr : &*found;
  }
  void complain(const char* name, const char* what) {
    if (!error_) error_ = Error{Fault::bad_format, fmt::format("{}: '{}' {}", where_, name, what)};
  }
  std::string text_of(const Json& value, const char* name) {
    if (value.is_string()) return value.get<std::string>();
    complain(name, "has something else than texts");
    return "";
  }
  std::string text(const char* name) {
    const Json* value = find(name);
    return value == nullptr ? "" : text_of(*value, name);
  }
  const Json* typed(const char* name, Json::value_t type) {
    const Json* value = find(name);
    if (value == nullptr || value->type() == type) return value;
    complain(name, type == Json::value_t::array ? "is no array" : "is no object");
    return nullptr;
  }

  const Json& entry_;
  const std::string where_;
  std::optional<Error> error_;
};

class RemoteTool : public Tool {
 public:
  RemoteTool(ToolInfo the_info, std::shared_ptr<McpServer> server, std::string name)
      : Tool(std::move(the_info)), server_(std::move(server)), name_(std::move(name)) {}

  Result<ToolResult> run(const ToolCall& call) const override {
    McpToolAnswer answer = TRY(server_->call_tool(name_, call.arguments, call.stopped));
    if (answer.failed)
      return fail(Fault::io, "{}", answer.text.empty() ? "the tool failed" : answer.text);
    return ToolResult{.text = std::move(answer.text)};
  }

 private:
  const std::shared_ptr<McpServer> server_;
  const std::string name_;  // as the server knows it
};

}  // namespace

Result<McpConfig> parse_mcp_config(std::string_view text, std::string_view name) {
  const Json json = TRY(parse_ordered_json(text, name));
  const auto list = json.is_object() ? json.find("mcpServers") : json.end();
  if (!json.is_object() || list == json.end() || !list->is_object())
    return fail(Fault::bad_format, "{}: no object with an object 'mcpServers' in it", name);
  if (list->size() > n_servers_max)
    return fail(Fault::limit, "{}: {} MCP servers, at most {} are supported", name, list->size(),
                n_servers_max);
  McpConfig config;
  for (const auto& [key, entry] : list->items()) {
    const bool is_remote = entry.is_object() && entry.contains("url") && !entry.contains("command");
    if (is_remote) {
      config.remote.push_back(key);
      continue;
    }
    const std::string where = fmt::format("{}: MCP server '{}'", name, printable(key));
    config.servers.push_back(TRY(SpecReader(entry, where).read(key)));
  }
  return config;
}

Result<std::unique_ptr<McpClient>> McpServer::start(const std::function<bool()>& stopped) const {
  auto channel = TRY(open_stdio_channel(spec_.name, spec_.command));
  return McpClient::open(spec_.name, std::move(channel), greeting_timeout_s, stopped);
}

Result<std::shared_ptr<McpClient>> McpServer::client(const std::function<bool()>& stopped) {
  const auto given_up = [&] { return closed_ || (stopped && stopped()); };
  std::unique_lock lock(mutex_, std::defer_lock);
  // No timed mutex: TSan of g++ 12 does not see how that is locked.
  while (!lock.try_lock()) {
    if (given_up()) return fail(Fault::cancelled, "{}: the call was stopped", spec_.name);
    std::this_thread::sleep_for(slice);
  }
  if (closed_) return fail(Fault::cancelled, "{}: the MCP server was stopped", spec_.name);
  if (client_ && client_->is_open()) return client_;
  client_.reset();
  const auto now = std::chrono::steady_clock::now();
  if (failure_ && now - failure_->at < failure_lasts) return std::unexpected(failure_->error);
  auto started = start(given_up);
  if (!started && started.error().fault != Fault::cancelled)
    failure_ = {started.error(), std::chrono::steady_clock::now()};
  client_ = TRY(std::move(started));
  return client_;
}

Result<std::vector<McpToolInfo>> McpServer::list_tools() {
  const auto closed = [this] { return closed_.load(); };
  return TRY(client(closed))->list_tools(greeting_timeout_s, closed);
}

Result<McpToolAnswer> McpServer::call_tool(const std::string& tool, const Json& arguments,
                                           const std::function<bool()>& stopped) {
  return TRY(client(stopped))->call_tool(tool, arguments, spec_.timeout_s, stopped);
}

void McpServer::close() {
  closed_ = true;
  const std::lock_guard lock(mutex_);
  if (client_) client_->close();
  client_.reset();
}

void add_mcp_tools(const std::vector<std::shared_ptr<McpServer>>& servers, Toolbox& box,
                   const std::function<void(const std::string&)>& log) {
  using Listed = Result<std::vector<McpToolInfo>>;
  std::vector<Listed> lists(servers.size());
  std::vector<std::thread> threads;
  threads.reserve(servers.size());
  for (size_t i = 0; i < servers.size(); ++i)
    threads.emplace_back([&, i] { lists[i] = servers[i]->list_tools(); });
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < servers.size(); ++i) {
    if (!lists[i]) {
      log(fmt::format("MCP server {}", lists[i].error().text));
      continue;
    }
    for (McpToolInfo& tool : *lists[i]) {
      ToolInfo info;
      info.name = servers[i]->spec().name + "_" + tool.name;
      info.title = tool.title.empty() ? info.name : tool.title;
      info.description = std::move(tool.description);
      info.parameters = std::move(tool.parameters);
      info.writes = !tool.only_reads;
      info.source = ToolInfo::Source::mcp;
      const std::string name = info.name;
      if (!box.add(std::make_unique<RemoteTool>(std::move(info), servers[i], tool.name)))
        log(fmt::format("MCP server {}: there is a tool '{}' already, this one is left out",
                        servers[i]->spec().name, printable(name)));
    }
  }
}

}  // namespace quire::agent
