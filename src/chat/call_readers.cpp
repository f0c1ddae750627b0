#include "chat/call_readers.h"

#include "format/json.h"

namespace quire {
namespace {

using Answer = CallText::Answer;
using Status = JsonScanner::Status;

CallProgress waiting(const CallText& text) {
  return text.last ? CallProgress::broken : CallProgress::more;
}

// Arguments of a call that has begun, to their end.
CallProgress read_arguments(ArgumentsObject& arguments, CallText& text, ReplyOutput& out) {
  while (!text.rest.empty()) {
    const Status status = arguments.feed(text.take(), out);
    if (status == Status::broken) return CallProgress::broken;
    if (status == Status::complete) return CallProgress::done;
  }
  return waiting(text);
}

std::string trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first));
}

}  // namespace

ObjectList::ObjectList(char began) : began_(began) {}

CallProgress ObjectList::read(CallText& text, ReplyOutput& out) {
  if (phase_ == Phase::start) {
    if (began_ == 0) {
      if (!text.skip_blanks()) return waiting(text);
      began_ = text.take();
    }
    is_list_ = began_ == '[';
    phase_ = is_list_ ? Phase::first_item : Phase::object;
    if (!is_list_ && object_.feed(began_, out) == Status::broken) return CallProgress::broken;
  }
  while (true) {
    if (phase_ != Phase::object && !text.skip_blanks()) return waiting(text);
    if (text.rest.empty()) return waiting(text);
    const char c = text.take();
    switch (phase_) {
      case Phase::first_item:
        if (c == ']') return CallProgress::done;
        [[fallthrough]];
      case Phase::item:
        object_ = CallObject();
        phase_ = Phase::object;
        [[fallthrough]];
      case Phase::object: {
        const Status status = object_.feed(c, out);
        if (status == Status::broken) return CallProgress::broken;
        if (status == Status::more) break;
        ++n_done_;
        if (!is_list_) return CallProgress::done;
        phase_ = Phase::next;
        break;
      }
      case Phase::next:
        if (c == ']') return CallProgress::done;
        if (c != ',') return CallProgress::broken;
        text.settle();
        phase_ = Phase::item;
        break;
      case Phase::start:
        break;
    }
  }
}

CallProgress TaggedObjects::read(CallText& text, ReplyOutput& out) {
  if (phase_ == Phase::object) {
    const CallProgress progress = list_.read(text, out);
    if (progress != CallProgress::done) return progress;
    phase_ = Phase::end;
  }
  if (!text.skip_blanks()) return text.last ? CallProgress::done : CallProgress::more;
  // The call is complete, with its end or without it.
  return text.skip("</tool_call>") == Answer::unknown ? CallProgress::more : CallProgress::done;
}

CallProgress BareObjects::read(CallText& text, ReplyOutput& out) {
  while (true) {
    if (phase_ == Phase::list) {
      const CallProgress progress = list_.read(text, out);
      if (progress != CallProgress::done) return progress;
      if (!list_.looks_like_call()) return CallProgress::broken;
      phase_ = Phase::next;
      text.settle();
    }
    if (!text.skip_blanks()) return text.last ? CallProgress::done : CallProgress::more;
    if (text.rest[0] == ';') {
      text.take();
      if (!text.skip_blanks()) return text.last ? CallProgress::done : CallProgress::more;
    }
    if (text.rest[0] != '{') return CallProgress::done;
    list_ = ObjectList();
    phase_ = Phase::list;
  }
}

CallProgress PythonTag::read(CallText& text, ReplyOutput& out) {
  if (phase_ == Phase::start) {
    if (!text.skip_blanks()) return waiting(text);
    phase_ = text.rest[0] == '{' ? Phase::objects : Phase::text;
    if (phase_ == Phase::objects) objects_ = BareObjects(text.rest.substr(0, 1));
    if (phase_ == Phase::objects) text.take();
  }
  if (phase_ == Phase::objects) return objects_.read(text, out);
  program_ += text.rest;
  text.take(text.rest.size());
  if (!text.last) return CallProgress::more;
  std::string name, arguments;
  const std::string program = trimmed(program_);
  const size_t call = program.find(".call(");
  if (call != program.npos && program.ends_with(')') && out.knows_tool(program.substr(0, call))) {
    name = program.substr(0, call);
    // KEY=VALUE, with values that are JSON.
    std::string_view rest(program);
    rest = rest.substr(call + 6, rest.size() - call - 7);
    arguments = "{";
    while (!rest.empty()) {
      const size_t equal = rest.find('=');
      if (equal == rest.npos) return CallProgress::broken;
      const std::string key = trimmed(rest.substr(0, equal));
      rest.remove_prefix(equal + 1);
      size_t n = 0;
      bool in_string = false;
      int depth = 0;
      for (; n < rest.size() && (in_string || depth > 0 || rest[n] != ','); ++n) {
        if (in_string && rest[n] == '\\')
          ++n;
        else if (rest[n] == '"')
          in_string = !in_string;
        else if (!in_string && (rest[n] == '[' || rest[n] == '{'))
          ++depth;
        else if (!in_string && (rest[n] == ']' || rest[n] == '}'))
          --depth;
      }
      n = std::min(n, rest.size());
      const std::string value = trimmed(rest.substr(0, n));
      if (!is_json(value)) return CallProgress::broken;
      arguments += (arguments.size() > 1 ? ", " : "") + json_quoted(key) + ": " + value;
      rest.remove_prefix(std::min(n + 1, rest.size()));
    }
    arguments += "}";
    if (!is_json(arguments)) return CallProgress::broken;
  } else {
    for (const char* known : {"code_interpreter", "python", "ipython"})
      if (name.empty() && out.knows_tool(known)) name = known;
    if (name.empty()) return CallProgress::broken;
    arguments = "{\"code\": " + json_quoted(program_) + "}";
  }
  out.begin_call(name, "");
  out.arguments(arguments);
  out.end_call();
  return CallProgress::done;
}

CallProgress MistralCalls::read(CallText& text, ReplyOutput& out) {
  if (phase_ == Phase::start) {
    if (!text.skip_blanks()) return waiting(text);
    phase_ = text.rest[0] == '[' || text.rest[0] == '{' ? Phase::list : Phase::name;
  }
  if (phase_ == Phase::list) return list_.read(text, out);
  if (phase_ == Phase::name) {
    // A name, and then the marker or the object itself.
    while (!text.rest.empty() && text.rest[0] != '{') {
      const Answer answer = text.skip("[ARGS]");
      if (answer == Answer::unknown) return CallProgress::more;
      if (answer == Answer::yes) break;
      if (name_.size() > 400) return CallProgress::broken;
      name_ += text.take();
    }
    if (text.rest.empty()) {
      if (!text.raw().ends_with("[ARGS]")) return waiting(text);
    }
    std::string id;
    if (const size_t at = name_.find("[CALL_ID]"); at != name_.npos) {
      id = trimmed(name_.substr(at + 9));
      name_.resize(at);
    }
    name_ = trimmed(name_);
    if (!out.knows_tool(name_)) return CallProgress::broken;
    out.begin_call(name_, id);
    phase_ = Phase::arguments;
  }
  if (!out.in_call()) return CallProgress::broken;
  const CallProgress progress = read_arguments(arguments_, text, out);
  if (progress == CallProgress::done) out.end_call();
  return progress;
}

CallProgress DeepSeekCalls::read(CallText& text, ReplyOutput& out) {
  static constexpr std::string_view begin = "<｜tool▁call▁begin｜>", sep = "<｜tool▁sep｜>",
                                    end = "<｜tool▁call▁end｜>", all_end = "<｜tool▁calls▁end｜>";
  while (true) {
    switch (phase_) {
      case Phase::next: {
        if (!text.skip_blanks()) return text.last ? CallProgress::done : CallProgress::more;
        const Answer more = text.skip(begin);
        if (more == Answer::unknown) return CallProgress::more;
        if (more == Answer::no) {
          const Answer ended = text.skip(all_end);
          return ended == Answer::unknown ? CallProgress::more : CallProgress::done;
        }
        phase_ = Phase::header;
        break;
      }
      case Phase::header: {
        const Answer answer = text.take_until(sep, name_);
        if (answer != Answer::yes) return waiting(text);
        phase_ = Phase::after_header;
        break;
      }
      case Phase::after_header:
        if (text.rest.empty()) return waiting(text);
        phase_ = Phase::name;
        if (text.rest[0] != '{') {
          name_.clear();  // it was "function"
          break;
        }
        name_ = trimmed(name_);
        if (!out.knows_tool(name_)) return CallProgress::broken;
        out.begin_call(name_, "");
        phase_ = Phase::arguments;
        break;
      case Phase::name: {
        const Answer answer = text.take_until("\n", name_);
        if (answer != Answer::yes) return waiting(text);
        name_ = trimmed(name_);
        if (!out.knows_tool(name_)) return CallProgress::broken;
        out.begin_call(name_, "");
        phase_ = Phase::fence;
        break;
      }
      case Phase::fence: {
        if (!text.skip_blanks()) return waiting(text);
        const Answer answer = text.skip("```json");
        if (answer == Answer::unknown) return CallProgress::more;
        if (!text.skip_blanks()) {
          if (answer == Answer::yes) phase_ = Phase::arguments;
          return waiting(text);
        }
        phase_ = Phase::arguments;
        break;
      }
      case Phase::arguments: {
        if (text.rest.empty() || (!started_ && !text.skip_blanks())) return waiting(text);
        started_ = true;
        const CallProgress progress = read_arguments(arguments_, text, out);
        if (progress != CallProgress::done) return progress;
        out.end_call();
        text.settle();
        arguments_ = ArgumentsObject();
        started_ = false;
        name_.clear();
        phase_ = Phase::end;
        break;
      }
      case Phase::end: {
        if (!text.skip_blanks()) return text.last ? CallProgress::done : CallProgress::more;
        const Answer fence = text.skip("```");
        if (fence == Answer::unknown) return CallProgress::more;
        if (fence == Answer::yes) break;
        const Answer answer = text.skip(end);
        if (answer == Answer::unknown) return CallProgress::more;
        phase_ = Phase::next;
        break;
      }
    }
  }
}

CallProgress ActionList::read(CallText& text, ReplyOutput& out) {
  if (phase_ == Phase::fence) {
    if (!text.skip_blanks()) return waiting(text);
    const Answer answer = text.skip("```json");
    if (answer == Answer::unknown) return CallProgress::more;
    if (answer == Answer::no) return CallProgress::broken;
    phase_ = Phase::list;
  }
  if (phase_ == Phase::list) {
    const CallProgress progress = list_.read(text, out);
    if (progress != CallProgress::done) return progress;
    phase_ = Phase::end;
  }
  if (!text.skip_blanks()) return text.last ? CallProgress::done : CallProgress::more;
  return text.skip(end_) == Answer::unknown ? CallProgress::more : CallProgress::done;
}

CallProgress FunctionTags::read(CallText& text, ReplyOutput& out) {
  if (phase_ == Phase::name) {
    if (text.take_until(">", name_) != Answer::yes) return waiting(text);
    if (!out.knows_tool(name_)) return CallProgress::broken;
    out.begin_call(name_, "");
    phase_ = Phase::arguments;
  }
  if (phase_ == Phase::arguments) {
    const CallProgress progress = read_arguments(arguments_, text, out);
    if (progress != CallProgress::done) return progress;
    out.end_call();
    phase_ = Phase::end;
  }
  return text.skip("</function>") == Answer::unknown ? CallProgress::more : CallProgress::done;
}

CallProgress TaggedParameters::read(CallText& text, ReplyOutput& out) {
  while (true) {
    switch (phase_) {
      case Phase::function:
      case Phase::next:
      case Phase::end: {
        if (!text.skip_blanks())
          return phase_ == Phase::end && text.last ? CallProgress::done : waiting(text);
        const std::string_view wanted = phase_ == Phase::function ? "<function="
                                        : phase_ == Phase::next   ? "<parameter="
                                                                  : "</tool_call>";
        const Answer answer = text.skip(wanted);
        if (answer == Answer::unknown) return CallProgress::more;
        if (phase_ == Phase::end) return CallProgress::done;
        if (answer == Answer::yes) {
          phase_ = phase_ == Phase::function ? Phase::name : Phase::key;
          break;
        }
        if (phase_ == Phase::function) return CallProgress::broken;
        const Answer ended = text.skip("</function>");
        if (ended == Answer::unknown) return CallProgress::more;
        if (ended == Answer::no) return CallProgress::broken;
        out.arguments(n_parameters_ == 0 ? "{}" : "}");
        out.end_call();
        phase_ = Phase::end;
        break;
      }
      case Phase::name:
        if (text.take_until(">", name_) != Answer::yes) return waiting(text);
        name_ = trimmed(name_);
        if (!out.knows_tool(name_)) return CallProgress::broken;
        out.begin_call(name_, "");
        phase_ = Phase::next;
        break;
      case Phase::key:
        if (text.take_until(">", key_) != Answer::yes) return waiting(text);
        phase_ = Phase::value;
        break;
      case Phase::value: {
        if (text.take_until("</parameter>", value_) != Answer::yes) return waiting(text);
        // One line feed on each side belongs to the notation.
        std::string_view value = value_;
        if (value.starts_with('\n')) value.remove_prefix(1);
        if (value.ends_with('\n')) value.remove_suffix(1);
        const bool is_value = is_json(value) && !trimmed(value).starts_with('"');
        out.arguments((n_parameters_++ == 0 ? "{" : ", ") + json_quoted(trimmed(key_)) + ": " +
                      (is_value ? std::string(value) : json_quoted(value)));
        key_.clear();
        value_.clear();
        phase_ = Phase::next;
        break;
      }
    }
  }
}

}  // namespace quire
