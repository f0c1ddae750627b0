// Finding files by name and lines by what they say.
#include "agent/arguments.h"
#include "agent/glob.h"
#include "agent/place.h"
#include "text/pattern.h"
#include "text/utf8.h"

#include <algorithm>
#include <chrono>

namespace quire::agent {
namespace {

constexpr int64_t n_results_max = 100;
constexpr size_t searched_bytes_max = 4 << 20;  // larger files are left out
constexpr size_t line_bytes_max = 500;          // of a line that is shown
constexpr int64_t n_context_max = 20;
constexpr std::chrono::seconds search_timeout(30);
constexpr size_t watched_bytes = 32 << 10;  // searched from one look at the clock to the next

Json described(const char* type, std::string description) {
  return {{"type", type}, {"description", std::move(description)}};
}

// Of paths: one that must fit, one that must not.
struct PathFilter {
  std::optional<Glob> include, exclude;

  static Result<PathFilter> read(Arguments& arguments) {
    const std::string wanted = arguments.text("include", ""),
                      not_wanted = arguments.text("exclude", "");
    PathFilter filter;
    if (!wanted.empty()) filter.include = TRY(Glob::compile(wanted));
    if (!not_wanted.empty()) filter.exclude = TRY(Glob::compile(not_wanted));
    return filter;
  }
  bool takes(std::string_view path) const {
    return (!include || include->matches(path)) && !(exclude && exclude->matches(path));
  }
};

class FileGlobSearch : public Tool {
 public:
  FileGlobSearch()
      : Tool({.name = "file_glob_search",
              .title = "File search",
              .description =
                  "Find files and folders by glob patterns. Folders that tools fill (.git, "
                  "node_modules, build, ...) are found, but not searched.",
              .parameters = {{"type", "object"},
                             {"properties", properties()},
                             {"required", Json::array({"path"})}}}) {}

  Result<ToolResult> run(const ToolCall& call) const override {
    Arguments arguments(call.arguments);
    const std::string path = arguments.path("path");
    const std::string type = arguments.text("type", "file");
    const int64_t depth = arguments.integer("max_depth", 0, 0, INT32_MAX);
    const int64_t limit = arguments.integer("limit", n_results_max, 1, n_results_max);
    const PathFilter filter = TRY(PathFilter::read(arguments));
    TRY(arguments.done());
    if (type != "file" && type != "dir" && type != "all")
      return fail(Fault::usage, "invalid type: '{}' (\"file\", \"dir\" or \"all\" is expected)",
                  type);
    const PlaceListing listing = TRY(call.place.list(path, static_cast<int>(depth), call.stopped));
    std::string text;
    int64_t n = 0;
    Json entries = Json::array();
    for (const PlaceEntry& entry : listing.entries) {
      if (type != "all" && entry.is_folder != (type == "dir")) continue;
      if (!filter.takes(entry.path)) continue;
      if (++n > limit) continue;
      text += entry.path + (entry.is_folder ? "/\n" : "\n");
      entries.push_back({{"path", entry.path}, {"type", entry.is_folder ? "dir" : "file"}});
    }
    if (n > limit) text += fmt::format("[only the first {} are shown]\n", limit);
    if (listing.cut) text += "[there is more than could be looked through]\n";
    text += fmt::format("\n---\nTotal matches: {}\n", n);
    return ToolResult{
        .text = utf8_replace_invalid(text),
        .fields = {{"entries", std::move(entries)}, {"base", call.place.whole_path(path)}}};
  }

 private:
  static Json properties() {
    return {{"path", described("string", "The folder to search in")},
            {"include", described("string",
                                  "Pattern of what is wanted, as *.cpp or src/**/*.h; "
                                  "default: everything")},
            {"exclude", described("string", "Pattern of what is not")},
            {"type", described("string", "What to find: \"file\" (default), \"dir\" or \"all\"")},
            {"max_depth", described("integer",
                                    "How many folders deep; 1: only what is in the "
                                    "folder itself; 0 (default): all")},
            {"limit", described("integer", fmt::format("Most results; default and at most {}",
                                                       n_results_max))}};
  }
};

std::string shown_line(std::string_view line) {
  if (line.size() <= line_bytes_max) return std::string(line);
  const std::string_view part = line.substr(0, line_bytes_max);
  return std::string(part.substr(0, utf8_incomplete_tail(part))) + "...";
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The pattern of a text as it is.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '_';
    if (!plain) out += '\\';
    out += c;
  }
  return out;
}

// What a search looks for and how it shows it.
struct Search {
  Pattern pattern;
  bool numbered;
  int64_t n_context;
  std::function<bool()> stopped;
  std::chrono::steady_clock::time_point deadline =
      std::chrono::steady_clock::now() + search_timeout;
  MatchScratch scratch{};
  std::string text{};
  int64_t n = 0, n_skipped = 0;  // lines found; lines that the pattern takes too many steps for
  size_t n_bytes = 0;            // since the last look at the clock
  bool full = false, late = false;

  bool is_over() const { return full || late; }

  // cancelled when it was stopped.
  Result<void> look_at_clock() {
    if (stopped && stopped()) return fail(Fault::cancelled, "the search was stopped");
    late = std::chrono::steady_clock::now() >= deadline;
    n_bytes = 0;
    return {};
  }

  Result<bool> is_in(std::string_view line) {
    constexpr size_t base_bytes = 64;  // an empty line is work, too
    n_bytes += line.size() + base_bytes;
    if (n_bytes >= watched_bytes) TRY(look_at_clock());
    const auto found = pattern.find(line, 0, scratch);
    if (found) return found->has_value();
    if (found.error().fault != Fault::limit) return std::unexpected(found.error());
    ++n_skipped;
    return false;
  }

  // The lines of a file in which the pattern is found, with those around them.
  Result<void> take(const std::string& name, const std::string& bytes) {
    if (std::string_view(bytes).substr(0, 8192).find('\0') != std::string_view::npos) return {};
    const std::string content = utf8_replace_invalid(bytes);
    const auto lines = split_lines(content);
    int64_t shown = -1;  // the last line that is in the text
    int64_t ahead = -1;  // the last line that was looked at
    bool found = false;  // in that one
    for (int64_t i = 0; i < std::ssize(lines) && !is_over(); ++i) {
      if (i < ahead) continue;  // around a match, and without one
      if (i > ahead) found = TRY(is_in(lines[static_cast<size_t>(i)]));
      if (!found) continue;
      full = n >= n_results_max;
      if (full) return {};
      ++n;
      const int64_t begin = std::max(shown + 1, i - n_context);
      if (n_context > 0 && shown >= 0 && begin > shown + 1) text += "--\n";
      for (int64_t at = begin; at < i; ++at) add(name, at, lines, '-');
      add(name, i, lines, ':');
      shown = i;
      for (int64_t at = i + 1; at <= std::min(i + n_context, std::ssize(lines) - 1); ++at) {
        ahead = at;
        found = TRY(is_in(lines[static_cast<size_t>(at)]));
        if (found) break;  // which shows the rest, itself as a match
        add(name, at, lines, '-');
        shown = at;
      }
    }
    return {};
  }

  void add(const std::string& name, int64_t i, const std::vector<std::string_view>& lines,
           char mark) {
    text += numbered ? fmt::format("{}{}{}{}", name, mark, i + 1, mark)
                     : fmt::format("{}{}", name, mark);
    text += shown_line(lines[static_cast<size_t>(i)]) + "\n";
  }
};

class GrepSearch : public Tool {
 public:
  GrepSearch()
      : Tool({.name = "grep_search",
              .title = "Grep search",
              .description =
                  "Find lines in text files by a regular expression or a text. Folders that tools "
                  "fill (.git, node_modules, build, ...) are not searched.",
              .parameters = {{"type", "object"},
                             {"properties", properties()},
                             {"required", Json::array({"path", "pattern"})}}}) {}

  Result<ToolResult> run(const ToolCall& call) const override {
    Arguments arguments(call.arguments);
    const std::string path = arguments.path("path");
    const std::string wanted = arguments.text("pattern");
    const bool literal = arguments.flag("literal", false);
    const bool any_case = arguments.flag("ignore_case", false);
    const bool numbered = arguments.flag("return_line_numbers", false);
    const int64_t n_context = arguments.integer("context_lines", 0, 0, n_context_max);
    const PathFilter filter = TRY(PathFilter::read(arguments));
    TRY(arguments.done());
    const std::string expression = (any_case ? "(?i)" : "") + (literal ? escaped(wanted) : wanted);
    Search search{TRY(Pattern::compile({PatternSpec::Syntax::regex, expression}, "grep_search")),
                  numbered, n_context, call.stopped};
    const bool complete = TRY(look(call, path, filter, search));
    if (search.full) search.text += fmt::format("[only the first {} are shown]\n", n_results_max);
    if (!complete) search.text += "[there is more than could be looked through]\n";
    if (search.n_skipped > 0)
      search.text +=
          fmt::format("[the pattern takes too many steps for {} lines: they were left out]\n",
                      search.n_skipped);
    search.text += fmt::format("\n---\nTotal matches: {}\n", search.n);
    return ToolResult{.text = std::move(search.text)};
  }

 private:
  // False: there was no time for all of it.
  static Result<bool> look(const ToolCall& call, const std::string& path, const PathFilter& filter,
                           Search& search) {
    if (!TRY(call.place.is_folder(path))) {
      const std::string bytes = TRY(call.place.read(path, searched_bytes_max));
      TRY(search.look_at_clock());
      TRY(search.take(path, bytes));
      return !search.late;
    }
    const PlaceListing listing = TRY(call.place.list(path, 0, call.stopped));
    for (const PlaceEntry& entry : listing.entries) {
      if (entry.is_folder || !filter.takes(entry.path)) continue;
      TRY(search.look_at_clock());
      if (search.is_over()) break;
      // What cannot be read, or is too large to be text, is not searched.
      const auto bytes = call.place.read(path + "/" + entry.path, searched_bytes_max);
      if (bytes) TRY(search.take(entry.path, *bytes));
    }
    return !listing.cut && !search.late;
  }

  static Json properties() {
    return {{"path", described("string", "The file, or the folder to search in")},
            {"pattern", described("string", "A regular expression, or a text if literal is true")},
            {"include", described("string", "Glob pattern of files to search; default: all")},
            {"exclude", described("string", "Glob pattern of files to leave out")},
            {"return_line_numbers", described("boolean", "Show the numbers of lines")},
            {"literal", described("boolean", "The pattern is a text, not an expression")},
            {"ignore_case", described("boolean", "Capital and small letters are the same")},
            {"context_lines", described("integer", "Lines to show before and after each match")}};
  }
};

}  // namespace

std::unique_ptr<Tool> make_file_glob_search() { return std::make_unique<FileGlobSearch>(); }
std::unique_ptr<Tool> make_grep_search() { return std::make_unique<GrepSearch>(); }

}  // namespace quire::agent
