#include "server/fields.h"

#include "format/printable.h"

#include <cmath>

namespace quire::server {

std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  return printable(to_text(value), 60);
}

Fields::Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (object.is_object()) return;
  const std::string name = where_.empty() ? "the body" : where_.substr(0, where_.size() - 1);
  error_ = ApiError{400, fmt::format("{} is {}, not a JSON object", name, shown(object))};
}

const Json* Fields::find(const char* name) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Fields::complain(const char* name, std::string what) {
  if (error_) return;
  const std::string full = where_ + name;
  error_ = ApiError{400, fmt::format("{} {}", full, what), full};
}

void Fields::take_error(const Fields& inner) {
  if (!error_) error_ = inner.error_;
}

ApiResult<void> Fields::done() const {
  if (error_) return std::unexpected(*error_);
  return {};
}

int64_t Fields::integer(const char* name, int64_t fallback, int64_t least, int64_t most) {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  // 16.0 is a whole number, too.
  const bool whole =
      value->is_number() &&
      (!value->is_number_float() || std::trunc(value->get<double>()) == value->get<double>());
  if (!whole) {
    complain(name, fmt::format("is {}, not a whole number", shown(*value)));
    return fallback;
  }
  const bool above = value->is_number_unsigned()
                         ? value->get<uint64_t>() > INT64_MAX
                         : value->is_number_float() && value->get<double>() >= 0x1p63;
  const bool below = value->is_number_float() && value->get<double>() <= -0x1p63;
  const int64_t number = above ? INT64_MAX : below ? INT64_MIN : value->get<int64_t>();
  if (above || below || number < least || number > most) {
    complain(name, fmt::format("{} is out of range, {} to {}", shown(*value), least, most));
    return fallback;
  }
  return number;
}

double Fields::number(const char* name, double fallback, double least, double most) {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  if (!value->is_number()) {
    complain(name, fmt::format("is {}, not a number", shown(*value)));
    return fallback;
  }
  const auto number = value->get<double>();
  if (!(number >= least && number <= most)) {
    complain(name, fmt::format("{} is out of range, {} to {}", shown(*value), least, most));
    return fallback;
  }
  return number;
}

bool Fields::flag(const char* name, bool fallback) {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  complain(name, fmt::format("is {}, neither true nor false", shown(*value)));
  return fallback;
}

std::string Fields::text(const char* name, std::string fallback) {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  if (value->is_string()) return value->get<std::string>();
  complain(name, fmt::format("is {}, not a string", shown(*value)));
  return fallback;
}

std::string Fields::word(const char* name, const char* fallback,
                         std::initializer_list<const char*> words) {
  const Json* value = find(name);
  if (value == nullptr) return fallback;
  std::string known;
  for (const char* candidate : words) {
    if (value->is_string() && value->get_ref<const std::string&>() == candidate) return candidate;
    known += fmt::format("{}'{}'", known.empty() ? "" : ", ", candidate);
  }
  complain(name, fmt::format("is {}, not one of {}", shown(*value), known));
  return fallback;
}

std::vector<std::string> Fields::texts(const char* name, size_t n_max) {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  if (!value->is_array()) {
    complain(name, fmt::format("is {}, neither a string nor an array of them", shown(*value)));
    return {};
  }
  if (value->size() > n_max) {
    complain(name, fmt::format("has {} strings, at most {} are taken", value->size(), n_max));
    return {};
  }
  std::vector<std::string> result;
  for (const Json& item : *value) {
    if (!item.is_string()) {
      complain(name, fmt::format("has {} among its strings", shown(item)));
      return {};
    }
    result.push_back(item.get<std::string>());
  }
  return result;
}

const Json* Fields::array(const char* name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_array()) return value;
  complain(name, fmt::format("is {}, not an array", shown(*value)));
  return nullptr;
}

const Json* Fields::object(const char* name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_object()) return value;
  complain(name, fmt::format("is {}, not an object", shown(*value)));
  return nullptr;
}

}  // namespace quire::server
