#include "cli/llama_server_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

LlamaServerFlags parsed(std::vector<std::string> arguments) {
  LlamaServerFlags flags;
  CommandLine app("serve", "quire serve");
  add_llama_server_flags(app, flags);
  const auto help = app.parse(std::move(arguments));
  EXPECT_TRUE(help.has_value()) << help.error().text;
  return flags;
}

server::AppOptions applied(const LlamaServerFlags& flags) {
  server::AppOptions options;
  EXPECT_TRUE(apply(flags, options).has_value());
  return options;
}

TEST(LlamaServerFlags, ItsDefaultsCountOnlyWhereTheyAreAskedFor) {
  const server::AppOptions own = applied(parsed({}));
  EXPECT_TRUE(own.metrics);
  EXPECT_FALSE(own.any_model_name);
  const server::AppOptions like = applied(parsed({"--as", "llama-server"}));
  EXPECT_FALSE(like.metrics);
  EXPECT_TRUE(like.any_model_name);
  EXPECT_TRUE(applied(parsed({"--as", "llama-server", "--metrics"})).metrics);
}

TEST(LlamaServerFlags, AContextIsDividedWhereItWouldBe) {
  EXPECT_FALSE(divides_context(parsed({}), true));
  EXPECT_TRUE(divides_context(parsed({"--no-kv-unified"}), false));
  EXPECT_TRUE(divides_context(parsed({"--as", "llama-server"}), true));
  EXPECT_FALSE(divides_context(parsed({"--as", "llama-server"}), false));
  EXPECT_FALSE(divides_context(parsed({"--as", "llama-server", "--kv-unified"}), true));
}

TEST(LlamaServerFlags, ModelsSleepWhenTheyMay) {
  EXPECT_FALSE(applied(parsed({})).sleeps);
  EXPECT_TRUE(applied(parsed({"--sleep-idle-seconds", "60"})).sleeps);
}

}  // namespace
}  // namespace quire
