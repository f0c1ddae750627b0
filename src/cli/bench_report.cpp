#include "cli/bench_report.h"

#include "base/isa.h"
#include "base/progress.h"
#include "model/type_mix.h"
#include "train/plot.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <map>

namespace quire {
namespace {

// As Linux names it; empty elsewhere.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      return line.substr(std::min(line.find(':') + 2, line.size()));
  return "";
}

std::string rate_text(double operations) { return fmt::format("{:.2f}", operations / 1e12); }

std::string whole_percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

double standard_deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  double mean = 0, sum = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

nlohmann::json row_json(const BenchReport& report, const BenchRow& row) {
  const SpeedResult& result = row.result;
  const bool prompt = result.test.kind == SpeedTest::Kind::prompt;
  std::vector<double> rates, nanoseconds, bandwidths;
  double mean_ns = 0, mean_rate = 0;
  for (const SpeedSample& sample : result.samples) {
    rates.push_back(result.rate(sample));
    nanoseconds.push_back(std::round(sample.seconds * 1e9));
    bandwidths.push_back(sample.bandwidth);
    mean_ns += nanoseconds.back() / static_cast<double>(result.samples.size());
    mean_rate += rates.back() / static_cast<double>(result.samples.size());
  }
  return {{"test", result.test.name()},
          {"model_type", report.model_name + " " + report.model_type},
          {"model_size", report.weight_bytes},
          {"model_n_params", report.n_params},
          {"n_batch", report.n_batch},
          {"n_threads", row.n_threads},
          {"type_k", info(report.k_dtype).name},
          {"type_v", info(report.v_dtype).name},
          {"n_prompt", prompt ? result.test.n_tokens : 0},
          {"n_gen", prompt ? 0 : result.test.n_tokens},
          {"n_depth", result.test.n_depth},
          {"n_sequences", result.test.n_sequences},
          {"avg_ns", mean_ns},
          {"stddev_ns", standard_deviation(nanoseconds)},
          {"avg_ts", mean_rate},
          {"stddev_ts", standard_deviation(rates)},
          {"samples_ns", nanoseconds},
          {"samples_ts", rates},
          {"median_ts", result.rate()},
          {"bytes_read", result.n_bytes},
          {"bandwidth_samples", bandwidths},
          {"bandwidth_share", result.bandwidth_share()},
          {"peak_share", result.peak_share()}};
}

}  // namespace

std::string model_type_name(const Model& model) {
  if (const GgufFile* file = model.file(); file != nullptr && file->has("general.file_type"))
    if (const auto type = file->get_uint("general.file_type"))
      for (const TypeMix& mix : all_type_mixes())
        if (static_cast<uint32_t>(mix.type) == *type) return mix.name;
  std::map<DType, int64_t> bytes;
  for (const TensorView& param : model.params()) bytes[param.dtype] += param.n_bytes();
  const auto most =
      std::ranges::max_element(bytes, {}, [](const auto& pair) { return pair.second; });
  return most == bytes.end() ? "" : info(most->first).name;
}

void print_limits(const MachineLimits& limits) {
  fmt::print("{}, {}; {} threads\nint8 {} TOPS, bf16 {} and f32 {} TFLOPS, read {:.1f} GB/s\n",
             processor_name(), isa_name(isa()), limits.n_threads, rate_text(limits.peaks.int8),
             rate_text(limits.peaks.bf16), rate_text(limits.peaks.f32), limits.bandwidth / 1e9);
}

nlohmann::json limits_json(const MachineLimits& limits) {
  return {{"processor", processor_name()},     {"isa", isa_name(isa())},
          {"n_threads", limits.n_threads},     {"int8_ops", limits.peaks.int8},
          {"bf16_flops", limits.peaks.bf16},   {"f32_flops", limits.peaks.f32},
          {"read_bandwidth", limits.bandwidth}};
}

void print_bench_model(const BenchReport& report) {
  fmt::print("model    {} {}, {} parameters, {} of weights ({})\n", report.model_name,
             report.model_type, format_count(static_cast<double>(report.n_params)),
             format_bytes(static_cast<double>(report.weight_bytes)), report.weights);
  fmt::print("cache    keys {}, values {}; batches of {}; products {}\n", info(report.k_dtype).name,
             info(report.v_dtype).name, report.n_batch,
             report.precision == Precision::fast ? "fast" : "exact");
}

void print_bench_machine(const BenchReport& report, int n_threads) {
  fmt::print(
      "machine  {}, {}; {} threads: int8 {} TOPS, bf16 {} and f32 {} TFLOPS\n\n"
      "{:<22} {:>10}  {:>19}  {:>7}  {:>13}  {:>9}\n",
      processor_name(), isa_name(isa()), n_threads, rate_text(report.peaks.int8),
      rate_text(report.peaks.bf16), rate_text(report.peaks.f32), "test", "tokens/s", "range",
      "GB/s", "of bandwidth", "of peak");
  std::fflush(stdout);
}

void print_bench_row(const BenchRow& row) {
  const SpeedResult& result = row.result;
  fmt::print("{:<22} {:>10.2f}  {:>19}  {:>7.1f}  {:>13}  {:>9}\n", result.test.name(),
             result.rate(), fmt::format("{:.2f} - {:.2f}", result.least_rate(), result.most_rate()),
             result.bytes_per_second() / 1e9, whole_percent(result.bandwidth_share()),
             whole_percent(result.peak_share()));
  std::fflush(stdout);
}

nlohmann::json bench_json(const BenchReport& report) {
  nlohmann::json json = {{"model",
                          {{"name", report.model_name},
                           {"type", report.model_type},
                           {"weights", report.weights},
                           {"n_params", report.n_params},
                           {"weight_bytes", report.weight_bytes}}},
                         {"machine",
                          {{"processor", processor_name()},
                           {"isa", isa_name(isa())},
                           {"int8_ops", report.peaks.int8},
                           {"bf16_flops", report.peaks.bf16},
                           {"f32_flops", report.peaks.f32}}},
                         {"products", report.precision == Precision::fast ? "fast" : "exact"},
                         {"results", nlohmann::json::array()}};
  for (const BenchRow& row : report.rows) json["results"].push_back(row_json(report, row));
  return json;
}

std::string bench_svg(const BenchReport& report) {
  BarChart chart;
  chart.title = fmt::format("{} {}, {}", report.model_name, report.model_type, processor_name());
  chart.unit = "tokens/s";
  for (const BenchRow& row : report.rows) {
    const SpeedResult& result = row.result;
    const bool prompt = result.test.kind == SpeedTest::Kind::prompt;
    chart.bars.push_back({fmt::format("{} t{}", result.test.name(), row.n_threads), result.rate(),
                          result.least_rate(), result.most_rate(),
                          prompt ? whole_percent(result.peak_share()) + " of peak"
                                 : whole_percent(result.bandwidth_share()) + " of bandwidth"});
  }
  return bars_svg(chart);
}

}  // namespace quire
