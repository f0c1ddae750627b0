// Writer of GGUF files, version 3, little-endian (layout: format/gguf.h). The same calls give the
// same bytes. The file appears under its name complete, or not at all.
//
//   GgufWriter out;
//   out.add_string("general.architecture", "llama");
//   out.add_u32("llama.block_count", 5);
//   out.add_tensor("output.weight", view);
//   TRY(out.write("model.gguf"));
#pragma once
#include "base/file.h"
#include "base/function_ref.h"
#include "format/gguf_value.h"
#include "tensor/tensor.h"

#include <functional>
#include <unordered_set>

namespace quire {

// What a streamed tensor writes its bytes to, in order, in pieces of any size.
using GgufSink = FunctionRef<Result<void>(std::span<const std::byte>)>;

// The add functions cannot fail; write() reports the first thing that was wrong with them (a key or
// name twice, a name over 64 bytes, a row that is no whole number of blocks). Not thread-safe.
class GgufWriter {
 public:
  // Of the tensor data; a power of two from 8 to 65536. Written as general.alignment; 32 when not
  // called.
  void set_alignment(uint32_t alignment);

  // Metadata, written in the order added.
  void add_u8(std::string_view key, uint8_t value);
  void add_i8(std::string_view key, int8_t value);
  void add_u16(std::string_view key, uint16_t value);
  void add_i16(std::string_view key, int16_t value);
  void add_u32(std::string_view key, uint32_t value);
  void add_i32(std::string_view key, int32_t value);
  void add_u64(std::string_view key, uint64_t value);
  void add_i64(std::string_view key, int64_t value);
  void add_f32(std::string_view key, float value);
  void add_f64(std::string_view key, double value);
  void add_bool(std::string_view key, bool value);
  void add_string(std::string_view key, std::string_view value);
  void add_u8s(std::string_view key, std::span<const uint8_t> values);
  void add_i8s(std::string_view key, std::span<const int8_t> values);
  void add_u16s(std::string_view key, std::span<const uint16_t> values);
  void add_i16s(std::string_view key, std::span<const int16_t> values);
  void add_u32s(std::string_view key, std::span<const uint32_t> values);
  void add_i32s(std::string_view key, std::span<const int32_t> values);
  void add_u64s(std::string_view key, std::span<const uint64_t> values);
  void add_i64s(std::string_view key, std::span<const int64_t> values);
  void add_f32s(std::string_view key, std::span<const float> values);
  void add_f64s(std::string_view key, std::span<const double> values);
  void add_bools(std::string_view key, std::span<const bool> values);
  void add_strings(std::string_view key, std::span<const std::string> values);
  void add_strings(std::string_view key, std::span<const std::string_view> values);
  // A value of any type as read from another file, nested arrays too. Copies its bytes.
  void add_value(std::string_view key, const GgufValue& value);

  // Tensors, written in the order added. The view's data must live until write().
  void add_tensor(std::string_view name, const TensorView& view);
  // The same from a callback, called once by write(), which must put out exactly the tensor's
  // bytes.
  using Source = std::function<Result<void>(GgufSink sink)>;
  void add_tensor(std::string_view name, DType dtype, const Shape& shape, Source source);

  // The bytes of a file with this metadata and no tensors, for GgufFile::assemble(); fails as
  // write() does.
  Result<std::string> metadata_file() const;
  // Writes the file. io when the disk says no.
  Result<void> write(const std::string& path) const;

 private:
  struct Info {
    std::string name;
    DType dtype;
    Shape shape;
    uint64_t n_bytes;
    Source source;
  };
  void begin_key(std::string_view key, GgufType type);
  template <class T>
  void add_scalar(std::string_view key, GgufType type, T value);
  template <class T>
  void add_array(std::string_view key, GgufType type, std::span<const T> values);
  template <class T>
  void add_string_array(std::string_view key, std::span<const T> values);
  void note_error(Error error);
  std::string header(std::span<const Info> tensors) const;

  uint32_t alignment_ = 32;
  uint64_t n_keys_ = 0;
  std::string metadata_;
  std::vector<Info> tensors_;
  std::unordered_set<std::string> keys_, names_;
  std::optional<Error> error_;
};

}  // namespace quire
