// What a request may call, and what a model's answer turned out to call.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace quire {

struct Tool {
  std::string name;
  std::string description;
  std::string parameters;  // the JSON schema of its arguments; "": any object
};

struct ToolChoice {
  enum class Kind : uint8_t {
    automatic,  // the model may call, or answer in words
    none,       // it may not call
    required,   // it must call one
    named,      // it must call this one
  };
  Kind kind = Kind::automatic;
  std::string name;  // of the one, for `named`
};

struct ToolCall {
  std::string id;         // as the model gave it before the arguments, else "call_0" and so on
  std::string name;       // never empty
  std::string arguments;  // the text of a JSON object, as the model wrote it
  bool operator==(const ToolCall&) const = default;
};

}  // namespace quire
