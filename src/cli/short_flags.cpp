#include "cli/short_flags.h"

#include <algorithm>

namespace quire {
namespace {

struct ShortFlag {
  std::string_view name, long_name;
};

constexpr ShortFlag short_flags[] = {
    {"-ag", "--agent"},
    {"-cd", "--ctx-size-draft"},
    {"-cnv", "--conversation"},
    {"-ctk", "--cache-type-k"},
    {"-ctv", "--cache-type-v"},
    {"-jf", "--json-schema-file"},
    {"-md", "--model-draft"},
    {"-no-ag", "--no-agent"},
    {"-no-cnv", "--no-conversation"},
    {"-rea", "--reasoning"},
    {"-st", "--single-turn"},
    {"-sys", "--system-prompt"},
    {"-sysf", "--system-prompt-file"},
};

}  // namespace

void expand_short_flags(const std::function<bool(const std::string& flag)>& has_flag,
                        std::vector<std::string>& arguments) {
  for (std::string& argument : arguments) {
    if (argument == "--") return;
    const size_t end = std::min(argument.find('='), argument.size());
    for (const ShortFlag& flag : short_flags)
      if (argument.compare(0, end, flag.name) == 0 && has_flag(std::string(flag.long_name))) {
        argument.replace(0, end, flag.long_name);
        break;
      }
  }
}

std::string_view short_flag_of(std::string_view long_name) {
  for (const ShortFlag& flag : short_flags)
    if (flag.long_name == long_name) return flag.name;
  return {};
}

}  // namespace quire
