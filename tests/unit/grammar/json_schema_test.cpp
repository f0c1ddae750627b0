#include "grammar/json_schema.h"

#include "base/file.h"
#include "format/json.h"
#include "unit/grammar/support.h"

#include <nlohmann/json.hpp>

namespace quire {
namespace {

Result<OutputGrammar> schema(std::string_view text) {
  return OutputGrammar::from_json_schema(text, "schema");
}

bool accepts_json(std::string_view text, std::string_view value) {
  const auto automaton = compiled(schema(text));
  return automaton != nullptr && accepts(automaton, value);
}

std::string error_of(std::string_view text) {
  const auto result = schema(text);
  return result.has_value() ? "no error" : result.error().text;
}

// tests/golden/grammar/schemas.json, made by tools/make_grammar_goldens.py.
TEST(JsonSchema, AcceptsWhatTheReferenceValidatorAccepts) {
  const auto file = read_file(QUIRE_SOURCE_DIR "/tests/golden/grammar/schemas.json");
  ASSERT_TRUE(file.has_value()) << file.error().text;
  const auto golden = parse_json(*file, "schemas.json");
  ASSERT_TRUE(golden.has_value()) << golden.error().text;
  ASSERT_GT(golden->size(), 70u);
  for (const auto& one : *golden) {
    const std::string text = one["schema"];
    SCOPED_TRACE(text);
    const auto automaton = compiled(schema(text));
    ASSERT_NE(automaton, nullptr);
    ParseStates states(automaton);
    for (const auto& value : one["exact"])
      EXPECT_EQ(follows(states, value[0].get<std::string>()) == Follows::to_the_end,
                value[1].get<bool>())
          << value[0];
    for (const auto& invalid : one["invalid"])
      EXPECT_NE(follows(states, invalid.get<std::string>()), Follows::to_the_end) << invalid;
  }
}

TEST(JsonSchema, FreeStringsMayBeSpelledInEveryWay) {
  const char* free = R"({"type":"string","maxLength":2})";
  EXPECT_TRUE(accepts_json(free, R"("\u00e9\ud83d\ude00")"));
  EXPECT_TRUE(accepts_json(free, R"("\/\n")"));
  EXPECT_FALSE(accepts_json(free, R"("\u0061\u0062c")"));
  EXPECT_FALSE(accepts_json(free, R"("\ud83d")"));  // half a character
  EXPECT_FALSE(accepts_json(free, "\"\n\""));
  EXPECT_FALSE(accepts_json(free, "\"\xED\xA0\x80\""));
}

TEST(JsonSchema, NamesThatOthersMayHaveCannotBeSpelledAsThoseThatAreTaken) {
  const char* text =
      R"({"properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"string"}})";
  EXPECT_TRUE(accepts_json(text, R"({"a":1,"b":"x"})"));
  EXPECT_FALSE(accepts_json(text, R"({"\u0061":"x"})"));
}

TEST(JsonSchema, WhiteSpaceIsBetweenTokensOnlyAndEnds) {
  const char* text =
      R"({"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"}}}})";
  EXPECT_TRUE(accepts_json(text, "{\n  \"a\" : [\r\n\t1 , 2\n ]\n}"));
  EXPECT_FALSE(accepts_json(text, " {}"));
  EXPECT_FALSE(accepts_json(text, "{} "));
  EXPECT_FALSE(accepts_json(text, "{" + std::string(65, ' ') + "}"));
}

TEST(JsonSchema, JsonModeIsAnyObject) {
  const auto automaton = compiled(OutputGrammar::any_json());
  EXPECT_TRUE(accepts(automaton, R"({"a": [1, -2.5e+10, "x", {"b": null}], "c": true})"));
  EXPECT_FALSE(accepts(automaton, "[1]"));
  EXPECT_FALSE(accepts(automaton, R"({"a": 01})"));
  EXPECT_FALSE(accepts(automaton, R"({"a": 1,})"));
}

TEST(JsonSchema, WhatCannotBeHonouredIsAnErrorThatSaysWhereAndWhy) {
  EXPECT_EQ(error_of(R"({"properties":{"a/b":{"not":{}}}})"),
            "schema: #/properties/a~1b/not: 'not' cannot be enforced while generating");
  EXPECT_EQ(error_of(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})"),
            "schema: #/oneOf: 'oneOf' needs branches that exclude each other, and 0 and 1 may both "
            "hold: use 'anyOf', or a required member with different 'const' values");
  EXPECT_EQ(
      error_of(R"({"$ref":"https://x.org/y.json"})"),
      "schema: #/$ref: 'https://x.org/y.json' is outside of this schema: only references that "
      "begin with '#' are followed");
  for (const char* text :
       {R"({"uniqueItems":true})", R"({"if":{},"then":{}})", R"({"contains":{}})",
        R"({"type":"string","format":"nonsense"})",
        R"({"type":"string","pattern":"a","minLength":2})",
        R"j({"type":"string","pattern":"(?=a)"})j", R"({"type":"number","multipleOf":0.3})",
        R"({"patternProperties":{"a":{},"b":{}}})", R"({"dependentRequired":{"a":["b"]}})"}) {
    const auto result = schema(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().fault, Fault::unsupported) << result.error().text;
  }
}

TEST(JsonSchema, WhatIsNoSchemaIsAnErrorThatSaysWhere) {
  EXPECT_EQ(
      error_of(R"({"properties":{"a":{"type":"int"}}})"),
      "schema: #/properties/a/type: 'int' is no type; there are null, boolean, integer, number, "
      "string, array and object");
  EXPECT_EQ(error_of(R"({"$ref":"#/$defs/x"})"),
            "schema: #/$ref: there is no '#/$defs/x' in this schema");
  for (const char* text :
       {"", "{", "[]", "7", R"({"type":7})", R"({"enum":1})", R"({"anyOf":[]})", R"({"items":3})",
        R"({"minLength":-1})", R"({"maxItems":1.5})", R"({"minimum":"1"})", R"({"required":"a"})",
        R"({"properties":[]})", R"({"multipleOf":0})", R"({"a":1,"a":2})",
        R"({"type":"string","pattern":"("})"}) {
    const auto result = schema(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().fault, Fault::bad_format) << result.error().text;
  }
}

TEST(JsonSchema, WhatNothingSatisfiesIsAnError) {
  for (const char* text :
       {"false", R"({"enum":[]})", R"({"type":"string","allOf":[{"type":"integer"}]})",
        R"({"$ref":"#"})", R"({"anyOf":[{"$ref":"#"}]})", R"({"minimum":3,"maximum":2})",
        R"({"type":"object","required":["a"],"additionalProperties":false})",
        R"({"type":"array","minItems":3,"maxItems":2})",
        R"({"properties":{"a":{"$ref":"#"}},"required":["a"]})"}) {
    const auto result = schema(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().fault, Fault::bad_format) << result.error().text;
  }
}

TEST(JsonSchema, WhatIsTooLargeIsOneErrorAtOnce) {
  std::string deep, arrays;
  for (int i = 0; i < 60'000; ++i) deep += R"({"items":)";
  EXPECT_EQ(schema(deep).error().fault, Fault::limit);
  for (const char* text :
       {R"({"type":"string","maxLength":1000000000})", R"({"type":"string","maxLength":9999999})",
        R"({"type":"array","minItems":9999999})",
        R"({"type":"string","pattern":"(a{1000}){9999}"})"}) {
    const auto result = schema(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().fault, Fault::limit) << result.error().text;
  }
}

TEST(JsonSchema, ManyMembersAndManyValuesAreFine) {
  std::string members = R"({"additionalProperties":true,"properties":{)", values = R"({"enum":[)";
  for (int i = 0; i < 1000; ++i) {
    members += fmt::format(R"({}"member_{}":{{"type":"integer"}})", i > 0 ? "," : "", i);
    values += fmt::format(R"({}"value {}")", i > 0 ? "," : "", i);
  }
  EXPECT_TRUE(accepts_json(members + "}}", R"({"member_7": 1, "member_999": 2, "member": null})"));
  EXPECT_TRUE(accepts_json(values + "]}", R"("value 999")"));
  EXPECT_FALSE(accepts_json(values + "]}", R"("value 1000")"));
}

}  // namespace
}  // namespace quire
