#include "train/checkpoint.h"

#include "base/file.h"
#include "unit/train/tiny.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace quire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::vector<int64_t> steps_in(const std::string& checkpoints) {
  std::vector<int64_t> steps;
  for (const CheckpointEntry& entry : list_checkpoints(checkpoints)) steps.push_back(entry.step);
  return steps;
}

void save_with(TinyRun& run, int64_t step, std::optional<double> held_out) {
  run.state.step = step;
  run.state.held_out = held_out;
  ASSERT_TRUE(
      save_checkpoint(run.folder.checkpoints(), run.state, run.trainer->parameters()).has_value());
}

TEST(Checkpoint, BringsBackEveryNumber) {
  TinyRun run(tiny_config());
  ASSERT_TRUE(run.run(2));
  run.state.held_out = 1.0 / 3;
  run.state.best_held_out = 0.1 + 0.2;
  run.state.seconds = 12.345;
  const std::string path =
      save_checkpoint(run.folder.checkpoints(), run.state, run.trainer->parameters()).value();
  const ParameterSet& p = run.trainer->parameters();
  const auto all = [&] {
    std::vector<float> numbers(p.weights(), p.weights() + p.n_floats());
    numbers.insert(numbers.end(), p.m(), p.m() + p.n_floats());
    numbers.insert(numbers.end(), p.v(), p.v() + p.n_floats());
    return numbers;
  };
  const std::vector<float> before = all();
  for (int64_t i = 0; i < p.n_floats(); ++i) p.weights()[i] = p.m()[i] = p.v()[i] = 0;
  ASSERT_TRUE(load_parameters(path, p));
  EXPECT_EQ(all(), before);
  const RunState state = load_state(path).value();
  EXPECT_EQ(state.step, 2);
  EXPECT_EQ(state.n_tokens, 2 * 8 * 16);
  EXPECT_EQ(state.held_out, 1.0 / 3);
  EXPECT_EQ(state.best_held_out, 0.1 + 0.2);
  EXPECT_EQ(state.seconds, 12.345);
  EXPECT_EQ(state.loss, run.state.loss);
}

TEST(Checkpoint, TheNewestAndTheBestAreKept) {
  TinyRun run(tiny_config());
  save_with(run, 1, 3.0);
  save_with(run, 2, 1.0);
  save_with(run, 3, 2.0);
  save_with(run, 4, std::nullopt);
  save_with(run, 5, 2.5);
  prune_checkpoints(run.folder.checkpoints(), 2);
  EXPECT_THAT(steps_in(run.folder.checkpoints()), ElementsAre(2, 4, 5));
}

TEST(Checkpoint, WhatAKilledProcessLeftIsNoCheckpointAndGoes) {
  TinyRun run(tiny_config());
  save_with(run, 1, 3.0);
  const std::string folder = run.folder.checkpoints();
  ASSERT_TRUE(make_directories(folder + "/.writing-00000002"));
  ASSERT_TRUE(write_file(folder + "/.writing-00000002/weights.safetensors", "half"));
  ASSERT_TRUE(make_directories(folder + "/.removed-00000000"));
  ASSERT_TRUE(make_directories(folder + "/step-12x"));
  EXPECT_THAT(steps_in(folder), ElementsAre(1));
  EXPECT_EQ(newest_state(run.folder).value()->step, 1);
  prune_checkpoints(folder, 3);
  EXPECT_FALSE(fs::exists(folder + "/.writing-00000002"));
  EXPECT_FALSE(fs::exists(folder + "/.removed-00000000"));
  save_with(run, 2, 1.0);
  EXPECT_THAT(steps_in(folder), ElementsAre(1, 2));
}

TEST(Checkpoint, SavingAStepAgainReplacesIt) {
  TinyRun run(tiny_config());
  save_with(run, 7, 3.0);
  run.trainer->parameters().weights()[0] = 42;
  save_with(run, 7, 2.0);
  run.trainer->parameters().weights()[0] = 0;
  (void)restore(run.folder, 7, *run.trainer).value();
  EXPECT_EQ(run.trainer->parameters().weights()[0], 42);
  EXPECT_THAT(steps_in(run.folder.checkpoints()), ElementsAre(7));
}

TEST(Checkpoint, OfAnotherShapeOrDamagedIsRefusedWithTheTensorsName) {
  TinyRun run(tiny_config());
  save_with(run, 1, 3.0);
  TrainConfig wider = tiny_config();
  wider.shape.n_ff = 64;
  TinyRun other(wider);
  const std::string path = run.folder.checkpoints() + "/step-00000001";
  const auto loaded = load_parameters(path, other.trainer->parameters());
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().fault, Fault::bad_format);
  EXPECT_THAT(loaded.error().text, HasSubstr("blk.0.ffn_gate.weight"));

  const std::string file = path + "/optimizer.safetensors";
  const std::string whole = read_file(file).value();
  ASSERT_TRUE(write_file(file, whole.substr(0, whole.size() / 2)));
  EXPECT_EQ(load_parameters(path, run.trainer->parameters()).error().fault, Fault::bad_format);
  ASSERT_TRUE(write_file(path + "/state.json", "{\"step\": 1"));
  EXPECT_EQ(load_state(path).error().fault, Fault::bad_format);
  ASSERT_TRUE(write_file(path + "/state.json", "{\"step\": -1}"));
  EXPECT_THAT(load_state(path).error().text, HasSubstr("'step'"));
  EXPECT_EQ(restore(run.folder, 9, *run.trainer).error().fault, Fault::not_found);
}

TEST(RunLock, OneProcessAtATimeTrainsInAFolder) {
  TemporaryFolder folder;
  {
    const RunLock lock = RunLock::take({folder.path()}).value();
    const auto second = RunLock::take({folder.path()});
    ASSERT_FALSE(second.has_value());
    EXPECT_THAT(second.error().text, HasSubstr("another process is training"));
  }
  EXPECT_TRUE(RunLock::take({folder.path()}).has_value());
}

}  // namespace
}  // namespace quire
