// ReplyParser: the text of an answer, piece by piece, taken apart into content, thinking and calls
// of tools.
//
//   ReplyParser parser({.format = find_reply_format(template), .opens = Opens::prompt});
//   for (piece : answer) for (const ReplyDelta& delta : parser.push(piece)) send(delta);
//   for (const ReplyDelta& delta : parser.finish()) send(delta);
//   const ParsedReply& reply = parser.reply();
//
// The pieces are decoded with ShowSpecial::show, so that markers which are control tokens
// ("[TOOL_CALLS]", "<|channel|>") are seen; the token that ends the answer is not pushed. How the
// text is cut in pieces changes how deltas are cut, never what they add up to.
//
// What cannot be read as a call is no error: its text, as the model wrote it, is content, and
// `tool_parse_failed` says so. A call whose arguments had been begun then stays unfinished in the
// stream and is not in reply().
//
// Belongs to one answer and one thread. Time is linear in the text. Cannot fail.
#pragma once
#include "chat/reply_format.h"
#include "chat/tools.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

struct ReplyOptions {
  ReplyFormat format;
  Opens opens = Opens::model;  // who_opens_thinking(format, prompt)
  bool read_tools = true;      // no: calls stay in the content (no tools, or tool_choice none)
  bool read_thinking = true;   // no: thinking stays in the content, with its markers
  std::vector<std::string>
      tool_names;  // of a request; a call of another tool is no call. Empty: any
};

struct ReplyDelta {
  enum class Kind : uint8_t {
    content,         // text
    reasoning,       // text
    call_begin,      // call, id, name
    call_arguments,  // call, text: more of its JSON
    call_end,        // call
  };
  Kind kind;
  std::string text;
  size_t call = 0;       // counted from 0
  std::string id, name;  // of a call that begins
};

struct ParsedReply {
  std::string content;
  std::string reasoning;
  std::vector<ToolCall> calls;
  bool tool_parse_failed = false;
};

class ReplyParser {
 public:
  explicit ReplyParser(ReplyOptions options);
  ~ReplyParser();
  ReplyParser(ReplyParser&&) noexcept;
  ReplyParser& operator=(ReplyParser&&) noexcept;

  std::vector<ReplyDelta> push(std::string_view text);
  std::vector<ReplyDelta> finish();
  // All of it so far; final after finish().
  const ParsedReply& reply() const;
  // Whether the answer is inside its thinking, for budgets.
  bool thinking() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// push() of the whole and finish().
ParsedReply parse_reply(std::string_view text, ReplyOptions options);

}  // namespace quire
