// What training promises: the same bits from any stop and on any number of threads, and that it
// learns.
#include "train/trainer.h"

#include "train/metrics.h"
#include "unit/train/tiny.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

namespace quire {
namespace {

namespace fs = std::filesystem;

class Training : public ::testing::TestWithParam<const char*> {};

TEST_P(Training, StoppedAndContinuedGivesTheSameBitsAsUninterrupted) {
  TinyRun whole(tiny_config(GetParam()));
  ASSERT_EQ(whole.run().value(), RunEnd::finished);

  TinyRun parts(tiny_config(GetParam()));
  ASSERT_EQ(parts.run(3).value(), RunEnd::stopped);
  parts.restart();
  EXPECT_EQ(parts.trainer->n_steps_done(), 3);
  ASSERT_EQ(parts.run(10).value(), RunEnd::stopped);
  parts.restart();
  ASSERT_EQ(parts.run().value(), RunEnd::finished);

  EXPECT_EQ(parts.weights(), whole.weights());
  const auto a = read_metrics(whole.folder.metrics(), 100).value();
  const auto b = read_metrics(parts.folder.metrics(), 100).value();
  ASSERT_EQ(a.size(), 20u);
  ASSERT_EQ(b.size(), 20u);
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].loss, b[i].loss) << i;
    EXPECT_EQ(a[i].held_out, b[i].held_out) << i;
    EXPECT_EQ(a[i].gradient_norm, b[i].gradient_norm) << i;
  }
}

TEST_P(Training, GivesTheSameBitsOnAnyNumberOfThreads) {
  TinyRun one(tiny_config(GetParam()), 1), three(tiny_config(GetParam()), 3);
  ASSERT_TRUE(one.run(6));
  ASSERT_TRUE(three.run(6));
  EXPECT_EQ(one.weights(), three.weights());
}

INSTANTIATE_TEST_SUITE_P(Archs, Training, ::testing::Values("llama", "gpt2"));

// A process that is killed without warning once a checkpoint is there, again and again.
TEST(KilledTraining, ContinuesToTheSameBits) {
  TrainConfig config = tiny_config();
  config.checkpoint_every = 4;
  config.n_keep = 2;
  TinyRun whole(config, 1);
  ASSERT_TRUE(whole.run());

  TinyRun killed(config, 1);
  killed.trainer.reset();
  for (int round = 0; round < 3; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {  // it may not reach the end of the test program
      killed.make_trainer(
          TokenCache::open(killed.folder.tokens(), killed.tokenizer->n_vocab(), 77).value());
      if (newest_state(killed.folder).value()) killed.restart();
      const int64_t first = killed.trainer->n_steps_done();
      RunHooks hooks;
      hooks.after_step = [&](const RunProgress& progress) {
        // Mid-way between checkpoints, and not through any exit handler.
        if (progress.step.step == first + 6) ::kill(::getpid(), SIGKILL);
      };
      (void)run_steps(killed.folder, *killed.trainer, killed.state, hooks);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
  killed.restart();
  EXPECT_EQ(killed.trainer->n_steps_done(), 12);
  ASSERT_TRUE(killed.run());
  EXPECT_EQ(killed.weights(), whole.weights());
}

TEST(Trainer, ReachesALowLossOnAFewSentences) {
  TrainConfig config = tiny_config();
  config.held_out = 0;
  config.schedule = {ScheduleKind::cosine, 1e-2, 1e-4, 10, 250, 0.2};
  config.eval_every = config.checkpoint_every = 0;
  TinyRun tiny(config, 2, 4);
  const double first = tiny.trainer->step().value().loss;
  double last = 0;
  while (tiny.trainer->n_steps_done() < 250) last = tiny.trainer->step().value().loss;
  // Untrained it knows nothing: log V.
  EXPECT_NEAR(first, std::log(static_cast<double>(tiny.tokenizer->n_vocab())), 0.2);
  // Four sentences, cut into windows at any place: only the start of a window is uncertain.
  EXPECT_LT(last, 0.35);
}

TEST(Trainer, MicroBatchesChangeNothingButRounding) {
  TrainConfig config = tiny_config();
  TinyRun halves(config);
  config.micro_batch = 8;
  TinyRun once(config);
  for (int i = 0; i < 3; ++i) {
    const StepResult a = halves.trainer->step().value(), b = once.trainer->step().value();
    EXPECT_NEAR(a.loss, b.loss, 1e-5);
    EXPECT_NEAR(a.gradient_norm, b.gradient_norm, 1e-4 * b.gradient_norm);
  }
}

TEST(Trainer, EvaluationChangesNothingAndCountsEachHeldOutTokenOnce) {
  TinyRun run(tiny_config());
  ASSERT_GT(run.trainer->data().n_held_out_tokens(), 30);
  const std::vector<float> before = run.weights();
  const HeldOutLoss all = run.trainer->evaluate(0);
  EXPECT_EQ(all.n_tokens, run.trainer->data().n_held_out_tokens());
  EXPECT_EQ(run.trainer->evaluate(0).nats, all.nats);
  EXPECT_EQ(run.weights(), before);
  // The first tokens cost what they cost in the whole: at most all of it.
  const HeldOutLoss part = run.trainer->evaluate(21);
  EXPECT_EQ(part.n_tokens, 21);
  EXPECT_NEAR(part.mean(), all.mean(), 0.3);
}

TEST(Trainer, ALossThatIsNotANumberStopsBeforeTheWeightsChange) {
  TinyRun run(tiny_config());
  run.trainer->parameters().weights()[3] = std::nanf("");
  const std::vector<float> before = run.weights();
  const auto step = run.trainer->step();
  ASSERT_FALSE(step.has_value());
  EXPECT_EQ(step.error().fault, Fault::limit);
  EXPECT_NE(step.error().text.find("--lr"), std::string::npos);
  const std::vector<float> after = run.weights();
  EXPECT_EQ(std::memcmp(before.data(), after.data(), 4 * before.size()), 0);
}

TEST(Trainer, ClippingBoundsTheStep) {
  TrainConfig config = tiny_config();
  config.optimizer.clip = 1e-3;
  TinyRun run(config);
  const double norm = run.trainer->step().value().gradient_norm;
  EXPECT_GT(norm, 1e-3);  // what is reported is the norm before clipping
  double sum = 0;
  for (int64_t i = 0; i < run.trainer->parameters().n_floats(); ++i) {
    // After one step m is (1 - beta1) g.
    const double g = static_cast<double>(run.trainer->parameters().m()[i]) / 0.1;
    sum += g * g;
  }
  EXPECT_NEAR(std::sqrt(sum), 1e-3, 1e-6);
}

TEST(Initialization, FollowsNameAndShapeAndNothingElse) {
  TinyRun a(tiny_config());
  TrainConfig deeper = tiny_config();
  deeper.shape.n_layer = 3;
  TinyRun b(deeper);
  const auto find = [](TinyRun& run, const std::string& name) {
    for (const ParameterSlot& slot : run.trainer->parameters().slots())
      if (slot.name == name) {
        const float* w = run.trainer->parameters().weights() + slot.offset;
        return std::vector<float>(w, w + slot.n);
      }
    return std::vector<float>();
  };
  const auto spread = [](const std::vector<float>& w) {
    double sum = 0;
    for (float x : w) sum += static_cast<double>(x) * static_cast<double>(x);
    return std::sqrt(sum / static_cast<double>(w.size()));
  };
  EXPECT_EQ(find(a, "blk.1.attn_q.weight"), find(b, "blk.1.attn_q.weight"));
  EXPECT_NE(find(a, "blk.0.attn_q.weight"), find(a, "blk.1.attn_q.weight"));
  for (float x : find(a, "blk.0.attn_norm.weight")) EXPECT_EQ(x, 1.0f);
  // The spread of n numbers is known to 1 / sqrt(2 n); n is 1,024 and more: four deviations.
  EXPECT_NEAR(spread(find(a, "blk.0.attn_q.weight")), 0.02, 0.02 * 0.09);
  EXPECT_NEAR(spread(find(a, "blk.0.ffn_down.weight")), 0.01, 0.01 * 0.09);  // / sqrt(2 * 2)
  EXPECT_NEAR(spread(find(a, "token_embd.weight")), 0.02, 0.02 * 0.09);
}

}  // namespace
}  // namespace quire
