// What a ReplyParser has found out: deltas for the stream, and all of them added up.
#pragma once
#include "chat/reply_parser.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quire {

class ReplyOutput {
 public:
  explicit ReplyOutput(const ReplyOptions& options) : options_(options) {}

  void content(std::string_view text) { add_text(ReplyDelta::Kind::content, reply_.content, text); }
  void reasoning(std::string_view text) {
    add_text(ReplyDelta::Kind::reasoning, reply_.reasoning, text);
  }
  bool knows_tool(std::string_view name) const {
    const auto& names = options_.tool_names;
    return !name.empty() &&
           (names.empty() || std::find(names.begin(), names.end(), name) != names.end());
  }

  void begin_call(std::string name, std::string id) {
    if (id.empty()) id = "call_" + std::to_string(n_calls_);
    reply_.calls.push_back({id, name, ""});
    deltas_.push_back({ReplyDelta::Kind::call_begin, "", n_calls_, std::move(id), std::move(name)});
    in_call_ = true;
  }
  void arguments(std::string_view text) {
    if (text.empty()) return;
    reply_.calls.back().arguments += text;
    if (!deltas_.empty() && deltas_.back().kind == ReplyDelta::Kind::call_arguments)
      deltas_.back().text += text;
    else
      deltas_.push_back({ReplyDelta::Kind::call_arguments, std::string(text), n_calls_, "", ""});
  }
  void end_call() {
    deltas_.push_back({ReplyDelta::Kind::call_end, "", n_calls_++, "", ""});
    in_call_ = false;
  }
  // The text was to be calls and is none: it is content. Calls that were complete remain.
  void broken(std::string_view raw) {
    if (in_call_) {
      reply_.calls.pop_back();
      ++n_calls_;
      in_call_ = false;
    }
    reply_.tool_parse_failed = true;
    content(raw);
  }

  bool in_call() const { return in_call_; }
  size_t n_calls() const { return n_calls_; }
  const ParsedReply& reply() const { return reply_; }
  std::vector<ReplyDelta> take_deltas() { return std::exchange(deltas_, {}); }

 private:
  void add_text(ReplyDelta::Kind kind, std::string& all, std::string_view text) {
    if (text.empty()) return;
    all += text;
    if (!deltas_.empty() && deltas_.back().kind == kind)
      deltas_.back().text += text;
    else
      deltas_.push_back({kind, std::string(text), 0, "", ""});
  }

  const ReplyOptions& options_;
  ParsedReply reply_;
  std::vector<ReplyDelta> deltas_;
  size_t n_calls_ = 0;  // begun and no longer open
  bool in_call_ = false;
};

}  // namespace quire
