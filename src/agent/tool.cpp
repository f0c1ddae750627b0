#include "agent/tool.h"

#include "format/printable.h"

#include <algorithm>

namespace quire::agent {
namespace {

struct BuiltinRow {
  std::string_view name;
  std::unique_ptr<Tool> (*make)();
};
constexpr BuiltinRow builtin_rows[] = {
#define TOOL(name, make) {name, make},
#include "agent/builtin_tools.inc"
#undef TOOL
};

}  // namespace

std::string builtin_tool_names() {
  std::string names;
  for (const BuiltinRow& row : builtin_rows)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
  return names;
}

Result<Toolbox> Toolbox::builtin(std::span<const std::string> names) {
  Toolbox box;
  for (const std::string& name : names)
    if (name != "all" &&
        std::ranges::find(builtin_rows, name, &BuiltinRow::name) == std::ranges::end(builtin_rows))
      return fail(Fault::usage, "there is no tool '{}'; there are: all, {}", printable(name),
                  builtin_tool_names());
  for (const BuiltinRow& row : builtin_rows)
    if (std::ranges::any_of(names, [&](auto& name) { return name == "all" || name == row.name; }))
      box.add(row.make());
  return box;
}

bool Toolbox::add(std::unique_ptr<Tool> tool) {
  if (find(tool->info.name) != nullptr) return false;
  tools_.push_back(std::move(tool));
  return true;
}

const Tool* Toolbox::find(std::string_view name) const {
  for (const auto& tool : tools_)
    if (tool->info.name == name) return tool.get();
  return nullptr;
}

}  // namespace quire::agent
