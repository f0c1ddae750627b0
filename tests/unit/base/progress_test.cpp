#include "base/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(FormatDuration, WritesMinutesAndHours) {
  EXPECT_EQ(format_duration(0), "0:00");
  EXPECT_EQ(format_duration(-3), "0:00");
  EXPECT_EQ(format_duration(59.4), "0:59");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(65), "1:05");
  EXPECT_EQ(format_duration(3599.7), "1:00:00");
  EXPECT_EQ(format_duration(3725), "1:02:05");
  EXPECT_EQ(format_duration(360000), "100:00:00");
}

TEST(FormatBytes, ChoosesTheUnit) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(1024.0 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(format_bytes(12.5 * 1024 * 1024), "12.5 MiB");
  EXPECT_EQ(format_bytes(3.0 * 1024 * 1024 * 1024), "3.0 GiB");
  EXPECT_EQ(format_bytes(5000.0 * 1024 * 1024 * 1024 * 1024), "5000.0 TiB");
}

TEST(FormatCount, ChoosesTheUnit) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1.0k");
  EXPECT_EQ(format_count(999999), "1.0M");
  EXPECT_EQ(format_count(12345678), "12.3M");
  EXPECT_EQ(format_count(7e9), "7.0G");
}

// The tests' standard error is not a terminal here: whole lines.
TEST(Progress, WritesTheFirstAndTheLastState) {
  testing::internal::CaptureStderr();
  Progress progress("training", 200);
  progress.update(0, "loss 5.00");
  progress.update(50, "loss 4.00");  // too soon after the first to be shown
  progress.update(200, "loss 3.00");
  progress.finish("done");
  progress.finish("once more");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "training [........................]   0 %  loss 5.00\n"
            "training [########################] 100 %  done\n");
}

TEST(Progress, ShowsHalfABarAndTheTimeLeft) {
  testing::internal::CaptureStderr();
  Progress progress("copy", 100);
  progress.update(0);
  progress.update(50);
  progress.finish();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("copy [############............]  50 %"), HasSubstr(" left\n")));
}

TEST(Progress, SaysNothingWhenQuiet) {
  testing::internal::CaptureStderr();
  {
    Progress progress("training", 10, Progress::Show::quiet);
    progress.update(5);
    progress.finish("done");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Progress, OfNothingIsNotADivisionByZero) {
  testing::internal::CaptureStderr();
  Progress progress("empty", 0);
  progress.update(0);
  progress.finish();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("  0 %"));
}

}  // namespace
}  // namespace quire
