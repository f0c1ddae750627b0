// The answer of a model in any family's notation (the first byte says which): in pieces (cut by the
// second byte) it gives what the whole gives, and no byte of it is lost where there are no calls.
#include "chat/reply_parser.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quire;
  if (size < 2) return 0;
  ReplyOptions options;
  options.format = {static_cast<ToolStyle>(data[0] % 11), "<think>", "</think>"};
  options.opens = (data[0] & 0x40) != 0 ? Opens::prompt : Opens::model;
  options.read_thinking = (data[0] & 0x80) == 0;
  if (data[1] % 2 == 1) options.tool_names = {"f", "weather"};
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const ParsedReply whole = parse_reply(text, options);

  ReplyParser parser(options);
  std::string content, reasoning;
  const auto take = [&](const std::vector<ReplyDelta>& deltas) {
    for (const ReplyDelta& delta : deltas) {
      if (delta.kind == ReplyDelta::Kind::content) content += delta.text;
      if (delta.kind == ReplyDelta::Kind::reasoning) reasoning += delta.text;
    }
  };
  const size_t piece = 1 + data[1] / 2 % 16;
  for (size_t at = 0; at < text.size(); at += piece) take(parser.push(text.substr(at, piece)));
  take(parser.finish());
  const ParsedReply& pieces = parser.reply();
  if (content != whole.content || reasoning != whole.reasoning || pieces.content != whole.content ||
      pieces.calls != whole.calls || pieces.tool_parse_failed != whole.tool_parse_failed)
    std::abort();
  if (options.format.tools == ToolStyle::none && whole.reasoning.empty() &&
      options.opens == Opens::model && text.find("<think>") == text.npos && whole.content != text)
    std::abort();
  return 0;
}
