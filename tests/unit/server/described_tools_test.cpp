// Tools of a model whose chat template knows none: described in words, and called in JSON.
#include "support.h"

#include <gmock/gmock.h>

namespace quire::server {
namespace {

using testing::HasSubstr;

constexpr const char* request =
    R"({"model": "tiny", "temperature": 0, "max_tokens": 240, "parallel_tool_calls": false,
  "messages": [{"role": "user", "content": "Hi"}],
  "tools": [{"type": "function", "function": {"name": "add", "parameters": {"type": "object",
    "properties": {"a": {"const": 12}}, "required": ["a"], "additionalProperties": false}}}],
  "tool_choice": )";

AppOptions with_template(const char* name) {
  AppOptions options;
  options.models.host.runner.n_ctx = 512;
  options.models.chat_template = name;
  return options;
}

// The one of messages joined, and one of ChatML's family.
class ToolsWithoutATemplate : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Templates, ToolsWithoutATemplate, testing::Values("", "chatml"));

TEST_P(ToolsWithoutATemplate, AreDescribedAndTheirCallsAreRead) {
  const TestServer server(with_template(GetParam()));
  const Reply prompt = server.post("/apply-template", request + std::string("\"auto\"}"));
  ASSERT_EQ(prompt.status, 200) << prompt.body;
  EXPECT_THAT(prompt.body, HasSubstr(R"(\"name\": \"add\", \"parameters\")"));

  const Reply reply = server.post("/v1/chat/completions", request + std::string("\"required\"}"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json choice = Json::parse(reply.body)["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "tool_calls") << reply.body;
  ASSERT_GE(choice["message"]["tool_calls"].size(), 1u) << reply.body;
  const Json& function = choice["message"]["tool_calls"][0]["function"];
  EXPECT_EQ(function["name"], "add");
  EXPECT_EQ(Json::parse(function["arguments"].get<std::string>()), Json({{"a", 12}}));
}

TEST_P(ToolsWithoutATemplate, AreCalledByNameWhenTheyMustBe) {
  const TestServer server(with_template(GetParam()));
  const std::string named = R"({"type": "function", "function": {"name": "add"}}})";
  const Reply reply = server.post("/v1/chat/completions", request + named);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr(R"("name":"add")"));
  const std::string other = R"({"type": "function", "function": {"name": "sub"}}})";
  const Reply refused = server.post("/v1/chat/completions", request + other);
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("'sub'"));
}

}  // namespace
}  // namespace quire::server
