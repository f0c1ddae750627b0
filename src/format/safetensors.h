// Reader and writer of safetensors files, one or sharded.
//
//   u64 n    n bytes of JSON, padded with spaces    the tensors, without holes, to the end of file
//   {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2, 3],
//                                              "data_offsets": [begin, end]}, ...}
//
// A sharded model is `model.safetensors.index.json`, {"weight_map": {"name": "shard file"}}, with
// its shards beside it. Source: safetensors README, section Format. Files are mapped and never
// trusted; a damaged one is one line, bad_format.
#pragma once
#include "base/file.h"
#include "tensor/tensor.h"

#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace quire {

struct SafetensorsTensor {
  std::string name;
  std::string dtype_name;      // as in the file: "F32", "F8_E4M3"
  std::optional<DType> dtype;  // empty when Quire has no such storage type
  std::vector<int64_t> dims;   // row-major, any rank
  std::span<const std::byte> bytes;
};

// Move-only; views live as long as the object. Thread-safe to read.
class SafetensorsFile {
 public:
  // A .safetensors file, an index (.json), or a folder with model.safetensors.index.json or
  // model.safetensors in it.
  static Result<SafetensorsFile> open(const std::string& path);
  // One file from memory that outlives the object.
  static Result<SafetensorsFile> parse(std::span<const std::byte> bytes, const std::string& name);

  const std::string& path() const { return path_; }
  // Sorted by name.
  const std::vector<SafetensorsTensor>& tensors() const { return tensors_; }
  // nullptr when missing.
  const SafetensorsTensor* find(std::string_view name) const;
  // not_found when missing; unsupported, naming the type, when its type is no DType or it has more
  // than four dimensions. The data is aligned for its type (copied at open where the file's is
  // not).
  Result<TensorView> tensor(std::string_view name) const;
  // "__metadata__"; of a sharded model, of all shards together, the first one's values winning.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  SafetensorsFile() = default;
  static Result<SafetensorsFile> open_index(const std::string& path);
  void build_index();

  std::string path_;
  std::vector<MappedFile> files_;
  std::vector<Tensor> copies_;  // of tensors that are not aligned in the file
  std::vector<SafetensorsTensor> tensors_;
  std::unordered_map<std::string_view, size_t> index_;
  std::map<std::string, std::string> metadata_;
};

struct NamedTensor {
  std::string name;
  TensorView view;
};

// Writes one file: complete or not at all, the same bytes for the same arguments. Tensors are laid
// out by falling element size, then by name, so that each is aligned. usage when a name comes
// twice, is "__metadata__" or is not UTF-8; unsupported for a dtype that safetensors has not.
Result<void> write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                               const std::map<std::string, std::string>& metadata = {});

}  // namespace quire
