#include "format/hf_config.h"

#include "base/file.h"
#include "format/json.h"
#include "format/printable.h"

#include <nlohmann/json.hpp>

#include <limits>
#include <optional>

namespace quire {
namespace {

using nlohmann::json;

std::optional<int64_t> to_int(const json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  constexpr uint64_t int_max = std::numeric_limits<int64_t>::max();
  if (value.is_number_unsigned() && value.get<uint64_t>() > int_max) return std::nullopt;
  return value.get<int64_t>();
}

std::optional<double> to_float(const json& value) {
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

std::optional<bool> to_bool(const json& value) {
  if (!value.is_boolean()) return std::nullopt;
  return value.get<bool>();
}

std::optional<std::string> to_string(const json& value) {
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

template <class T>
std::optional<std::vector<T>> to_vector(const json& value,
                                        std::optional<T> (*convert)(const json&)) {
  if (!value.is_array()) return std::nullopt;
  std::vector<T> out;
  out.reserve(value.size());
  for (const json& element : value) {
    std::optional<T> converted = convert(element);
    if (!converted) return std::nullopt;
    out.push_back(std::move(*converted));
  }
  return out;
}

}  // namespace

HfConfig::HfConfig(std::string path, std::shared_ptr<const json> document)
    : path_(std::move(path)), json_(std::move(document)) {}

Result<HfConfig> HfConfig::open(const std::string& path) {
  const std::string file = is_directory(path) ? path + "/config.json" : path;
  return parse(TRY(read_file(file, uint64_t{16} << 20)), file);
}

Result<HfConfig> HfConfig::parse(std::string_view text, const std::string& name) {
  json document = TRY(parse_json(text, name));
  if (!document.is_object())
    return fail(Fault::bad_format, "{}: holds {}, an object of settings is needed (offset 0)", name,
                document.type_name());
  return HfConfig(name, std::make_shared<const json>(std::move(document)));
}

const json* HfConfig::find(std::string_view field) const {
  const json* object = json_.get();
  while (object->is_object()) {
    const size_t dot = field.find('.');
    const auto at = object->find(std::string(field.substr(0, dot)));
    if (at == object->end() || at->is_null()) return nullptr;
    if (dot == field.npos) return &*at;
    object = &*at;
    field.remove_prefix(dot + 1);
  }
  return nullptr;
}

bool HfConfig::has(std::string_view field) const { return find(field) != nullptr; }

template <class T, class Convert>
Result<T> HfConfig::get(std::string_view field, const char* wanted, Convert convert) const {
  const json* value = find(field);
  if (value == nullptr)
    return fail(Fault::bad_format, "{}: field '{}' is missing", path_, printable(field));
  std::optional<T> converted = convert(*value);
  if (!converted) {
    // Numbers and strings are shown; a container could be long or deep, so only its kind is.
    const std::string shown = value->is_structured() ? value->type_name()
                              : value->is_string()   ? value->get<std::string>()
                                                     : value->dump();
    return fail(Fault::bad_format, "{}: field '{}' is '{}', {} is needed", path_, printable(field),
                printable(shown), wanted);
  }
  return std::move(*converted);
}

Result<int64_t> HfConfig::get_int(std::string_view field) const {
  return get<int64_t>(field, "a 64-bit integer", to_int);
}
Result<double> HfConfig::get_float(std::string_view field) const {
  return get<double>(field, "a number", to_float);
}
Result<bool> HfConfig::get_bool(std::string_view field) const {
  return get<bool>(field, "true or false", to_bool);
}
Result<std::string> HfConfig::get_string(std::string_view field) const {
  return get<std::string>(field, "a string", to_string);
}
Result<std::vector<int64_t>> HfConfig::get_ints(std::string_view field) const {
  return get<std::vector<int64_t>>(field, "a list of 64-bit integers",
                                   [](const json& value) { return to_vector(value, to_int); });
}
Result<std::vector<std::string>> HfConfig::get_strings(std::string_view field) const {
  return get<std::vector<std::string>>(
      field, "a list of strings", [](const json& value) { return to_vector(value, to_string); });
}

Result<int64_t> HfConfig::get_int_or(std::string_view field, int64_t fallback) const {
  if (!has(field)) return fallback;
  return get_int(field);
}
Result<double> HfConfig::get_float_or(std::string_view field, double fallback) const {
  if (!has(field)) return fallback;
  return get_float(field);
}
Result<bool> HfConfig::get_bool_or(std::string_view field, bool fallback) const {
  if (!has(field)) return fallback;
  return get_bool(field);
}
Result<std::string> HfConfig::get_string_or(std::string_view field,
                                            std::string_view fallback) const {
  if (!has(field)) return std::string(fallback);
  return get_string(field);
}

}  // namespace quire
