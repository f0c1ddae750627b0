#include "chat/chat_template.h"

namespace quire {
namespace {

struct BuiltinTemplate {
  std::string_view name, source;
};

constexpr BuiltinTemplate builtin_templates[] = {
#define TEMPLATE(name, source) {name, source},
#include "chat/builtin_templates.inc"
#undef TEMPLATE
};

}  // namespace

std::vector<std::string> builtin_template_names() {
  std::vector<std::string> names;
  for (const BuiltinTemplate& one : builtin_templates) names.emplace_back(one.name);
  return names;
}

std::string_view builtin_template(std::string_view name) {
  for (const BuiltinTemplate& one : builtin_templates)
    if (one.name == name) return one.source;
  return {};
}

}  // namespace quire
