// What all the schemas that one value has to satisfy say about it together: `allOf`, `$ref` with
// what stands beside it, and the chosen branch of `anyOf` are nothing but more schemas for the same
// value.
#pragma once
#include "base/result.h"
#include "grammar/json_numbers.h"
#include "grammar/schema_value.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace quire {

// Schemas that a value must satisfy, all of them. Of some, what they refer to is in the list
// already, or a branch of their alternatives is.
struct SchemaTerm {
  const SchemaValue* schema = nullptr;
  bool expanded = false, any_of_done = false, one_of_done = false;
  auto operator<=>(const SchemaTerm&) const = default;
};
using Conjunction = std::vector<SchemaTerm>;

using TypeSet = uint8_t;
namespace types {
constexpr TypeSet null = 1, boolean = 2, integer = 4, fraction = 8, string = 16, array = 32,
                  object = 64, number = integer | fraction, all = 127;
}

struct SizeRange {
  uint32_t min = 0;
  std::optional<uint32_t> max;
};

struct PropertyTerms {
  std::string name;
  Conjunction value;
};

struct Constraints {
  bool impossible = false;  // `false`, or types that exclude each other
  TypeSet type = types::all;
  std::optional<std::vector<const SchemaValue*>> values;  // enum and const
  NumberRange range;
  const SchemaValue* multiple_of = nullptr;
  SizeRange length;
  const SchemaValue* pattern = nullptr;
  const SchemaValue* format = nullptr;
  Conjunction prefix_items;  // one schema for each place
  Conjunction items;         // of all others, each of these
  bool has_items = false;
  SizeRange n_items;
  std::vector<PropertyTerms> properties;
  std::vector<std::string> required;
  Conjunction additional;  // of names that are not in properties
  enum class Additional : uint8_t { not_said, schema, none } has_additional = Additional::not_said;
  const SchemaValue* pattern_properties = nullptr;
  const SchemaValue* property_names = nullptr;
  SizeRange n_properties;
  struct Alternatives {
    size_t term;  // of `terms`
    const SchemaValue* list;
    bool exclusive;  // oneOf
  };
  std::vector<Alternatives> alternatives;
  Conjunction terms;  // all that were read, references followed
};

class SchemaReader {
 public:
  SchemaReader(const SchemaDocument& document, std::string_view name)
      : document_(document), name_(name) {}

  Result<Constraints> read(const Conjunction& terms);

  template <class... Args>
  std::unexpected<Error> fail_at(Fault fault, const SchemaValue& at,
                                 fmt::format_string<Args...> text, Args&&... args) const {
    return fail(fault, "{}: {}: {}", name_, at.path(),
                fmt::format(text, std::forward<Args>(args)...));
  }

 private:
  Result<void> add(Constraints& c, size_t term, Conjunction& more);
  Result<bool> add_general(Constraints& c, size_t term, const std::string& key,
                           const SchemaValue& value, Conjunction& more);
  Result<bool> add_scalar(Constraints& c, const std::string& key, const SchemaValue& value);
  Result<bool> add_array(Constraints& c, const std::string& key, const SchemaValue& value);
  Result<void> add_object(Constraints& c, const SchemaValue& schema);
  Result<TypeSet> read_type(const SchemaValue& value) const;
  Result<const SchemaValue*> resolve(const SchemaValue& reference) const;
  Result<uint32_t> read_size(const SchemaValue& value) const;
  Result<Decimal> read_number(const SchemaValue& value) const;
  Result<void> check_schema(const SchemaValue& value) const;

  const SchemaDocument& document_;
  std::string name_;
};

}  // namespace quire
