#include "base/memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>

namespace quire {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// A number at the start of a text; the most there can be when there is none ("max").
int64_t number_or_most(std::string_view text) {
  int64_t n = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), n);
  return parsed.ec == std::errc() ? n : std::numeric_limits<int64_t>::max();
}

int64_t left_in_control_group(const std::string& most_file, const std::string& used_file) {
  const int64_t most = number_or_most(first_line(most_file));
  if (most == std::numeric_limits<int64_t>::max()) return most;
  return std::max<int64_t>(0, most - number_or_most(first_line(used_file)));
}

// What this process's control group and those around it have left, page cache counted as used;
// the most there can be where none has a limit.
int64_t left_in_control_groups() {
  constexpr std::string_view unified = "0::";
  std::ifstream groups("/proc/self/cgroup");
  std::string group;
  for (std::string line; std::getline(groups, line);)
    if (line.starts_with(unified)) group = line.substr(unified.size());
  const std::string first_version = "/sys/fs/cgroup/memory/memory.";
  int64_t left = left_in_control_group(first_version + "limit_in_bytes",  //
                                       first_version + "usage_in_bytes");
  for (;; group.resize(group.rfind('/'))) {
    const std::string memory = "/sys/fs/cgroup" + group + "/memory.";
    left = std::min(left, left_in_control_group(memory + "max", memory + "current"));
    if (group.rfind('/') == std::string::npos) return left;
  }
}

}  // namespace

int64_t physical_memory_bytes() {
  return int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
}

int64_t available_memory_bytes() {
  int64_t available = 0;
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    constexpr std::string_view name = "MemAvailable:";
    if (!line.starts_with(name)) continue;
    const size_t digits = line.find_first_not_of(' ', name.size());
    if (digits != std::string::npos)
      available = number_or_most(std::string_view(line).substr(digits)) * 1024;
  }
  return std::min(available, left_in_control_groups());
}

}  // namespace quire
