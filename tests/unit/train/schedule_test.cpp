#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace quire {
namespace {

TEST(Schedule, WarmsUpInEqualStepsToThePeak) {
  const Schedule schedule{ScheduleKind::cosine, 1.0, 0.1, 4, 100, 0.2};
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 1), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 3), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 4), 1.0);
}

TEST(Schedule, CosineFallsToTheMinimumAtTheLastStep) {
  const Schedule schedule{ScheduleKind::cosine, 1.0, 0.1, 0, 101, 0.2};
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0), 1.0);
  EXPECT_NEAR(learning_rate(schedule, 50), 0.55, 1e-12);
  EXPECT_NEAR(learning_rate(schedule, 25), 0.1 + 0.9 * (1 + std::sqrt(0.5)) / 2, 1e-12);
  EXPECT_NEAR(learning_rate(schedule, 100), 0.1, 1e-12);
  EXPECT_NEAR(learning_rate(schedule, 5000), 0.1, 1e-12);
}

TEST(Schedule, WsdIsStableThenDecaysByTheSquareRoot) {
  const Schedule schedule{ScheduleKind::wsd, 1.0, 0.0, 10, 101, 20.0 / 101};
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 10), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 79), 1.0);
  EXPECT_NEAR(learning_rate(schedule, 85), 1 - std::sqrt(0.25), 1e-12);
  EXPECT_NEAR(learning_rate(schedule, 100), 0.0, 1e-12);
}

TEST(Schedule, ConstantStaysAndOneStepIsEnough) {
  const Schedule schedule{ScheduleKind::constant, 0.5, 0.1, 0, 1, 0.2};
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0), 0.5);
  for (ScheduleKind kind : {ScheduleKind::cosine, ScheduleKind::wsd})
    EXPECT_TRUE(std::isfinite(learning_rate({kind, 1, 0.1, 0, 1, 1.0}, 0)));
}

TEST(Schedule, NamesGoBothWaysAndUnknownOnesAreUsageErrors) {
  for (ScheduleKind kind : {ScheduleKind::cosine, ScheduleKind::wsd, ScheduleKind::constant})
    EXPECT_EQ(schedule_from_name(schedule_name(kind)).value(), kind);
  EXPECT_EQ(schedule_from_name("linear").error().fault, Fault::usage);
}

}  // namespace
}  // namespace quire
