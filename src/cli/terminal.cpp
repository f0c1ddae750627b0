#include "cli/terminal.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
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

// Of the character the text begins with; 0 when it begins with none.
size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const size_t n = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (n > text.size()) return 0;
  for (size_t i = 1; i < n; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
  return n;
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
  while (!text.empty()) {
    const size_t n = character_bytes(text);
    const auto lead = static_cast<unsigned char>(text[0]);
    // Besides the control characters of ASCII there are U+0080 to U+009F: C2 80 to C2 9F.
    const bool control = (lead < 0x20 && lead != '\n' && lead != '\t') || lead == 0x7F ||
                         (lead == 0xC2 && n == 2 && static_cast<unsigned char>(text[1]) < 0xA0);
    if (n == 0)
      kept += "\xEF\xBF\xBD";
    else if (!control)
      kept += text.substr(0, n);
    text.remove_prefix(std::max<size_t>(n, 1));
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

void put_aside(std::string_view text) {
  if (output_is_terminal()) {
    fmt::print("{}", dim(without_controls(text)));
    std::fflush(stdout);
  } else {
    fmt::print(stderr, "{}",
               ::isatty(STDERR_FILENO) == 1 ? without_controls(text) : std::string(text));
  }
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
