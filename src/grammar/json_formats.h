// The values of JSON Schema's `format` as regular expressions. They accept less than the standards
// do where that is simpler (years from 1000 on, no leap seconds, no comments in addresses), never
// more.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace quire {

// "" for a name that describes without restricting ("password"); nothing for one that is not known.
std::optional<std::string_view> format_regex(std::string_view format);
std::string known_formats();  // "date, date-time, ..."

}  // namespace quire
