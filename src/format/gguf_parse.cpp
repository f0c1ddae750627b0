#include "format/gguf_parse.h"

#include "base/check.h"
#include "format/printable.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <unordered_set>

namespace quire {
namespace {

// Limits of the specification: name_bytes_max, key_bytes_max. Limits of ours, far above every
// published model, so that a small lie in a large file cannot ask for much memory: the others.
constexpr uint64_t name_bytes_max = 64;
constexpr uint64_t key_bytes_max = 65535;
constexpr uint64_t n_keys_max = uint64_t{1} << 20;
constexpr uint64_t n_tensors_max = uint64_t{1} << 20;
constexpr int array_depth_max = 8;
constexpr uint64_t alignment_default = 32, alignment_min = 8, alignment_max = 65536;
constexpr int64_t elements_max = std::numeric_limits<int64_t>::max();

class ShardParser {
 public:
  ShardParser(std::span<const std::byte> bytes, const std::string& name)
      : bytes_(bytes), file_(name) {}
  Result<GgufShard> parse();

 private:
  Result<void> read_header();
  Result<void> read_entry(uint64_t index);
  Result<GgufValue> read_value(GgufType type, int depth);
  Result<GgufValue> read_array(int depth);
  Result<void> read_alignment();
  Result<void> read_tensor(uint64_t index);
  Result<Shape> read_shape();
  Result<void> place_tensors();
  Result<void> check_overlaps() const;

  uint64_t left() const { return bytes_.size() - at_; }
  // The next value; `what` names it when the file ends before it.
  template <class T>
  Result<T> read(const char* what);
  // Length and bytes of a string of at most `bytes_max`.
  Result<std::string_view> read_string(const char* what, uint64_t bytes_max);
  // Opens every error text: the file and, inside one, the key or tensor at hand.
  std::string where() const { return context_.empty() ? file_ : file_ + ": " + context_; }

  std::span<const std::byte> bytes_;
  const std::string& file_;
  uint64_t at_ = 0;
  std::string context_;
  uint64_t n_keys_ = 0, n_tensors_ = 0;
  GgufShard shard_;
  std::unordered_set<std::string_view> keys_, names_;
};

template <class T>
Result<T> ShardParser::read(const char* what) {
  if (left() < sizeof(T))
    return fail(Fault::bad_format,
                "{}: the file ends inside the {}: {} bytes needed, {} left (offset {})", where(),
                what, sizeof(T), left(), at_);
  T value;
  std::memcpy(&value, bytes_.data() + at_, sizeof value);
  at_ += sizeof value;
  return value;
}

Result<std::string_view> ShardParser::read_string(const char* what, uint64_t bytes_max) {
  const uint64_t start = at_;
  const uint64_t length = TRY(read<uint64_t>(what));
  if (length > left())
    return fail(Fault::bad_format, "{}: length of the {} is {}, only {} bytes are left (offset {})",
                where(), what, length, left(), start);
  if (length > bytes_max)
    return fail(Fault::bad_format, "{}: length of the {} is {}, at most {} is allowed (offset {})",
                where(), what, length, bytes_max, start);
  const std::string_view text(reinterpret_cast<const char*>(bytes_.data() + at_), length);
  at_ += length;
  return text;
}

Result<GgufShard> ShardParser::parse() {
  TRY(read_header());
  for (uint64_t i = 0; i < n_keys_; ++i) TRY(read_entry(i));
  context_.clear();
  TRY(read_alignment());
  for (uint64_t i = 0; i < n_tensors_; ++i) TRY(read_tensor(i));
  context_.clear();
  TRY(place_tensors());
  TRY(check_overlaps());
  return std::move(shard_);
}

Result<void> ShardParser::read_header() {
  const std::string_view start(reinterpret_cast<const char*>(bytes_.data()),
                               std::min<size_t>(bytes_.size(), 4));
  if (start != "GGUF")
    return fail(Fault::bad_format,
                "{}: is not a GGUF file: it starts with '{}', not with 'GGUF' (offset 0)", file_,
                printable(start));
  at_ = 4;
  shard_.version = TRY(read<uint32_t>("version"));
  if (shard_.version != 0 && (shard_.version & 0xffffu) == 0)
    return fail(Fault::unsupported,
                "{}: is a big-endian GGUF file, only little-endian ones are read: convert it with "
                "gguf-py's gguf_convert_endian (offset 4)",
                file_);
  if (shard_.version != 2 && shard_.version != 3)
    return fail(shard_.version == 0 ? Fault::bad_format : Fault::unsupported,
                "{}: GGUF version is {}, versions 2 and 3 are read (offset 4)", file_,
                shard_.version);
  n_tensors_ = TRY(read<uint64_t>("tensor count"));
  n_keys_ = TRY(read<uint64_t>("metadata count"));
  // No entry is shorter than its lengths and type ids: 13 bytes for a key, 24 for a tensor.
  if (n_tensors_ > std::min(n_tensors_max, left() / 24))
    return fail(Fault::bad_format, "{}: tensor count is {}, at most {} fit in {} bytes (offset 8)",
                file_, n_tensors_, std::min(n_tensors_max, left() / 24), left());
  if (n_keys_ > std::min(n_keys_max, left() / 13))
    return fail(Fault::bad_format,
                "{}: metadata count is {}, at most {} fit in {} bytes (offset 16)", file_, n_keys_,
                std::min(n_keys_max, left() / 13), left());
  return {};
}

Result<void> ShardParser::read_entry(uint64_t index) {
  context_ = fmt::format("metadata entry {} of {}", index + 1, n_keys_);
  const uint64_t start = at_;
  const std::string_view key = TRY(read_string("key", key_bytes_max));
  context_ = fmt::format("metadata '{}'", printable(key));
  if (!keys_.insert(key).second)
    return fail(Fault::bad_format, "{}: the key appears twice (offset {})", where(), start);
  const uint64_t type_at = at_;
  const uint32_t type = TRY(read<uint32_t>("value type"));
  if (type >= gguf_type_count)
    return fail(Fault::bad_format, "{}: value type is {}, types 0 to {} are known (offset {})",
                where(), type, gguf_type_count - 1, type_at);
  shard_.entries.push_back({key, TRY(read_value(static_cast<GgufType>(type), 0))});
  return {};
}

Result<GgufValue> ShardParser::read_value(GgufType type, int depth) {
  if (type == GgufType::array) return read_array(depth);
  if (type == GgufType::string) {
    const std::string_view text = TRY(read_string("string", bytes_.size()));
    return GgufValue{type, type, 1, std::as_bytes(std::span(text))};
  }
  const uint64_t start = at_;
  const size_t n_bytes = gguf_type_bytes(type);
  if (n_bytes > left())
    return fail(Fault::bad_format,
                "{}: the file ends inside the {} value: {} bytes needed, {} left (offset {})",
                where(), gguf_type_name(type), n_bytes, left(), start);
  const auto payload = bytes_.subspan(at_, n_bytes);
  if (type == GgufType::boolean && std::to_integer<unsigned>(payload[0]) > 1)
    return fail(Fault::bad_format, "{}: the bool is {}, only 0 and 1 are allowed (offset {})",
                where(), std::to_integer<unsigned>(payload[0]), start);
  at_ += n_bytes;
  return GgufValue{type, type, 1, payload};
}

Result<GgufValue> ShardParser::read_array(int depth) {
  const uint64_t start = at_;
  if (depth >= array_depth_max)
    return fail(Fault::bad_format, "{}: arrays are nested more than {} deep (offset {})", where(),
                array_depth_max, start);
  const uint32_t type_id = TRY(read<uint32_t>("array type"));
  if (type_id >= gguf_type_count)
    return fail(Fault::bad_format, "{}: array type is {}, types 0 to {} are known (offset {})",
                where(), type_id, gguf_type_count - 1, start);
  const auto type = static_cast<GgufType>(type_id);
  const uint64_t count = TRY(read<uint64_t>("array length"));
  // An element that is itself a string or an array has at least its own length.
  const uint64_t smallest = type == GgufType::string  ? 8
                            : type == GgufType::array ? 12
                                                      : gguf_type_bytes(type);
  if (count > left() / smallest)
    return fail(Fault::bad_format,
                "{}: array length is {}, at most {} {} values fit in the {} bytes left (offset {})",
                where(), count, left() / smallest, gguf_type_name(type), left(), start + 4);
  const uint64_t payload_at = at_;
  if (const size_t n_bytes = gguf_type_bytes(type); n_bytes > 0 && type != GgufType::boolean)
    at_ += count * n_bytes;
  else
    for (uint64_t i = 0; i < count; ++i) TRY(read_value(type, depth + 1));
  return GgufValue{GgufType::array, type, count, bytes_.subspan(payload_at, at_ - payload_at)};
}

Result<void> ShardParser::read_alignment() {
  uint64_t alignment = alignment_default;
  for (const GgufEntry& entry : shard_.entries) {
    if (entry.key != "general.alignment") continue;
    const std::optional<uint64_t> value = entry.value.as_uint();
    const bool power_of_two = value && *value != 0 && (*value & (*value - 1)) == 0;
    if (!power_of_two || *value < alignment_min || *value > alignment_max) {
      const auto payload_at = static_cast<uint64_t>(entry.value.payload.data() - bytes_.data());
      return fail(Fault::bad_format,
                  "{}: general.alignment is {}, a power of two from {} to {} is needed (offset {})",
                  file_, entry.value.text(), alignment_min, alignment_max, payload_at);
    }
    alignment = *value;
  }
  shard_.alignment = static_cast<uint32_t>(alignment);
  return {};
}

Result<void> ShardParser::read_tensor(uint64_t index) {
  context_ = fmt::format("tensor {} of {}", index + 1, n_tensors_);
  const uint64_t start = at_;
  GgufTensor tensor;
  tensor.name = TRY(read_string("tensor name", name_bytes_max));
  context_ = fmt::format("tensor '{}'", printable(tensor.name));
  if (!names_.insert(tensor.name).second)
    return fail(Fault::bad_format, "{}: the name appears twice (offset {})", where(), start);
  tensor.view.shape = TRY(read_shape());

  const uint64_t type_at = at_;
  const uint32_t type_id = TRY(read<uint32_t>("tensor type"));
  const std::optional<DType> dtype = dtype_from_id(type_id);
  if (!dtype)
    return fail(Fault::bad_format, "{}: type id {} is not a published tensor type (offset {})",
                where(), type_id, type_at);
  tensor.view.dtype = *dtype;
  const DTypeInfo& type = info(*dtype);
  const Shape& shape = tensor.view.shape;
  if (shape.last() % type.block_size != 0)
    return fail(Fault::bad_format,
                "{}: rows have {} elements, {} needs a multiple of {} (offset {})", where(),
                shape.last(), type.name, type.block_size, type_at);
  int64_t row_size = 0, n_bytes = 0;
  if (__builtin_mul_overflow(shape.last() / type.block_size, type.block_bytes, &row_size) ||
      __builtin_mul_overflow(row_size, shape.n_rows(), &n_bytes))
    return fail(Fault::bad_format, "{}: shape {} of {} has more than 2^63 bytes (offset {})",
                where(), shape.text(), type.name, type_at);

  const uint64_t offset_at = at_;
  tensor.offset = TRY(read<uint64_t>("tensor offset"));
  if (tensor.offset % shard_.alignment != 0)
    return fail(Fault::bad_format, "{}: data offset is {}, a multiple of {} is needed (offset {})",
                where(), tensor.offset, shard_.alignment, offset_at);
  shard_.tensors.push_back(tensor);
  return {};
}

// Dimensions lie in the file with the contiguous one first; a Shape has it last.
Result<Shape> ShardParser::read_shape() {
  const uint64_t rank_at = at_;
  const uint32_t rank = TRY(read<uint32_t>("dimension count"));
  if (rank > rank_max)
    return fail(Fault::bad_format, "{}: has {} dimensions, at most {} are supported (offset {})",
                where(), rank, rank_max, rank_at);
  Shape shape;
  shape.rank = static_cast<int>(rank);
  int64_t product = 1;  // with 1 for an empty dimension, so that every partial product fits, too
  for (int i = shape.rank - 1; i >= 0; --i) {
    const uint64_t dim_at = at_;
    const uint64_t dim = TRY(read<uint64_t>("dimension"));
    if (dim > static_cast<uint64_t>(elements_max) ||
        __builtin_mul_overflow(product, std::max<int64_t>(1, static_cast<int64_t>(dim)), &product))
      return fail(Fault::bad_format,
                  "{}: dimension {} is {}, the tensor would have more than 2^63 elements "
                  "(offset {})",
                  where(), shape.rank - i, dim, dim_at);
    shape[i] = static_cast<int64_t>(dim);
  }
  return shape;
}

Result<void> ShardParser::place_tensors() {
  const uint64_t data_at = (at_ + shard_.alignment - 1) / shard_.alignment * shard_.alignment;
  for (GgufTensor& tensor : shard_.tensors) {
    const auto n_bytes = static_cast<uint64_t>(tensor.view.n_bytes());
    const uint64_t room = bytes_.size() > data_at ? bytes_.size() - data_at : 0;
    if (n_bytes > room || tensor.offset > room - n_bytes)
      return fail(Fault::bad_format,
                  "{}: tensor '{}' needs bytes {} to {} of the tensor data, which has {}: is the "
                  "file complete? (offset {})",
                  file_, printable(tensor.name), tensor.offset, tensor.offset + n_bytes, room,
                  data_at);
    tensor.offset += data_at;
    tensor.view.data = bytes_.data() + tensor.offset;
  }
  return {};
}

Result<void> ShardParser::check_overlaps() const {
  std::vector<const GgufTensor*> by_offset;
  for (const GgufTensor& tensor : shard_.tensors)
    if (tensor.view.n_bytes() > 0) by_offset.push_back(&tensor);
  std::sort(by_offset.begin(), by_offset.end(),
            [](const GgufTensor* a, const GgufTensor* b) { return a->offset < b->offset; });
  for (size_t i = 1; i < by_offset.size(); ++i) {
    const GgufTensor &before = *by_offset[i - 1], &after = *by_offset[i];
    const uint64_t end = before.offset + static_cast<uint64_t>(before.view.n_bytes());
    if (after.offset < end)
      return fail(Fault::bad_format,
                  "{}: tensor '{}' starts inside tensor '{}', which ends at {} (offset {})", file_,
                  printable(after.name), printable(before.name), end, after.offset);
  }
  return {};
}

}  // namespace

Result<GgufShard> parse_gguf_shard(std::span<const std::byte> bytes, const std::string& name) {
  CHECK(reinterpret_cast<uintptr_t>(bytes.data()) % 64 == 0);
  return ShardParser(bytes, name).parse();
}

}  // namespace quire
