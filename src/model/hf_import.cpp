#include "model/hf_import.h"

#include "format/printable.h"
#include "model/type_mix.h"
#include "quant/codec.h"

#include <algorithm>
#include <cstring>

namespace quire {
namespace {

constexpr int64_t scales_max = int64_t{1} << 28;

// "(4096, 64)" of a tensor with any number of dimensions.
std::string dims_text(const SafetensorsTensor& tensor) {
  std::string text;
  for (const int64_t dim : tensor.dims) text += (text.empty() ? "" : ", ") + std::to_string(dim);
  return "(" + text + ")";
}

// The numbers of a small tensor.
std::vector<float> decoded(const TensorView& view) {
  std::vector<float> numbers(static_cast<size_t>(view.shape.n_elements()));
  codec(view.dtype)->decode(view.data, numbers.data(), view.shape.n_elements());
  return numbers;
}

Result<F8Blocks> f8_blocks(const HfConfig& config) {
  F8Blocks block;
  constexpr const char* field = "quantization_config.weight_block_size";
  if (!config.has(field)) return block;
  const std::vector<int64_t> size = TRY(config.get_ints(field));
  if (size.size() != 2 || size[0] < 1 || size[1] < 1 || size[0] > 65536 || size[1] > 65536)
    return fail(Fault::bad_format,
                "{}: {} must be two numbers between 1 and 65536, rows and columns of a block",
                config.path(), field);
  return F8Blocks{size[0], size[1]};
}

}  // namespace

HfImport::HfImport(const SafetensorsFile& file, const HfConfig& config)
    : file_(file), config_(config) {
  for (const char* field : {"n_head", "num_attention_heads"})  // the latter where both are
    if (const auto heads = config.get_int(field)) n_head_ = *heads;
  n_head_kv_ = n_head_;
  if (const auto heads = config.get_int("num_key_value_heads")) n_head_kv_ = *heads;
}

Result<const SafetensorsTensor*> HfImport::raw(const std::string& name) const {
  const SafetensorsTensor* tensor = file_.find(name);
  if (tensor == nullptr)
    return fail(Fault::bad_format, "{}: tensor '{}' is missing", file_.path(), printable(name));
  return tensor;
}

Result<HfRows> HfImport::rows(const std::string& name) const {
  const SafetensorsTensor& tensor = *TRY(raw(name));
  for (const int64_t dim : tensor.dims)
    if (dim == 0)
      return fail(Fault::bad_format,
                  "{}: tensor '{}' has the shape {}, every dimension must be positive",
                  file_.path(), printable(name), dims_text(tensor));
  if (tensor.dtype_name == "F8_E4M3") return scaled_f8(tensor);
  TensorView view = TRY(file_.tensor(name));
  if (view.shape.rank == 0) view.shape = {1};
  switch (view.dtype) {
    case DType::f32:
    case DType::f16:
    case DType::bf16:
      return mapped_rows(view);
    case DType::f64:
      return f32_rows(mapped_rows(view));
    default:
      return fail(Fault::unsupported,
                  "{}: tensor '{}' is of type {}; weights of type F32, F16, BF16, F64 and F8_E4M3 "
                  "with scales are supported",
                  file_.path(), printable(name), tensor.dtype_name);
  }
}

// Which tensor has the scales of another, and how many elements each is for:
//   weight_scale_inv   one for each block of weight_block_size (DeepSeek-V3)
//   weight_scale       one for the matrix, or one for each row (compressed-tensors, FBGEMM)
Result<HfRows> HfImport::scaled_f8(const SafetensorsTensor& tensor) const {
  if (tensor.dims.size() != 2)
    return fail(Fault::unsupported,
                "{}: tensor '{}' of type F8_E4M3 has the shape {}; only matrices are supported",
                file_.path(), printable(tensor.name), dims_text(tensor));
  const std::string by_block = tensor.name + "_scale_inv", by_row = tensor.name + "_scale";
  const bool blocks = file_.find(by_block) != nullptr;
  const SafetensorsTensor* found = file_.find(blocks ? by_block : by_row);
  if (found == nullptr)
    return fail(Fault::bad_format,
                "{}: tensor '{}' is of type F8_E4M3, but its scales '{}' are missing", file_.path(),
                printable(tensor.name), printable(by_block));
  const Shape shape{tensor.dims[0], tensor.dims[1]};
  int64_t n_scales = 1;
  for (const int64_t dim : found->dims)
    n_scales = std::min(n_scales * std::min(dim, scales_max + 1), scales_max + 1);
  F8Blocks block{.n_rows = n_scales == 1 ? shape[0] : 1, .n_columns = shape[1]};
  if (blocks && n_scales != 1) block = TRY(f8_blocks(config_));
  const Shape wanted{(shape[0] + block.n_rows - 1) / block.n_rows,
                     (shape[1] + block.n_columns - 1) / block.n_columns};
  const TensorView scales = TRY(file_.tensor(found->name));
  const bool is_float =
      scales.dtype == DType::f32 || scales.dtype == DType::bf16 || scales.dtype == DType::f16;
  const bool fits =
      blocks && n_scales != 1
          ? scales.shape == wanted
          : n_scales == wanted.n_elements() && (found->dims.empty() || found->dims[0] == n_scales);
  if (!is_float || !fits || wanted.n_elements() > scales_max)
    return fail(Fault::bad_format,
                "{}: tensor '{}' is {} {}; blocks of {} x {} of '{}' {} need F32, F16 or BF16 {}",
                file_.path(), printable(found->name), info(scales.dtype).name, dims_text(*found),
                block.n_rows, block.n_columns, printable(tensor.name), shape.text(), wanted.text());
  return f8_rows(tensor.bytes.data(), shape, decoded(scales), block);
}

Result<void> HfImport::expect(bool right, const std::string& name, const Shape& shape,
                              std::string_view what) const {
  if (right) return {};
  return fail(Fault::bad_format, "{}: tensor '{}' has the shape {}, but {}", file_.path(),
              printable(name), shape.text(), what);
}

Result<void> HfImport::add(const std::string& name, HfRows rows) {
  if (!names_.emplace(name, true).second)
    return fail(Fault::bad_format, "{}: two of its tensors become '{}'", file_.path(), name);
  if (stays_f32(name, rows.shape)) rows = f32_rows(std::move(rows));
  tensors_.push_back({name, std::move(rows)});
  return {};
}

Result<void> HfImport::add_part(const std::string& name, int64_t number, HfRows rows) {
  if (!parts_[name].emplace(number, std::move(rows)).second)
    return fail(Fault::bad_format, "{}: two of its tensors become number {} of '{}'", file_.path(),
                number, name);
  return {};
}

Result<std::vector<HfTensor>> HfImport::finish() {
  for (auto& [name, numbered] : parts_) {
    std::vector<HfRows> parts;
    for (auto& [number, rows] : numbered) {
      if (number != static_cast<int64_t>(parts.size()))
        return fail(Fault::bad_format, "{}: number {} of the tensors that make '{}' is missing",
                    file_.path(), parts.size(), name);
      const HfRows& first = parts.empty() ? rows : parts.front();
      if (rows.dtype != first.dtype || !(rows.shape == first.shape) || rows.shape.rank > 3)
        return fail(Fault::bad_format,
                    "{}: the tensors that make '{}' differ: number 0 is {} {}, number {} is {} {}",
                    file_.path(), name, info(first.dtype).name, first.shape.text(), number,
                    info(rows.dtype).name, rows.shape.text());
      parts.push_back(std::move(rows));
    }
    TRY(add(name, stacked_rows(std::move(parts))));
  }
  parts_.clear();
  return std::move(tensors_);
}

}  // namespace quire
