#include "format/json.h"
#include "format/hf_config.h"
#include "support.h"

#include <nlohmann/json.hpp>

namespace quire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string parse_error(std::string_view text, JsonLimits limits = {}) {
  const Result<nlohmann::json> result = parse_json(text, "x.json", limits);
  if (result.has_value()) return "no error";
  EXPECT_EQ(result.error().fault, Fault::bad_format);
  expect_one_line(result.error());
  return result.error().text;
}

TEST(Json, DocumentsAreReadAsTheyStand) {
  const auto document =
      parse_json(R"({"a": [1, -2, 2.5, true, null, "žluť\n"], "b": {"c": []}, "": 0})", "x")
          .value();
  EXPECT_EQ(document["a"][0], 1);
  EXPECT_EQ(document["a"][1], -2);
  EXPECT_EQ(document["a"][2], 2.5);
  EXPECT_EQ(document["a"][3], true);
  EXPECT_TRUE(document["a"][4].is_null());
  EXPECT_EQ(document["a"][5], "žluť\n");
  EXPECT_TRUE(document["b"]["c"].is_array());
  EXPECT_EQ(document[""], 0);
  EXPECT_EQ(parse_json(" 7 ", "x").value(), 7);
}

TEST(Json, SyntaxErrorsNameFileAndOffset) {
  EXPECT_THAT(parse_error(R"({"a": 1,})"), HasSubstr("x.json: JSON: parse error at line 1"));
  EXPECT_THAT(parse_error(R"({"a": 1,})"), HasSubstr("(offset 9)"));
  EXPECT_THAT(parse_error(""), HasSubstr("(offset 0)"));
  EXPECT_THAT(parse_error("{} {}"), HasSubstr("(offset 4)"));
  EXPECT_THAT(parse_error("[1"), HasSubstr("unexpected end of input"));
  EXPECT_THAT(parse_error("[1e999]"), HasSubstr("number overflow"));
  EXPECT_THAT(parse_error("[\"\x01\x1b\"]"), HasSubstr("JSON"));
  EXPECT_THAT(parse_error("[\"\xff\"]"), HasSubstr("ill-formed UTF-8"));
}

TEST(Json, KeyTwiceInOneObjectIsRefused) {
  EXPECT_THAT(parse_error(R"({"a": 1, "b": {"a": 2}, "a": 3})"),
              HasSubstr("key 'a' appears twice in one object (offset 27)"));
}

TEST(Json, NestingIsBounded) {
  EXPECT_EQ(parse_error("[[[]]]", {.depth_max = 3}), "no error");
  EXPECT_THAT(parse_error("[[[[]]]]", {.depth_max = 3}),
              HasSubstr("nested more than 3 deep (offset 4)"));
  EXPECT_THAT(parse_error(std::string(100'000, '[')), HasSubstr("nested more than 64 deep"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_THAT(parse_error(objects), HasSubstr("nested more than 64 deep"));
}

TEST(Json, HugeTokensDoNotMakeHugeErrors) {
  EXPECT_LT(parse_error("[" + std::string(1'000'000, 'x')).size(), 400u);
  EXPECT_LT(parse_error("{\"" + std::string(1'000'000, 'k') + "\":}").size(), 400u);
}

constexpr const char* config_text = R"({
  "hidden_size": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000, "tie_word_embeddings": false,
  "model_type": "llama", "architectures": ["LlamaForCausalLM"], "eos_token_id": [1, 2],
  "rope_scaling": {"factor": 8.0, "rope_type": "llama3"}, "head_dim": null, "a.b": 3,
  "big": 18446744073709551615})";

TEST(HfConfig, FieldsHaveTheirValues) {
  const HfConfig config = HfConfig::parse(config_text, "config.json").value();
  EXPECT_EQ(config.get_int("hidden_size").value(), 512);
  EXPECT_EQ(config.get_float("rms_norm_eps").value(), 1e-5);
  EXPECT_EQ(config.get_float("rope_theta").value(), 10000.0);
  EXPECT_EQ(config.get_bool("tie_word_embeddings").value(), false);
  EXPECT_EQ(config.get_string("model_type").value(), "llama");
  EXPECT_THAT(config.get_strings("architectures").value(), ElementsAre("LlamaForCausalLM"));
  EXPECT_THAT(config.get_ints("eos_token_id").value(), ElementsAre(1, 2));
  EXPECT_EQ(config.get_float("rope_scaling.factor").value(), 8.0);
  EXPECT_EQ(config.get_string("rope_scaling.rope_type").value(), "llama3");
}

TEST(HfConfig, NullCountsAsMissing) {
  const HfConfig config = HfConfig::parse(config_text, "config.json").value();
  EXPECT_FALSE(config.has("head_dim"));
  EXPECT_EQ(config.get_int_or("head_dim", 64).value(), 64);
  EXPECT_EQ(config.get_float_or("rope_scaling.low", 1.5).value(), 1.5);
  EXPECT_EQ(config.get_bool_or("x", true).value(), true);
  EXPECT_EQ(config.get_string_or("hidden_act", "silu").value(), "silu");
}

TEST(HfConfig, ErrorsNameFileFieldAndValue) {
  const HfConfig config = HfConfig::parse(config_text, "config.json").value();
  EXPECT_EQ(error_text(config.get_int("missing")), "config.json: field 'missing' is missing");
  EXPECT_EQ(error_text(config.get_int("model_type")),
            "config.json: field 'model_type' is 'llama', a 64-bit integer is needed");
  EXPECT_THAT(error_text(config.get_int("rms_norm_eps")), HasSubstr("is '1e-05'"));
  EXPECT_THAT(error_text(config.get_int("big")), HasSubstr("18446744073709551615"));
  EXPECT_THAT(error_text(config.get_int("rope_scaling")), HasSubstr("is 'object'"));
  EXPECT_THAT(error_text(config.get_int_or("model_type", 1)), HasSubstr("integer is needed"));
  EXPECT_THAT(error_text(config.get_ints("architectures")), HasSubstr("a list of 64-bit integers"));
  EXPECT_THAT(error_text(config.get_int("hidden_size.x")), HasSubstr("is missing"));
}

TEST(HfConfig, OpensAFolderOrAFile) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "config.json", "{\"a\": 1}").has_value());
  EXPECT_EQ(HfConfig::open(folder / "").value().get_int("a").value(), 1);
  EXPECT_EQ(HfConfig::open(folder / "config.json").value().get_int("a").value(), 1);
  EXPECT_EQ(HfConfig::open(folder / "none").error().fault, Fault::not_found);
  EXPECT_THAT(error_text(HfConfig::parse("[1]", "c")), HasSubstr("holds array, an object"));
}

}  // namespace
}  // namespace quire
