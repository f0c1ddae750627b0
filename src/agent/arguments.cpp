#include "agent/arguments.h"

#include "format/printable.h"

#include <cmath>

namespace quire::agent {
namespace {

std::string shown(const Json& value) {
  return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

}  // namespace

const Json* Arguments::find(const char* name) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Arguments::complain(std::string text) {
  if (!error_) error_ = Error{Fault::usage, std::move(text)};
}

std::string Arguments::text(const char* name) {
  if (find(name) == nullptr) complain(fmt::format("the argument '{}' is missing", name));
  return text(name, "");
}

std::string Arguments::text(const char* name, const char* fallback) {
  const Json* value = find(name);
  if (value != nullptr && value->is_string()) return value->get<std::string>();
  if (value != nullptr) complain(fmt::format("{}: {} is not a string", name, shown(*value)));
  return fallback;
}

std::string Arguments::path(const char* name) {
  std::string value = text(name);
  if (value.empty()) complain(fmt::format("{}: the path is empty", name));
  if (value.find('\0') != value.npos)
    complain(fmt::format("{}: {} has a zero byte in it", name, shown(value)));
  return value;
}

int64_t Arguments::integer(const char* name, int64_t fallback, int64_t least, int64_t most) {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  const double number = value->is_number() ? value->get<double>() : NAN;
  if (number != std::trunc(number) || !(number >= static_cast<double>(least))) {
    complain(fmt::format("invalid {}: {} (a whole number, {} or more, is expected)", name,
                         shown(*value), least));
    return fallback;
  }
  return number >= static_cast<double>(most) ? most : static_cast<int64_t>(number);
}

bool Arguments::flag(const char* name, bool fallback) {
  const Json* value = find(name);
  if (value != nullptr && value->is_boolean()) return value->get<bool>();
  if (value != nullptr)
    complain(fmt::format("{}: {} is neither true nor false", name, shown(*value)));
  return fallback;
}

const Json* Arguments::objects(const char* name) {
  const Json* value = find(name);
  if (value == nullptr || !value->is_array() || value->empty()) {
    complain(fmt::format("'{}' must be an array with at least one object in it", name));
    return nullptr;
  }
  for (const Json& item : *value)
    if (!item.is_object()) {
      complain(fmt::format("{}: {} in it is not an object", name, shown(item)));
      return nullptr;
    }
  return value;
}

Result<void> Arguments::done() const {
  if (!object_.is_object()) return fail(Fault::usage, "the arguments are no JSON object");
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace quire::agent
