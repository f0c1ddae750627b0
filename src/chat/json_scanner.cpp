#include "chat/json_scanner.h"

#include "format/json.h"

#include <nlohmann/json.hpp>

#include <cstring>

namespace quire {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

JsonScanner::Status JsonScanner::feed(char c) {
  event_ = Event::none;
  if (complete_) return Status::broken;
  if (in_string_) return feed_string(c);
  if (in_scalar_) {
    if (c != ',' && c != '}' && c != ']' && !is_blank(c)) {
      // What no scalar has, or a scalar as long as none is, need not be waited for.
      if (std::strchr("abcdefghijklmnopqrstuvwxyzE0123456789+-.", c) == nullptr ||
          scalar_.size() > 400)
        return Status::broken;
      scalar_ += c;
      return Status::more;
    }
    if (!scalar_is_sound()) return Status::broken;
    in_scalar_ = false;
    expect_ = Expect::next;
    const bool outermost = stack_.size() == 1;
    if (outermost) token_ = scalar_;
    const Status status = is_blank(c) ? Status::more : feed_structure(c);
    if (outermost && status != Status::broken) event_ = Event::scalar_ended;
    return status;
  }
  return is_blank(c) ? Status::more : feed_structure(c);
}

JsonScanner::Status JsonScanner::feed_structure(char c) {
  switch (expect_) {
    case Expect::value:
      return begin_value(c);
    case Expect::first_value:
      return c == ']' ? close(c) : begin_value(c);
    case Expect::first_key:
      if (c == '}') return close(c);
      [[fallthrough]];
    case Expect::key:
      if (c != '"') return Status::broken;
      in_string_ = in_key_ = true;
      token_ = "\"";
      return Status::more;
    case Expect::colon:
      if (c != ':') return Status::broken;
      expect_ = Expect::value;
      return Status::more;
    case Expect::next:
      break;
  }
  if (c == ',') {
    expect_ = stack_.back() == '{' ? Expect::key : Expect::value;
    return Status::more;
  }
  return close(c);
}

JsonScanner::Status JsonScanner::begin_value(char c) {
  if (stack_.size() == 1 && stack_[0] == '{') event_ = Event::value_begin;
  if (c == '{' || c == '[') return open(c);
  if (stack_.empty()) return Status::broken;
  if (c == '"') {
    in_string_ = true;
    in_key_ = false;
    token_ = "\"";
    return Status::more;
  }
  if (c != '-' && !is_digit(c) && c != 't' && c != 'f' && c != 'n') return Status::broken;
  in_scalar_ = true;
  scalar_.assign(1, c);
  return Status::more;
}

JsonScanner::Status JsonScanner::open(char c) {
  if (stack_.size() >= depth_max) return Status::broken;
  stack_.push_back(c);
  expect_ = c == '{' ? Expect::first_key : Expect::first_value;
  return Status::more;
}

JsonScanner::Status JsonScanner::close(char c) {
  if (stack_.empty() || (c == '}') != (stack_.back() == '{') || (c != '}' && c != ']'))
    return Status::broken;
  stack_.pop_back();
  expect_ = Expect::next;
  if (stack_.empty()) {
    complete_ = true;
    return Status::complete;
  }
  if (stack_.size() == 1 && stack_[0] == '{') {
    event_ = Event::value_end;
    token_.clear();
  }
  return Status::more;
}

JsonScanner::Status JsonScanner::feed_string(char c) {
  const bool outermost = stack_.size() == 1;
  if (outermost) token_ += c;
  if (n_hex_ > 0) {
    --n_hex_;
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ? Status::more
                                                                           : Status::broken;
  }
  if (escaped_) {
    escaped_ = false;
    if (c == 'u') n_hex_ = 4;
    return c != 0 && std::strchr("\"\\/bfnrtu", c) != nullptr ? Status::more : Status::broken;
  }
  if (c == '\\') {
    escaped_ = true;
    return Status::more;
  }
  if (c != '"') return static_cast<unsigned char>(c) < 0x20 ? Status::broken : Status::more;
  in_string_ = false;
  if (in_key_) {
    in_key_ = false;
    expect_ = Expect::colon;
    if (outermost) event_ = Event::key;
  } else {
    expect_ = Expect::next;
    if (outermost && stack_[0] == '{') event_ = Event::value_end;
  }
  return Status::more;
}

bool JsonScanner::scalar_is_sound() const {
  if (scalar_ == "true" || scalar_ == "false" || scalar_ == "null") return true;
  size_t at = scalar_[0] == '-' ? 1 : 0;
  const auto digits = [&] {
    const size_t begin = at;
    while (at < scalar_.size() && is_digit(scalar_[at])) ++at;
    return at - begin;
  };
  const size_t first = at;
  const size_t n = digits();
  if (n == 0 || (n > 1 && scalar_[first] == '0')) return false;
  if (at < scalar_.size() && scalar_[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < scalar_.size() && (scalar_[at] == 'e' || scalar_[at] == 'E')) {
    ++at;
    if (at < scalar_.size() && (scalar_[at] == '+' || scalar_[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == scalar_.size();
}

std::string json_string_value(std::string_view quoted) {
  const auto value = parse_json(quoted, "string");
  return value.has_value() && value->is_string() ? value->get<std::string>() : std::string();
}

bool is_json(std::string_view text) { return parse_json(text, "value").has_value(); }

}  // namespace quire
