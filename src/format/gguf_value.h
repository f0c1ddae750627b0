// A metadata value of a GGUF file: a type and the bytes it has in the file, checked when the file
// was opened and turned into numbers or strings when asked for. Source: GGUF specification, ggml
// docs/gguf.md, `gguf_metadata_value_t`.
#pragma once
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

// The published value type ids.
enum class GgufType : uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};
constexpr uint32_t gguf_type_count = 13;

const char* gguf_type_name(GgufType type);  // "u32", "string", ...
// Bytes of a value of fixed size; 0 for string and array.
size_t gguf_type_bytes(GgufType type);

// Copies are cheap; the bytes belong to the GgufFile (or to whoever made the value).
struct GgufValue {
  GgufType type = GgufType::u8;
  // Of an array: type and number of its elements. Otherwise as `type`, and 1.
  GgufType element_type = GgufType::u8;
  uint64_t count = 1;
  // As in the file. A string's without its length, an array's without its type and count.
  std::span<const std::byte> payload;

  // Empty when the value has another type or does not fit. Integers of any width, bool as 0 or 1.
  std::optional<int64_t> as_int() const;
  std::optional<uint64_t> as_uint() const;
  // f32, f64 and integers.
  std::optional<double> as_float() const;
  std::optional<bool> as_bool() const;
  std::optional<std::string_view> as_string() const;
  // Arrays. An array of strings costs one pass over its bytes.
  std::optional<std::vector<int64_t>> as_ints() const;  // of any integers or bools that fit
  std::optional<std::vector<float>> as_floats() const;  // of f32, f64 or integers
  std::optional<std::vector<std::string_view>> as_strings() const;
  std::optional<std::vector<GgufValue>> as_arrays() const;  // of an array of arrays

  // "u32", "array of 32000 strings"
  std::string type_text() const;
  // One line for people, escaped, with at most `elements_max` elements of an array.
  std::string text(size_t elements_max = 6) const;
};

}  // namespace quire
