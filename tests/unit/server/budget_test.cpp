// Models come when they are asked for, within a budget of memory that is computed, not watched.
#include "support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace quire::server {
namespace {

using nlohmann::json;

const std::vector<std::string> files = {QUIRE_SOURCE_DIR "/models/tales-3m-q8_0.gguf",
                                        QUIRE_SOURCE_DIR "/tests/golden/encoder/bert.gguf",
                                        QUIRE_SOURCE_DIR "/tests/golden/encoder/nomic-bert.gguf"};

int load(TestServer& server, const std::string& model) {
  return server.post("/api/generate", json({{"model", model}}).dump()).status;
}
// Names and sizes of what is loaded.
std::map<std::string, int64_t> loaded(TestServer& server) {
  std::map<std::string, int64_t> sizes;
  const json answer = json::parse(server.get("/api/ps").body);
  for (const json& model : answer["models"]) sizes[model["name"]] = model["size"];
  return sizes;
}

TEST(Budget, WhatWasUsedLongestAgoMakesRoom) {
  TestServer free_server({}, {}, files);
  for (const char* name : {"tiny", "bert", "nomic-bert"}) EXPECT_EQ(load(free_server, name), 200);
  const auto sizes = loaded(free_server);
  ASSERT_EQ(sizes.size(), 3u);

  AppOptions options;
  options.models.memory_bytes_max = sizes.at("tiny") + sizes.at("bert");
  TestServer server(options, {}, files);
  EXPECT_EQ(load(server, "bert"), 200);
  EXPECT_EQ(load(server, "tiny"), 200);
  EXPECT_EQ(loaded(server).size(), 2u);
  EXPECT_EQ(load(server, "bert"), 200);  // now tiny is the one used longest ago
  EXPECT_EQ(load(server, "nomic-bert"), 200);
  const auto after = loaded(server);
  EXPECT_FALSE(after.contains("tiny"));
  EXPECT_TRUE(after.contains("bert") && after.contains("nomic-bert"));
  EXPECT_EQ(load(server, "tiny"), 200);  // and comes back when it is asked for
}

TEST(Budget, AModelThatNeverFitsIs503WithTheNumbers) {
  AppOptions options;
  options.models.memory_bytes_max = 1 << 20;
  TestServer server(options, {}, files);
  const Reply reply = server.post("/api/generate", R"({"model": "tiny"})");
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.body, testing::HasSubstr("--models-memory"));
  EXPECT_EQ(server.get("/health").status, 200);
}

}  // namespace
}  // namespace quire::server
