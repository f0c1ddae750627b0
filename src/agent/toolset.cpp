#include "agent/toolset.h"

#include <thread>

namespace quire::agent {

Result<std::unique_ptr<Toolset>> Toolset::create(const ToolsetOptions& options) {
  std::unique_ptr<Toolset> set(new Toolset());
  set->toolbox_ = TRY(Toolbox::builtin(options.builtin));
  if (!options.runtime.empty()) set->runtime_ = TRY(OwnRuntime::start(options.runtime));
  for (const McpServerSpec& spec : options.mcp_servers)
    set->mcp_servers_.push_back(std::make_shared<McpServer>(spec));
  add_mcp_tools(set->mcp_servers_, set->toolbox_, [&](const std::string& line) {
    if (options.log) options.log(line);
  });
  return set;
}

bool Toolset::lets_choose(const std::string& runtime) const {
  return !runtime_ || runtime.empty() || runtime == runtime_->name();
}

Result<std::unique_ptr<Place>> Toolset::place(const std::string& runtime,
                                              const std::string& folder) const {
  return place_of(runtime_ ? runtime_->name() : runtime, folder);
}

void Toolset::end() {
  ending_ = true;
  std::vector<std::thread> threads;  // each may take as long as its server is patient
  threads.reserve(mcp_servers_.size());
  for (const auto& server : mcp_servers_) threads.emplace_back([&server] { server->close(); });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace quire::agent
