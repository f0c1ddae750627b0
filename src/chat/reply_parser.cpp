#include "chat/reply_parser.h"

#include "chat/call_format.h"
#include "chat/harmony.h"
#include "chat/reply_output.h"
#include "chat/reply_text.h"

#include <algorithm>
#include <optional>

namespace quire {
namespace {

bool is_bare(const std::string& marker) { return marker == "{" || marker == "["; }

}  // namespace

// The pieces are joined, and read as far as what has arrived decides; so how they were cut does not
// matter.
struct ReplyParser::State {
  enum class Mode : uint8_t { thinking, content, call };

  explicit State(ReplyOptions the_options) : options(std::move(the_options)), out(options) {
    const ReplyFormat& format = options.format;
    if (format.tools == ToolStyle::harmony) harmony.emplace(options);
    if (!format.think_close.empty() && options.opens == Opens::prompt) mode = Mode::thinking;
    may_think = mode == Mode::content && !format.think_open.empty();
    if (options.read_tools)
      for (std::string& marker : call_markers(format.tools))
        (is_bare(marker) ? bare_markers : markers).push_back(std::move(marker));
    if (format.tools == ToolStyle::command_r) dropped = {"<|START_RESPONSE|>", "<|END_RESPONSE|>"};
  }

  std::vector<ReplyDelta> run(bool is_last) {
    last = is_last;
    if (harmony) {
      harmony->run(text, last, out);
    } else {
      while (step()) {
      }
    }
    return out.take_deltas();
  }

  // Whether something has been decided and there may be more to do.
  bool step() {
    switch (mode) {
      case Mode::thinking:
        return think();
      case Mode::content:
        return find_in_content();
      case Mode::call:
        return read_call();
    }
    return false;
  }

  void put_thinking(std::string_view part) {
    options.read_thinking ? out.reasoning(part) : out.content(part);
  }

  bool think() {
    const std::string& close = options.format.think_close;
    const size_t at = text.find(close);
    size_t n = at;
    if (at == text.npos) n = last ? text.size() : text.size() - held_for(text, {&close, 1});
    std::string_view part = std::string_view(text).substr(0, n);
    if (options.read_thinking) {
      if (out.reply().reasoning.empty()) part.remove_prefix(n_leading_blanks(part));
      part = without_trailing_blanks(part);
    }
    put_thinking(part);
    if (at == text.npos) {
      // Blanks at the end wait: they are dropped before the marker.
      const size_t n_used = options.read_thinking && !last
                                ? static_cast<size_t>(part.data() + part.size() - text.data())
                                : n;
      text.erase(0, part.empty() && !last ? 0 : n_used);
      return false;
    }
    if (!options.read_thinking) out.content(close);
    text.erase(0, at + close.size());
    mode = Mode::content;
    drop_blanks = options.read_thinking;
    at_start = true;
    return true;
  }

  // Thinking and calls without markers begin where the content does.
  enum class Begin : uint8_t { nothing, something, unknown };
  Begin begin_of_content() {
    const size_t n_blanks = n_leading_blanks(text);
    const std::string_view rest = std::string_view(text).substr(n_blanks);
    if (rest.empty()) return last ? Begin::nothing : Begin::unknown;
    const std::string& open = options.format.think_open;
    if (may_think) {
      const bool begins = open.starts_with(rest.substr(0, open.size()));
      if (begins && rest.size() < open.size() && !last) return Begin::unknown;
      if (rest.starts_with(open)) {
        if (!options.read_thinking)
          out.content(std::string_view(text).substr(0, n_blanks + open.size()));
        text.erase(0, n_blanks + open.size());
        mode = Mode::thinking;
        may_think = false;
        return Begin::something;
      }
    }
    for (const std::string& marker : bare_markers)
      if (rest.starts_with(marker)) return begin_call(n_blanks, marker), Begin::something;
    return Begin::nothing;
  }

  bool find_in_content() {
    if (at_start) {
      const Begin begin = begin_of_content();
      if (begin == Begin::unknown) return false;
      if (begin == Begin::something) return true;
      if (!text.empty() && n_leading_blanks(text) < text.size()) at_start = may_think = false;
    }
    if (drop_blanks) {
      text.erase(0, n_leading_blanks(text));
      if (text.empty()) return false;
      drop_blanks = false;
    }
    size_t at = text.npos;
    const std::string* found = nullptr;
    for (const auto* list : {&markers, &dropped})
      for (const std::string& marker : *list)
        if (const size_t place = text.find(marker); place < at) at = place, found = &marker;
    if (found == nullptr) {
      size_t n = text.size();
      if (!last) {
        n -= std::max(held_for(text, markers), held_for(text, dropped));
        n = without_trailing_blanks(std::string_view(text).substr(0, n)).size();
      } else if (out.n_calls() > 0) {
        n = without_trailing_blanks(text).size();
      }
      out.content(std::string_view(text).substr(0, n));
      text.erase(0, last ? text.size() : n);
      return false;
    }
    if (std::find(dropped.begin(), dropped.end(), *found) != dropped.end()) {
      out.content(std::string_view(text).substr(0, at));
      text.erase(0, at + found->size());
      return true;
    }
    const size_t n = without_trailing_blanks(std::string_view(text).substr(0, at)).size();
    out.content(std::string_view(text).substr(0, n));
    text.erase(0, n);
    begin_call(at - n, *found);
    return true;
  }

  void begin_call(size_t n_blanks, const std::string& marker) {
    call.begin(std::string_view(text).substr(0, n_blanks + marker.size()));
    text.erase(0, n_blanks + marker.size());
    reader = make_call_format(options.format.tools, marker);
    bare = is_bare(marker);
    mode = Mode::call;
    at_start = may_think = false;
  }

  bool read_call() {
    call.rest = text;
    call.last = last;
    const CallProgress progress = reader->read(call, out);
    text.erase(0, text.size() - call.rest.size());
    if (progress == CallProgress::more) return false;
    mode = Mode::content;
    drop_blanks = progress == CallProgress::done;
    if (progress == CallProgress::broken) {
      // JSON that is no call is an answer in JSON.
      const bool meant = !bare || out.in_call() || out.n_calls() > 0 || reader->looks_like_call();
      meant ? out.broken(call.raw()) : out.content(call.raw());
    }
    return true;
  }

  ReplyOptions options;
  ReplyOutput out;
  std::optional<HarmonyReader> harmony;
  Mode mode = Mode::content;
  std::string text;  // arrived and not used up
  bool last = false;
  bool at_start = true;      // of the content: nothing but blanks so far
  bool may_think = false;    // the model may open its thinking here
  bool drop_blanks = false;  // that come next
  std::vector<std::string> markers, bare_markers, dropped;
  CallText call;
  std::unique_ptr<CallFormat> reader;
  bool bare = false;
};

ReplyParser::ReplyParser(ReplyOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
ReplyParser::~ReplyParser() = default;
ReplyParser::ReplyParser(ReplyParser&&) noexcept = default;
ReplyParser& ReplyParser::operator=(ReplyParser&&) noexcept = default;

std::vector<ReplyDelta> ReplyParser::push(std::string_view text) {
  state_->text += text;
  return state_->run(false);
}

std::vector<ReplyDelta> ReplyParser::finish() { return state_->run(true); }

const ParsedReply& ReplyParser::reply() const { return state_->out.reply(); }

bool ReplyParser::thinking() const {
  if (state_->harmony) return state_->harmony->thinking();
  return state_->mode == State::Mode::thinking;
}

ParsedReply parse_reply(std::string_view text, ReplyOptions options) {
  ReplyParser parser(std::move(options));
  parser.push(text);
  parser.finish();
  return parser.reply();
}

}  // namespace quire
