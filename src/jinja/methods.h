// Tables of methods by the kind of value they belong to.
#pragma once
#include "jinja/callable.h"

namespace quire::jinja {

std::span<const Builtin> text_methods();                     // methods_text.cpp
std::span<const Builtin> cycler_methods(const Value& self);  // globals.cpp

}  // namespace quire::jinja
