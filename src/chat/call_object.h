// One call as a JSON object, read while it is written:
//
//   {"name": "weather", "arguments": {"city": "Paris"}}
//
// The families call the members by different names (tool_name, function; parameters, args) and put
// them in any order; an identifier may be there (id, tool_call_id). Arguments that are a string
// which holds an object count as that object.
#pragma once
#include "chat/json_scanner.h"
#include "chat/reply_output.h"

#include <string>

namespace quire {

class CallObject {
 public:
  // Begins with '{'. Deltas go to `out` as soon as the name is known.
  JsonScanner::Status feed(char c, ReplyOutput& out);
  // Something in it says that it was meant as a call of a tool that is there.
  bool looks_like_call() const { return !name_.empty(); }

 private:
  JsonScanner::Status finish(ReplyOutput& out);
  void begin_if_known(ReplyOutput& out);

  enum class Member : uint8_t { other, name, arguments, id };
  JsonScanner scanner_;
  Member member_ = Member::other;
  std::string name_, id_;
  std::string arguments_;  // not yet given out
  bool has_arguments_ = false, in_arguments_ = false, begun_ = false;
};

// The arguments alone: an object, given to `out` as it is written. The call has begun.
class ArgumentsObject {
 public:
  JsonScanner::Status feed(char c, ReplyOutput& out) {
    const JsonScanner::Status status = scanner_.feed(c);
    if (!started_ && c != '{') return JsonScanner::Status::broken;
    started_ = true;
    if (status != JsonScanner::Status::broken) out.arguments(std::string_view(&c, 1));
    return status;
  }

 private:
  JsonScanner scanner_;
  bool started_ = false;
};

}  // namespace quire
