// Flags of llama.cpp's server, so that a command line written for it starts `quire serve`: defaults
// of requests, other names, and those that change nothing here.
#pragma once
#include "cli/generation.h"
#include "cli/thinking_flags.h"
#include "server/app.h"

#include <string>
#include <vector>

namespace quire {

struct LlamaServerFlags {
  SamplingFlags sampling;
  ThinkingFlags thinking;
  ContextShift shift;
  std::string template_kwargs, tags, hf_repo, pooling;
  int64_t n_predict = -1;
  bool no_slots = false, no_cache_prompt = false, verbose = false;
  std::vector<std::string> ignored;  // with the values that they were given
};

void add_llama_server_flags(CommandLine& app, LlamaServerFlags& flags);
// usage for what makes no sense.
Result<void> apply(const LlamaServerFlags& flags, server::AppOptions& options);
// One line to standard error when flags were given that change nothing.
void note_ignored(const LlamaServerFlags& flags);

}  // namespace quire
