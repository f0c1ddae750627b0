#include "cli/transfer_report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace quire {
namespace {

void note(const std::string& text) { std::fputs(text.c_str(), stderr); }

}  // namespace

TransferReport::TransferReport() : on_terminal_(::isatty(STDERR_FILENO) != 0) {}

void TransferReport::operator()(std::string_view status, std::string_view digest, uint64_t n,
                                uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  const bool is_same = status == last_;
  if (is_same && n < total && now - at_ < std::chrono::milliseconds(200)) return;
  if (is_same && !on_terminal_) return;
  at_ = now;
  if (!last_.empty() && !is_same && on_terminal_) note("\n");
  last_ = status;
  std::string line(status);
  if (!digest.empty() && total > 0)
    line += fmt::format("  {:.0f} MB", static_cast<double>(total) / 1e6);
  if (on_terminal_ && total > 0)
    line += fmt::format("  {:3.0f} %", 100.0 * static_cast<double>(n) / static_cast<double>(total));
  note(on_terminal_ ? "\r" + line : line + "\n");
}

void TransferReport::end() {
  if (on_terminal_ && !last_.empty()) note("\n");
}

}  // namespace quire
