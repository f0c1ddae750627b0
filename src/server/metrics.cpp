#include "server/metrics.h"

#include <fmt/format.h>

namespace quire::server {

std::pair<double, double> Throughput::since_last(const Counted& now) {
  const std::lock_guard lock(mutex_);
  const auto rate = [](double n, double seconds) { return n > 0 && seconds > 0 ? n / seconds : 0; };
  const std::pair rates{
      rate(now.n_prompt - last_.n_prompt, now.prompt_s - last_.prompt_s),
      rate(now.n_generated - last_.n_generated, now.generate_s - last_.generate_s)};
  last_ = now;
  return rates;
}

void RequestMetrics::count(const std::string& route, int status, double seconds) {
  const std::lock_guard lock(mutex_);
  Row& row = rows_[{route, status}];
  ++row.n;
  row.seconds += seconds;
}

void RequestMetrics::append(std::string& text) const {
  const std::lock_guard lock(mutex_);
  text +=
      "# HELP quire_requests_total Requests answered, by route and status.\n"
      "# TYPE quire_requests_total counter\n";
  for (const auto& [key, row] : rows_)
    text += fmt::format("quire_requests_total{{route=\"{}\",status=\"{}\"}} {}\n", key.first,
                        key.second, row.n);
  text +=
      "# HELP quire_request_seconds_total Time spent on them.\n"
      "# TYPE quire_request_seconds_total counter\n";
  for (const auto& [key, row] : rows_)
    text += fmt::format("quire_request_seconds_total{{route=\"{}\",status=\"{}\"}} {:.6f}\n",
                        key.first, key.second, row.seconds);
}

void append_metric(std::string& text, const char* name, const char* type, const char* help,
                   double value) {
  text += fmt::format("# HELP {} {}\n# TYPE {} {}\n{} {}\n", name, help, name, type, name, value);
}

}  // namespace quire::server
