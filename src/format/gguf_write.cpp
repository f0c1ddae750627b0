#include "format/gguf_write.h"

#include "base/check.h"
#include "format/printable.h"

#include <algorithm>
#include <array>

namespace quire {
namespace {

constexpr size_t name_bytes_max = 64, key_bytes_max = 65535;
constexpr size_t piece_bytes = size_t{1} << 20;  // AtomicFile's buffer grows by no more at once

template <class T>
void append_raw(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_string(std::string& out, std::string_view text) {
  append_raw<uint64_t>(out, text.size());
  out.append(text);
}

uint64_t padding(uint64_t at, uint64_t alignment) {
  return (alignment - at % alignment) % alignment;
}

Result<void> write_zeros(AtomicFile& file, uint64_t n) {
  static constexpr std::array<std::byte, 256> zeros{};
  for (; n > 0; n -= std::min<uint64_t>(n, zeros.size()))
    TRY(file.write(std::span(zeros).first(std::min<uint64_t>(n, zeros.size()))));
  return {};
}

}  // namespace

void GgufWriter::note_error(Error error) {
  if (!error_) error_ = std::move(error);
}

void GgufWriter::set_alignment(uint32_t alignment) {
  if (alignment < 8 || alignment > 65536 || (alignment & (alignment - 1)) != 0)
    return note_error({Fault::usage, fmt::format("general.alignment is {}, a power of two from 8 "
                                                 "to 65536 is needed",
                                                 alignment)});
  alignment_ = alignment;
  add_scalar("general.alignment", GgufType::u32, alignment);
}

void GgufWriter::begin_key(std::string_view key, GgufType type) {
  if (key.size() > key_bytes_max)
    note_error({Fault::usage, fmt::format("metadata key '{}' has {} bytes, at most {} are allowed",
                                          printable(key), key.size(), key_bytes_max)});
  if (!keys_.emplace(key).second)
    note_error({Fault::usage, fmt::format("metadata key '{}' is given twice", printable(key))});
  ++n_keys_;
  append_string(metadata_, key);
  append_raw(metadata_, static_cast<uint32_t>(type));
}

template <class T>
void GgufWriter::add_scalar(std::string_view key, GgufType type, T value) {
  begin_key(key, type);
  append_raw(metadata_, value);
}

template <class T>
void GgufWriter::add_array(std::string_view key, GgufType type, std::span<const T> values) {
  begin_key(key, GgufType::array);
  append_raw(metadata_, static_cast<uint32_t>(type));
  append_raw<uint64_t>(metadata_, values.size());
  metadata_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

template <class T>
void GgufWriter::add_string_array(std::string_view key, std::span<const T> values) {
  begin_key(key, GgufType::array);
  append_raw(metadata_, static_cast<uint32_t>(GgufType::string));
  append_raw<uint64_t>(metadata_, values.size());
  for (const T& value : values) append_string(metadata_, value);
}

#define ADD(suffix, T, type)                                                          \
  void GgufWriter::add_##suffix(std::string_view key, T value) {                      \
    add_scalar(key, GgufType::type, value);                                           \
  }                                                                                   \
  void GgufWriter::add_##suffix##s(std::string_view key, std::span<const T> values) { \
    add_array(key, GgufType::type, values);                                           \
  }
ADD(u8, uint8_t, u8)
ADD(i8, int8_t, i8)
ADD(u16, uint16_t, u16)
ADD(i16, int16_t, i16)
ADD(u32, uint32_t, u32)
ADD(i32, int32_t, i32)
ADD(u64, uint64_t, u64)
ADD(i64, int64_t, i64)
ADD(f32, float, f32)
ADD(f64, double, f64)
ADD(bool, bool, boolean)
#undef ADD

void GgufWriter::add_string(std::string_view key, std::string_view value) {
  begin_key(key, GgufType::string);
  append_string(metadata_, value);
}
void GgufWriter::add_strings(std::string_view key, std::span<const std::string> values) {
  add_string_array(key, values);
}
void GgufWriter::add_strings(std::string_view key, std::span<const std::string_view> values) {
  add_string_array(key, values);
}

void GgufWriter::add_value(std::string_view key, const GgufValue& value) {
  if (key == "general.alignment")
    return set_alignment(static_cast<uint32_t>(value.as_uint().value_or(0)));
  begin_key(key, value.type);
  if (value.type == GgufType::string) append_raw<uint64_t>(metadata_, value.payload.size());
  if (value.type == GgufType::array) {
    append_raw(metadata_, static_cast<uint32_t>(value.element_type));
    append_raw<uint64_t>(metadata_, value.count);
  }
  metadata_.append(reinterpret_cast<const char*>(value.payload.data()), value.payload.size());
}

void GgufWriter::add_tensor(std::string_view name, const TensorView& view) {
  add_tensor(name, view.dtype, view.shape, [view](GgufSink sink) {
    return sink({view.data, static_cast<size_t>(view.n_bytes())});
  });
}

void GgufWriter::add_tensor(std::string_view name, DType dtype, const Shape& shape, Source source) {
  if (name.size() > name_bytes_max)
    note_error({Fault::usage, fmt::format("tensor name '{}' has {} bytes, at most {} are allowed",
                                          printable(name), name.size(), name_bytes_max)});
  if (!names_.emplace(name).second)
    note_error({Fault::usage, fmt::format("tensor '{}' is given twice", printable(name))});
  const DTypeInfo& type = info(dtype);
  if (shape.last() % type.block_size != 0)
    return note_error(
        {Fault::usage, fmt::format("tensor '{}': rows of shape {} are no whole number of {} "
                                   "blocks of {}",
                                   printable(name), shape.text(), type.name, type.block_size)});
  const auto n_bytes = static_cast<uint64_t>(shape.n_rows() * row_bytes(dtype, shape.last()));
  tensors_.push_back({std::string(name), dtype, shape, n_bytes, std::move(source)});
}

std::string GgufWriter::header(std::span<const Info> tensors) const {
  std::string out = "GGUF";
  append_raw<uint32_t>(out, 3);
  append_raw<uint64_t>(out, tensors.size());
  append_raw<uint64_t>(out, n_keys_);
  out += metadata_;
  uint64_t offset = 0;
  for (const Info& tensor : tensors) {
    append_string(out, tensor.name);
    append_raw(out, static_cast<uint32_t>(tensor.shape.rank));
    for (int i = tensor.shape.rank - 1; i >= 0; --i)
      append_raw(out, static_cast<uint64_t>(tensor.shape[i]));
    append_raw(out, static_cast<uint32_t>(tensor.dtype));
    append_raw(out, offset);
    offset += tensor.n_bytes + padding(tensor.n_bytes, alignment_);
  }
  out.append(padding(out.size(), alignment_), '\0');
  return out;
}

Result<std::string> GgufWriter::metadata_file() const {
  if (error_) return fail(error_->fault, "{}", error_->text);
  return header({});
}

Result<void> GgufWriter::write(const std::string& path) const {
  if (error_) return fail(error_->fault, "{}: {}", path, error_->text);
  AtomicFile file = TRY(AtomicFile::create(path));
  TRY(file.write(header(tensors_)));
  for (const Info& tensor : tensors_) {
    uint64_t n_written = 0;
    const auto sink = [&](std::span<const std::byte> bytes) -> Result<void> {
      n_written += bytes.size();
      for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), piece_bytes)))
        TRY(file.write(bytes.first(std::min(bytes.size(), piece_bytes))));
      return {};
    };
    TRY(tensor.source(sink));
    CHECK(n_written == tensor.n_bytes);  // a Source is ours
    TRY(write_zeros(file, padding(tensor.n_bytes, alignment_)));
  }
  return file.commit();
}

}  // namespace quire
