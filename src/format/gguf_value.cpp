#include "format/gguf_value.h"

#include "base/check.h"
#include "format/printable.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>

namespace quire {
namespace {

struct TypeRow {
  const char* name;
  size_t n_bytes;
};
// In the order of the ids.
constexpr TypeRow types[gguf_type_count] = {
    {"u8", 1},   {"i8", 1},     {"u16", 2},   {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4},
    {"bool", 1}, {"string", 0}, {"array", 0}, {"u64", 8}, {"i64", 8}, {"f64", 8},
};

const TypeRow& row(GgufType type) {
  CHECK(static_cast<uint32_t>(type) < gguf_type_count);
  return types[static_cast<uint32_t>(type)];
}

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Cuts elements off the front of an array's payload. The reader of the file has made sure that all
// lengths in it hold.
class Elements {
 public:
  explicit Elements(const GgufValue& array)
      : type_(array.element_type), left_(array.count), rest_(array.payload) {}
  bool more() const { return left_ > 0; }
  GgufValue next() {
    --left_;
    return cut(type_);
  }

 private:
  GgufValue cut(GgufType type) {
    if (type == GgufType::string) {
      const uint64_t length = load<uint64_t>(take(8).data());
      return {type, type, 1, take(length)};
    }
    if (type != GgufType::array) return {type, type, 1, take(gguf_type_bytes(type))};
    const auto element = static_cast<GgufType>(load<uint32_t>(take(4).data()));
    const uint64_t count = load<uint64_t>(take(8).data());
    const std::span<const std::byte> start = rest_;
    if (const size_t n_bytes = gguf_type_bytes(element); n_bytes > 0)
      take(n_bytes * count);
    else
      for (uint64_t i = 0; i < count; ++i) cut(element);  // no deeper than the reader allows
    return {type, element, count, start.first(start.size() - rest_.size())};
  }
  std::span<const std::byte> take(size_t n) {
    const auto front = rest_.first(n);
    rest_ = rest_.subspan(n);
    return front;
  }

  GgufType type_;
  uint64_t left_;
  std::span<const std::byte> rest_;
};

template <class T>
std::optional<std::vector<T>> collect(const GgufValue& array,
                                      std::optional<T> (*convert)(const GgufValue&)) {
  if (array.type != GgufType::array) return std::nullopt;
  std::vector<T> out;
  out.reserve(array.count);
  for (Elements elements(array); elements.more();) {
    std::optional<T> element = convert(elements.next());
    if (!element) return std::nullopt;
    out.push_back(*element);
  }
  return out;
}

}  // namespace

const char* gguf_type_name(GgufType type) { return row(type).name; }
size_t gguf_type_bytes(GgufType type) { return row(type).n_bytes; }

std::optional<int64_t> GgufValue::as_int() const {
  const std::byte* at = payload.data();
  switch (type) {
    case GgufType::u8:
    case GgufType::boolean:
      return load<uint8_t>(at);
    case GgufType::i8:
      return load<int8_t>(at);
    case GgufType::u16:
      return load<uint16_t>(at);
    case GgufType::i16:
      return load<int16_t>(at);
    case GgufType::u32:
      return load<uint32_t>(at);
    case GgufType::i32:
      return load<int32_t>(at);
    case GgufType::i64:
      return load<int64_t>(at);
    case GgufType::u64: {
      const auto value = load<uint64_t>(at);
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

std::optional<uint64_t> GgufValue::as_uint() const {
  if (type == GgufType::u64) return load<uint64_t>(payload.data());
  const std::optional<int64_t> value = as_int();
  if (!value || *value < 0) return std::nullopt;
  return static_cast<uint64_t>(*value);
}

std::optional<double> GgufValue::as_float() const {
  if (type == GgufType::f32) return load<float>(payload.data());
  if (type == GgufType::f64) return load<double>(payload.data());
  if (type == GgufType::boolean) return std::nullopt;
  if (type == GgufType::u64) return static_cast<double>(load<uint64_t>(payload.data()));
  const std::optional<int64_t> value = as_int();
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

std::optional<bool> GgufValue::as_bool() const {
  if (type != GgufType::boolean) return std::nullopt;
  return load<uint8_t>(payload.data()) != 0;
}

std::optional<std::string_view> GgufValue::as_string() const {
  if (type != GgufType::string) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(payload.data()), payload.size());
}

std::optional<std::vector<int64_t>> GgufValue::as_ints() const {
  return collect<int64_t>(*this, [](const GgufValue& element) { return element.as_int(); });
}

std::optional<std::vector<float>> GgufValue::as_floats() const {
  return collect<float>(*this, [](const GgufValue& element) -> std::optional<float> {
    const std::optional<double> value = element.as_float();
    if (!value) return std::nullopt;
    return static_cast<float>(*value);
  });
}

std::optional<std::vector<std::string_view>> GgufValue::as_strings() const {
  if (type == GgufType::array && element_type != GgufType::string && count > 0) return std::nullopt;
  return collect<std::string_view>(*this,
                                   [](const GgufValue& element) { return element.as_string(); });
}

std::optional<std::vector<GgufValue>> GgufValue::as_arrays() const {
  if (type == GgufType::array && element_type != GgufType::array && count > 0) return std::nullopt;
  return collect<GgufValue>(*this, [](const GgufValue& element) { return std::optional(element); });
}

std::string GgufValue::type_text() const {
  if (type != GgufType::array) return gguf_type_name(type);
  return fmt::format("array of {} {}{}", count, gguf_type_name(element_type),
                     count == 1 ? "" : "s");
}

std::string GgufValue::text(size_t elements_max) const {
  if (type == GgufType::string) return fmt::format("\"{}\"", printable(*as_string()));
  if (type == GgufType::boolean) return *as_bool() ? "true" : "false";
  if (type == GgufType::f32) return fmt::format("{}", load<float>(payload.data()));
  if (type == GgufType::f64) return fmt::format("{}", load<double>(payload.data()));
  if (type == GgufType::u64) return fmt::format("{}", load<uint64_t>(payload.data()));
  if (type != GgufType::array) return fmt::format("{}", *as_int());
  std::string out = "[";
  size_t n_shown = 0;
  for (Elements elements(*this); elements.more(); ++n_shown) {
    if (n_shown > 0) out += ", ";
    if (n_shown == elements_max) {
      out += fmt::format("... {} in all", count);
      break;
    }
    const GgufValue element = elements.next();
    out += element.type == GgufType::array ? element.type_text() : element.text();
  }
  return out + "]";
}

}  // namespace quire
