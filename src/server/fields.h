// Fields: the members of a JSON object in a request, read by type and range.
//
//   Fields fields(body);
//   const int64_t n = fields.integer("n", 1, 1, limits.n_max);
//   const double t = fields.number("temperature", 1, 0, 2);
//   TRY_API(fields.done());
//
// The first thing that is wrong is kept and everything after gives its fallback, so that a route
// reads all it needs and asks once. null is the same as missing. Errors name the field, the value
// and the limit.
#pragma once
#include "server/api_error.h"
#include "server/json.h"

#include <optional>
#include <string>
#include <vector>

namespace quire::server {

class Fields {
 public:
  // `where` stands in front of the names: "options." . The object must outlive the reader; what is
  // no object is the first error.
  explicit Fields(const Json& object, std::string where = {});

  // The member, or nullptr when it is missing or null.
  const Json* find(const char* name) const;
  bool has(const char* name) const { return find(name) != nullptr; }

  int64_t integer(const char* name, int64_t fallback, int64_t least, int64_t most);
  double number(const char* name, double fallback, double least, double most);
  bool flag(const char* name, bool fallback);
  std::string text(const char* name, std::string fallback = {});
  // One of the given words.
  std::string word(const char* name, const char* fallback,
                   std::initializer_list<const char*> words);
  // A string or an array of strings, at most n_max.
  std::vector<std::string> texts(const char* name, size_t n_max);
  const Json* array(const char* name);
  const Json* object(const char* name);

  // Says that a field is wrong, unless something was before.
  void complain(const char* name, std::string what);
  // What is wrong with a member that another reader read.
  void take_error(const Fields& inner);
  ApiResult<void> done() const;

 private:
  const Json& object_;
  std::string where_;
  std::optional<ApiError> error_;
};

// A value as an error text shows it: short, on one line.
std::string shown(const Json& value);

}  // namespace quire::server
