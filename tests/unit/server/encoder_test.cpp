// Encoders and cross-encoders behind the APIs, beside a model that writes.
#include "support.h"

#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace quire::server {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string golden = QUIRE_SOURCE_DIR "/tests/golden/encoder/";

TestServer& server() {
  static TestServer instance({}, {},
                             {QUIRE_SOURCE_DIR "/models/tales-3m-q8_0.gguf", golden + "bert.gguf",
                              golden + "nomic-bert.gguf", golden + "bert-rank.gguf"});
  return instance;
}

json answer(const std::string& path, const json& body) {
  return json::parse(server().post(path, body.dump()).body);
}

std::vector<float> vector_of(const json& input, const char* model = "bert") {
  return answer("/v1/embeddings", {{"model", model}, {"input", input}})["data"][0]["embedding"];
}

TEST(ServedEncoder, VectorsHaveLengthOneAndDoNotDependOnTheirNeighbours) {
  const std::vector<float> alone = vector_of("the cat sat");
  double square = 0;
  for (const float x : alone) square += double{x} * x;
  EXPECT_NEAR(square, 1, 1e-5);
  json many = json::array();
  for (int i = 0; i < 20; ++i) many.push_back(i == 17 ? "the cat sat" : "a mat on the mat");
  const json all = answer("/v1/embeddings", {{"model", "bert"}, {"input", many}});
  ASSERT_EQ(all["data"].size(), 20u);
  const std::vector<float> among = all["data"][17]["embedding"];
  for (size_t i = 0; i < alone.size(); ++i) EXPECT_NEAR(among[i], alone[i], 1e-4f);
}

TEST(ServedEncoder, EveryApiGivesTheSameVector) {
  const std::vector<float> wanted = vector_of("the cat", "nomic-bert");
  const std::vector<float> embed =
      answer("/api/embed", {{"model", "nomic-bert"}, {"input", "the cat"}})["embeddings"][0];
  const std::vector<float> embedding =
      answer("/embedding", {{"model", "nomic-bert"}, {"content", "the cat"}})[0]["embedding"][0];
  EXPECT_EQ(embed, wanted);
  EXPECT_EQ(embedding, wanted);
}

TEST(ServedEncoder, FewerDimensionsAreTheFirstOnesAtLengthOne) {
  const std::vector<float> whole = vector_of("the cat");
  const std::vector<float> cut =
      answer("/v1/embeddings",
             {{"model", "bert"}, {"input", "the cat"}, {"dimensions", 8}})["data"][0]["embedding"];
  ASSERT_EQ(cut.size(), 8u);
  EXPECT_NEAR(cut[1] / cut[0], whole[1] / whole[0], 1e-4f);
  const Reply beyond =
      server().post("/v1/embeddings", R"({"model": "bert", "input": "x", "dimensions": 1000})");
  EXPECT_EQ(beyond.status, 400);
}

TEST(ServedEncoder, ATextThatIsTooLongIsRefusedOrCutWhenAskedFor) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "the cat ";
  const json body = {{"model", "bert"}, {"input", text}};
  const Reply refused = server().post("/api/embed", body.dump());
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("input length exceeds the context length"));
  json cut = body;
  cut["truncate"] = true;
  const Reply reply = server().post("/api/embed", cut.dump());
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.head, HasSubstr("x-quire-truncated-inputs: 1"));
}

TEST(ServedEncoder, PoolsAsTheServerIsToldTo) {
  const auto vector = [](Pooling pooling) {
    AppOptions options;
    options.models.pooling = pooling;
    const TestServer one(options, {}, {golden + "bert.gguf"});
    return json::parse(
        one.post("/v1/embeddings", R"({"input": "the cat ran"})").body)["data"][0]["embedding"];
  };
  EXPECT_EQ(vector(Pooling::mean), vector(Pooling::mean));
  EXPECT_NE(vector(Pooling::mean), vector(Pooling::cls));
  EXPECT_NE(vector(Pooling::last), vector(Pooling::cls));
}

TEST(ServedEncoder, WritesNoTextAndSaysSo) {
  for (const char* path : {"/v1/completions", "/completion", "/api/generate"}) {
    const Reply reply = server().post(path, R"({"model": "bert", "prompt": "x"})");
    EXPECT_EQ(reply.status, 400) << path;
    EXPECT_THAT(reply.body, HasSubstr("bert is an encoder")) << path;
  }
  EXPECT_EQ(server().post("/tokenize", R"({"model": "bert", "content": "the cat"})").status, 200);
  EXPECT_EQ(server().get("/api/ps").status, 200);
  EXPECT_EQ(server().get("/metrics").status, 200);
  EXPECT_EQ(server().get("/slots").status, 200);
  EXPECT_EQ(server().get("/props?model=bert").status, 200);
  EXPECT_EQ(server().get("/v1/models").status, 200);
}

TEST(ServedRanking, BestFirstAsTheCommandHasIt) {
  const json body = {{"model", "bert-rank"},
                     {"query", "the cat"},
                     {"documents", {"a mat", json{{"text", "the cat sat on the mat"}}, "a"}},
                     {"return_documents", true}};
  for (const char* path : {"/rerank", "/v1/rerank", "/reranking", "/v1/reranking"}) {
    const json got = answer(path, body);
    ASSERT_EQ(got["results"].size(), 3u) << got.dump();
    for (size_t i = 0; i + 1 < 3; ++i)
      EXPECT_GE(got["results"][i]["relevance_score"], got["results"][i + 1]["relevance_score"]);
    EXPECT_TRUE(got["results"][0]["document"]["text"].is_string());
    EXPECT_GT(got["usage"]["total_tokens"], 10);
  }
  json two = body;
  two["top_n"] = 2;
  EXPECT_EQ(answer("/rerank", two)["results"].size(), 2u);
}

TEST(ServedRanking, WhatCannotBeRankedIs400) {
  const auto refused = [](const char* text) {
    const Reply reply = server().post("/rerank", text);
    EXPECT_EQ(reply.status, 400) << text << reply.body;
    return reply.body;
  };
  EXPECT_THAT(refused(R"({"model": "bert", "query": "a", "documents": ["b"]})"),
              HasSubstr("gives no scores"));
  EXPECT_THAT(refused(R"({"model": "tiny", "query": "a", "documents": ["b"]})"),
              HasSubstr("gives no scores"));
  EXPECT_THAT(refused(R"({"model": "bert-rank", "documents": ["b"]})"), HasSubstr("query"));
  EXPECT_THAT(refused(R"({"model": "bert-rank", "query": "a"})"), HasSubstr("documents"));
  refused(R"({"model": "bert-rank", "query": "a", "documents": []})");
  refused(R"({"model": "bert-rank", "query": "a", "documents": [3]})");
  refused(R"({"model": "bert-rank", "query": "a", "documents": ["b"], "top_n": 0})");
  EXPECT_THAT(server().post("/v1/embeddings", R"({"model": "bert-rank", "input": "a"})").body,
              HasSubstr("cross-encoder"));
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "cat ";
  refused(json({{"model", "bert-rank"}, {"query", "a"}, {"documents", {text}}}).dump().c_str());
}

TEST(ServedEncoder, ATextIsCutToFewerTokensWhereAskedFor) {
  const Reply two = server().post(
      "/v1/embeddings",
      R"({"model": "bert", "input": "the cat sat on the mat", "truncate_prompt_tokens": 4})");
  EXPECT_EQ(two.status, 200) << two.body;
  EXPECT_EQ(json::parse(two.body)["usage"]["prompt_tokens"], 4);
  EXPECT_THAT(two.head, HasSubstr("x-quire-truncated-inputs: 1"));
  const auto status = [&](const char* path, const char* body) {
    return server().post(path, body).status;
  };
  EXPECT_EQ(status("/v1/embeddings",
                   R"({"model": "bert", "input": "a", "truncate_prompt_tokens": 100000})"),
            400);
  EXPECT_EQ(status("/api/embed", R"({"model": "bert", "input": "the cat sat on the mat",
                                     "options": {"num_ctx": 4}})"),
            400);
  EXPECT_EQ(status("/api/embed", R"({"model": "bert", "input": "the cat sat on the mat",
                                     "truncate": true, "options": {"num_ctx": 4}})"),
            200);
  const Reply none = server().post("/api/embed", R"({"model": "bert", "input": "the cat sat",
                                     "truncate": true, "options": {"num_ctx": 1}})");
  EXPECT_EQ(none.status, 400);
  EXPECT_THAT(none.body, HasSubstr("input after truncation exceeds maximum context length"));
}

TEST(ServedEncoder, ScoresOfPairsAreProbabilitiesInTheOrderAsked) {
  const json many = answer(
      "/v1/score",
      {{"model", "bert-rank"}, {"text_1", "the cat"}, {"text_2", {"the cat sat", "on the mat"}}});
  ASSERT_EQ(many["data"].size(), 2u) << many;
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(many["data"][i]["index"], i);
    EXPECT_GT(many["data"][i]["score"], 0);
    EXPECT_LT(many["data"][i]["score"], 1);
  }
  const json pairs = answer("/score", {{"model", "bert-rank"},
                                       {"text_1", {"the cat", "the cat"}},
                                       {"text_2", {"on the mat", "the cat sat"}}});
  EXPECT_NEAR(pairs["data"][0]["score"].get<double>(), many["data"][1]["score"].get<double>(),
              1e-5);
  const json ranked = answer(
      "/rerank", {{"model", "bert-rank"}, {"query", "the cat"}, {"documents", {"the cat sat"}}});
  const double logit = ranked["results"][0]["relevance_score"];
  EXPECT_NEAR(many["data"][0]["score"].get<double>(), 1 / (1 + std::exp(-logit)), 1e-5);
  for (const char* body :
       {R"({"model": "bert-rank", "text_1": "a"})", R"({"model": "bert-rank", "text_2": "a"})",
        R"({"model": "bert-rank", "text_1": ["a", "b"], "text_2": ["a"]})",
        R"({"model": "bert", "text_1": "a", "text_2": "b"})"})
    EXPECT_EQ(server().post("/score", body).status, 400) << body;
}

TEST(ServedEncoder, WhatIsEmbeddedIsCounted) {
  answer("/v1/embeddings", {{"model", "bert"}, {"input", "the cat"}});
  const std::string metrics = server().get("/metrics").body;
  const auto value = [&](const std::string& name) {
    const size_t at = metrics.find("\n" + name + " ");
    return at == std::string::npos ? -1.0 : std::stod(metrics.substr(at + name.size() + 2));
  };
  EXPECT_GT(value("llamacpp:prompt_tokens_total"), 0);
  EXPECT_GT(value("llamacpp:n_decode_total"), 0);
}

}  // namespace
}  // namespace quire::server
