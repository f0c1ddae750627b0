// Typed access to the config.json of a Hugging Face model folder (or any other JSON object of
// settings). Nested fields are reached with dots: "rope_scaling.factor". A field that is null
// counts as missing.
#pragma once
#include "base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

// Copies share the document. Thread-safe to read.
class HfConfig {
 public:
  // FOLDER/config.json, or the file itself.
  static Result<HfConfig> open(const std::string& path);
  static Result<HfConfig> parse(std::string_view text, const std::string& name);

  const std::string& path() const { return path_; }
  bool has(std::string_view field) const;

  // bad_format naming file and field when missing or of another type.
  Result<int64_t> get_int(std::string_view field) const;
  Result<double> get_float(std::string_view field) const;
  Result<bool> get_bool(std::string_view field) const;
  Result<std::string> get_string(std::string_view field) const;
  Result<std::vector<int64_t>> get_ints(std::string_view field) const;
  Result<std::vector<std::string>> get_strings(std::string_view field) const;
  // `fallback` when missing; still an error when of another type.
  Result<int64_t> get_int_or(std::string_view field, int64_t fallback) const;
  Result<double> get_float_or(std::string_view field, double fallback) const;
  Result<bool> get_bool_or(std::string_view field, bool fallback) const;
  Result<std::string> get_string_or(std::string_view field, std::string_view fallback) const;

  // The document, for what these do not reach.
  const nlohmann::json& document() const { return *json_; }

 private:
  HfConfig(std::string path, std::shared_ptr<const nlohmann::json> json);
  const nlohmann::json* find(std::string_view field) const;
  template <class T, class Convert>
  Result<T> get(std::string_view field, const char* wanted, Convert convert) const;

  std::string path_;
  std::shared_ptr<const nlohmann::json> json_;
};

}  // namespace quire
