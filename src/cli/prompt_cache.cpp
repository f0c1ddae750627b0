#include "cli/prompt_cache.h"

#include "base/file.h"
#include "cli/model_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <charconv>
#include <cmath>

namespace quire {

Result<int64_t> bytes_from(const char* flag, const std::string& text) {
  double value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(end, static_cast<size_t>(text.data() + text.size() - end));
  const std::string units = "KMGT";
  const size_t power =
      unit.empty() ? 0 : units.find(static_cast<char>(std::toupper(unit[0] & 0x7f))) + 1;
  const bool right = error == std::errc() && unit.size() <= 1 && (unit.empty() || power > 0) &&
                     value >= 0 && value <= 0x1p50;
  const double bytes = value * std::pow(1024.0, static_cast<double>(power));
  if (!right || bytes > 0x1p60)
    return fail(Fault::usage, "{}: '{}' is no size; as in 8G, 500M or 0", flag, text);
  return static_cast<int64_t>(bytes);
}

std::string default_prompt_cache() { return quire_home() + "/prompt-cache"; }

void log_of_store(const std::string& line) { fmt::print(stderr, "quire: {}\n", line); }

Result<void> make_usable(const std::string& folder) {
  TRY(make_directories(folder));
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) == 0) return {};
  return fail(Fault::io, "{}: cannot be written", folder);
}

void add_prompt_cache_flags(CommandLine& app, PromptCacheFlags& flags) {
  add_text(app, "--prompt-cache", flags.folder,
           "keep prompts in this folder, run once for all; default: where serve keeps them",
           "FOLDER|default");
  app.add_flag("--prompt-cache-all", flags.all, "the answers, too");
  app.add_flag("--prompt-cache-ro", flags.read_only, "use what is there and change nothing");
  add_text(app, "--prompt-cache-size", flags.size, "of all in the folder, as 500M", "SIZE")
      ->capture_default_str();
}

Result<BlockStoreOptions> prompt_cache_options(const PromptCacheFlags& flags) {
  BlockStoreOptions options;
  if (flags.folder.empty()) {
    if (flags.all || flags.read_only)
      return fail(Fault::usage, "{} needs --prompt-cache FOLDER",
                  flags.all ? "--prompt-cache-all" : "--prompt-cache-ro");
    return options;
  }
  options.bytes_max = TRY(bytes_from("--prompt-cache-size", flags.size));
  options.folder = flags.folder == "default" ? default_prompt_cache() : flags.folder;
  options.read_only = flags.read_only;
  options.answers = flags.all;
  options.log = log_of_store;
  if (file_exists(options.folder) && !is_directory(options.folder))
    return fail(Fault::usage, "--prompt-cache: {} is a file; prompts are kept in a folder",
                options.folder);
  if (!flags.read_only) {
    const Result<void> usable = make_usable(options.folder);
    if (!usable) return fail(Fault::io, "--prompt-cache: {}", usable.error().text);
  }
  return options;
}

}  // namespace quire
