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
  std::string template_kwargs, tags, hf_repo, hf_file, hf_token, pooling;
  std::string as;  // "llama-server": with its defaults where they differ from those here
  int64_t n_predict = -1;
  double sleep_idle_s = -1;
  bool no_slots = false, no_cache_prompt = false, verbose = false, metrics = false;
  bool offline = false, no_autoload = false;
  int32_t n_models_max = 0;
  bool unified = false, divided = false;  // --kv-unified, --no-kv-unified
  std::vector<std::string> ignored;       // with the values that they were given
};

void add_llama_server_flags(CommandLine& app, LlamaServerFlags& flags);
// usage for what makes no sense.
Result<void> apply(const LlamaServerFlags& flags, server::AppOptions& options);
// Of --as llama-server.
bool is_like_llama_server(const LlamaServerFlags& flags);
// Whether --ctx-size is divided among the sequences: asked for, or, as there, because their number
// was given and --kv-unified was not.
bool divides_context(const LlamaServerFlags& flags, bool n_parallel_given);
// The name of the model of --hf-repo, which is fetched when it is not here. not_found with
// --offline.
Result<std::string> hub_model(const LlamaServerFlags& flags);
// One line to standard error when flags were given that change nothing.
void note_ignored(const LlamaServerFlags& flags);

}  // namespace quire
