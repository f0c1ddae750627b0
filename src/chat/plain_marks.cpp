#include "chat/plain_marks.h"

#include "base/function_ref.h"
#include "text/utf8.h"

#include <algorithm>

namespace quire {
namespace {

using jinja::Kind;
using jinja::Value;

constexpr char32_t first_noncharacter = 0xFDD0;
constexpr int n_noncharacters = 32;  // U+FDD0 to U+FDEF: EF B7 90 to EF B7 AF

std::string noncharacter(int i) {
  return {static_cast<char>(0xEF), static_cast<char>(0xB7), static_cast<char>(0x90 + i)};
}

// The same in JSON that is all ASCII.
std::string escaped(const std::string& noncharacter) {
  const char32_t code = first_noncharacter + static_cast<unsigned char>(noncharacter[2]) - 0x90;
  return fmt::format("\\u{:04x}", static_cast<uint32_t>(code));
}

void each_string(const Value& value, FunctionRef<void(std::string_view)> visit) {
  if (value.is(Kind::string)) return visit(value.string());
  if (value.is_sequence())
    for (const Value& item : value.sequence().items) each_string(item, visit);
  if (!value.is(Kind::dict)) return;
  for (const auto& [key, item] : value.dict().entries) {
    each_string(key, visit);
    each_string(item, visit);
  }
}

Value changed_strings(const Value& value, FunctionRef<std::string(std::string_view)> change) {
  if (value.is(Kind::string)) return Value(change(value.string()));
  if (value.is(Kind::list)) {
    jinja::Values items;
    for (const Value& item : value.sequence().items) items.push_back(changed_strings(item, change));
    return make_list(std::move(items));
  }
  if (!value.is(Kind::dict)) return value;
  auto dict = std::make_shared<jinja::Dict>();
  for (const auto& [key, item] : value.dict().entries)
    dict->set(changed_strings(key, change), changed_strings(item, change));
  return make_dict(std::move(dict));
}

}  // namespace

PlainMarks::PlainMarks(const Tokenizer& tokenizer) {
  for (const AddedTokenSpec& token : tokenizer.spec().added) {
    if (!token.special || token.text.empty()) continue;
    texts_.push_back(token.text);
    control_.add(token.text, token.id);
    longest_ = std::max(longest_, token.text.size());
  }
  std::ranges::sort(texts_);
}

bool PlainMarks::ends_in_beginning(std::string_view text, size_t at) const {
  const std::string_view tail = text.substr(at);
  const auto found = std::ranges::lower_bound(texts_, tail);
  return found != texts_.end() && found->starts_with(tail);
}

std::vector<size_t> PlainMarks::places(std::string_view text) const {
  std::vector<size_t> places;
  for (size_t at = control_.next_start(text, 0); at < text.size();
       at = control_.next_start(text, at + 1)) {
    const bool whole = control_.find(text.substr(at)).id >= 0;
    const bool begun = text.size() - at < longest_ && ends_in_beginning(text, at);
    if (!whole && !begun) continue;
    const size_t n_bytes = std::max<size_t>(1, utf8_at(text, at).n_bytes);
    places.push_back(std::min(at + n_bytes, text.size()));
  }
  const auto repeated = std::ranges::unique(places);
  places.erase(repeated.begin(), repeated.end());
  return places;
}

Result<PlainMarks::Marked> PlainMarks::mark(const Value& value) const {
  bool needed = false;
  each_string(value, [&](std::string_view text) { needed = needed || !places(text).empty(); });
  if (!needed) return Marked{value, ""};
  bool used[n_noncharacters] = {};
  each_string(value, [&](std::string_view text) {
    for (int i = 0; i < n_noncharacters; ++i)
      used[i] = used[i] || text.find(noncharacter(i)) != text.npos ||
                text.find(escaped(noncharacter(i))) != text.npos;
  });
  const auto* free = std::ranges::find(used, false);
  if (free == std::end(used))
    return fail(
        Fault::limit,
        "the messages contain all {} code points U+FDD0 to U+FDEF, which are no characters; "
        "one must be left to mark control tokens in them",
        n_noncharacters);
  const std::string mark = noncharacter(static_cast<int>(free - std::begin(used)));
  const auto change = [&](std::string_view text) {
    std::string result;
    size_t done = 0;
    for (const size_t place : places(text)) {
      result.append(text, done, place - done).append(mark);
      done = place;
    }
    return result.append(text, done);
  };
  return Marked{changed_strings(value, change), mark};
}

std::vector<size_t> PlainMarks::unmark(std::string& text, const std::string& mark) {
  std::vector<size_t> places;
  if (mark.empty()) return places;
  const std::string ascii = escaped(mark);
  std::string plain;
  size_t done = 0;
  while (true) {
    const size_t at = std::min(text.find(mark, done), text.find(ascii, done));
    plain.append(text, done, at == text.npos ? at : at - done);
    if (at == text.npos) break;
    places.push_back(plain.size());
    done = at + (text[at] == '\\' ? ascii.size() : mark.size());
  }
  text = std::move(plain);
  return places;
}

}  // namespace quire
