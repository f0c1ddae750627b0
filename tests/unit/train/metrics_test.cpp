#include "train/metrics.h"

#include "base/file.h"
#include "unit/train/tiny.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

Metric metric(int64_t step) {
  return {step, step * 100, 2.5 / static_cast<double>(step), std::nullopt, 1e-3, 0.5, 900, 1.5};
}

TEST(Metrics, AreCutAtTheStepThatIsContinuedFrom) {
  TemporaryFolder folder;
  const std::string path = folder / "metrics.jsonl";
  {
    MetricsFile file = MetricsFile::open(path, 0).value();
    for (int64_t step = 1; step <= 5; ++step) ASSERT_TRUE(file.append(metric(step)));
  }
  // A killed process can leave half a line.
  ASSERT_TRUE(write_file(path, read_file(path).value() + "{\"step\":6,\"tok"));
  MetricsFile file = MetricsFile::open(path, 3).value();
  ASSERT_TRUE(file.append(metric(4)));
  const std::vector<Metric> metrics = read_metrics(path, 100).value();
  ASSERT_EQ(metrics.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(metrics[i].step, static_cast<int64_t>(i + 1));
    EXPECT_EQ(metrics[i].loss, metric(static_cast<int64_t>(i + 1)).loss);
  }
}

TEST(Metrics, ALineSaysWhatWasMeasured) {
  Metric m = metric(2);
  m.held_out = 1.25;
  EXPECT_EQ(metric_line(m),
            "{\"step\":2,\"tokens\":200,\"loss\":1.25,\"held_out\":1.25,\"lr\":0.001,"
            "\"grad_norm\":0.5,\"tokens_per_s\":900.0,\"seconds\":1.5}");
  EXPECT_NE(metric_line(metric(1)).find("\"held_out\":null"), std::string::npos);
}

TEST(Metrics, ADamagedLineInTheMiddleIsAnErrorThatNamesIt) {
  TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "m", metric_line(metric(1)) + "\n{\"step\":2}\n"));
  const auto read = read_metrics(folder / "m", 10);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().fault, Fault::bad_format);
  EXPECT_NE(read.error().text.find("m:2: 'tokens'"), std::string::npos);
}

}  // namespace
}  // namespace quire
