// Arguments of a tool call, read by type and range: the first thing that is wrong is kept, what
// comes after gives its fallback, and done() says it, in words for the model that wrote them.
#pragma once
#include "agent/tool.h"

namespace quire::agent {

class Arguments {
 public:
  // The object must outlive the reader.
  explicit Arguments(const Json& object) : object_(object) {}

  std::string text(const char* name);  // must be there
  std::string text(const char* name, const char* fallback);
  std::string path(const char* name);  // must be there; neither empty nor with a zero byte in it
  // A number above `most` means `most`: models ask for more than there is.
  int64_t integer(const char* name, int64_t fallback, int64_t least, int64_t most);
  bool flag(const char* name, bool fallback);
  // Must be there, with an object in each place; nullptr otherwise.
  const Json* objects(const char* name);
  Result<void> done() const;

 private:
  const Json* find(const char* name) const;
  void complain(std::string text);
  const Json& object_;
  std::optional<Error> error_;
};

}  // namespace quire::agent
