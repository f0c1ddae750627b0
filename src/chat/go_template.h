// Chat templates in the form that Ollama's Modelfiles have: Go's text/template (pkg.go.dev/text/
// template) over .System, .Prompt, .Response or .Messages and .Tools. They are put into Jinja once,
// and rendered as every other template is, with the same limits.
//
//   {{ if .System }}<|system|>{{ .System }}{{ end }}    {% if g.system %}...
//   {{ range $i, $m := .Messages }}{{ $m.Role }}        {% for m in messages %}...
//   {{- if eq (len (slice .Messages $i)) 1 }}
//
// A template with .Prompt says what one turn of a chat looks like: it is repeated for each, and the
// last one ends behind its .Response.
//
// Actions: if, else, else if, range, with, end, break, continue, variables, comments, trim marks;
// functions: and, or, not, eq, ne, lt, le, gt, ge, len, index, slice, print, println, printf, json,
// currentDate, toTypeScriptType.
#pragma once
#include "base/result.h"

#include <string>
#include <string_view>

namespace quire {

bool is_go_template(std::string_view text);
// bad_format for what is no template, unsupported for actions, functions and fields that are not
// among those above; the error quotes the action.
Result<std::string> jinja_of_go_template(std::string_view text);

}  // namespace quire
