// Any text as a JSON document and as a config.json: read or refused, on one line.
#include "format/hf_config.h"
#include "format/json.h"

#include <nlohmann/json.hpp>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quire;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = parse_json(text, "fuzz", {.depth_max = 16});
  if (document.has_value()) {
    // What was read can be written and reads as the same.
    const std::string again = document->dump();
    const auto second = parse_json(again, "fuzz", {.depth_max = 16});
    if (!second.has_value() || *second != *document) std::abort();
  } else if (document.error().text.find('\n') != std::string::npos) {
    std::abort();
  }
  const Result<HfConfig> config = HfConfig::parse(text, "fuzz");
  if (!config.has_value()) return 0;
  const auto check = [](const auto& result) {
    if (!result.has_value() && result.error().text.find('\n') != std::string::npos) std::abort();
  };
  for (const auto& [field, value] : config->document().items()) {
    check(config->get_int(field));
    check(config->get_float(field));
    check(config->get_bool(field));
    check(config->get_string(field));
    check(config->get_ints(field));
    check(config->get_strings(field));
    check(config->get_float(field + ".factor"));
  }
  return 0;
}
