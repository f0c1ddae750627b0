#include "grammar/schema_constraints.h"

#include "format/printable.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>

namespace quire {
namespace {

using Kind = SchemaValue::Kind;

const SchemaValue never = {.kind = Kind::boolean, .boolean = false};

struct TypeName {
  std::string_view name;
  TypeSet set;
};
constexpr TypeName type_names[] = {{"null", types::null},       {"boolean", types::boolean},
                                   {"integer", types::integer}, {"number", types::number},
                                   {"string", types::string},   {"array", types::array},
                                   {"object", types::object}};

// Keywords that say something about values of one type only.
struct KeywordType {
  std::string_view keyword;
  TypeSet type;
};
constexpr KeywordType keyword_types[] = {{"minimum", types::number},
                                         {"maximum", types::number},
                                         {"exclusiveMinimum", types::number},
                                         {"exclusiveMaximum", types::number},
                                         {"multipleOf", types::number},
                                         {"minLength", types::string},
                                         {"maxLength", types::string},
                                         {"pattern", types::string},
                                         {"format", types::string},
                                         {"items", types::array},
                                         {"prefixItems", types::array},
                                         {"minItems", types::array},
                                         {"maxItems", types::array},
                                         {"uniqueItems", types::array},
                                         {"properties", types::object},
                                         {"required", types::object},
                                         {"additionalProperties", types::object},
                                         {"patternProperties", types::object},
                                         {"propertyNames", types::object},
                                         {"minProperties", types::object},
                                         {"maxProperties", types::object}};

// Those of the standard's drafts that restrict values in ways a grammar is not made for here.
constexpr std::string_view unsupported_keywords[] = {"not",
                                                     "if",
                                                     "then",
                                                     "else",
                                                     "dependentRequired",
                                                     "dependentSchemas",
                                                     "dependencies",
                                                     "contains",
                                                     "minContains",
                                                     "maxContains",
                                                     "$dynamicRef",
                                                     "$recursiveRef",
                                                     "extends",
                                                     "disallow"};

Conjunction one(const SchemaValue& schema) { return {SchemaTerm{&schema}}; }

void append(Conjunction& to, const Conjunction& more) {
  for (const SchemaTerm& term : more)
    if (std::find(to.begin(), to.end(), term) == to.end()) to.push_back(term);
}

void tighten(SizeRange& range, uint32_t min) { range.min = std::max(range.min, min); }
void tighten_max(SizeRange& range, uint32_t max) {
  range.max = range.max ? std::min(*range.max, max) : max;
}

}  // namespace

Result<Constraints> SchemaReader::read(const Conjunction& terms) {
  Constraints c;
  Conjunction waiting = terms;
  std::vector<size_t> from(terms.size(), SIZE_MAX);  // the term that led to this one
  std::unordered_map<const SchemaValue*, size_t> seen;
  for (size_t i = 0; i < waiting.size() && !c.impossible; ++i) {
    const SchemaTerm term = waiting[i];
    const auto [at, is_new] = seen.try_emplace(term.schema, c.terms.size());
    if (!is_new) {
      // What leads back to itself says nothing that could ever be satisfied.
      const SchemaTerm& before = c.terms[at->second];
      if (before.any_of_done != term.any_of_done || before.one_of_done != term.one_of_done)
        c.impossible = true;
      for (size_t up = from[i]; up != SIZE_MAX; up = from[up])
        if (waiting[up].schema == term.schema) c.impossible = true;
      continue;
    }
    c.terms.push_back(term);
    if (term.schema->is(Kind::boolean)) {
      if (!term.schema->boolean) c.impossible = true;
      continue;
    }
    TRY(check_schema(*term.schema));
    TRY(add(c, c.terms.size() - 1, waiting));
    from.resize(waiting.size(), i);
  }
  if (c.type == 0) c.impossible = true;
  return c;
}

Result<void> SchemaReader::check_schema(const SchemaValue& value) const {
  if (value.is(Kind::object) || value.is(Kind::boolean)) return {};
  return fail_at(Fault::bad_format, value, "a schema is an object or a boolean");
}

Result<void> SchemaReader::add(Constraints& c, size_t term, Conjunction& more) {
  const SchemaValue& schema = *c.terms[term].schema;
  TypeSet implied = 0;
  bool has_type = false, nullable = false;
  for (size_t i = 0; i < schema.keys.size(); ++i) {
    const std::string& key = schema.keys[i];
    const SchemaValue& value = *schema.items[i];
    for (const KeywordType& known : keyword_types)
      if (known.keyword == key) implied |= known.type;
    if (std::ranges::find(unsupported_keywords, key) != std::end(unsupported_keywords))
      return fail_at(Fault::unsupported, value, "'{}' cannot be enforced while generating", key);
    if (key == "nullable") nullable = value.boolean;
    if (key == "type" || key == "enum" || key == "const") has_type = true;
    const bool known = TRY(add_general(c, term, key, value, more)) ||
                       TRY(add_scalar(c, key, value)) || TRY(add_array(c, key, value));
    static_cast<void>(
        known);  // what is left is of objects, below, or describes without restricting
  }
  TRY(add_object(c, schema));
  if (const SchemaValue* type = schema.find("type"))
    c.type &= static_cast<TypeSet>(TRY(read_type(*type)) | (nullable ? types::null : 0));
  else if (!has_type && implied != 0)
    c.type &= static_cast<TypeSet>(implied | (nullable ? types::null : 0));
  return {};
}

Result<bool> SchemaReader::add_general(Constraints& c, size_t term, const std::string& key,
                                       const SchemaValue& value, Conjunction& more) {
  const SchemaTerm& of = c.terms[term];
  if (key == "$ref") {
    if (!of.expanded) more.push_back({TRY(resolve(value))});
  } else if (key == "allOf" || key == "anyOf" || key == "oneOf") {
    if (!value.is(Kind::array) || value.items.empty())
      return fail_at(Fault::bad_format, value, "'{}' is a list of at least one schema", key);
    if (key == "allOf" && !of.expanded)
      for (const SchemaValue* part : value.items) more.push_back({part});
    if (key == "anyOf" && !of.any_of_done) c.alternatives.push_back({term, &value, false});
    if (key == "oneOf" && !of.one_of_done) c.alternatives.push_back({term, &value, true});
  } else if (key == "enum" || key == "const") {
    std::vector<const SchemaValue*> values = {&value};
    if (key == "enum") {
      if (!value.is(Kind::array))
        return fail_at(Fault::bad_format, value, "'enum' is a list of values");
      values = value.items;
    }
    if (c.values)
      std::erase_if(values, [&](const SchemaValue* v) {
        return std::ranges::none_of(
            *c.values, [&](const SchemaValue* other) { return same_value(*v, *other); });
      });
    c.values = std::move(values);
  } else {
    return false;
  }
  return true;
}

Result<bool> SchemaReader::add_scalar(Constraints& c, const std::string& key,
                                      const SchemaValue& value) {
  if (key == "minLength") return tighten(c.length, TRY(read_size(value))), true;
  if (key == "maxLength") return tighten_max(c.length, TRY(read_size(value))), true;
  if (key == "pattern" || key == "format") {
    if (!value.is(Kind::string)) return fail_at(Fault::bad_format, value, "'{}' is a string", key);
    const SchemaValue*& place = key == "pattern" ? c.pattern : c.format;
    if (place != nullptr && place->text != value.text)
      return fail_at(Fault::unsupported, value, "a second '{}' for the same value ('{}' at {})",
                     key, printable(place->text, 40), place->path());
    place = &value;
    return true;
  }
  const bool is_min = key == "minimum" || key == "exclusiveMinimum";
  if (is_min || key == "maximum" || key == "exclusiveMaximum") {
    if (value.is(Kind::boolean)) {
      if (!value.boolean) return true;
      return fail_at(Fault::unsupported, value,
                     "'{}' is a number since draft 6; write the bound itself here", key);
    }
    const NumberBound bound = {TRY(read_number(value)), key[0] == 'e'};
    std::optional<NumberBound>& place = is_min ? c.range.min : c.range.max;
    const int order = place ? compare(bound.value, place->value) * (is_min ? 1 : -1) : 1;
    if (order > 0 || (order == 0 && bound.exclusive)) place = bound;
    return true;
  }
  if (key != "multipleOf") return false;
  const Decimal of = TRY(read_number(value));
  if (of.negative || of.is_zero())
    return fail_at(Fault::bad_format, value, "'multipleOf' is above 0");
  if (c.multiple_of != nullptr && !same_value(*c.multiple_of, value))
    return fail_at(Fault::unsupported, value, "a second 'multipleOf' for the same value");
  c.multiple_of = &value;
  return true;
}

Result<bool> SchemaReader::add_array(Constraints& c, const std::string& key,
                                     const SchemaValue& value) {
  if (key == "minItems") return tighten(c.n_items, TRY(read_size(value))), true;
  if (key == "maxItems") return tighten_max(c.n_items, TRY(read_size(value))), true;
  if (key == "uniqueItems") {
    if (!value.is(Kind::boolean) || value.boolean)
      return fail_at(Fault::unsupported, value,
                     "'uniqueItems' cannot be enforced while generating");
    return true;
  }
  // A list of schemas was `items` until draft 2019-09.
  if (key == "prefixItems" || (key == "items" && value.is(Kind::array))) {
    if (!value.is(Kind::array))
      return fail_at(Fault::bad_format, value, "'prefixItems' is a list of schemas");
    if (!c.prefix_items.empty())
      return fail_at(Fault::unsupported, value, "a second '{}' for the same array", key);
    for (const SchemaValue* item : value.items) c.prefix_items.push_back({item});
    return true;
  }
  if (key != "items" && key != "additionalItems") return false;
  append(c.items, one(value));
  c.has_items = true;
  return true;
}

Result<void> SchemaReader::add_object(Constraints& c, const SchemaValue& schema) {
  if (const SchemaValue* min = schema.find("minProperties"))
    tighten(c.n_properties, TRY(read_size(*min)));
  if (const SchemaValue* max = schema.find("maxProperties"))
    tighten_max(c.n_properties, TRY(read_size(*max)));
  for (const char* key : {"patternProperties", "propertyNames"}) {
    const SchemaValue* value = schema.find(key);
    if (value == nullptr || (value->is(Kind::object) && value->items.empty())) continue;
    const SchemaValue*& place = key[1] == 'a' ? c.pattern_properties : c.property_names;
    if (place != nullptr)
      return fail_at(Fault::unsupported, *value, "a second '{}' for the same object", key);
    if (key[1] == 'a' && !value->is(Kind::object))
      return fail_at(Fault::bad_format, *value, "'{}' is an object of schemas", key);
    place = value;
  }
  using Additional = Constraints::Additional;
  const SchemaValue* additional = schema.find("additionalProperties");
  const bool closed =
      additional != nullptr && additional->is(Kind::boolean) && !additional->boolean;
  const Conjunction others = closed                  ? one(never)
                             : additional != nullptr ? one(*additional)
                                                     : Conjunction{};
  const Conjunction before = c.has_additional == Additional::none ? one(never) : c.additional;
  const SchemaValue* properties = schema.find("properties");
  if (properties != nullptr && !properties->is(Kind::object))
    return fail_at(Fault::bad_format, *properties, "'properties' is an object of schemas");
  std::unordered_map<std::string_view, size_t> known;
  for (size_t i = 0; i < c.properties.size(); ++i) known[c.properties[i].name] = i;
  const size_t n_before = c.properties.size();
  std::vector<bool> named_here(n_before, false);
  std::vector<PropertyTerms> added;
  for (size_t i = 0; properties != nullptr && i < properties->keys.size(); ++i) {
    const auto at = known.find(properties->keys[i]);
    if (at != known.end()) {
      append(c.properties[at->second].value, one(*properties->items[i]));
      named_here[at->second] = true;
      continue;
    }
    PropertyTerms property = {properties->keys[i], one(*properties->items[i])};
    append(property.value, before);
    added.push_back(std::move(property));
  }
  for (size_t i = 0; i < n_before; ++i)
    if (!named_here[i]) append(c.properties[i].value, others);
  std::ranges::move(added, std::back_inserter(c.properties));
  if (closed) c.has_additional = Additional::none;
  if (additional != nullptr && !closed && c.has_additional != Additional::none) {
    c.has_additional = Additional::schema;
    append(c.additional, others);
  }
  const SchemaValue* required = schema.find("required");
  if (required == nullptr) return {};
  if (!required->is(Kind::array))
    return fail_at(Fault::bad_format, *required, "'required' is a list of names");
  std::set<std::string_view> names(c.required.begin(), c.required.end());
  std::vector<std::string> fresh;
  for (const SchemaValue* name : required->items) {
    if (!name->is(Kind::string))
      return fail_at(Fault::bad_format, *name, "'required' is a list of names");
    if (names.insert(name->text).second) fresh.push_back(name->text);
  }
  std::ranges::move(fresh, std::back_inserter(c.required));
  return {};
}

Result<TypeSet> SchemaReader::read_type(const SchemaValue& value) const {
  std::vector<const SchemaValue*> names = {&value};
  if (value.is(Kind::array)) names = value.items;
  TypeSet set = 0;
  for (const SchemaValue* name : names) {
    const auto known = std::ranges::find_if(type_names, [&](const TypeName& t) {
      return name->is(Kind::string) && t.name == name->text;
    });
    if (known == std::end(type_names))
      return fail_at(Fault::bad_format, *name,
                     "'{}' is no type; there are null, boolean, integer, number, string, array and "
                     "object",
                     printable(name->text, 40));
    set |= known->set;
  }
  return set;
}

Result<uint32_t> SchemaReader::read_size(const SchemaValue& value) const {
  const Decimal number = TRY(read_number(value));
  if (number.negative || !number.is_integer())
    return fail_at(Fault::bad_format, value, "{} is no count", value.text);
  if (number.whole.size() > 7)
    return fail_at(Fault::limit, value, "{} is too large, at most 9999999 is supported",
                   printable(value.text, 40));
  return static_cast<uint32_t>(std::stoul(number.whole));
}

Result<Decimal> SchemaReader::read_number(const SchemaValue& value) const {
  if (!value.is(Kind::number)) return fail_at(Fault::bad_format, value, "this is a number");
  const auto number = Decimal::parse(value.text);
  if (!number)
    return fail_at(Fault::limit, value, "{} has more than {} digits", printable(value.text, 40),
                   Decimal::digits_max);
  return *number;
}

Result<const SchemaValue*> SchemaReader::resolve(const SchemaValue& reference) const {
  if (!reference.is(Kind::string)) return fail_at(Fault::bad_format, reference, "this is a string");
  const std::string_view text = reference.text;
  const auto missing = [&] {
    return fail_at(Fault::bad_format, reference, "there is no '{}' in this schema",
                   printable(text, 80));
  };
  if (!text.starts_with('#'))
    return fail_at(
        Fault::unsupported, reference,
        "'{}' is outside of this schema: only references that begin with '#' are followed",
        printable(text, 80));
  if (text == "#") return document_.root;
  if (text[1] != '/') {
    for (const SchemaValue& value : document_.values) {
      const SchemaValue* anchor = value.is(Kind::object) ? value.find("$anchor") : nullptr;
      if (anchor != nullptr && anchor->is(Kind::string) && anchor->text == text.substr(1))
        return &value;
    }
    return missing();
  }
  const SchemaValue* at = document_.root;
  for (size_t begin = 2; begin <= text.size();) {
    const size_t end = std::min(text.find('/', begin), text.size());
    std::string part;
    for (size_t i = begin; i < end; ++i) {
      if (text[i] == '~' && i + 1 < end && (text[i + 1] == '0' || text[i + 1] == '1')) {
        part += text[++i] == '0' ? '~' : '/';
      } else if (text[i] == '%' && i + 2 < end && std::isxdigit(text[i + 1]) != 0 &&
                 std::isxdigit(text[i + 2]) != 0) {
        part += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      } else {
        part += text[i];
      }
    }
    const SchemaValue* next = at->find(part);
    if (at->is(Kind::array) && !part.empty() && part.size() < 8 &&
        part.find_first_not_of("0123456789") == part.npos && std::stoul(part) < at->items.size())
      next = at->items[std::stoul(part)];
    if (next == nullptr) return missing();
    at = next;
    begin = end + 1;
  }
  return at;
}

}  // namespace quire
