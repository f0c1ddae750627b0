#include "jinja/json.h"

#include "format/printable.h"
#include "text/utf8.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace quire::jinja {
namespace {

constexpr size_t depth_max = 64;

// Builds a value from the parser's events. Every handler returns whether to go on.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Value take() { return std::move(root_); }
  const std::string& error() const { return error_; }

  bool null() override { return add(Value::none()); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(int64_t{value}); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<uint64_t>(INT64_MAX)) return add(static_cast<int64_t>(value));
    return too_big(std::to_string(value));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    // The parser turns integers beyond 64 bits into floats.
    if (text.find_first_of(".eE") == text.npos) return too_big(text);
    return add(value);
  }
  bool string(string_t& value) override { return add(Value(std::move(value))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(Level{std::make_shared<Dict>(), {}, {}}); }
  bool start_array(size_t) override { return open(Level{}); }
  bool key(string_t& name) override {
    open_.back().key = Value(std::move(name));
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(size_t offset, const std::string&,
                   const nlohmann::detail::exception& e) override {
    std::string_view text = e.what();
    if (const size_t tag = text.find("] "); tag != text.npos) text.remove_prefix(tag + 2);
    error_ = fmt::format("{} (offset {})", printable(text, 200), offset);
    return false;
  }

 private:
  struct Level {
    std::shared_ptr<Dict> dict;  // null: a list
    Values items;
    Value key;
  };
  bool too_big(const std::string& text) {
    error_ = fmt::format("the integer {} does not fit into 64 bits", printable(text, 40));
    return false;
  }
  bool add(Value value) {
    if (open_.empty())
      root_ = std::move(value);
    else if (open_.back().dict)
      open_.back().dict->set(open_.back().key, std::move(value));
    else
      open_.back().items.push_back(std::move(value));
    return true;
  }
  bool open(Level level) {
    if (open_.size() >= depth_max) {
      error_ = fmt::format("nested more than {} deep", depth_max);
      return false;
    }
    open_.push_back(std::move(level));
    return true;
  }
  bool close() {
    Level level = std::move(open_.back());
    open_.pop_back();
    return add(level.dict ? make_dict(std::move(level.dict)) : make_list(std::move(level.items)));
  }

  Value root_;
  std::vector<Level> open_;
  std::string error_;
};

class Writer {
 public:
  explicit Writer(const JsonStyle& style) : style_(style) {
    item_separator_ = style.has_separators ? style.item_separator : style.has_indent ? "," : ", ";
    key_separator_ = style.has_separators ? style.key_separator : ": ";
  }
  std::string take() { return std::move(out_); }

  Result<void> write(const Value& value) {
    if (out_.size() > style_.bytes_max)
      return fail(Fault::limit, "tojson: the text is longer than {} bytes", style_.bytes_max);
    switch (value.kind()) {
      case Kind::none:
        out_ += "null";
        return {};
      case Kind::boolean:
      case Kind::integer:
      case Kind::real:
        out_ += scalar(value);
        return {};
      case Kind::string:
        write_string(value.string());
        return {};
      case Kind::list:
      case Kind::tuple:
        return write_list(value.sequence().items);
      case Kind::dict:
        return write_dict(value.dict());
      default:
        return fail(Fault::bad_format, "tojson: {} is not JSON serializable",
                    value.is(Kind::undefined)
                        ? undefined_reason(value) + ", which"
                        : fmt::format("a value of type {}", type_name(value)));
    }
  }

 private:
  static std::string scalar(const Value& value) {
    if (value.is(Kind::boolean)) return value.boolean() ? "true" : "false";
    if (value.is(Kind::integer)) return fmt::format("{}", value.integer());
    if (std::isnan(value.real())) return "NaN";
    if (std::isinf(value.real())) return value.real() < 0 ? "-Infinity" : "Infinity";
    return float_text(value.real());
  }
  void new_line() {
    if (!style_.has_indent) return;
    out_ += '\n';
    for (int i = 0; i < level_; ++i) out_ += style_.indent;
  }
  Result<void> write_list(const Values& items) {
    if (items.empty()) return out_ += "[]", Result<void>{};
    out_ += '[';
    ++level_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += item_separator_;
      new_line();
      TRY(write(items[i]));
    }
    --level_;
    new_line();
    out_ += ']';
    return {};
  }
  Result<void> write_dict(const Dict& dict) {
    if (dict.entries.empty()) return out_ += "{}", Result<void>{};
    std::vector<const std::pair<Value, Value>*> entries;
    entries.reserve(dict.entries.size());
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) TRY(sort(entries));
    out_ += '{';
    ++level_;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_ += item_separator_;
      new_line();
      TRY(write_key(entries[i]->first));
      out_ += key_separator_;
      TRY(write(entries[i]->second));
    }
    --level_;
    new_line();
    out_ += '}';
    return {};
  }
  static Result<void> sort(std::vector<const std::pair<Value, Value>*>& entries) {
    for (const auto* entry : entries)
      if (!entry->first.is(Kind::string))
        return fail(Fault::bad_format, "tojson: sort_keys needs keys that are strings");
    std::sort(entries.begin(), entries.end(),
              [](const auto* a, const auto* b) { return a->first.string() < b->first.string(); });
    return {};
  }
  Result<void> write_key(const Value& key) {
    if (key.is(Kind::string))
      write_string(key.string());
    else if (key.is_number())
      out_ += '"' + scalar(key) + '"';
    else if (key.is(Kind::none))
      out_ += "\"null\"";
    else
      return fail(Fault::bad_format, "tojson: keys must be strings, numbers, booleans or none");
    return {};
  }
  void write_string(std::string_view text) {
    out_ += '"';
    for (size_t i = 0; i < text.size();) {
      const Utf8Char next = utf8_at(text, i);
      const size_t n = next.n_bytes == 0 ? 1 : next.n_bytes;
      write_char(next.code, text.substr(i, n));
      i += n;
    }
    out_ += '"';
  }
  void write_char(char32_t code, std::string_view bytes) {
    const auto number = static_cast<uint32_t>(code);
    constexpr std::string_view named = "\b\f\n\r\t\"\\", letters = "bfnrt\"\\";
    if (number < 0x80 && named.find(static_cast<char>(number)) != named.npos) {
      out_ += '\\';
      out_ += letters[named.find(static_cast<char>(number))];
    } else if (number < 0x20 || (style_.ensure_ascii && number > 0x7E && number < 0x10000)) {
      // ensure_ascii leaves U+007F as it is.
      if (number == 0x7F)
        out_ += '\x7F';
      else
        out_ += fmt::format("\\u{:04x}", number);
    } else if (style_.ensure_ascii && number >= 0x10000) {
      const uint32_t rest = number - 0x10000;
      out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    } else {
      out_ += bytes;
    }
  }

  const JsonStyle& style_;
  std::string item_separator_, key_separator_;
  std::string out_;
  int level_ = 0;
};

}  // namespace

Result<Value> parse_json_value(std::string_view text, std::string_view name) {
  Builder builder;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder))
    return fail(Fault::bad_format, "{}: JSON: {}", name, builder.error());
  return builder.take();
}

Result<std::string> json_text(const Value& value, const JsonStyle& style) {
  Writer writer(style);
  TRY(writer.write(value));
  return writer.take();
}

}  // namespace quire::jinja
