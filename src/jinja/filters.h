// The two halves of the table of filters.
#pragma once
#include "jinja/callable.h"

namespace quire::jinja {

std::span<const Builtin> text_filters();  // filters_text.cpp: of texts, numbers and single values
std::span<const Builtin> list_filters();  // filters_list.cpp: of what can be gone through

}  // namespace quire::jinja
