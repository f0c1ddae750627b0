// Jinja templates, as far as a chat template may go: the language of Jinja2 3.1 rendered byte for
// byte as Python does it in an ImmutableSandboxedEnvironment with trim_blocks and lstrip_blocks,
// with the additions transformers makes (break and continue, {% generation %}, raise_exception,
// strftime_now, a tojson that escapes nothing). No template can read a file, load another template,
// change what it was given, or take more time, memory or stack than its limits.
//
//   const auto chat = TRY(jinja::Template::parse("{{ messages[0].content }}", "chat template"));
//   const std::string prompt = TRY(chat->render(TRY(jinja::parse_json_value(json, "messages"))));
//
// What differs from Python: integers have 64 bits (beyond them there is an error, not a longer
// number), include, import and extends have nothing to load, `random` and `lipsum` do not exist.
// Sources: jinja2 3.1 template designer documentation; transformers, "Chat templates".
#pragma once
#include "jinja/ast.h"
#include "jinja/value.h"

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace quire::jinja {

struct Limits {
  size_t template_bytes_max = size_t{4} << 20;
  size_t output_bytes_max = size_t{64} << 20;   // also of any one text in between
  size_t memory_bytes_max = size_t{256} << 20;  // of all values that live at once
  uint64_t steps_max = 20'000'000;              // an operation each, and one for 64 bytes of text
  int calls_max = 200;                          // macros in macros
  double time_s_max = 10;
};

struct RenderOptions {
  Limits limits;
  std::optional<std::tm> now;  // for strftime_now; without one the local time
};

// What the {% generation %} blocks of the template wrote, as bytes of the text.
struct GeneratedSpan {
  size_t begin = 0, end = 0;
};

struct Rendered {
  std::string text;
  std::vector<GeneratedSpan> generated;
};

// Immutable; may be rendered from many threads at once.
class Template {
 public:
  // `name` opens every error text. bad_format with the line for what is no template, limit for one
  // that is too long or nests too deep.
  static Result<std::shared_ptr<const Template>> parse(std::string_view source, std::string name,
                                                       const Limits& limits = {});

  // `variables` is a dict. bad_format with the line when the template goes wrong (an undefined
  // value used, raise_exception), limit when it takes too much.
  Result<std::string> render(const Value& variables, const RenderOptions& options = {}) const;
  Result<Rendered> render_spans(const Value& variables, const RenderOptions& options = {}) const;

  const std::string& name() const { return name_; }
  const std::string& source() const { return source_; }

 private:
  Template() = default;
  std::string name_, source_;
  Body body_;
};

}  // namespace quire::jinja
