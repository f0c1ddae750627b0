// What `quire bench` measured, as a table, as JSON and as a picture.
#pragma once
#include "eval/speed.h"
#include "model/model.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace quire {

struct BenchRow {
  int n_threads = 1;
  SpeedResult result;
};

struct BenchReport {
  std::string model_name, model_type;  // "llama-1b", "q4_k_m"
  std::string weights;                 // where they lie: "random, in memory"
  int64_t n_params = 0, weight_bytes = 0;
  int64_t n_batch = 0;
  DType k_dtype = DType::f16, v_dtype = DType::f16;
  Precision precision = Precision::fast;
  PeakRates peaks;  // of as many threads as the rows that follow
  std::vector<BenchRow> rows;
};

struct MachineLimits {
  int n_threads = 1;
  PeakRates peaks;
  double bandwidth = 0;  // bytes per second
};
void print_limits(const MachineLimits& limits);
nlohmann::json limits_json(const MachineLimits& limits);

// "q4_k_m" from general.file_type of the file, else the type of most of the bytes.
std::string model_type_name(const Model& model);

void print_bench_model(const BenchReport& report);
// The processor and its peak rates, then the names of the columns.
void print_bench_machine(const BenchReport& report, int n_threads);
void print_bench_row(const BenchRow& row);
// For each test also the fields that llama-bench has, under its names.
nlohmann::json bench_json(const BenchReport& report);
std::string bench_svg(const BenchReport& report);

}  // namespace quire
