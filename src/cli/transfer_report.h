// How far a pull or a push is, on standard error.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace quire {

// One line for each step; on a terminal the last one counts.
class TransferReport {
 public:
  TransferReport();
  void operator()(std::string_view status, std::string_view digest, uint64_t n, uint64_t total);
  void end();

 private:
  bool on_terminal_;
  std::string last_;
  std::chrono::steady_clock::time_point at_;
};

}  // namespace quire
