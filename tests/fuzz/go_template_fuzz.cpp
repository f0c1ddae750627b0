// Templates of Modelfiles: whatever the text, Jinja that parses and renders within its limits, or
// one error.
#include "chat/chat_template.h"
#include "chat/go_template.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quire;
  if (size > 1 << 16) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto source = jinja_of_go_template(text);
  if (!source) return 0;
  const auto parsed = jinja::Template::parse(*source, "fuzz");
  if (!parsed) return 0;
  const auto messages = parse_messages(
      R"([{"role": "system", "content": "s"}, {"role": "user", "content": "u"},
          {"role": "assistant", "content": "a"}, {"role": "user", "content": "v"}])");
  const auto variables = std::make_shared<jinja::Dict>();
  variables->set(jinja::Value(std::string("messages")), *messages);
  jinja::RenderOptions options;
  options.limits.steps_max = 20'000;
  (void)(*parsed)->render(jinja::make_dict(variables), options);
  return 0;
}
