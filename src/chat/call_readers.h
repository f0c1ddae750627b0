// The readers behind make_call_format(), one for each way of writing calls.
#pragma once
#include "chat/call_format.h"

#include <string>

namespace quire {

// Reads a list of call objects: "[{...}, {...}]", or one object. `began` is a '[' or '{' that has
// been read, or 0.
class ObjectList {
 public:
  explicit ObjectList(char began = 0);
  CallProgress read(CallText& text, ReplyOutput& out);
  bool looks_like_call() const { return n_done_ > 0 || object_.looks_like_call(); }

 private:
  enum class Phase : uint8_t { start, item, first_item, object, next };
  Phase phase_ = Phase::start;
  bool is_list_ = false;
  char began_;
  size_t n_done_ = 0;
  CallObject object_;
};

// <tool_call> OBJECT </tool_call>
class TaggedObjects : public CallFormat {
 public:
  CallProgress read(CallText& text, ReplyOutput& out) override;

 private:
  enum class Phase : uint8_t { object, end };
  Phase phase_ = Phase::object;
  ObjectList list_;
};

// A JSON object or list of them without any marker; objects may be separated by ';'. What is no
// call is content, and no failure unless a tool's name was in it.
class BareObjects : public CallFormat {
 public:
  explicit BareObjects(std::string_view marker) : list_(marker[0]) {}
  CallProgress read(CallText& text, ReplyOutput& out) override;
  bool looks_like_call() const override { return list_.looks_like_call(); }

 private:
  enum class Phase : uint8_t { list, next };
  Phase phase_ = Phase::list;
  ObjectList list_;
};

// <|python_tag|> OBJECT, or NAME.call(KEY=VALUE, ...), or a program for the tool "python" or
// "code_interpreter".
class PythonTag : public CallFormat {
 public:
  CallProgress read(CallText& text, ReplyOutput& out) override;

 private:
  enum class Phase : uint8_t { start, objects, text };
  Phase phase_ = Phase::start;
  BareObjects objects_{"{"};
  std::string program_;
};

// [TOOL_CALLS][{...}] or [TOOL_CALLS]NAME[ARGS]{...} or [TOOL_CALLS]NAME[CALL_ID]ID[ARGS]{...}
class MistralCalls : public CallFormat {
 public:
  CallProgress read(CallText& text, ReplyOutput& out) override;

 private:
  enum class Phase : uint8_t { start, list, name, arguments };
  Phase phase_ = Phase::start;
  ObjectList list_;
  std::string name_;
  ArgumentsObject arguments_;
};

// CALLS_BEGIN (CALL_BEGIN function SEP NAME \n ```json \n {...} \n ``` CALL_END)... CALLS_END, or
// CALL_BEGIN NAME SEP {...} CALL_END
class DeepSeekCalls : public CallFormat {
 public:
  explicit DeepSeekCalls(std::string_view marker)
      : phase_(marker.find("calls") != marker.npos ? Phase::next : Phase::header) {}
  CallProgress read(CallText& text, ReplyOutput& out) override;

 private:
  enum class Phase : uint8_t { next, header, after_header, name, fence, arguments, end };
  Phase phase_;
  std::string name_;
  bool started_ = false;
  ArgumentsObject arguments_;
};

// <|START_ACTION|> LIST <|END_ACTION|>, or "Action:" ```json LIST ```
class ActionList : public CallFormat {
 public:
  explicit ActionList(std::string_view marker)
      : phase_(marker[0] == '<' ? Phase::list : Phase::fence),
        end_(marker[0] == '<' ? "<|END_ACTION|>" : "```") {}
  CallProgress read(CallText& text, ReplyOutput& out) override;

 private:
  enum class Phase : uint8_t { fence, list, end };
  Phase phase_;
  std::string_view end_;
  ObjectList list_;
};

// <function=NAME>{...}</function>
class FunctionTags : public CallFormat {
 public:
  CallProgress read(CallText& text, ReplyOutput& out) override;

 private:
  enum class Phase : uint8_t { name, arguments, end };
  Phase phase_ = Phase::name;
  std::string name_;
  ArgumentsObject arguments_;
};

// <tool_call><function=NAME><parameter=KEY>VALUE</parameter>...</function></tool_call>: a value
// that is JSON but no string is that, others are strings.
class TaggedParameters : public CallFormat {
 public:
  CallProgress read(CallText& text, ReplyOutput& out) override;

 private:
  enum class Phase : uint8_t { function, name, next, key, value, end };
  Phase phase_ = Phase::function;
  std::string name_, key_, value_;
  size_t n_parameters_ = 0;
};

}  // namespace quire
