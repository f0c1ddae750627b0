#include "format/gguf.h"

#include "format/gguf_parse.h"
#include "format/printable.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace quire {
namespace {

// NAME-00002-of-00005.gguf is shard 1 of 5 with the prefix NAME.
struct ShardName {
  std::string prefix;
  uint64_t index, count;
  std::string text(uint64_t i) const {
    return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, i + 1, count);
  }
};

std::optional<ShardName> parse_shard_name(const std::string& path) {
  constexpr std::string_view pattern = "-00001-of-00001.gguf";
  if (path.size() < pattern.size()) return std::nullopt;
  const std::string_view tail = std::string_view(path).substr(path.size() - pattern.size());
  uint64_t numbers[2];
  for (int i = 0; i < 2; ++i) {
    const char* first = tail.data() + (i == 0 ? 1 : 10);
    const auto [end, error] = std::from_chars(first, first + 5, numbers[i]);
    if (error != std::errc() || end != first + 5) return std::nullopt;
  }
  ShardName name{path.substr(0, path.size() - pattern.size()), numbers[0] - 1, numbers[1]};
  if (numbers[0] == 0 || numbers[0] > numbers[1] || name.text(name.index) != path)
    return std::nullopt;
  return name;
}

const GgufValue* find_value(const std::vector<GgufEntry>& entries, std::string_view key) {
  for (const GgufEntry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

// The number in a split.* key; 0 when it is missing, bad_format when it is no count.
Result<uint64_t> split_number(const GgufShard& shard, const std::string& path, const char* key) {
  const GgufValue* value = find_value(shard.entries, key);
  if (value == nullptr) return 0;
  const std::optional<uint64_t> number = value->as_uint();
  if (!number)
    return fail(Fault::bad_format, "{}: metadata '{}' is {} ({}), a count is needed", path, key,
                value->text(), value->type_text());
  return *number;
}

}  // namespace

Result<GgufFile> GgufFile::from_shard(GgufShard shard, const std::string& path, uint64_t n_bytes) {
  GgufFile file;
  file.path_ = path;
  file.version_ = shard.version;
  file.alignment_ = shard.alignment;
  file.n_bytes_ = n_bytes;
  file.entries_ = std::move(shard.entries);
  file.tensors_ = std::move(shard.tensors);
  TRY(file.build_index());
  return file;
}

Result<GgufFile> GgufFile::parse(std::span<const std::byte> bytes, const std::string& name) {
  return from_shard(TRY(parse_gguf_shard(bytes, name)), name, bytes.size());
}

Result<GgufFile> GgufFile::assemble(const std::string& metadata, std::vector<GgufTensor> tensors,
                                    std::shared_ptr<const void> owner, const std::string& name) {
  Tensor bytes(DType::i8, Shape{static_cast<int64_t>(metadata.size())});
  std::memcpy(bytes.data(), metadata.data(), metadata.size());
  GgufShard shard = TRY(parse_gguf_shard({bytes.data(), metadata.size()}, name));
  uint64_t n_bytes = 0;
  for (const GgufTensor& tensor : tensors) n_bytes += static_cast<uint64_t>(tensor.view.n_bytes());
  shard.tensors = std::move(tensors);
  GgufFile file = TRY(from_shard(std::move(shard), name, n_bytes));
  file.metadata_ = std::move(bytes);
  file.owner_ = std::move(owner);
  return file;
}

Result<GgufFile> GgufFile::open(const std::string& path) {
  MappedFile map = TRY(MappedFile::open(path));
  GgufShard shard = TRY(parse_gguf_shard(map.bytes(), path));
  if (TRY(split_number(shard, path, "split.count")) > 1) return open_split(path);
  GgufFile file = TRY(from_shard(std::move(shard), path, map.bytes().size()));
  file.files_.push_back(std::move(map));
  return file;
}

Result<GgufFile> GgufFile::open_split(const std::string& path) {
  const std::optional<ShardName> name = parse_shard_name(path);
  if (!name)
    return fail(Fault::not_found,
                "{}: is one shard of several, but its name does not end in -NNNNN-of-NNNNN.gguf, "
                "so the others cannot be found: give all shards their original names",
                path);
  GgufFile file;
  file.path_ = path;
  uint64_t n_tensors = 0;
  for (uint64_t i = 0; i < name->count; ++i) {
    const std::string shard_path = name->text(i);
    MappedFile map = TRY(MappedFile::open(shard_path));
    GgufShard shard = TRY(parse_gguf_shard(map.bytes(), shard_path));
    const uint64_t count = TRY(split_number(shard, shard_path, "split.count"));
    const uint64_t index = TRY(split_number(shard, shard_path, "split.no"));
    if (count != name->count || index != i)
      return fail(Fault::bad_format,
                  "{}: split.no and split.count say shard {} of {}, the file name says {} of {}",
                  shard_path, index, count, i, name->count);
    if (i == 0) {
      file.version_ = shard.version;
      file.alignment_ = shard.alignment;
      n_tensors = TRY(split_number(shard, shard_path, "split.tensors.count"));
      file.entries_ = std::move(shard.entries);
    }
    for (GgufTensor& tensor : shard.tensors) {
      tensor.shard = static_cast<int>(i);
      file.tensors_.push_back(tensor);
    }
    file.n_bytes_ += map.bytes().size();
    file.files_.push_back(std::move(map));
  }
  if (n_tensors != file.tensors_.size())
    return fail(Fault::bad_format,
                "{}: split.tensors.count is {}, the {} shards hold {} tensors together",
                name->text(0), n_tensors, name->count, file.tensors_.size());
  TRY(file.build_index());
  return file;
}

Result<void> GgufFile::build_index() {
  for (size_t i = 0; i < entries_.size(); ++i) entry_index_.emplace(entries_[i].key, i);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const GgufTensor& tensor = tensors_[i];
    if (!tensor_index_.emplace(tensor.name, i).second)
      return fail(Fault::bad_format, "{}: tensor '{}' is in more than one shard (offset {})",
                  files_.empty() ? path_ : files_[static_cast<size_t>(tensor.shard)].path(),
                  printable(tensor.name), tensor.offset);
  }
  return {};
}

const GgufValue* GgufFile::value(std::string_view key) const {
  const auto at = entry_index_.find(key);
  return at == entry_index_.end() ? nullptr : &entries_[at->second].value;
}

template <class T>
Result<T> GgufFile::get(std::string_view key, const char* wanted,
                        std::optional<T> (GgufValue::*convert)() const) const {
  const GgufValue* found = value(key);
  if (found == nullptr)
    return fail(Fault::bad_format, "{}: metadata '{}' is missing", path_, printable(key));
  std::optional<T> converted = (found->*convert)();
  if (!converted)
    return fail(Fault::bad_format, "{}: metadata '{}' is {} ({}), {} is needed", path_,
                printable(key), found->text(), found->type_text(), wanted);
  return std::move(*converted);
}

Result<uint64_t> GgufFile::get_uint(std::string_view key) const {
  return get(key, "an integer of 0 or more", &GgufValue::as_uint);
}
Result<int64_t> GgufFile::get_int(std::string_view key) const {
  return get(key, "a 64-bit integer", &GgufValue::as_int);
}
Result<double> GgufFile::get_float(std::string_view key) const {
  return get(key, "a number", &GgufValue::as_float);
}
Result<bool> GgufFile::get_bool(std::string_view key) const {
  return get(key, "true or false", &GgufValue::as_bool);
}
Result<std::string_view> GgufFile::get_string(std::string_view key) const {
  return get(key, "a string", &GgufValue::as_string);
}
Result<std::vector<int64_t>> GgufFile::get_ints(std::string_view key) const {
  return get(key, "an array of integers", &GgufValue::as_ints);
}
Result<std::vector<float>> GgufFile::get_floats(std::string_view key) const {
  return get(key, "an array of numbers", &GgufValue::as_floats);
}
Result<std::vector<std::string_view>> GgufFile::get_strings(std::string_view key) const {
  return get(key, "an array of strings", &GgufValue::as_strings);
}

Result<uint64_t> GgufFile::get_uint_or(std::string_view key, uint64_t fallback) const {
  if (!has(key)) return fallback;
  return get_uint(key);
}
Result<int64_t> GgufFile::get_int_or(std::string_view key, int64_t fallback) const {
  if (!has(key)) return fallback;
  return get_int(key);
}
Result<double> GgufFile::get_float_or(std::string_view key, double fallback) const {
  if (!has(key)) return fallback;
  return get_float(key);
}
Result<bool> GgufFile::get_bool_or(std::string_view key, bool fallback) const {
  if (!has(key)) return fallback;
  return get_bool(key);
}
Result<std::string_view> GgufFile::get_string_or(std::string_view key,
                                                 std::string_view fallback) const {
  if (!has(key)) return fallback;
  return get_string(key);
}

const GgufTensor* GgufFile::find(std::string_view name) const {
  const auto at = tensor_index_.find(name);
  return at == tensor_index_.end() ? nullptr : &tensors_[at->second];
}

Result<TensorView> GgufFile::tensor(std::string_view name) const {
  const GgufTensor* found = find(name);
  if (found == nullptr)
    return fail(Fault::not_found, "{}: has no tensor '{}' among its {}", path_, printable(name),
                tensors_.size());
  return found->view;
}

}  // namespace quire
