// The terminal: what it can show, what must not reach it, and Ctrl-C.
#pragma once
#include <string>
#include <string_view>

namespace quire {

bool output_is_terminal();
bool input_is_terminal();
// Styles are used on terminals only, and not when NO_COLOR is set (no-color.org).
bool output_has_style();
std::string bold(std::string_view text);
std::string dim(std::string_view text);

// A model's text may contain anything, escape sequences too: without control characters other than
// line feed and tab, and with U+FFFD for each byte that is no part of a character.
std::string without_controls(std::string_view text);

// Writes to standard output at once; on a terminal without control characters.
void put_text(std::string_view text);
// The same in bold: what the user wrote, in front of what the model writes.
void put_prompt(std::string_view text);

// What is not the answer itself: dim on a terminal; where standard output is none, to standard
// error.
void put_aside(std::string_view text);

// While it lives, Ctrl-C sets a flag instead of ending the program; the third one without a reset
// ends it all the same. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  bool interrupted() const;
  void reset();
};

}  // namespace quire
