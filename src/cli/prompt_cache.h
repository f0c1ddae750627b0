// Prompts on disk, for `run` and `serve` (docs/prefix-cache.md).
#pragma once
#include "cli/command.h"
#include "engine/block_store.h"

#include <string>

namespace quire {

// "8G", "500M", bytes; usage names the flag.
Result<int64_t> bytes_from(const char* flag, const std::string& text);

// ~/.quire/prompt-cache (QUIRE_HOME), which all commands share.
std::string default_prompt_cache();

// --prompt-cache, --prompt-cache-all, --prompt-cache-ro as llama.cpp names them, and
// --prompt-cache-size: of `run`.
struct PromptCacheFlags {
  std::string folder;  // "": none; "default"
  std::string size = "8G";
  bool all = false, read_only = false;
};
void add_prompt_cache_flags(CommandLine& app, PromptCacheFlags& flags);
// Without a folder there is no store. io when the folder cannot be used, usage for flags that make
// no sense without one.
Result<BlockStoreOptions> prompt_cache_options(const PromptCacheFlags& flags);

// Lines of a store to standard error.
void log_of_store(const std::string& line);
// Made where it is missing; io when it cannot be written.
Result<void> make_usable(const std::string& folder);

}  // namespace quire
