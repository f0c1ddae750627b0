// Patterns for paths, as shells and .gitignore have them: * and ? within a name, [a-z] and [!a-z],
// ** for any number of folders, {a,b} for either. A pattern without a slash is one for the name
// alone, in whatever folder.
#pragma once
#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace quire::agent {

class Glob {
 public:
  // limit for a pattern that is too long or stands for too many.
  static Result<Glob> compile(std::string_view pattern);
  // path: names joined by slashes, without one at its ends. Takes time in proportion to the product
  // of the lengths at most.
  bool matches(std::string_view path) const;

 private:
  std::vector<std::vector<std::string>> alternatives_;  // each the names of a path
};

}  // namespace quire::agent
