// A JSON document that keeps what a schema needs: the order of members, numbers as they are
// written, and where in the document a value stands.
#pragma once
#include "base/result.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

struct SchemaValue {
  enum class Kind : uint8_t { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  bool boolean = false;
  std::string text = {};  // of a string its value, of a number its digits as written
  std::vector<const SchemaValue*> items = {};  // of an array or object
  std::vector<std::string> keys = {};          // of an object, one for each item
  const SchemaValue* parent = nullptr;
  size_t index = 0;  // in parent->items

  bool is(Kind k) const { return kind == k; }
  const SchemaValue* find(std::string_view key) const;  // nullptr when there is none
  // "#/properties/name/anyOf/0" (RFC 6901)
  std::string path() const;
};

struct SchemaDocument {
  std::deque<SchemaValue> values;  // never move
  const SchemaValue* root = nullptr;
};

// bad_format with the offset, also for a key that appears twice; limit when it nests too deep.
Result<std::shared_ptr<const SchemaDocument>> parse_schema_document(std::string_view text,
                                                                    std::string_view name,
                                                                    size_t depth_max);
// Same JSON value; numbers are compared by their value.
bool same_value(const SchemaValue& a, const SchemaValue& b);

}  // namespace quire
