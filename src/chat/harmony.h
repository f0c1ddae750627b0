// The answers of gpt-oss: messages in channels (the "harmony" format, OpenAI 2025).
//
//   <|channel|>analysis<|message|>thinking<|end|><|start|>assistant<|channel|>commentary
//   to=functions.weather <|constrain|>json<|message|>{"city":"Paris"}<|call|>
//   <|channel|>final<|message|>the answer<|return|>
#pragma once
#include "chat/call_object.h"
#include "chat/reply_output.h"

#include <string>

namespace quire {

class HarmonyReader {
 public:
  explicit HarmonyReader(const ReplyOptions& options) : options_(options) {}
  // Takes what can be decided from the front of `text`.
  void run(std::string& text, bool last, ReplyOutput& out);
  bool thinking() const { return mode_ == Mode::body && kind_ == Kind::reasoning; }

 private:
  enum class Mode : uint8_t { start, header, body };
  enum class Kind : uint8_t { content, reasoning, call, broken };
  bool step(std::string& text, bool last, ReplyOutput& out);
  void begin_body(std::string_view header, ReplyOutput& out);
  void put(std::string_view part, ReplyOutput& out);
  void end_body(ReplyOutput& out);

  const ReplyOptions& options_;
  Mode mode_ = Mode::start;
  Kind kind_ = Kind::content;
  std::string raw_;  // of a call, to give back
  bool complete_ = false;
  ArgumentsObject arguments_;
};

}  // namespace quire
