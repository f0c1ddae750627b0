// Reads lines from the terminal with editing and history (libedit).
#pragma once
#include <memory>
#include <optional>
#include <string>

namespace quire {

class LineEditor {
 public:
  explicit LineEditor(std::string prompt);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // A line without its end; empty at the end of input. After Ctrl-C (see InterruptGuard) an empty
  // line, with interrupted() true.
  std::optional<std::string> read();
  bool interrupted() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quire
