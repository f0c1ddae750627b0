#include "grammar/schema_disjoint.h"

#include <algorithm>

namespace quire {
namespace {

constexpr int depth_max = 8;  // of members in members that are looked at
constexpr size_t n_branches_max = 256;

TypeSet type_of(const Constraints& c) {
  if (!c.values) return c.type;
  TypeSet set = 0;
  for (const SchemaValue* value : *c.values) {
    using Kind = SchemaValue::Kind;
    if (value->is(Kind::null)) set |= types::null;
    if (value->is(Kind::boolean)) set |= types::boolean;
    if (value->is(Kind::number)) set |= types::number;
    if (value->is(Kind::string)) set |= types::string;
    if (value->is(Kind::array)) set |= types::array;
    if (value->is(Kind::object)) set |= types::object;
  }
  return c.type & set;
}

bool below(const std::optional<NumberBound>& max, const std::optional<NumberBound>& min) {
  if (!max || !min) return false;
  const int order = compare(max->value, min->value);
  return order < 0 || (order == 0 && (max->exclusive || min->exclusive));
}
bool below(const SizeRange& a, const SizeRange& b) { return a.max && *a.max < b.min; }

const PropertyTerms* property(const Constraints& c, const std::string& name) {
  const auto at =
      std::ranges::find_if(c.properties, [&](const PropertyTerms& p) { return p.name == name; });
  return at == c.properties.end() ? nullptr : &*at;
}

Result<bool> disjoint(SchemaReader& reader, const Conjunction& a, const Conjunction& b, int depth);

// An object of a that has to have a member which b excludes or describes in another way.
Result<bool> objects_exclude(SchemaReader& reader, const Constraints& a, const Constraints& b,
                             int depth) {
  for (const std::string& name : a.required) {
    const PropertyTerms *of_a = property(a, name), *of_b = property(b, name);
    if (of_b == nullptr && b.has_additional == Constraints::Additional::none &&
        b.pattern_properties == nullptr)
      return true;
    if (of_a != nullptr && of_b != nullptr &&
        TRY(disjoint(reader, of_a->value, of_b->value, depth + 1)))
      return true;
  }
  return false;
}

Result<bool> disjoint(SchemaReader& reader, const Conjunction& a_terms, const Conjunction& b_terms,
                      int depth) {
  if (depth > depth_max) return false;
  const Constraints a = TRY(reader.read(a_terms)), b = TRY(reader.read(b_terms));
  if (a.impossible || b.impossible) return true;
  const TypeSet shared = type_of(a) & type_of(b);
  if (shared == 0) return true;
  if (a.values && b.values)
    return std::ranges::none_of(*a.values, [&](const SchemaValue* x) {
      return std::ranges::any_of(*b.values,
                                 [&](const SchemaValue* y) { return same_value(*x, *y); });
    });
  TypeSet open = shared;
  if (below(a.range.max, b.range.min) || below(b.range.max, a.range.min))
    open &= static_cast<TypeSet>(~types::number);
  if (below(a.length, b.length) || below(b.length, a.length))
    open &= static_cast<TypeSet>(~types::string);
  if (below(a.n_items, b.n_items) || below(b.n_items, a.n_items))
    open &= static_cast<TypeSet>(~types::array);
  if ((open & types::object) != 0 &&
      (TRY(objects_exclude(reader, a, b, depth)) || TRY(objects_exclude(reader, b, a, depth))))
    open &= static_cast<TypeSet>(~types::object);
  return open == 0;
}

}  // namespace

Result<void> check_disjoint(SchemaReader& reader, const SchemaValue& branches) {
  const auto& all = branches.items;
  if (all.size() > n_branches_max)
    return reader.fail_at(Fault::limit, branches,
                          "'oneOf' has {} branches, at most {} are supported", all.size(),
                          n_branches_max);
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = i + 1; j < all.size(); ++j)
      if (!TRY(disjoint(reader, {SchemaTerm{all[i]}}, {SchemaTerm{all[j]}}, 0)))
        return reader.fail_at(
            Fault::unsupported, branches,
            "'oneOf' needs branches that exclude each other, and {} and {} may both "
            "hold: use 'anyOf', or a required member with different 'const' values",
            i, j);
  return {};
}

}  // namespace quire
