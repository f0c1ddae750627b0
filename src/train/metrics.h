// metrics.jsonl: one JSON object per line and step.
//
//   {"step":1,"tokens":8192,"loss":8.31,"held_out":null,"lr":1e-5,"grad_norm":1.2,
//    "tokens_per_s":5012.3,"seconds":1.6}
//
// loss and held_out in nats per token; held_out where it was measured; seconds trained so far.
#pragma once
#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quire {

struct Metric {
  int64_t step = 0, n_tokens = 0;
  double loss = 0;
  std::optional<double> held_out;
  double rate = 0, gradient_norm = 0, tokens_per_s = 0, seconds = 0;
};

std::string metric_line(const Metric& metric);  // without the line feed
// The metrics of a file up to `last_step`, in order; none when there is no file. A last line that a
// killed process left half written is not an error; a damaged line before it is (bad_format).
Result<std::vector<Metric>> read_metrics(const std::string& path, int64_t last_step);

// Appends; every line is in the file when append() returns. Move-only.
class MetricsFile {
 public:
  // Cuts the file after `last_step` (what came later will be computed again) and opens it.
  static Result<MetricsFile> open(const std::string& path, int64_t last_step);
  MetricsFile(MetricsFile&& other) noexcept;
  MetricsFile& operator=(MetricsFile&&) = delete;
  ~MetricsFile();
  Result<void> append(const Metric& metric);

 private:
  MetricsFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

}  // namespace quire
