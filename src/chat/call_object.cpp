#include "chat/call_object.h"

namespace quire {

using Status = JsonScanner::Status;
using Event = JsonScanner::Event;

void CallObject::begin_if_known(ReplyOutput& out) {
  if (begun_ || name_.empty() || !has_arguments_) return;
  begun_ = true;
  out.begin_call(name_, id_);
}

Status CallObject::feed(char c, ReplyOutput& out) {
  const bool first = !scanner_.started();
  if (first && c != '{') return Status::broken;
  const Status status = scanner_.feed(c);
  if (status == Status::broken) return status;
  switch (scanner_.event()) {
    case Event::key: {
      const std::string key = json_string_value(scanner_.token());
      member_ = key == "name" || key == "tool_name" || key == "function"     ? Member::name
                : key == "arguments" || key == "parameters" || key == "args" ? Member::arguments
                : key == "id" || key == "tool_call_id" || key == "call_id"   ? Member::id
                                                                             : Member::other;
      break;
    }
    case Event::value_begin:
      if (member_ == Member::arguments && has_arguments_) return Status::broken;
      in_arguments_ = member_ == Member::arguments && c == '{';
      has_arguments_ |= in_arguments_;
      if (member_ == Member::arguments && c != '{' && c != '"' && c != 'n') return Status::broken;
      break;
    case Event::value_end:
    case Event::scalar_ended: {
      const std::string& token = scanner_.token();
      const bool is_string = !in_arguments_ && token.starts_with('"');
      if (member_ == Member::name) {
        if (!is_string || !name_.empty()) return Status::broken;
        name_ = json_string_value(token);
        if (!out.knows_tool(name_)) return name_.clear(), Status::broken;
      } else if (member_ == Member::id) {
        id_ = is_string ? json_string_value(token) : token;
      } else if (member_ == Member::arguments && !in_arguments_) {
        arguments_ = is_string ? json_string_value(token) : "{}";
        if (!arguments_.starts_with('{') || !is_json(arguments_)) return Status::broken;
        has_arguments_ = true;
      }
      if (in_arguments_ && scanner_.event() == Event::value_end) arguments_ += c;
      in_arguments_ = false;
      member_ = Member::other;
      break;
    }
    case Event::none:
      break;
  }
  if (in_arguments_) arguments_ += c;
  begin_if_known(out);
  if (begun_) {
    out.arguments(arguments_);
    arguments_.clear();
  }
  return status == Status::complete ? finish(out) : status;
}

Status CallObject::finish(ReplyOutput& out) {
  if (name_.empty()) return Status::broken;
  if (!begun_) {
    out.begin_call(name_, id_);
    out.arguments("{}");
  }
  out.end_call();
  return Status::complete;
}

}  // namespace quire
