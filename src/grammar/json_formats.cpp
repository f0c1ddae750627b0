#include "grammar/json_formats.h"

namespace quire {
namespace {

struct Format {
  std::string_view name;
  std::string_view regex;
};

#define DATE                                                                                 \
  "([1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|" \
  "30)|02-(0[1-9]|1[0-9]|2[0-8]))|([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|"  \
  "[13579][26])00)-02-29)"
#define TIME \
  "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define HOST LABEL "(\\." LABEL "){0,3}"
#define BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define WORD "[0-9a-f]{1,4}"
#define PATH_CHARACTER "([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})"

// Without ':', which in the first part of a reference would end a scheme.
#define REFERENCE_CHARACTER "([A-Za-z0-9._~!$&'()*+,;=@/-]|%[0-9A-F]{2})"

constexpr Format formats[] = {
    {"date", DATE},
    {"time", TIME},
    {"date-time", DATE "T" TIME},
    {"duration",
     "P([0-9]{1,6}W|[0-9]{1,6}Y([0-9]{1,6}M([0-9]{1,6}D)?)?|[0-9]{1,6}M([0-9]{1,6}D)?|[0-9]{1,6}D|"
     "([0-9]{1,6}D)?T([0-9]{1,6}H([0-9]{1,6}M([0-9]{1,6}S)?)?|[0-9]{1,6}M([0-9]{1,6}S)?|[0-9]{1,6}"
     "S))"},
    {"email", "[A-Za-z0-9_+-]+(\\.[A-Za-z0-9_+-]+)*@" HOST},
    {"hostname", HOST},
    {"ipv4", BYTE "(\\." BYTE "){3}"},
    {"ipv6",
     "(" WORD "(:" WORD "){7}|(" WORD ":){1,6}(:" WORD "){1}|(" WORD ":){1,5}(:" WORD "){2}|(" WORD
     ":){1,4}(:" WORD "){3}|(" WORD ":){1,3}(:" WORD "){4}|(" WORD ":){1,2}(:" WORD "){5}|" WORD
     ":(:" WORD "){6}|::(" WORD "(:" WORD "){0,6})?|(" WORD ":){1,7}:)"},
    {"uri", "[a-z][a-z0-9+.-]*://" HOST "(:[0-9]{1,5})?(/" PATH_CHARACTER "*)?(\\?(" PATH_CHARACTER
            "|\\?)*)?(#(" PATH_CHARACTER "|\\?)*)?"},
    {"uri-reference",
     REFERENCE_CHARACTER "*(\\?(" PATH_CHARACTER "|\\?)*)?(#(" PATH_CHARACTER "|\\?)*)?"},
    {"uuid", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"},
    {"json-pointer", "(/([^/~]|~[01])*)*"},
    {"byte", "([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"},
    {"binary", ""},
    {"password", ""},
};

#undef DATE
#undef TIME
#undef LABEL
#undef HOST
#undef BYTE
#undef WORD
#undef PATH_CHARACTER
#undef REFERENCE_CHARACTER

}  // namespace

std::optional<std::string_view> format_regex(std::string_view format) {
  for (const Format& known : formats)
    if (known.name == format) return known.regex;
  return std::nullopt;
}

std::string known_formats() {
  std::string names;
  for (const Format& known : formats)
    names += (names.empty() ? "" : ", ") + std::string(known.name);
  return names;
}

}  // namespace quire
