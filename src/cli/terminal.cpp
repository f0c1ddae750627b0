#include "cli/terminal.h"

#include <fmt/core.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace quire {
namespace {

// What a signal handler may touch must be global.
volatile std::sig_atomic_t n_interrupts = 0;
struct sigaction action_before;

void on_interrupt(int /*signal*/) {
  n_interrupts = n_interrupts + 1;
  constexpr int patience = 3;  // whoever presses it that often wants out, whatever we are doing
  if (n_interrupts >= patience) ::_exit(130);
}

}  // namespace

bool output_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool input_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }

bool output_has_style() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return output_is_terminal() && (no_color == nullptr || *no_color == '\0') && term != nullptr &&
         std::string_view(term) != "dumb";
}

std::string bold(std::string_view text) {
  return output_has_style() ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text);
}

std::string dim(std::string_view text) {
  return output_has_style() ? fmt::format("\x1b[2m{}\x1b[0m", text) : std::string(text);
}

std::string without_controls(std::string_view text) {
  std::string kept;
  kept.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are control characters, too: C2 80 to C2 9F.
    const bool c1 = byte == 0xC2 && i + 1 < text.size() &&
                    static_cast<unsigned char>(text[i + 1]) >= 0x80 &&
                    static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) {
      ++i;
      continue;
    }
    if ((byte >= 0x20 && byte != 0x7F) || byte == '\n' || byte == '\t') kept += text[i];
  }
  return kept;
}

void put_text(std::string_view text) {
  fmt::print("{}", output_is_terminal() ? without_controls(text) : std::string(text));
  std::fflush(stdout);
}

void put_prompt(std::string_view text) {
  if (!output_has_style() || text.empty()) return put_text(text);
  fmt::print("\x1b[1m");
  put_text(text);
  fmt::print("\x1b[0m");
  std::fflush(stdout);
}

InterruptGuard::InterruptGuard() {
  n_interrupts = 0;
  struct sigaction action{};
  action.sa_handler = on_interrupt;  // without SA_RESTART: a waiting read ends
  ::sigaction(SIGINT, &action, &action_before);
}

InterruptGuard::~InterruptGuard() { ::sigaction(SIGINT, &action_before, nullptr); }

bool InterruptGuard::interrupted() const { return n_interrupts > 0; }
void InterruptGuard::reset() { n_interrupts = 0; }

}  // namespace quire
