#include "agent/place.h"
#include "base/file.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

namespace quire::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t n_entries_max = 200'000;
constexpr double list_timeout_s = 15;

class HostPlace : public Place {
 public:
  explicit HostPlace(std::string folder) : folder_(std::move(folder)) {}

  std::string whole_path(const std::string& path) const override {
    std::error_code error;
    const fs::path whole = fs::absolute(resolved(path), error);
    return error ? path : whole.lexically_normal().string();
  }

  Result<std::string> read(const std::string& path, size_t bytes_max) const override {
    TRY(check_file(path));
    return read_file(resolved(path), bytes_max);
  }

  Result<void> write(const std::string& path, std::string_view text) const override {
    std::string whole = resolved(path);
    struct stat info{};
    const bool exists = ::stat(whole.c_str(), &info) == 0;
    if (exists) TRY(check_file(path));
    std::error_code ignored;
    // A link stays one: what it leads to is replaced.
    if (const fs::path target = fs::canonical(whole, ignored); exists && !ignored)
      whole = target.string();
    if (const fs::path above = fs::path(whole).parent_path(); !above.empty())
      TRY(make_directories(above.string()));
    return write_file(whole, text);  // which keeps the mode
  }

  Result<bool> is_folder(const std::string& path) const override {
    const std::string whole = resolved(path);
    if (!file_exists(whole)) return fail(Fault::not_found, "path does not exist: {}", path);
    return is_directory(whole);
  }

  Result<PlaceListing> list(const std::string& path, int depth_max,
                            const std::function<bool()>& stopped) const override {
    if (!TRY(is_folder(path))) return fail(Fault::usage, "path is not a directory: {}", path);
    const fs::path base = resolved(path);
    PlaceListing listing;
    std::error_code error;
    fs::recursive_directory_iterator at(base, fs::directory_options::skip_permission_denied, error);
    if (error) return fail(Fault::io, "{}: cannot be listed: {}", path, error.message());
    const auto deadline = std::chrono::steady_clock::now() +
                          std::chrono::milliseconds(static_cast<int64_t>(list_timeout_s * 1e3));
    const std::vector<std::string> skipped = skipped_folders();
    for (; at != fs::end(at); at.increment(error)) {
      // Links to folders are no folders here: they may lead back.
      std::error_code ignored;
      const bool is_folder = !at->is_symlink(ignored) && at->is_directory(ignored);
      listing.entries.push_back({at->path().lexically_relative(base).string(), is_folder});
      const bool skip = is_folder && (std::ranges::find(skipped, at->path().filename().string()) !=
                                          skipped.end() ||
                                      (depth_max > 0 && at.depth() + 1 >= depth_max));
      if (skip) at.disable_recursion_pending();
      listing.cut = listing.entries.size() >= n_entries_max ||
                    std::chrono::steady_clock::now() >= deadline || (stopped && stopped());
      if (listing.cut) break;
    }
    listing.cut |= static_cast<bool>(error);  // which ends it, too
    std::ranges::sort(listing.entries, {}, &PlaceEntry::path);
    return listing;
  }

  Result<CommandEnd> run(const std::vector<std::string>& command, const CommandLimits& limits,
                         const CommandWatch& watch) const override {
    return run_command({.command = command, .folder = folder_, .merges_errors = true}, limits, {},
                       watch);
  }

 private:
  std::string resolved(const std::string& path) const {
    return (fs::path(folder_) / path).string();
  }

  // Devices and pipes may never end.
  Result<void> check_file(const std::string& path) const {
    struct stat info{};
    if (::stat(resolved(path).c_str(), &info) != 0)
      return fail(Fault::not_found, "path does not exist: {}", path);
    if (S_ISDIR(info.st_mode)) return fail(Fault::io, "{}: is a directory", path);
    if (!S_ISREG(info.st_mode)) return fail(Fault::io, "{}: is not a regular file", path);
    return {};
  }

  std::string folder_;
};

}  // namespace

std::unique_ptr<Place> host_place(const std::string& folder) {
  return std::make_unique<HostPlace>(folder);
}

std::vector<std::string> skipped_folders() {
  return {".git", ".hg",  ".svn",  "node_modules", "__pycache__", ".venv", "venv",
          ".tox", "dist", "build", "target",       ".cache",      ".idea", ".vscode"};
}

}  // namespace quire::agent
