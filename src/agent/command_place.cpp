// A place that is reached through commands. Whatever is done there is one of a few scripts of a
// POSIX shell, which get paths as arguments: no path is ever taken for a part of a script.
#include "agent/place.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace quire::agent {
namespace {

constexpr double access_timeout_s = 15;
constexpr size_t listing_bytes_max = 8 << 20;
constexpr size_t said_bytes_max = 300;  // the end of what went wrong

// Goes to its folder first; a command that is too slow is ended there, too, where that is possible.
// Both of its outputs are one there, so that what the runner itself says stays apart.
constexpr const char* run_script =
    R"(exec 2>&1; if [ -n "$1" ]; then cd -- "$1" || exit 125; fi; limit=$2; shift 2; )"
    R"(if command -v timeout >/dev/null 2>&1; then exec timeout -s KILL "$limit" "$@"; fi; exec "$@")";
constexpr const char* read_script =
    R"([ -e "$1" ] || exit 3; [ -f "$1" ] || exit 4; head -c "$2" -- "$1")";
// $2 how many bytes come: a connection that breaks looks like their end. A link stays one: what it
// leads to is replaced.
constexpr const char* write_script =
    R"(f=$1; [ ! -e "$f" ] || [ -f "$f" ] || exit 4; )"
    R"(if [ -e "$f" ] && [ -L "$f" ]; then f=$(readlink -f -- "$f") && [ -f "$f" ] || exit 1; fi; )"
    R"(case $f in */*) mkdir -p -- "${f%/*}/" || exit 1 ;; esac; )"
    R"(t="$f.tmp-$$"; trap 'rm -f -- "$t"' EXIT; trap 'exit 1' HUP INT TERM; )"
    R"(if [ -e "$f" ]; then cp -p -- "$f" "$t" || exit 1; fi; cat > "$t" || exit 1; )"
    R"([ $(wc -c < "$t") -eq "$2" ] || exit 5; mv -f -- "$t" "$f")";
constexpr const char* kind_script = R"([ -e "$1" ] || exit 3; [ -d "$1" ] || exit 4)";
// $1 the folder, $2 what limits the depth; then the names to skip as an expression of find. Folders
// come first, "//" between.
constexpr const char* list_script =
    R"(cd -- "$1" || exit 3; depth=$2; shift 2; )"
    R"(find . -mindepth 1 $depth -type d \( "$@" \) -prune -print -o -type d -print 2>/dev/null; )"
    R"(echo //; )"
    R"(find . -mindepth 1 $depth -type d \( "$@" \) -prune -o ! -type d -print 2>/dev/null; true)";

std::string shell_quoted(std::string_view word) {
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

class CommandPlace : public Place {
 public:
  CommandPlace(std::vector<std::string> runner, CommandForm form, std::string folder)
      : runner_(std::move(runner)), form_(form), folder_(std::move(folder)) {}

  std::string whole_path(const std::string& path) const override { return resolved(path); }

  Result<std::string> read(const std::string& path, size_t bytes_max) const override {
    const std::string n = std::to_string(bytes_max + 1);
    CommandEnd end = TRY(script(read_script, {resolved(path), n}, bytes_max + 1, "", path));
    if (end.output.size() > bytes_max)
      return fail(Fault::limit, "{}: more than {} bytes, which is the most read here", path,
                  bytes_max);
    return std::move(end.output);
  }

  Result<void> write(const std::string& path, std::string_view text) const override {
    // An empty input would be no input: cat then reads nothing, which is the same.
    const std::string n = std::to_string(text.size());
    const CommandEnd end = TRY(raw(write_script, {resolved(path), n}, 4096, text));
    if (end.exit_code == 5)
      return fail(Fault::io, "{}: not all of the {} bytes arrived, it stays as it was", path, n);
    return done(end, path);
  }

  Result<bool> is_folder(const std::string& path) const override {
    const CommandEnd end = TRY(raw(kind_script, {resolved(path)}, 4096, ""));
    if (end.exit_code == 3) return fail(Fault::not_found, "path does not exist: {}", path);
    if (end.exit_code != 0 && end.exit_code != 4) return std::unexpected(failure(end, path));
    return end.exit_code == 0;
  }

  Result<PlaceListing> list(const std::string& path, int depth_max,
                            const std::function<bool()>& stopped) const override {
    if (!TRY(is_folder(path))) return fail(Fault::usage, "path is not a directory: {}", path);
    std::vector<std::string> arguments = {
        resolved(path), depth_max > 0 ? fmt::format("-maxdepth {}", depth_max) : ""};
    for (const std::string& name : skipped_folders()) {
      if (arguments.size() > 2) arguments.emplace_back("-o");
      arguments.emplace_back("-name");
      arguments.push_back(name);
    }
    const CommandEnd end =
        TRY(script(list_script, arguments, listing_bytes_max, "", path, {.stopped = stopped}));
    PlaceListing listing;
    listing.cut = end.cut;
    bool folders = true;
    for (std::string_view line : lines_of(end.output)) {
      if (line == "//") {
        folders = false;
      } else if (line.starts_with("./")) {
        listing.entries.push_back({std::string(line.substr(2)), folders});
      }
    }
    std::ranges::sort(listing.entries, {}, &PlaceEntry::path);
    return listing;
  }

  Result<CommandEnd> run(const std::vector<std::string>& command, const CommandLimits& limits,
                         const CommandWatch& watch) const override {
    // There later than here, so that it is known here why it ended.
    const auto seconds = static_cast<int64_t>(std::ceil(limits.timeout_s)) + 2;
    std::vector<std::string> arguments = {folder_, std::to_string(seconds)};
    arguments.insert(arguments.end(), command.begin(), command.end());
    CommandEnd end = TRY(start(run_script, arguments, limits, "", watch));
    // The runner alone has spoken: there was no command.
    if (end.exit_code != 0 && end.output.empty() && !end.errors.empty()) {
      end.output = end.errors.substr(0, limits.output_bytes_max);
      if (watch.on_output) watch.on_output(end.output);
    }
    return end;
  }

 private:
  std::string resolved(const std::string& path) const {
    if (path.starts_with('/') || folder_.empty()) return path;
    return folder_ + "/" + path;
  }

  Result<CommandEnd> start(const char* text, const std::vector<std::string>& arguments,
                           const CommandLimits& limits, std::string_view input,
                           const CommandWatch& watch) const {
    std::vector<std::string> words = {"sh", "-c", text, "sh"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    ChildOptions options{.command = runner_};
    if (form_ == CommandForm::words) {
      options.command.insert(options.command.end(), words.begin(), words.end());
    } else {
      std::string joined;
      for (const std::string& word : words)
        joined += (joined.empty() ? "" : " ") + shell_quoted(word);
      options.command.push_back(std::move(joined));
    }
    return run_command(std::move(options), limits, input, watch);
  }

  Result<CommandEnd> raw(const char* text, const std::vector<std::string>& arguments,
                         size_t output_bytes_max, std::string_view input,
                         const CommandWatch& watch = {}) const {
    return start(text, arguments,
                 {.timeout_s = access_timeout_s, .output_bytes_max = output_bytes_max}, input,
                 watch);
  }

  static Error failure(const CommandEnd& end, const std::string& path) {
    if (end.stopped) return {Fault::cancelled, path + ": stopped"};
    if (end.timed_out)
      return {Fault::limit, fmt::format("{}: no answer within {} s", path, access_timeout_s)};
    std::string said = end.errors.empty() ? end.output : end.errors;
    while (said.ends_with('\n')) said.pop_back();
    if (said.size() > said_bytes_max) said.erase(0, said.size() - said_bytes_max);
    std::ranges::replace(said, '\n', ' ');
    return {Fault::io,
            fmt::format("{}: {}", path,
                        said.empty() ? fmt::format("exit code {}", end.exit_code) : said)};
  }

  Result<CommandEnd> script(const char* text, const std::vector<std::string>& arguments,
                            size_t output_bytes_max, std::string_view input,
                            const std::string& path, const CommandWatch& watch = {}) const {
    CommandEnd end = TRY(raw(text, arguments, output_bytes_max, input, watch));
    TRY(done(end, path));
    return end;
  }

  // Whether a script of reading or writing did what it is for.
  static Result<void> done(const CommandEnd& end, const std::string& path) {
    if (end.exit_code == 3) return fail(Fault::not_found, "path does not exist: {}", path);
    if (end.exit_code == 4) return fail(Fault::io, "{}: is not a regular file", path);
    if (end.exit_code != 0) return std::unexpected(failure(end, path));
    return {};
  }

  const std::vector<std::string> runner_;
  const CommandForm form_;
  const std::string folder_;
};

}  // namespace

std::unique_ptr<Place> command_place(std::vector<std::string> runner, CommandForm form,
                                     const std::string& folder) {
  return std::make_unique<CommandPlace>(std::move(runner), form, folder);
}

}  // namespace quire::agent
