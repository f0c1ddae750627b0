// JSON read character by character as a model writes it: is it still JSON, and where are the
// members of the outermost object.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

// For a text that begins with '{' or '['. Strict (RFC 8259); no deeper than depth_max.
class JsonScanner {
 public:
  enum class Status : uint8_t { more, complete, broken };
  // What the character was for the members of the outermost object. `scalar_ended` says that the
  // value ended before this character.
  enum class Event : uint8_t { none, key, value_begin, value_end, scalar_ended };

  Status feed(char c);
  Event event() const { return event_; }
  // The raw text of the last key, string or scalar of the outermost object, with its quotes.
  const std::string& token() const { return token_; }
  bool started() const { return !stack_.empty() || complete_; }

 private:
  static constexpr size_t depth_max = 500;
  enum class Expect : uint8_t { value, first_value, key, first_key, colon, next };
  Status feed_structure(char c);
  Status feed_string(char c);
  Status open(char c);
  Status close(char c);
  Status begin_value(char c);
  bool scalar_is_sound() const;

  std::vector<char> stack_;
  Expect expect_ = Expect::value;
  bool in_string_ = false, in_key_ = false, escaped_ = false, in_scalar_ = false;
  int n_hex_ = 0;
  bool complete_ = false;
  Event event_ = Event::none;
  std::string token_, scalar_;
};

// The value of a JSON string with its quotes; "" for one that is none.
std::string json_string_value(std::string_view quoted);
// Whether all of the text is one JSON value.
bool is_json(std::string_view text);

}  // namespace quire
