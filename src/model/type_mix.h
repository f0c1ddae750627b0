// Which storage type each matrix of a model gets when "the model" is said to be Q4_K_M: the names
// that people give quantized files, and llama.cpp's rules behind them (general.file_type, `enum
// llama_ftype`; its quantization tool without an importance matrix). Most matrices get the base
// type; those that matter most (the output, values, the way down, first and last layers) a wider
// one.
#pragma once
#include "base/result.h"
#include "model/hparams.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

#include <span>
#include <string>
#include <string_view>

namespace quire {

// Numbered as general.file_type.
enum class FileType : uint32_t {
#define TYPE_MIX(enumerator, id, name, base) enumerator = id,
#include "model/type_mixes.inc"
#undef TYPE_MIX
};

struct TypeMix {
  FileType type;
  const char* name;  // "q4_k_m"
  DType base;
  bool pure = false;  // every matrix in the base type
};

std::span<const TypeMix> all_type_mixes();
// By name in any letter case. usage lists the names that are known.
Result<TypeMix> type_mix(std::string_view name);

// Vectors, norms, routers and other small tables, which no file quantizes.
bool stays_f32(std::string_view tensor, const Shape& shape);

// The type of a parameter of a model. Vectors and a few small matrices stay f32. Where a row is no
// whole number of a type's blocks, the next wider type with smaller blocks takes its place, f16 at
// last.
DType stored_dtype(const TypeMix& mix, const Hparams& hparams, std::string_view tensor,
                   const Shape& shape);

}  // namespace quire
