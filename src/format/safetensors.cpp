#include "format/safetensors.h"

#include "format/json.h"
#include "format/printable.h"
#include "format/safetensors_types.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>

namespace quire {
namespace {

using nlohmann::json;

// The limit of the reference implementation.
constexpr uint64_t header_bytes_max = 100'000'000;

class HeaderParser {
 public:
  HeaderParser(std::span<const std::byte> bytes, const std::string& name)
      : bytes_(bytes), file_(name) {}
  Result<void> parse(std::vector<SafetensorsTensor>& tensors,
                     std::map<std::string, std::string>& metadata);

 private:
  Result<void> cut_header();
  Result<void> read_metadata(const json& object, std::map<std::string, std::string>& metadata);
  Result<SafetensorsTensor> read_tensor(const std::string& name, const json& fields);
  Result<uint64_t> read_dims(const json& shape, SafetensorsTensor& tensor);
  Result<void> check_coverage(const std::vector<SafetensorsTensor>& tensors) const;

  // "FILE: tensor 'NAME'"; offset_of() is where that tensor stands in the header.
  std::string where(const std::string& name) const {
    return fmt::format("{}: tensor '{}'", file_, printable(name));
  }
  uint64_t offset_of(const std::string& name) const {
    const size_t at = header_.find(fmt::format("\"{}\"", name));
    return 8 + (at == header_.npos ? 0 : at);
  }

  std::span<const std::byte> bytes_, data_;
  const std::string& file_;
  std::string_view header_;
};

Result<void> HeaderParser::parse(std::vector<SafetensorsTensor>& tensors,
                                 std::map<std::string, std::string>& metadata) {
  TRY(cut_header());
  const json header = TRY(parse_json(header_, file_ + ": header", {.depth_max = 8}));
  if (!header.is_object())
    return fail(Fault::bad_format, "{}: the header is {}, an object is needed (offset 8)", file_,
                header.type_name());
  for (const auto& [name, fields] : header.items()) {
    if (name == "__metadata__")
      TRY(read_metadata(fields, metadata));
    else
      tensors.push_back(TRY(read_tensor(name, fields)));
  }
  return check_coverage(tensors);
}

Result<void> HeaderParser::cut_header() {
  if (bytes_.size() < 8)
    return fail(Fault::bad_format,
                "{}: is not a safetensors file: it has {} bytes, at least 8 are needed (offset 0)",
                file_, bytes_.size());
  uint64_t length = 0;
  std::memcpy(&length, bytes_.data(), sizeof length);
  if (length > bytes_.size() - 8)
    return fail(Fault::bad_format,
                "{}: header length is {}, only {} bytes are left: is this a complete safetensors "
                "file? (offset 0)",
                file_, length, bytes_.size() - 8);
  if (length > header_bytes_max)
    return fail(Fault::bad_format, "{}: header length is {}, at most {} is allowed (offset 0)",
                file_, length, header_bytes_max);
  header_ = {reinterpret_cast<const char*>(bytes_.data()) + 8, length};
  data_ = bytes_.subspan(8 + length);
  if (!header_.starts_with('{'))
    return fail(Fault::bad_format, "{}: the header starts with '{}', not with '{{' (offset 8)",
                file_, printable(header_.substr(0, 1)));
  return {};
}

Result<void> HeaderParser::read_metadata(const json& object,
                                         std::map<std::string, std::string>& metadata) {
  if (!object.is_object())
    return fail(Fault::bad_format, "{}: __metadata__ is {}, an object is needed (offset {})", file_,
                object.type_name(), offset_of("__metadata__"));
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string())
      return fail(Fault::bad_format, "{}: __metadata__ '{}' is {}, a string is needed (offset {})",
                  file_, printable(key), value.type_name(), offset_of(key));
    metadata.emplace(key, value.get<std::string>());
  }
  return {};
}

Result<SafetensorsTensor> HeaderParser::read_tensor(const std::string& name, const json& fields) {
  const auto field = [&](const char* key) -> const json* {
    if (!fields.is_object()) return nullptr;
    const auto at = fields.find(key);
    return at == fields.end() ? nullptr : &*at;
  };
  const json *dtype = field("dtype"), *shape = field("shape"), *offsets = field("data_offsets");
  if (dtype == nullptr || !dtype->is_string() || shape == nullptr || !shape->is_array() ||
      offsets == nullptr || !offsets->is_array() || offsets->size() != 2 ||
      !(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned())
    return fail(Fault::bad_format,
                "{}: needs the fields dtype (a string), shape (a list) and data_offsets (two "
                "counts) (offset {})",
                where(name), offset_of(name));
  SafetensorsTensor tensor;
  tensor.name = name;
  tensor.dtype_name = dtype->get<std::string>();
  const SafetensorsType* type = safetensors_type(tensor.dtype_name);
  if (type == nullptr)
    return fail(Fault::unsupported, "{}: dtype '{}' is not known (offset {})", where(name),
                printable(tensor.dtype_name), offset_of(name));
  tensor.dtype = type->dtype;
  const uint64_t n_elements = TRY(read_dims(*shape, tensor));

  const auto begin = (*offsets)[0].get<uint64_t>(), end = (*offsets)[1].get<uint64_t>();
  if (begin > end || end > data_.size())
    return fail(Fault::bad_format,
                "{}: data_offsets are [{}, {}], the tensor data has {} bytes: is the file "
                "complete? (offset {})",
                where(name), begin, end, data_.size(), offset_of(name));
  uint64_t n_bits = 0;
  if (__builtin_mul_overflow(n_elements, uint64_t{type->bits}, &n_bits) || n_bits % 8 != 0 ||
      n_bits / 8 != end - begin)
    return fail(Fault::bad_format,
                "{}: data_offsets span {} bytes, {} elements of {} do not fill them (offset {})",
                where(name), end - begin, n_elements, tensor.dtype_name, offset_of(name));
  tensor.bytes = data_.subspan(begin, end - begin);
  return tensor;
}

// Fills tensor.dims and returns their product.
Result<uint64_t> HeaderParser::read_dims(const json& shape, SafetensorsTensor& tensor) {
  int64_t product = 1, widest = 1;  // widest: with 1 for an empty dimension; it must fit as well
  for (const json& dim : shape) {
    constexpr uint64_t dim_max = INT64_MAX;
    if (!dim.is_number_unsigned() || dim.get<uint64_t>() > dim_max ||
        __builtin_mul_overflow(widest, std::max<int64_t>(1, dim.get<int64_t>()), &widest))
      return fail(Fault::bad_format,
                  "{}: dimension {} is {}, counts with a product below 2^63 are needed (offset {})",
                  where(tensor.name), tensor.dims.size() + 1,
                  dim.is_number() ? dim.dump() : dim.type_name(), offset_of(tensor.name));
    tensor.dims.push_back(dim.get<int64_t>());
    product *= dim.get<int64_t>();
  }
  return static_cast<uint64_t>(product);
}

// The tensors must cover the data from its first byte to its last, without holes or overlaps.
Result<void> HeaderParser::check_coverage(const std::vector<SafetensorsTensor>& tensors) const {
  std::vector<const SafetensorsTensor*> by_offset;
  by_offset.reserve(tensors.size());
  for (const SafetensorsTensor& tensor : tensors) by_offset.push_back(&tensor);
  std::sort(by_offset.begin(), by_offset.end(), [](const auto* a, const auto* b) {
    if (a->bytes.data() != b->bytes.data()) return a->bytes.data() < b->bytes.data();
    return a->bytes.size() < b->bytes.size();
  });
  const auto start_of = [&](const SafetensorsTensor& tensor) {
    return static_cast<uint64_t>(tensor.bytes.data() - data_.data());
  };
  uint64_t end = 0;
  for (const SafetensorsTensor* tensor : by_offset) {
    if (start_of(*tensor) != end)
      return fail(Fault::bad_format,
                  "{}: its data starts at {}, the data before it ends at {}: no hole or overlap is "
                  "allowed (offset {})",
                  where(tensor->name), start_of(*tensor), end, offset_of(tensor->name));
    end += tensor->bytes.size();
  }
  if (end != data_.size())
    return fail(Fault::bad_format,
                "{}: the tensors end at {} of {} bytes of tensor data: no hole is allowed "
                "(offset {})",
                file_, end, data_.size(), 8 + header_.size() + end);
  return {};
}

// A shard lies in the folder of its index: its name has no folder of its own.
bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::parse(std::span<const std::byte> bytes,
                                               const std::string& name) {
  SafetensorsFile file;
  file.path_ = name;
  TRY(HeaderParser(bytes, name).parse(file.tensors_, file.metadata_));
  file.build_index();
  return file;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string& path) {
  if (is_directory(path)) {
    const std::string index = path + "/model.safetensors.index.json";
    return open(file_exists(index) ? index : path + "/model.safetensors");
  }
  if (path.ends_with(".json")) return open_index(path);
  MappedFile map = TRY(MappedFile::open(path));
  SafetensorsFile file = TRY(parse(map.bytes(), path));
  file.files_.push_back(std::move(map));
  return file;
}

Result<SafetensorsFile> SafetensorsFile::open_index(const std::string& path) {
  const json index = TRY(read_json(path));
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (map == index.end() || !map->is_object())
    return fail(Fault::bad_format, "{}: field 'weight_map' is missing or no object (offset 0)",
                path);
  const std::string folder = path.substr(0, path.rfind('/') + 1);  // empty without a slash

  SafetensorsFile joined;
  joined.path_ = path;
  std::map<std::string, SafetensorsFile> shards;
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string() || !is_plain_file_name(shard.get_ref<const std::string&>()))
      return fail(Fault::bad_format,
                  "{}: weight_map '{}' is '{}', the name of a file beside the index is needed",
                  path, printable(name),
                  shard.is_string() ? printable(shard.get<std::string>()) : shard.type_name());
    const auto& shard_name = shard.get_ref<const std::string&>();
    auto at = shards.find(shard_name);
    if (at == shards.end()) at = shards.emplace(shard_name, TRY(open(folder + shard_name))).first;
    const SafetensorsTensor* tensor = at->second.find(name);
    if (tensor == nullptr)
      return fail(Fault::bad_format,
                  "{}: weight_map puts tensor '{}' in {}, which does not have it", path,
                  printable(name), printable(shard_name));
    joined.tensors_.push_back(*tensor);
  }
  for (auto& [name, shard] : shards) {
    joined.metadata_.merge(shard.metadata_);
    std::move(shard.files_.begin(), shard.files_.end(), std::back_inserter(joined.files_));
    std::move(shard.copies_.begin(), shard.copies_.end(), std::back_inserter(joined.copies_));
  }
  joined.build_index();
  return joined;
}

// Sorted by name already: JSON objects come in that order. Tensors whose bytes are not aligned for
// their type get an aligned copy here.
void SafetensorsFile::build_index() {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    SafetensorsTensor& tensor = tensors_[i];
    index_.emplace(tensor.name, i);
    if (!tensor.dtype || tensor.bytes.empty()) continue;
    const auto address = reinterpret_cast<uintptr_t>(tensor.bytes.data());
    if (address % static_cast<uint64_t>(info(*tensor.dtype).block_bytes) == 0) continue;
    Tensor& copy =
        copies_.emplace_back(DType::i8, Shape{static_cast<int64_t>(tensor.bytes.size())});
    std::memcpy(copy.data(), tensor.bytes.data(), tensor.bytes.size());
    tensor.bytes = {copy.data(), tensor.bytes.size()};
  }
}

const SafetensorsTensor* SafetensorsFile::find(std::string_view name) const {
  const auto at = index_.find(name);
  return at == index_.end() ? nullptr : &tensors_[at->second];
}

Result<TensorView> SafetensorsFile::tensor(std::string_view name) const {
  const SafetensorsTensor* found = find(name);
  if (found == nullptr)
    return fail(Fault::not_found, "{}: has no tensor '{}' among its {}", path_, printable(name),
                tensors_.size());
  if (!found->dtype)
    return fail(Fault::unsupported, "{}: tensor '{}' is of type {}, which cannot be computed with",
                path_, printable(name), found->dtype_name);
  if (found->dims.size() > rank_max)
    return fail(Fault::unsupported, "{}: tensor '{}' has {} dimensions, at most {} are supported",
                path_, printable(name), found->dims.size(), rank_max);
  TensorView view{*found->dtype, {}, found->bytes.data()};
  for (const int64_t dim : found->dims) view.shape[view.shape.rank++] = dim;
  return view;
}

}  // namespace quire
