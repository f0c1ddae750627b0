#include "format/printable.h"
#include "format/safetensors.h"
#include "format/safetensors_types.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace quire {
namespace {

using nlohmann::json;

constexpr size_t piece_bytes = size_t{1} << 20;  // AtomicFile's buffer grows by no more at once

// dump() throws on a string that is not UTF-8: the one exception here, and it ends here.
Result<std::string> quote(const std::string& text, const std::string& path) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    return fail(Fault::usage, "{}: name or metadata '{}' is not UTF-8", path, printable(text));
  }
}

Result<std::string> tensor_header(const NamedTensor& tensor, uint64_t begin,
                                  const std::string& path) {
  const SafetensorsType* type = safetensors_type(tensor.view.dtype);
  if (type == nullptr)
    return fail(Fault::unsupported,
                "{}: tensor '{}' is {}, which safetensors cannot hold: decode it first", path,
                printable(tensor.name), info(tensor.view.dtype).name);
  const Shape& shape = tensor.view.shape;
  std::string dims;
  for (int i = 0; i < shape.rank; ++i) dims += fmt::format("{}{}", i > 0 ? "," : "", shape[i]);
  return fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                     TRY(quote(tensor.name, path)), type->name, dims, begin,
                     begin + static_cast<uint64_t>(tensor.view.n_bytes()));
}

Result<std::string> header(const std::vector<const NamedTensor*>& tensors,
                           const std::map<std::string, std::string>& metadata,
                           const std::string& path) {
  std::string text = "{";
  if (!metadata.empty()) {
    text += R"("__metadata__":{)";
    const char* separator = "";
    for (const auto& [key, value] : metadata) {
      text += fmt::format("{}{}:{}", separator, TRY(quote(key, path)), TRY(quote(value, path)));
      separator = ",";
    }
    text += "}";
  }
  uint64_t offset = 0;
  for (const NamedTensor* tensor : tensors) {
    if (text.size() > 1) text += ",";
    text += TRY(tensor_header(*tensor, offset, path));
    offset += static_cast<uint64_t>(tensor->view.n_bytes());
  }
  text += "}";
  text.append((8 - text.size() % 8) % 8, ' ');  // the data starts aligned
  return text;
}

// By falling element size, so that each tensor is aligned behind the one before; then by name.
Result<std::vector<const NamedTensor*>> order(std::span<const NamedTensor> tensors,
                                              const std::string& path) {
  std::vector<const NamedTensor*> ordered;
  for (const NamedTensor& tensor : tensors) ordered.push_back(&tensor);
  std::sort(ordered.begin(), ordered.end(), [](const NamedTensor* a, const NamedTensor* b) {
    const int64_t a_bytes = info(a->view.dtype).block_bytes;
    const int64_t b_bytes = info(b->view.dtype).block_bytes;
    return a_bytes != b_bytes ? a_bytes > b_bytes : a->name < b->name;
  });
  std::vector<std::string_view> names;
  for (const NamedTensor& tensor : tensors) names.push_back(tensor.name);
  names.push_back("__metadata__");
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    return fail(Fault::usage, "{}: tensor name '{}' is given twice or reserved", path,
                printable(*twice));
  return ordered;
}

}  // namespace

Result<void> write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                               const std::map<std::string, std::string>& metadata) {
  const std::vector<const NamedTensor*> ordered = TRY(order(tensors, path));
  const std::string text = TRY(header(ordered, metadata, path));
  AtomicFile file = TRY(AtomicFile::create(path));
  const uint64_t length = text.size();
  TRY(file.write(std::as_bytes(std::span(&length, 1))));
  TRY(file.write(text));
  for (const NamedTensor* tensor : ordered) {
    std::span<const std::byte> bytes(tensor->view.data,
                                     static_cast<size_t>(tensor->view.n_bytes()));
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), piece_bytes)))
      TRY(file.write(bytes.first(std::min(bytes.size(), piece_bytes))));
  }
  return file.commit();
}

}  // namespace quire
