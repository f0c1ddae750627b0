#include "format/json.h"

#include "base/file.h"
#include "format/printable.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <vector>

namespace quire {
namespace {

using nlohmann::json;

// Walks the text and notes how far the parser has come, for the offsets in our error texts.
struct Reading {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* at = nullptr;
  const char** seen = nullptr;

  reference operator*() const { return *at; }
  Reading& operator++() {
    *seen = ++at;
    return *this;
  }
  Reading operator++(int) {
    Reading before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Reading& other) const { return at == other.at; }
  bool operator!=(const Reading& other) const { return at != other.at; }
};

// Builds the document from the parser's events. Every handler returns whether to go on.
template <class Json>
class Builder : public nlohmann::json_sax<Json> {
  using Base = nlohmann::json_sax<Json>;

 public:
  using typename Base::binary_t, typename Base::number_float_t, typename Base::number_integer_t,
      typename Base::number_unsigned_t, typename Base::string_t;

  explicit Builder(const JsonLimits& limits) : limits_(limits) {}
  Json take() { return std::move(root_); }
  const std::string& error() const { return error_; }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& value) override { return add(std::move(value)); }
  bool start_object(size_t) override { return open(Json::value_t::object); }
  bool start_array(size_t) override { return open(Json::value_t::array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    auto& object = open_.back()->template get_ref<typename Json::object_t&>();
    if (object.size() >= limits_.keys_max) {
      error_ = fmt::format("an object has more than {} keys", limits_.keys_max);
      return false;
    }
    const auto [at, is_new] = object.emplace(name, nullptr);
    member_ = &at->second;
    if (!is_new) error_ = fmt::format("key '{}' appears twice in one object", printable(name));
    return is_new;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& e) override {
    std::string_view text = e.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    if (const size_t tag = text.find("] "); tag != text.npos) text.remove_prefix(tag + 2);
    error_ = printable(text, 200);
    return false;
  }

 private:
  template <class T>
  Json* add(T&& value) {
    if (open_.empty()) return &(root_ = Json(std::forward<T>(value)));
    if (open_.back()->is_object()) return &(*member_ = Json(std::forward<T>(value)));
    auto& array = open_.back()->template get_ref<typename Json::array_t&>();
    return &array.emplace_back(std::forward<T>(value));
  }
  bool open(typename Json::value_t type) {
    if (open_.size() >= static_cast<size_t>(limits_.depth_max)) {
      error_ = fmt::format("nested more than {} deep", limits_.depth_max);
      return false;
    }
    open_.push_back(add(type));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  JsonLimits limits_;
  Json root_;
  std::vector<Json*> open_;  // the containers around the next value, outermost first
  Json* member_ = nullptr;   // of the innermost object: where its next value goes
  std::string error_;
};

template <class Json>
Result<Json> parse(std::string_view text, std::string_view name, const JsonLimits& limits) {
  const char *begin = text.data(), *seen = begin;
  Builder<Json> builder(limits);
  const Reading first{begin, &seen}, last{begin + text.size(), &seen};
  if (!Json::sax_parse(first, last, &builder))
    return fail(Fault::bad_format, "{}: JSON: {} (offset {})", name, builder.error(), seen - begin);
  return builder.take();
}

}  // namespace

Result<json> parse_json(std::string_view text, std::string_view name, JsonLimits limits) {
  return parse<json>(text, name, limits);
}

Result<nlohmann::ordered_json> parse_ordered_json(std::string_view text, std::string_view name,
                                                  JsonLimits limits) {
  // Looking a key up takes a walk over the object.
  limits.keys_max = std::min(limits.keys_max, size_t{4096});
  return parse<nlohmann::ordered_json>(text, name, limits);
}

std::string json_quoted(std::string_view text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<json> read_json(const std::string& path, JsonLimits limits) {
  const std::string text = TRY(read_file(path, uint64_t{256} << 20));
  return parse_json(text, path, limits);
}

}  // namespace quire
