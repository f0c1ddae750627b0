#include "chat/harmony.h"

#include "chat/reply_text.h"

namespace quire {
namespace {

const std::string message = "<|message|>";
const std::string ends[] = {"<|end|>", "<|call|>", "<|return|>", "<|start|>", "<|channel|>"};

}  // namespace

void HarmonyReader::run(std::string& text, bool last, ReplyOutput& out) {
  while (step(text, last, out)) {
  }
}

bool HarmonyReader::step(std::string& text, bool last, ReplyOutput& out) {
  if (mode_ == Mode::start) {
    // Without a header it is the answer itself.
    if (text.size() < 2 && !last && std::string_view("<|").starts_with(text)) return false;
    mode_ = text.starts_with("<|") ? Mode::header : Mode::body;
    return true;
  }
  if (mode_ == Mode::header) {
    const size_t at = text.find(message);
    if (at != text.npos) {
      const std::string header = text.substr(0, at);
      text.erase(0, at + message.size());
      begin_body(header, out);
      return true;
    }
    if (last && !text.empty()) {
      if (text != "<|start|>assistant" && n_leading_blanks(text) < text.size()) out.broken(text);
      text.clear();
    }
    return false;
  }
  size_t at = text.npos, n_end = 0;
  for (const std::string& end : ends)
    if (const size_t place = text.find(end); place < at) at = place, n_end = end.size();
  const size_t n = at != text.npos ? at : last ? text.size() : text.size() - held_for(text, ends);
  put(std::string_view(text).substr(0, n), out);
  if (at == text.npos) {
    text.erase(0, n);
    if (last) end_body(out);
    return false;
  }
  end_body(out);
  mode_ = Mode::header;
  // The marker may begin the next header.
  const bool begins =
      text.compare(at, n_end, "<|start|>") == 0 || text.compare(at, n_end, "<|channel|>") == 0;
  text.erase(0, begins ? at : at + n_end);
  return true;
}

void HarmonyReader::begin_body(std::string_view header, ReplyOutput& out) {
  mode_ = Mode::body;
  kind_ = Kind::content;
  const auto word_behind = [&](std::string_view mark) {
    const size_t at = header.find(mark);
    if (at == header.npos) return std::string();
    const std::string_view rest = header.substr(at + mark.size());
    return std::string(rest.substr(0, rest.find_first_of(" \n<")));
  };
  std::string recipient = word_behind("to=");
  if (!recipient.empty() && options_.read_tools) {
    if (recipient.starts_with("functions.")) recipient.erase(0, 10);
    raw_ = std::string(header) + message;
    complete_ = false;
    arguments_ = ArgumentsObject();
    kind_ = out.knows_tool(recipient) ? Kind::call : Kind::broken;
    if (kind_ == Kind::call)
      out.begin_call(recipient, "");
    else
      out.broken(raw_);
  } else if (word_behind("<|channel|>") == "analysis" && options_.read_thinking) {
    kind_ = Kind::reasoning;
  }
}

void HarmonyReader::put(std::string_view part, ReplyOutput& out) {
  if (kind_ == Kind::reasoning) return out.reasoning(part);
  if (kind_ != Kind::call) return out.content(part);
  for (size_t i = 0; i < part.size(); ++i) {
    raw_ += part[i];
    const bool blank = n_leading_blanks(part.substr(i, 1)) > 0;
    if (blank && (complete_ || out.reply().calls.back().arguments.empty())) continue;
    const auto status = complete_ ? JsonScanner::Status::broken : arguments_.feed(part[i], out);
    if (status == JsonScanner::Status::complete) complete_ = true;
    if (status != JsonScanner::Status::broken) continue;
    kind_ = Kind::broken;
    out.broken(raw_);
    return out.content(part.substr(i + 1));
  }
}

void HarmonyReader::end_body(ReplyOutput& out) {
  if (kind_ == Kind::call && complete_) out.end_call();
  if (kind_ == Kind::call && !complete_) out.broken(raw_);
  kind_ = Kind::content;
}

}  // namespace quire
