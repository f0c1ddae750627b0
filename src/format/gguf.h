// Reader of GGUF model files, versions 2 and 3, little-endian, whole or split into shards.
//
//   "GGUF"  u32 version  u64 n_tensors  u64 n_keys
//   n_keys    x { string key, u32 type, value }          string = u64 length, bytes
//   n_tensors x { string name, u32 rank, u64 dims[rank] (contiguous first), u32 type, u64 offset }
//   padding to general.alignment (32 unless stated), then the tensors, each at data + offset
//
// Source: GGUF specification, ggml docs/gguf.md. The file is mapped, never copied, and never
// trusted: every count, length, offset and product is checked against the size of the file before
// it is used. A damaged file is one line: `FILE: field ... value, limit (offset N)`, bad_format.
#pragma once
#include "base/file.h"
#include "format/gguf_value.h"
#include "tensor/tensor.h"

#include <memory>
#include <unordered_map>

namespace quire {

struct GgufShard;  // format/gguf_parse.h

struct GgufEntry {
  std::string_view key;
  GgufValue value;
};

struct GgufTensor {
  std::string_view name;
  TensorView view;      // shape row-major, last dimension contiguous; data in the map
  int shard = 0;        // index of the file it is in
  uint64_t offset = 0;  // of the data in that file
};

// Move-only; all views, names and values live as long as the object. Thread-safe to read.
class GgufFile {
 public:
  // Opens `path`; when it is one shard (NAME-00001-of-00003.gguf) of several, all of them, found
  // beside it. Metadata is that of the first shard.
  static Result<GgufFile> open(const std::string& path);
  // The same from memory that outlives the object and is aligned to 64 bytes; never a split file.
  static Result<GgufFile> parse(std::span<const std::byte> bytes, const std::string& name);
  // A model that lies on disk in another form and is to be read like a GGUF file: `metadata` is
  // GgufWriter::metadata_file(); the tensors' names and data belong to `owner`.
  static Result<GgufFile> assemble(const std::string& metadata, std::vector<GgufTensor> tensors,
                                   std::shared_ptr<const void> owner, const std::string& name);

  const std::string& path() const { return path_; }
  uint32_t version() const { return version_; }
  uint32_t alignment() const { return alignment_; }
  int n_shards() const { return files_.empty() ? 1 : static_cast<int>(files_.size()); }
  // Bytes of all shards.
  uint64_t n_bytes() const { return n_bytes_; }

  // Metadata in file order.
  const std::vector<GgufEntry>& entries() const { return entries_; }
  bool has(std::string_view key) const { return value(key) != nullptr; }
  // nullptr when missing.
  const GgufValue* value(std::string_view key) const;

  // bad_format naming file and key when the key is missing or has another type or does not fit.
  Result<uint64_t> get_uint(std::string_view key) const;
  Result<int64_t> get_int(std::string_view key) const;
  Result<double> get_float(std::string_view key) const;
  Result<bool> get_bool(std::string_view key) const;
  Result<std::string_view> get_string(std::string_view key) const;
  Result<std::vector<int64_t>> get_ints(std::string_view key) const;
  Result<std::vector<float>> get_floats(std::string_view key) const;
  Result<std::vector<std::string_view>> get_strings(std::string_view key) const;
  // `fallback` when the key is missing; still an error when it has another type.
  Result<uint64_t> get_uint_or(std::string_view key, uint64_t fallback) const;
  Result<int64_t> get_int_or(std::string_view key, int64_t fallback) const;
  Result<double> get_float_or(std::string_view key, double fallback) const;
  Result<bool> get_bool_or(std::string_view key, bool fallback) const;
  Result<std::string_view> get_string_or(std::string_view key, std::string_view fallback) const;

  // Tensors in file order, shard after shard.
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  // nullptr when missing.
  const GgufTensor* find(std::string_view name) const;
  // not_found naming the file and the tensor when missing.
  Result<TensorView> tensor(std::string_view name) const;

 private:
  GgufFile() = default;
  static Result<GgufFile> from_shard(GgufShard shard, const std::string& path, uint64_t n_bytes);
  static Result<GgufFile> open_split(const std::string& path);
  Result<void> build_index();
  template <class T>
  Result<T> get(std::string_view key, const char* wanted,
                std::optional<T> (GgufValue::*convert)() const) const;

  std::string path_;
  std::vector<MappedFile> files_;
  Tensor metadata_;                    // assemble(): the bytes that entries_ lie in
  std::shared_ptr<const void> owner_;  // assemble(): what the tensors lie in
  uint32_t version_ = 0, alignment_ = 0;
  uint64_t n_bytes_ = 0;
  std::vector<GgufEntry> entries_;
  std::vector<GgufTensor> tensors_;
  std::unordered_map<std::string_view, size_t> entry_index_, tensor_index_;
};

}  // namespace quire
