#include "train/metrics.h"

#include "base/file.h"
#include "format/json.h"

#include <fcntl.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <utility>

namespace quire {

using nlohmann::json;

std::string metric_line(const Metric& metric) {
  nlohmann::ordered_json line;
  line["step"] = metric.step;
  line["tokens"] = metric.n_tokens;
  line["loss"] = metric.loss;
  line["held_out"] = metric.held_out ? nlohmann::ordered_json(*metric.held_out) : nullptr;
  line["lr"] = metric.rate;
  line["grad_norm"] = metric.gradient_norm;
  line["tokens_per_s"] = metric.tokens_per_s;
  line["seconds"] = metric.seconds;
  return line.dump();
}

Result<std::vector<Metric>> read_metrics(const std::string& path, int64_t last_step) {
  std::vector<Metric> metrics;
  if (!file_exists(path)) return metrics;
  const std::string text = TRY(read_file(path));
  int64_t n_line = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // half written
    const json line = TRY(parse_json(std::string_view(text).substr(at, end - at),
                                     fmt::format("{}:{}", path, ++n_line)));
    at = end + 1;
    for (const char* field :
         {"step", "tokens", "loss", "lr", "grad_norm", "tokens_per_s", "seconds"})
      if (!line.is_object() || !line.contains(field) || !line[field].is_number())
        return fail(Fault::bad_format, "{}:{}: '{}' is missing or no number", path, n_line, field);
    Metric metric;
    metric.step = line["step"].get<int64_t>();
    metric.n_tokens = line["tokens"].get<int64_t>();
    metric.loss = line["loss"].get<double>();
    if (line.contains("held_out") && line["held_out"].is_number())
      metric.held_out = line["held_out"].get<double>();
    metric.rate = line["lr"].get<double>();
    metric.gradient_norm = line["grad_norm"].get<double>();
    metric.tokens_per_s = line["tokens_per_s"].get<double>();
    metric.seconds = line["seconds"].get<double>();
    if (metric.step <= last_step) metrics.push_back(metric);
  }
  return metrics;
}

Result<MetricsFile> MetricsFile::open(const std::string& path, int64_t last_step) {
  std::string kept;
  for (const Metric& metric : TRY(read_metrics(path, last_step)))
    kept += metric_line(metric) + "\n";
  TRY(write_file(path, kept));
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return fail(Fault::io, "{}: cannot open it: {}", path, std::strerror(errno));
  return MetricsFile(path, fd);
}

MetricsFile::MetricsFile(MetricsFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

MetricsFile::~MetricsFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> MetricsFile::append(const Metric& metric) {
  const std::string line = metric_line(metric) + "\n";
  if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return fail(Fault::io, "{}: cannot write: {}", path_, std::strerror(errno));
  return {};
}

}  // namespace quire
