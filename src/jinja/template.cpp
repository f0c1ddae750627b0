#include "jinja/template.h"

#include "jinja/interpreter.h"
#include "jinja/lexer.h"
#include "jinja/parser.h"
#include "text/utf8.h"

namespace quire::jinja {
namespace {

std::unexpected<Error> named(const std::string& name, const Error& error) {
  return std::unexpected(Error{error.fault, name + ": " + error.text});
}

}  // namespace

Result<std::shared_ptr<const Template>> Template::parse(std::string_view source, std::string name,
                                                        const Limits& limits) {
  if (source.size() > limits.template_bytes_max)
    return fail(Fault::limit, "{}: the template has {} bytes, at most {} are read", name,
                source.size(), limits.template_bytes_max);
  if (const size_t valid = utf8_valid_prefix(source); valid < source.size())
    return fail(Fault::bad_format, "{}: the template is not UTF-8 (offset {})", name, valid);
  std::shared_ptr<Template> result(new Template());
  Result<std::vector<Token>> tokens = tokenize(source);
  if (!tokens.has_value()) return named(name, tokens.error());
  Result<Body> body = jinja::parse(std::move(*tokens));
  if (!body.has_value()) return named(name, body.error());
  result->body_ = std::move(*body);
  result->name_ = std::move(name);
  result->source_ = source;
  return result;
}

Result<Rendered> Template::render_spans(const Value& variables,
                                        const RenderOptions& options) const {
  if (!variables.is(Kind::dict))
    return fail(Fault::usage, "{}: the variables of a template are a dict, not a '{}'", name_,
                type_name(variables));
  Interpreter interpreter(variables, options);
  Result<Rendered> rendered = interpreter.run(body_);
  if (!rendered.has_value())
    return fail(rendered.error().fault, "{}: line {}: {}", name_, interpreter.line(),
                rendered.error().text);
  return rendered;
}

Result<std::string> Template::render(const Value& variables, const RenderOptions& options) const {
  return TRY(render_spans(variables, options)).text;
}

}  // namespace quire::jinja
