// Stop strings: texts that end an answer and are never shown, even when they arrive in pieces.
//
// Text goes in as it is generated; out comes what cannot be part of a stop string any more.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace quire {

class StopStrings {
 public:
  // Empty strings are left out.
  explicit StopStrings(std::vector<std::string> strings);

  // Adds text; returns what may be shown now. Once one has been found, what stood before it has
  // been returned and everything after is dropped.
  std::string push(std::string_view text);
  // The end: what was held back.
  std::string flush();
  bool found() const { return found_; }
  const std::string& which() const { return which_; }  // was found; empty before

 private:
  std::vector<std::string> strings_;
  std::string held_, which_;
  bool found_ = false;
};

}  // namespace quire
