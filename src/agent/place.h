// Where tools work: files and commands of this machine, of a container, or of another machine.
//
// Paths are those of the place; one that does not begin with a slash is in its folder. Errors name
// the path as it was given.
#pragma once
#include "base/process.h"

#include <memory>
#include <string>
#include <vector>

namespace quire::agent {

struct PlaceEntry {
  std::string path;  // in the folder that was listed, without a slash at its end
  bool is_folder = false;
};

struct PlaceListing {
  std::vector<PlaceEntry> entries;  // by path
  bool cut = false;                 // there are more: too many, or too slow
};

// Immutable; may be used from many threads.
class Place {
 public:
  virtual ~Place() = default;
  // As seen from anywhere in the place, where that is known.
  virtual std::string whole_path(const std::string& path) const = 0;
  // not_found, io for what is no file, limit for more than bytes_max.
  virtual Result<std::string> read(const std::string& path, size_t bytes_max) const = 0;
  // In place when it is whole, with the folders above it. A file that is replaced keeps its mode.
  virtual Result<void> write(const std::string& path, std::string_view text) const = 0;
  virtual Result<bool> is_folder(const std::string& path) const = 0;
  // What is below a folder, `depth_max` folders deep (0: all). Folders that tools fill (.git,
  // node_modules, build, ...) are listed, what is in them is not.
  virtual Result<PlaceListing> list(const std::string& path, int depth_max,
                                    const std::function<bool()>& stopped) const = 0;
  // A program with its arguments, in the folder of the place.
  virtual Result<CommandEnd> run(const std::vector<std::string>& command,
                                 const CommandLimits& limits,
                                 const CommandWatch& watch = {}) const = 0;
};

// This machine; folder "": where the program works.
std::unique_ptr<Place> host_place(const std::string& folder);
// Where a program runs commands, as `docker exec -i ID COMMAND...` does: `runner` is what stands
// before the command. The place has a POSIX shell, cat, find and mkdir.
enum class CommandForm : uint8_t {
  words,       // as they are
  shell_text,  // quoted and joined into one, for a shell to take apart: ssh
};
std::unique_ptr<Place> command_place(std::vector<std::string> runner, CommandForm form,
                                     const std::string& folder);

// Names of folders whose insides are not listed.
std::vector<std::string> skipped_folders();

}  // namespace quire::agent
