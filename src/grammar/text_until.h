// Free text up to a marker, and the marker: what stands between <think> and </think>.
#pragma once
#include "grammar/grammar.h"

#include <string_view>

namespace quire {

// Any characters without the marker in them, then the marker: in its letters, or as the control
// token of that name. The marker is ASCII or UTF-8, not empty.
ExpressionId text_until(Grammar& grammar, std::string_view marker);
// The marker itself, in either way.
ExpressionId marker_text(Grammar& grammar, std::string_view marker);

}  // namespace quire
