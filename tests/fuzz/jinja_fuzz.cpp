// A template and its variables (JSON, behind a zero byte): rendered within small limits or refused,
// on one line.
#include "jinja/json.h"
#include "jinja/template.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quire;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(text.find('\0'), text.size());
  const auto check = [](const Error& error) {
    if (error.text.find('\n') != std::string::npos && error.text.find("raise") == std::string::npos)
      return;  // a template may raise an exception of several lines
    if (error.text.empty()) std::abort();
  };
  jinja::RenderOptions options;
  options.now = std::tm{};
  options.limits.steps_max = 100'000;
  options.limits.output_bytes_max = 1 << 20;
  options.limits.memory_bytes_max = 8 << 20;
  options.limits.time_s_max = 1;
  const auto parsed = jinja::Template::parse(text.substr(0, zero), "fuzz", options.limits);
  if (!parsed.has_value()) return check(parsed.error()), 0;
  jinja::Value variables = jinja::make_dict(std::make_shared<jinja::Dict>());
  if (zero < text.size()) {
    const auto read = jinja::parse_json_value(text.substr(zero + 1), "fuzz");
    if (!read.has_value()) return check(read.error()), 0;
    if (read->is(jinja::Kind::dict)) variables = *read;
  }
  const auto rendered = (*parsed)->render(variables, options);
  if (!rendered.has_value())
    check(rendered.error());
  else if (rendered->size() > options.limits.output_bytes_max)
    std::abort();
  return 0;
}
