#include "train/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace quire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TrainConfig unusual() {
  TrainConfig c;
  c.shape = {"gpt2", 3, 60, 5, 5, 100, 33, false, 12345.5};
  c.data = {{"a.txt", 2.5, 0xfedcba9876543210u}, {"b.jsonl", 1, 7}};
  c.tokenizer = 0xffffffffffffffffu;
  c.held_out = 0.03;
  c.seed = 99;
  c.batch = 12;
  c.micro_batch = 3;
  c.schedule = {ScheduleKind::wsd, 0.1, 1e-17, 7, 1000, 0.1};
  c.optimizer = {0.8, 0.99, 1e-9, 0.05, 0.5};
  return c;
}

TEST(TrainConfig, ComesBackFromJsonAsItWas) {
  const TrainConfig c = unusual();
  const nlohmann::json written = nlohmann::json::parse(to_json(c).dump());
  const TrainConfig back = config_from_json(written, "x").value();
  EXPECT_EQ(to_json(back), to_json(c));
  EXPECT_THAT(conflicts(c, back), ElementsAre());
  EXPECT_THAT(changes(c, back), ElementsAre());
}

TEST(TrainConfig, ConflictsNameWhatDiffers) {
  const TrainConfig then = unusual();
  TrainConfig now = then;
  now.shape.n_embd = 80;
  now.seed = 1;
  now.data[0].fingerprint = 1;
  EXPECT_THAT(conflicts(then, now),
              ElementsAre("n_embd 60, now 80", "the content of a.txt", "seed 99, now 1"));
  now = then;
  now.schedule.n_steps = 2000;
  EXPECT_THAT(conflicts(then, now), ElementsAre());
  EXPECT_THAT(changes(then, now), ElementsAre("steps 1000, now 2000"));
}

TEST(TrainConfig, AMissingFieldOrAWrongTypeIsNamed) {
  nlohmann::json json = to_json(unusual());
  json["shape"].erase("n_ff");
  EXPECT_THAT(config_from_json(json, "c.json").error().text, HasSubstr("c.json: shape: 'n_ff'"));
  json = to_json(unusual());
  json["batch"] = "many";
  EXPECT_THAT(config_from_json(json, "c.json").error().text, HasSubstr("'batch'"));
  json["batch"] = -4;
  EXPECT_EQ(config_from_json(json, "c.json").error().fault, Fault::bad_format);
  EXPECT_FALSE(config_from_json(nlohmann::json::array(), "c.json").has_value());
  json = to_json(unusual());
  json["micro_batch"] = 5;
  EXPECT_THAT(config_from_json(json, "c.json").error().text, HasSubstr("no multiple"));
}

TEST(ModelShape, FillsInWhatIsNotGiven) {
  const Hparams llama = make_hparams({"llama", 2, 96, 6, 2, 0, 64, true, 1e4}, 500).value();
  EXPECT_EQ(llama.n_ff, 256);
  EXPECT_EQ(llama.head_dim, 16);
  EXPECT_EQ(llama.n_rot, 16);
  const Hparams gpt2 = make_hparams({"gpt2", 2, 96, 6, 0, 0, 64, true, 1e4}, 500).value();
  EXPECT_EQ(gpt2.n_ff, 384);
  EXPECT_EQ(gpt2.n_head_kv, 6);
}

TEST(ModelShape, ThatDoesNotFitTogetherIsAUsageError) {
  EXPECT_THAT(make_hparams({"llama", 2, 100, 6, 0, 0, 64, true, 1e4}, 500).error().text,
              HasSubstr("--n-embd 100 is not a multiple of --n-head 6"));
  EXPECT_THAT(make_hparams({"llama", 2, 96, 6, 4, 0, 64, true, 1e4}, 500).error().text,
              HasSubstr("--n-head 6 is not a multiple of --n-head-kv 4"));
  EXPECT_THAT(make_hparams({"llama", 2, 90, 6, 2, 0, 64, true, 1e4}, 500).error().text,
              HasSubstr("even head width"));
  EXPECT_THAT(make_hparams({"gpt2", 2, 96, 6, 2, 0, 64, true, 1e4}, 500).error().text,
              HasSubstr("gpt2 has as many"));
}

TEST(MicroBatch, DividesTheBatchAndStaysSmall) {
  EXPECT_EQ(choose_micro_batch(32, 256), 16);
  EXPECT_EQ(choose_micro_batch(6, 1024), 3);
  EXPECT_EQ(choose_micro_batch(7, 1024), 1);
  EXPECT_EQ(choose_micro_batch(8, 100000), 1);
}

}  // namespace
}  // namespace quire
