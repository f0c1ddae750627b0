#include "grammar/json_text.h"

#include "grammar/json_numbers.h"
#include "text/utf8.h"

#include <algorithm>
#include <map>

namespace quire {
namespace {

constexpr uint32_t spaces_max = 16;

const std::vector<CodeRange> needs_escape = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};

struct ShortEscape {
  char32_t code;
  const char* text;
};
constexpr ShortEscape short_escapes[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\b', "\\b"},
                                         {'\f', "\\f"}, {'\n', "\\n"},  {'\r', "\\r"},
                                         {'\t', "\\t"}};

// How a character that needs it is escaped.
std::string escape(char32_t code) {
  for (const ShortEscape& known : short_escapes)
    if (known.code == code) return known.text;
  return fmt::format("\\u{:04x}", static_cast<uint32_t>(code));
}

bool contains(const std::vector<CodeRange>& ranges, char32_t code) {
  return std::ranges::any_of(ranges,
                             [&](const CodeRange& r) { return r.first <= code && code <= r.last; });
}

std::vector<char32_t> code_points(std::string_view text) {
  std::vector<char32_t> codes;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char one = utf8_at(text, at);
    codes.push_back(one.n_bytes == 0 ? replacement_character : one.code);
    at += std::max(one.n_bytes, 1u);
  }
  return codes;
}

}  // namespace

ExpressionId JsonText::space() {
  if (!space_)
    space_ = g_.as_rule(
        "space", g_.repeat(g_.characters({{'\t', '\n'}, {'\r', '\r'}, {' ', ' '}}), 0, spaces_max));
  return *space_;
}

ExpressionId JsonText::character() {
  if (character_) return *character_;
  const auto set = [&](const std::vector<CodeRange>& ranges) { return g_.characters(ranges); };
  const ExpressionId hex = set({{'0', '9'}, {'A', 'F'}, {'a', 'f'}});
  const ExpressionId d = set({{'D', 'D'}, {'d', 'd'}});
  const ExpressionId plain = g_.sequence(
      {g_.choice(
           {g_.sequence({set({{'0', '9'}, {'A', 'C'}, {'E', 'F'}, {'a', 'c'}, {'e', 'f'}}), hex}),
            g_.sequence({d, set({{'0', '7'}})})}),
       hex, hex});
  const ExpressionId high = g_.sequence({d, set({{'8', '9'}, {'A', 'B'}, {'a', 'b'}}), hex, hex});
  const ExpressionId low = g_.sequence({d, set({{'C', 'F'}, {'c', 'f'}}), hex, hex});
  const ExpressionId letters = set({{'"', '"'},
                                    {'/', '/'},
                                    {'\\', '\\'},
                                    {'b', 'b'},
                                    {'f', 'f'},
                                    {'n', 'n'},
                                    {'r', 'r'},
                                    {'t', 't'}});
  const ExpressionId escaped = g_.choice(
      {letters,
       g_.sequence({g_.text("u"), g_.choice({plain, g_.sequence({high, g_.text("\\u"), low})})})});
  character_ =
      g_.as_rule("character",
                 g_.choice({set(complement(needs_escape)), g_.sequence({g_.text("\\"), escaped})}));
  return *character_;
}

ExpressionId JsonText::quoted(ExpressionId inside) {
  return g_.sequence({g_.text("\""), inside, g_.text("\"")});
}

ExpressionId JsonText::string() {
  if (!string_)
    string_ = g_.as_rule("string", quoted(g_.repeat(character(), 0, Grammar::unbounded)));
  return *string_;
}

ExpressionId JsonText::number() {
  if (!number_) number_ = g_.as_rule("number", numbers(g_, {}));
  return *number_;
}

ExpressionId JsonText::boolean() {
  if (!boolean_) boolean_ = g_.as_rule("boolean", g_.choice({g_.text("true"), g_.text("false")}));
  return *boolean_;
}

ExpressionId JsonText::comma() { return g_.sequence({g_.text(","), space()}); }

ExpressionId JsonText::member(ExpressionId name, ExpressionId value) {
  return g_.sequence({name, space(), g_.text(":"), space(), value, space()});
}

ExpressionId JsonText::enclosed(std::string_view open, ExpressionId inside,
                                std::string_view close) {
  return g_.sequence({g_.text(open), space(), inside, g_.text(close)});
}

ExpressionId JsonText::object() {
  if (!object_) {
    const ExpressionId one = member(string(), value());
    const ExpressionId more = g_.repeat(g_.sequence({comma(), one}), 0, Grammar::unbounded);
    object_ = g_.as_rule("object", enclosed("{", g_.optional(g_.sequence({one, more})), "}"));
  }
  return *object_;
}

ExpressionId JsonText::array() {
  if (!array_) {
    const ExpressionId one = g_.sequence({value(), space()});
    const ExpressionId more = g_.repeat(g_.sequence({comma(), one}), 0, Grammar::unbounded);
    array_ = g_.as_rule("array", enclosed("[", g_.optional(g_.sequence({one, more})), "]"));
  }
  return *array_;
}

ExpressionId JsonText::value() {
  if (!value_) {
    value_ = g_.add_rule("value");
    g_.define(*value_,
              g_.choice({object(), array(), string(), number(), boolean(), g_.text("null")}));
  }
  return g_.rule(*value_);
}

ExpressionId JsonText::one_of(const std::vector<CodeRange>& ranges) {
  const std::vector<CodeRange> sound = normalize(ranges);
  const std::vector<CodeRange> all = complement({});
  if (sound == all && spelled_) return *spelled_;
  std::vector<CodeRange> escaped = complement(sound);
  escaped.insert(escaped.end(), needs_escape.begin(), needs_escape.end());
  std::vector<ExpressionId> ways = {g_.characters(complement(escaped))};
  for (const CodeRange& special : needs_escape)
    for (char32_t code = special.first; code <= special.last; ++code)
      if (contains(sound, code)) ways.push_back(g_.text(escape(code)));
  const ExpressionId result = g_.choice(ways);
  if (sound != all) return result;
  spelled_ = g_.as_rule("spelled", result);
  return *spelled_;
}

ExpressionId JsonText::exactly(std::string_view text) {
  std::string spelled = "\"";
  for (const char32_t code : code_points(text)) {
    if (contains(needs_escape, code))
      spelled += escape(code);
    else
      append_utf8(spelled, code);
  }
  return g_.text(spelled + "\"");
}

// As deep as the document, which is bounded.
ExpressionId JsonText::exactly(const SchemaValue& value) {
  using Kind = SchemaValue::Kind;
  if (value.is(Kind::null)) return g_.text("null");
  if (value.is(Kind::boolean)) return g_.text(value.boolean ? "true" : "false");
  if (value.is(Kind::number)) return g_.text(value.text);
  if (value.is(Kind::string)) return exactly(value.text);
  std::vector<ExpressionId> parts;
  for (size_t i = 0; i < value.items.size(); ++i) {
    if (i > 0) parts.push_back(comma());
    const ExpressionId item = exactly(*value.items[i]);
    if (value.is(Kind::array))
      parts.insert(parts.end(), {item, space()});
    else
      parts.push_back(member(exactly(value.keys[i]), item));
  }
  const bool is_array = value.is(Kind::array);
  return enclosed(is_array ? "[" : "{", g_.sequence(parts), is_array ? "]" : "}");
}

// A tree of the names; wherever a text leaves it, the rest is free.
ExpressionId JsonText::string_but(const std::vector<std::string>& names) {
  struct Node {
    std::map<char32_t, size_t> next;
    bool is_name = false;
  };
  std::vector<Node> tree(1);
  for (const std::string& name : names) {
    size_t at = 0;
    for (const char32_t code : code_points(name)) {
      const auto [next, is_new] = tree[at].next.try_emplace(code, tree.size());
      const size_t to = next->second;
      if (is_new) tree.emplace_back();
      at = to;
    }
    tree[at].is_name = true;
  }
  const ExpressionId end = g_.text("\"");
  const ExpressionId rest =
      g_.sequence({g_.repeat(one_of(complement({})), 0, Grammar::unbounded), end});
  // The nodes of a name come before those that continue it, so from the last to the first each
  // finds what follows it.
  std::vector<ExpressionId> written(tree.size());
  for (size_t i = tree.size(); i-- > 0;) {
    std::vector<ExpressionId> ways;
    std::vector<CodeRange> taken;
    for (const auto& [code, next] : tree[i].next) {
      taken.push_back({code, code});
      ways.push_back(g_.sequence({one_of({{code, code}}), written[next]}));
    }
    ways.push_back(g_.sequence({one_of(complement(taken)), rest}));
    if (!tree[i].is_name) ways.push_back(end);
    written[i] = g_.as_rule("other", g_.choice(ways));
  }
  return g_.sequence({g_.text("\""), written[0]});
}

}  // namespace quire
