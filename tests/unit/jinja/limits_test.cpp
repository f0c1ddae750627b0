// What a hostile template can take: nothing beyond its limits, and one line that says why.
#include "jinja/json.h"
#include "jinja/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire::jinja {
namespace {

using testing::HasSubstr;

std::string repeated(std::string_view part, int n) {
  std::string text;
  for (int i = 0; i < n; ++i) text += part;
  return text;
}

// Time is no limit here, so that a machine with other work meets the same one as an idle machine.
RenderOptions without_clock() {
  RenderOptions options;
  options.limits.time_s_max = 1e6;
  return options;
}

// The error of a template that must have one, on one line.
Error error_of(const std::string& source, const RenderOptions& options = without_clock()) {
  Value none = make_dict(std::make_shared<Dict>());
  const auto parsed = Template::parse(source, "t");
  const auto text = parsed.has_value() ? (*parsed)->render(none, options)
                                       : Result<std::string>(std::unexpected(parsed.error()));
  if (text.has_value()) return Error{Fault::io, "no error but " + std::to_string(text->size())};
  EXPECT_EQ(text.error().text.find('\n'), std::string::npos);
  return text.error();
}

TEST(Limits, ALongRangeIsRefused) {
  const Error error = error_of("a\n{{ range(10**9)|list }}");
  EXPECT_EQ(error.fault, Fault::limit);
  EXPECT_EQ(error.text, "t: line 2: range() is too long: at most 100000 items");
}

TEST(Limits, NestedGroupsAreRefusedByTheParser) {
  const std::pair<const char*, const char*> groups[] = {
      {"(", ")"},     {"[", "]"},  {"{1:", "}"}, {"-", ""},
      {"not (", ")"}, {"f(", ")"}, {"x[", "]"},  {"a if b else ", ""}};
  for (const auto& [open, close] : groups) {
    const Error error =
        error_of("{{ " + repeated(open, 60000) + "1" + repeated(close, 60000) + " }}");
    EXPECT_EQ(error.fault, Fault::limit) << open;
    EXPECT_THAT(error.text, HasSubstr("more than 100 deep")) << open;
  }
  EXPECT_THAT(error_of(repeated("{% if 1 %}", 60000)).text, HasSubstr("more than 100 deep"));
  EXPECT_THAT(error_of("{{ 1" + repeated("+1", 60000) + " }}").text, HasSubstr("in a row"));
  EXPECT_THAT(error_of("{{ a" + repeated(".b", 60000) + " }}").text, HasSubstr("in a row"));
  EXPECT_THAT(error_of("{{ " + repeated("not ", 60000) + " 1 }}").text, HasSubstr("in a row"));
}

TEST(Limits, LoopsRunOutOfSteps) {
  const char* deep =
      "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}"
      "{% endfor %}{% endfor %}{% endfor %}";
  EXPECT_THAT(error_of(deep).text, HasSubstr("20000000 steps"));
}

TEST(Limits, TextsCannotGrowWithoutEnd) {
  EXPECT_THAT(error_of("{{ 'a' * 10**12 }}").text, HasSubstr("too long"));
  EXPECT_THAT(error_of("{{ [1] * 10**12 }}").text, HasSubstr("steps"));
  EXPECT_THAT(error_of("{{ 'x'.center(10**15) }}").text, HasSubstr("too long"));
  EXPECT_THAT(error_of("{{ '%1000000000d' % 1 }}").text, HasSubstr("refused"));
  EXPECT_THAT(error_of("{% for i in range(9000) %}{{ 'a' * 9000 }}{% endfor %}").text,
              HasSubstr("writes more than"));
  EXPECT_THAT(error_of("{% set n = namespace(s='ab') %}{% for i in range(99) %}"
                       "{% set n.s = n.s ~ n.s %}{% endfor %}")
                  .text,
              HasSubstr("longer than"));
  // A separator for each of many empty lines.
  EXPECT_THAT(error_of("{{ ('\\n' * 4000)|wordwrap(79, true, 'x' * 1000000) }}").text,
              HasSubstr("too long"));
}

TEST(Limits, ValuesThatContainThemselvesManyTimesAreNotWalked) {
  // 2^60 numbers when written out, and 60 lists in memory.
  const std::string doubled =
      "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(60) %}"
      "{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}{% endfor %}";
  EXPECT_THAT(error_of(doubled + "{{ n.a == n.b }}").text, HasSubstr("steps"));
  EXPECT_THAT(error_of(doubled + "{{ n.a }}").text, HasSubstr("longer than"));
  EXPECT_THAT(error_of(doubled + "{{ n.a|tojson }}").text, HasSubstr("longer than"));
  EXPECT_THAT(error_of(doubled + "{{ n.a in [n.b] }}").text, HasSubstr("steps"));
  EXPECT_THAT(error_of("{% set n = namespace(a=[]) %}{% for i in range(9999) %}"
                       "{% set n.a = [n.a] %}{% endfor %}")
                  .text,
              HasSubstr("more than 200 deep"));
  EXPECT_THAT(error_of("{% set n = namespace() %}{% set n.n = n %}{{ n }}").text,
              HasSubstr("nests more than"));
}

TEST(Limits, CallsThatNeverReturnAreEnded) {
  EXPECT_THAT(error_of("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").text,
              HasSubstr("more than 200 deep"));
  EXPECT_THAT(error_of("{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}").text,
              HasSubstr("200 deep"));
}

TEST(Limits, TimeEndsWhatStepsDoNot) {
  RenderOptions options;
  options.limits.time_s_max = 0;
  EXPECT_THAT(error_of("{% for i in range(99999) %}{% endfor %}", options).text,
              HasSubstr("more than 0 s"));
}

TEST(Limits, IntegersDoNotWrapAround) {
  for (const char* sum : {"9223372036854775807 + 1", "2 ** 63", "-9223372036854775807 - 2",
                          "10 ** 10 * 10 ** 10", "99999999999999999999", "'9' * 30|int"})
    EXPECT_EQ(error_of(fmt::format("{{{{ ({})|int }}}}", sum)).fault, Fault::limit) << sum;
}

TEST(Limits, AMacroOrNamespaceInARingIsFreed) {
  // The address sanitizer sees what is left over.
  const Value none = make_dict(std::make_shared<Dict>());
  const auto ring = Template::parse(
      "{% set n = namespace() %}{% set n.n = [n] %}{% macro m() %}{{ n }}{% endmacro %}"
      "{% set n.m = m %}{% for i in [1, 2] %}{% macro k() %}{{ i }}{% endmacro %}"
      "{% set n.k = k %}{% set n.l = loop %}{% endfor %}{{ n.k() }}",
      "t");
  ASSERT_TRUE(ring.has_value());
  EXPECT_EQ((*ring)->render(none).value(), "2");
}

TEST(Errors, NameTheLineAndTheReason) {
  EXPECT_EQ(error_of("a\nb{{ x.y }}").text, "t: line 2: 'x' is undefined");
  EXPECT_EQ(error_of("\n\n{{ raise_exception('no system role') }}").text,
            "t: line 3: no system role");
  EXPECT_EQ(error_of("{% for %}").text, "t: line 1: expected an expression, not '%}'");
  EXPECT_EQ(error_of("{{ [].append(1) }}").text,
            "t: line 1: access to attribute 'append' of 'list' object is unsafe");
  EXPECT_EQ(error_of("{{ 'a' + 1 }}").text,
            "t: line 1: unsupported operand types for +: 'str' and 'int'");
  EXPECT_EQ(error_of("\xFF").text, "t: the template is not UTF-8 (offset 0)");
}

TEST(Render, TimeAndGeneratedSpans) {
  RenderOptions options;
  options.now = std::tm{};
  options.now->tm_year = 124, options.now->tm_mon = 6, options.now->tm_mday = 26;
  const Value none = make_dict(std::make_shared<Dict>());
  const auto parsed = Template::parse(
      "{{ strftime_now('%d %b %Y') }} {% generation %}yes{% endgeneration %} no", "t");
  ASSERT_TRUE(parsed.has_value());
  const auto rendered_text = (*parsed)->render_spans(none, options);
  ASSERT_TRUE(rendered_text.has_value()) << rendered_text.error().text;
  EXPECT_EQ(rendered_text->text, "26 Jul 2024 yes no");
  ASSERT_EQ(rendered_text->generated.size(), 1u);
  EXPECT_EQ(rendered_text->generated[0].begin, 12u);
  EXPECT_EQ(rendered_text->generated[0].end, 15u);
}

}  // namespace
}  // namespace quire::jinja
