#include "grammar/schema_value.h"

#include "format/printable.h"
#include "grammar/decimal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <unordered_set>

namespace quire {
namespace {

using Kind = SchemaValue::Kind;

class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  Reader(SchemaDocument& document, size_t depth_max) : document_(document), depth_max_(depth_max) {}
  const std::string& error() const { return error_; }
  Fault fault() const { return fault_; }

  bool null() override { return add({.kind = Kind::null}); }
  bool boolean(bool value) override { return add({.kind = Kind::boolean, .boolean = value}); }
  bool number_integer(number_integer_t value) override { return number(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return number(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return number(text); }
  bool string(string_t& value) override {
    return add({.kind = Kind::string, .text = std::move(value)});
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open({.kind = Kind::object}); }
  bool start_array(size_t) override { return open({.kind = Kind::array}); }
  bool end_object() override {
    std::unordered_set<std::string_view> seen;
    for (const std::string& key : open_.back()->keys)
      if (!seen.insert(key).second) {
        error_ = fmt::format("key '{}' appears twice in one object", printable(key));
        return false;
      }
    open_.pop_back();
    return true;
  }
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool key(string_t& name) override {
    open_.back()->keys.push_back(name);
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& e) override {
    std::string_view text = e.what();
    if (const size_t tag = text.find("] "); tag != text.npos) text.remove_prefix(tag + 2);
    error_ = printable(text, 200);
    return false;
  }

 private:
  bool number(std::string text) { return add({.kind = Kind::number, .text = std::move(text)}); }
  bool add(SchemaValue value) {
    document_.values.push_back(std::move(value));
    SchemaValue& added = document_.values.back();
    if (open_.empty()) {
      document_.root = &added;
    } else {
      added.parent = open_.back();
      added.index = open_.back()->items.size();
      open_.back()->items.push_back(&added);
    }
    return true;
  }
  bool open(SchemaValue value) {
    if (open_.size() >= depth_max_) {
      error_ = fmt::format("nested more than {} deep", depth_max_);
      fault_ = Fault::limit;
      return false;
    }
    add(std::move(value));
    open_.push_back(&document_.values.back());
    return true;
  }

  SchemaDocument& document_;
  size_t depth_max_;
  std::vector<SchemaValue*> open_;
  std::string error_;
  Fault fault_ = Fault::bad_format;
};

}  // namespace

const SchemaValue* SchemaValue::find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i] == key) return items[i];
  return nullptr;
}

std::string SchemaValue::path() const {
  std::vector<std::string> parts;
  for (const SchemaValue* at = this; at->parent != nullptr; at = at->parent) {
    std::string part = std::to_string(at->index);
    if (at->parent->is(Kind::object)) {
      part.clear();
      for (const char c : at->parent->keys[at->index])
        part += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    }
    parts.push_back(std::move(part));
  }
  std::string path = "#";
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) path += "/" + *part;
  return printable(path, 200);
}

Result<std::shared_ptr<const SchemaDocument>> parse_schema_document(std::string_view text,
                                                                    std::string_view name,
                                                                    size_t depth_max) {
  auto document = std::make_shared<SchemaDocument>();
  Reader reader(*document, depth_max);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &reader))
    return fail(reader.fault(), "{}: JSON: {}", name, reader.error());
  return document;
}

// Documents nest no deeper than depth_max, so neither does this.
bool same_value(const SchemaValue& a, const SchemaValue& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::null:
      return true;
    case Kind::boolean:
      return a.boolean == b.boolean;
    case Kind::string:
      return a.text == b.text;
    case Kind::number: {
      const auto x = Decimal::parse(a.text), y = Decimal::parse(b.text);
      return x && y ? compare(*x, *y) == 0 : a.text == b.text;
    }
    case Kind::array:
      return std::ranges::equal(a.items, b.items, [](const SchemaValue* x, const SchemaValue* y) {
        return same_value(*x, *y);
      });
    case Kind::object:
      break;
  }
  if (a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    const SchemaValue* other = b.find(a.keys[i]);
    if (other == nullptr || !same_value(*a.items[i], *other)) return false;
  }
  return true;
}

}  // namespace quire
