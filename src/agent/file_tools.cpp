// Reading, writing and editing files.
#include "agent/arguments.h"
#include "agent/place.h"
#include "base/base64.h"
#include "text/utf8.h"

#include <algorithm>
#include <cstring>

namespace quire::agent {
namespace {

constexpr size_t shown_bytes_max = 16 << 10;  // of a file, to a model
constexpr size_t file_bytes_max = 32 << 20;   // that is read at all
constexpr size_t old_text_bytes_max = 1 << 20;
constexpr size_t n_edits_max = 1000;

Json property(const char* type, const char* description) {
  return {{"type", type}, {"description", description}};
}

class ReadFile : public Tool {
 public:
  ReadFile()
      : Tool({.name = "read_file",
              .title = "Read file",
              .description = fmt::format(
                  "Read a text file, or some of its lines. A file of more than {} bytes is read "
                  "in parts: give start_line and end_line.",
                  shown_bytes_max),
              .parameters = {
                  {"type", "object"},
                  {"properties",
                   {{"path", property("string", "The file")},
                    {"start_line", property("integer", "First line, counted from 1; default 1")},
                    {"end_line", property("integer", "Last line; default: the end of the file")},
                    {"append_loc", property("boolean", "Put its number before each line")}}},
                  {"required", Json::array({"path"})}}}) {}

  Result<ToolResult> run(const ToolCall& call) const override {
    Arguments arguments(call.arguments);
    const std::string path = arguments.path("path");
    const int64_t first = arguments.integer("start_line", 1, 1, INT32_MAX);
    const int64_t last = arguments.integer("end_line", -1, -1, INT32_MAX);
    const bool numbered = arguments.flag("append_loc", false);
    TRY(arguments.done());
    if (last >= 0 && last < first)
      return fail(Fault::usage, "end_line {} is before start_line {}", last, first);
    const std::string whole = TRY(call.place.read(path, file_bytes_max));
    if (call.wants_bytes)
      return ToolResult{
          .fields = {{"base64", base64_encoded(whole)}, {"size_bytes", whole.size()}}};
    if (whole.size() > shown_bytes_max && last < 0 && first == 1)
      return fail(Fault::limit,
                  "file too large: {} bytes, at most {} are read at once; start_line and end_line "
                  "read a part of it",
                  whole.size(), shown_bytes_max);
    return ToolResult{.text = utf8_replace_invalid(lines(whole, first, last, numbered))};
  }

 private:
  static std::string lines(std::string_view text, int64_t first, int64_t last, bool numbered) {
    std::string result;
    for (int64_t number = 1; !text.empty() && (last < 0 || number <= last); ++number) {
      const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
      if (number >= first) {
        if (result.size() + end > shown_bytes_max) {
          result += fmt::format("[cut here: the next line is {}]\n", number);
          break;
        }
        if (numbered) result += fmt::format("{}: ", number);
        result += text.substr(0, end);
      }
      text.remove_prefix(end);
    }
    return result;
  }
};

class WriteFile : public Tool {
 public:
  WriteFile()
      : Tool({.name = "write_file",
              .title = "Write file",
              .description = "Write a file as a whole; it is made, with the folders above it, or "
                             "replaced.",
              .parameters = {{"type", "object"},
                             {"properties",
                              {{"path", property("string", "The file")},
                               {"content", property("string", "All that is to be in it")}}},
                             {"required", Json::array({"path", "content"})}},
              .writes = true}) {}

  Result<ToolResult> run(const ToolCall& call) const override {
    Arguments arguments(call.arguments);
    const std::string path = arguments.path("path"), content = arguments.text("content");
    TRY(arguments.done());
    TRY(call.place.write(path, content));
    return ToolResult{.fields = {{"result", "file written successfully"},
                                 {"path", path},
                                 {"bytes", content.size()}}};
  }
};

struct Edit {
  size_t begin, end;  // of the old text in the file
  const std::string* replacement;
  size_t index;  // in the call
};

// Where a text stands; npos. In linear time whatever the two are, which string::find() is not.
size_t find_text(std::string_view text, std::string_view wanted, size_t from) {
  const void* at = ::memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  return at == nullptr ? text.npos
                       : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

// Where each old text stands in the file, in the order of the file.
Result<std::vector<Edit>> find_edits(const Json& list, std::string_view text,
                                     const std::function<bool()>& stopped) {
  if (list.size() > n_edits_max)
    return fail(Fault::limit, "{} edits, at most {} are made at once", list.size(), n_edits_max);
  std::vector<Edit> edits;
  for (size_t i = 0; i < list.size(); ++i) {
    if (stopped && stopped()) return fail(Fault::cancelled, "the edits were stopped");
    const auto old = list[i].find("old_text"), replacement = list[i].find("new_text");
    for (const auto& [found, name] :
         {std::pair(old, "old_text"), std::pair(replacement, "new_text")})
      if (found == list[i].end() || !found->is_string())
        return fail(Fault::usage, "edits[{}].{} must be a string", i, name);
    const auto& wanted = old->get_ref<const std::string&>();
    if (wanted.empty()) return fail(Fault::usage, "edits[{}].old_text must not be empty", i);
    if (wanted.size() > old_text_bytes_max)
      return fail(Fault::limit, "edits[{}].old_text has {} bytes, at most {} are looked for", i,
                  wanted.size(), old_text_bytes_max);
    const size_t at = find_text(text, wanted, 0);
    if (at == text.npos) return fail(Fault::not_found, "edits[{}].old_text is not in the file", i);
    if (find_text(text, wanted, at + 1) != text.npos)
      return fail(Fault::usage,
                  "edits[{}].old_text is not unique in the file: give more of the text around it",
                  i);
    edits.push_back({at, at + wanted.size(), &replacement->get_ref<const std::string&>(), i});
  }
  std::ranges::sort(edits, {}, &Edit::begin);
  for (size_t i = 1; i < edits.size(); ++i)
    if (edits[i].begin < edits[i - 1].end)
      return fail(Fault::usage, "edits[{}] and edits[{}] overlap in the file: make one of them",
                  std::min(edits[i].index, edits[i - 1].index),
                  std::max(edits[i].index, edits[i - 1].index));
  return edits;
}

class EditFile : public Tool {
 public:
  EditFile()
      : Tool(
            {.name = "edit_file",
             .title = "Edit file",
             .description = "Replace texts in a file. All edits are of the file as it is now, and "
                            "all are made or none.",
             .parameters = {{"type", "object"},
                            {"properties",
                             {{"path", property("string", "The file")}, {"edits", edits_schema()}}},
                            {"required", Json::array({"path", "edits"})}},
             .writes = true}) {}

  Result<ToolResult> run(const ToolCall& call) const override {
    Arguments arguments(call.arguments);
    const std::string path = arguments.path("path");
    const Json* list = arguments.objects("edits");
    TRY(arguments.done());
    const std::string text = TRY(call.place.read(path, file_bytes_max));
    const std::vector<Edit> edits = TRY(find_edits(*list, text, call.stopped));
    std::string edited;
    size_t at = 0;
    for (const Edit& edit : edits) {
      edited.append(text, at, edit.begin - at).append(*edit.replacement);
      at = edit.end;
    }
    edited.append(text, at);
    if (edited == text) return fail(Fault::usage, "the edits change nothing in the file");
    TRY(call.place.write(path, edited));
    return ToolResult{.fields = {{"result", "file edited successfully"},
                                 {"path", path},
                                 {"edits_applied", edits.size()}}};
  }

 private:
  static Json edits_schema() {
    return {{"type", "array"},
            {"description", "What to replace by what"},
            {"items",
             {{"type", "object"},
              {"properties",
               {{"old_text", property("string", "What stands exactly once in the file")},
                {"new_text", property("string", "What is to stand there")}}},
              {"required", Json::array({"old_text", "new_text"})}}}};
  }
};

}  // namespace

std::unique_ptr<Tool> make_read_file() { return std::make_unique<ReadFile>(); }
std::unique_ptr<Tool> make_write_file() { return std::make_unique<WriteFile>(); }
std::unique_ptr<Tool> make_edit_file() { return std::make_unique<EditFile>(); }

}  // namespace quire::agent
