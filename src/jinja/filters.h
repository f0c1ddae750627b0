// The two halves of the table of filters, and the long ones among them.
#pragma once
#include "jinja/callable.h"

namespace quire::jinja {

std::span<const Builtin> text_filters();  // filters_text.cpp: of texts, numbers and single values
std::span<const Builtin> list_filters();  // filters_list.cpp: of what can be gone through

Result<Value> wordwrap(Call& c);  // wordwrap.cpp
Result<Value> urlize(Call& c);    // urlize.cpp

}  // namespace quire::jinja
