// How one family writes its calls, read while they are written. Behind the marker that opens them a
// CallFormat takes the text over; what it cannot read it hands back.
#pragma once
#include "chat/call_object.h"
#include "chat/reply_format.h"
#include "chat/reply_output.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

enum class CallProgress : uint8_t { more, done, broken };

// The text that has arrived and is not used up yet. All that is taken is kept, in case it has to be
// handed back.
class CallText {
 public:
  void begin(std::string_view marker) { raw_ = marker; }
  // Of the current call only: what came before is settled.
  void settle() { raw_.clear(); }
  const std::string& raw() const { return raw_; }

  std::string_view rest;
  bool last = false;  // no more will come

  char take() {
    const char c = rest[0];
    raw_ += c;
    rest.remove_prefix(1);
    return c;
  }
  void take(size_t n) {
    raw_ += rest.substr(0, n);
    rest.remove_prefix(n);
  }
  // Past blanks; false when there is nothing behind them (yet).
  bool skip_blanks() {
    while (!rest.empty() &&
           (rest[0] == ' ' || rest[0] == '\n' || rest[0] == '\r' || rest[0] == '\t'))
      take();
    return !rest.empty();
  }
  // Whether the rest begins with the text: yes (and past it), no, or not known yet.
  enum class Answer : uint8_t { yes, no, unknown };
  Answer skip(std::string_view text);
  // Up to the text, and past it; appends what is before it. Takes what cannot be part of it.
  Answer take_until(std::string_view text, std::string& before);

 private:
  std::string raw_;
};

class CallFormat {
 public:
  virtual ~CallFormat() = default;
  // Reads on. done: the calls have ended and the rest of the text is free again. broken: text.raw()
  // is not (the rest of) a call. Called again with more text after `more`.
  virtual CallProgress read(CallText& text, ReplyOutput& out) = 0;
  // Of JSON without a marker: a tool's name is in it.
  virtual bool looks_like_call() const { return true; }
};

// The markers that open calls in this family. "{" and "[" only count at the start of the content.
std::vector<std::string> call_markers(ToolStyle style);
// The reader of what stands behind a marker.
std::unique_ptr<CallFormat> make_call_format(ToolStyle style, std::string_view marker);

}  // namespace quire
