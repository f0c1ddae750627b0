#include "model/hf_family.h"

#include "format/printable.h"

#include <algorithm>
#include <optional>

namespace quire {

#define HF_FAMILY(name) extern const HfFamily hf_##name;
#include "model/hf_families.inc"
#undef HF_FAMILY

namespace {

constexpr const HfFamily* families[] = {
#define HF_FAMILY(name) &hf_##name,
#include "model/hf_families.inc"
#undef HF_FAMILY
};

std::optional<HfFamilyEntry> find_entry(std::string_view model_type) {
  for (const HfFamily* family : families)
    for (const HfModelType& type : family->types)
      if (model_type == type.model_type) return HfFamilyEntry{family, &type};
  return std::nullopt;
}

}  // namespace

bool knows_hf_model_type(std::string_view model_type) { return find_entry(model_type).has_value(); }

std::vector<const HfFamily*> hf_families_of(std::string_view arch) {
  std::vector<const HfFamily*> found;
  for (const HfFamily* family : families)
    if (std::ranges::any_of(family->types, [&](const HfModelType& t) { return arch == t.arch; }))
      found.push_back(family);
  return found;
}

Result<HfFamilyEntry> find_hf_family(std::string_view model_type, std::string_view where) {
  if (const auto entry = find_entry(model_type)) return *entry;
  std::string known;
  for (const HfFamily* family : families)
    for (const HfModelType& type : family->types)
      known.append(known.empty() ? "" : ", ").append(type.model_type);
  return fail(Fault::unsupported, "{}: model_type '{}' is not supported; known are: {}", where,
              printable(model_type), known);
}

}  // namespace quire
