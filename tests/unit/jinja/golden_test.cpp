// Thousands of templates rendered as Jinja2 does it: tests/golden/jinja/cases.json, made by
// tools/make_jinja_goldens.py.
#include "base/file.h"
#include "jinja/json.h"
#include "jinja/template.h"

#include <gtest/gtest.h>

namespace quire::jinja {
namespace {

// The text, or nothing where it is an error.
std::optional<std::string> rendered(const std::string& source, const Value& context) {
  const auto parsed = Template::parse(source, "case");
  if (!parsed.has_value()) return std::nullopt;
  auto text = (*parsed)->render(context);
  if (!text.has_value()) return std::nullopt;
  return *text;
}

TEST(Golden, EveryTemplateGivesWhatJinja2Gives) {
  const auto file = read_file(QUIRE_SOURCE_DIR "/tests/golden/jinja/cases.json", 64 << 20);
  ASSERT_TRUE(file.has_value()) << file.error().text;
  const auto golden = parse_json_value(*file, "cases.json");
  ASSERT_TRUE(golden.has_value()) << golden.error().text;
  const Value& context = *golden->dict().find(std::string_view("context"));
  const Values& cases = golden->dict().find(std::string_view("cases"))->sequence().items;
  ASSERT_GT(cases.size(), 10000u);
  size_t n_wrong = 0;
  for (const Value& one : cases) {
    const std::string source(one.sequence().items[0].string());
    const Value& wanted = one.sequence().items[1];
    const auto text = rendered(source, context);
    const bool right =
        wanted.is(Kind::none) ? !text.has_value() : text.has_value() && *text == wanted.string();
    if (right) continue;
    ++n_wrong;
    ADD_FAILURE() << source << "\n  wanted: "
                  << (wanted.is(Kind::none) ? "an error" : string_repr(wanted.string()))
                  << "\n  got:    " << (text ? string_repr(*text) : "an error");
  }
  EXPECT_EQ(n_wrong, 0u);
}

}  // namespace
}  // namespace quire::jinja
