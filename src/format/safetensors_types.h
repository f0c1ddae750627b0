// The element types of safetensors (its README and `enum Dtype`) and what they are in Quire.
#pragma once
#include "tensor/dtype.h"

#include <optional>
#include <string_view>

namespace quire {

struct SafetensorsType {
  std::string_view name;
  uint32_t bits;               // of an element
  std::optional<DType> dtype;  // empty when Quire has no such storage type
};

constexpr SafetensorsType safetensors_types[] = {
    {"F64", 64, DType::f64},          {"F32", 32, DType::f32},
    {"F16", 16, DType::f16},          {"BF16", 16, DType::bf16},
    {"I64", 64, DType::i64},          {"I32", 32, DType::i32},
    {"I16", 16, DType::i16},          {"I8", 8, DType::i8},
    {"U64", 64, std::nullopt},        {"U32", 32, std::nullopt},
    {"U16", 16, std::nullopt},        {"U8", 8, std::nullopt},
    {"BOOL", 8, std::nullopt},        {"C64", 64, std::nullopt},
    {"F8_E4M3", 8, std::nullopt},     {"F8_E5M2", 8, std::nullopt},
    {"F8_E4M3FNUZ", 8, std::nullopt}, {"F8_E5M2FNUZ", 8, std::nullopt},
    {"F8_E8M0", 8, std::nullopt},     {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt},     {"F4", 4, std::nullopt},
};

// nullptr when the name is not known.
constexpr const SafetensorsType* safetensors_type(std::string_view name) {
  for (const SafetensorsType& type : safetensors_types)
    if (type.name == name) return &type;
  return nullptr;
}
constexpr const SafetensorsType* safetensors_type(DType dtype) {
  for (const SafetensorsType& type : safetensors_types)
    if (type.dtype == dtype) return &type;
  return nullptr;
}

}  // namespace quire
