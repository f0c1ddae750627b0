// The filter urlize: addresses of pages and of mail in a text become links in HTML.
//
// Words are what lies between white space; brackets in front of one and punctuation behind it stay
// outside of its link, closing brackets inside where the address has opened them.
// Source: template designer documentation of Jinja2 3.1, urlize.
#include "jinja/filters.h"
#include "jinja/interpreter.h"
#include "jinja/python_text.h"

#include <algorithm>
#include <set>

namespace quire::jinja {
namespace {

// Letters as an expression that ignores case has them: four others count as s, k and i.
bool is_letter_of(char32_t c, char letter) {
  if (c >= 'A' && c <= 'Z') c += 32;
  return c == static_cast<char32_t>(letter) || (letter == 's' && c == 0x17F) ||
         (letter == 'k' && c == 0x212A) || (letter == 'i' && (c == 0x130 || c == 0x131));
}
bool is_latin(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == 0x17F || c == 0x212A ||
         c == 0x130 || c == 0x131;
}
bool is_hex(char32_t c) {
  return is_decimal_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool in_label(char32_t c) { return is_word(c) || c == '%' || c == '-'; }

// One word, as a place that goes on.
class AddressReader {
 public:
  explicit AddressReader(std::u32string_view word) : word_(word) {}

  // http://host, www.host, a name in one of eight domains, or http:// and a number; then a port and
  // a path.
  bool is_page() const {
    const size_t scheme = after_scheme();
    const size_t www = after(0, "www.");
    if (scheme > 0 && (has_host(scheme) || has_number(scheme))) return true;
    return (www > 0 && has_host(www)) || has_plain_name();
  }

  bool is_mail() const {
    const size_t at = word_.rfind(U'@');
    if (at == word_.npos || at == 0) return false;
    const std::u32string_view domain = word_.substr(at + 1);
    const size_t dot = domain.rfind(U'.');
    if (dot == domain.npos || dot == 0 || dot + 1 == domain.size() || !is_word(domain[0]))
      return false;
    return std::ranges::all_of(domain.substr(dot + 1), is_word) &&
           std::ranges::all_of(domain,
                               [](char32_t c) { return is_word(c) || c == '.' || c == '-'; });
  }

 private:
  // Behind the text at this place, whatever its case; 0 when something else stands there.
  size_t after(size_t at, std::string_view text) const {
    if (word_.size() - at < text.size()) return 0;
    for (size_t i = 0; i < text.size(); ++i)
      if (!is_letter_of(word_[at + i], text[i])) return 0;
    return at + text.size();
  }
  size_t after_scheme() const {
    const size_t secure = after(0, "https://");
    return secure > 0 ? secure : after(0, "http://");
  }
  bool is_text(size_t begin, size_t end, std::string_view text) const {
    return end - begin == text.size() && after(begin, text) == end;
  }

  // (:port)? and the end, or what a path, a query or a fragment begins with.
  bool ends_host(size_t at) const {
    const auto ends = [&](size_t i) {
      return i == word_.size() || word_[i] == '/' || word_[i] == '?' || word_[i] == '#';
    };
    if (ends(at)) return true;
    if (word_[at] != ':') return false;
    size_t end = at + 1;
    while (end < word_.size() && is_decimal_digit(word_[end])) ++end;
    return end > at + 1 && end <= at + 6 && ends(end);
  }

  // Labels of so many characters at least, each with a dot behind it, and where the last begins;
  // npos when a label is none.
  size_t last_label(size_t begin, size_t end, size_t n_min, size_t n_max) const {
    size_t label = begin;
    for (size_t i = begin; i < end; ++i) {
      if (word_[i] != '.') continue;
      if (i - label < n_min || i - label > n_max) return word_.npos;
      label = i + 1;
    }
    return label;
  }
  size_t end_of_labels(size_t at) const {
    while (at < word_.size() && (in_label(word_[at]) || word_[at] == '.')) ++at;
    return at;
  }

  bool has_host(size_t begin) const {
    const size_t end = end_of_labels(begin);
    const size_t top = last_label(begin, end, 1, word_.npos - 1);
    if (top == word_.npos || !ends_host(end)) return false;
    const size_t n = end - top;
    if (n >= 2 && n <= 63 && std::ranges::all_of(word_.substr(top, n), is_latin)) return true;
    return n >= 6 && n <= 63 && after(top, "xn--") > 0 &&
           std::ranges::all_of(word_.substr(top + 4, n - 4),
                               [](char32_t c) { return is_word(c) || c == '%'; });
  }

  bool has_plain_name() const {
    const size_t end = end_of_labels(0), top = last_label(0, end, 2, 63);
    if (top == word_.npos || top == 0 || !ends_host(end)) return false;
    return std::ranges::any_of(std::initializer_list<std::string_view>{"com", "net", "int", "edu",
                                                                       "gov", "org", "info", "mil"},
                               [&](std::string_view name) { return is_text(top, end, name); });
  }

  bool has_number(size_t at) const {
    if (at < word_.size() && word_[at] == '[') {
      const size_t end = end_of_ipv6(at);
      return end > 0 && ends_host(end);
    }
    for (int part = 0; part < 4; ++part) {
      if (part > 0 && (at >= word_.size() || word_[at] != '.')) return false;
      at += part > 0 ? 1 : 0;
      size_t n = 0;
      for (; at < word_.size() && n < 3 && is_decimal_digit(word_[at]); ++n) ++at;
      if (n == 0) return false;
    }
    return ends_host(at);
  }

  // Behind "[", two groups of up to four digits with their colons, then one to six more, which need
  // no colon, and "]"; 0 without one.
  size_t end_of_ipv6(size_t at) const {
    ++at;
    const auto digits = [&] {
      for (size_t n = 0; n < 4 && at < word_.size() && is_hex(word_[at]); ++n) ++at;
    };
    const auto colon = [&] {
      const bool is = at < word_.size() && word_[at] == ':';
      if (is) ++at;
      return is;
    };
    for (int group = 0; group < 2; ++group) {
      digits();
      if (!colon()) return 0;
    }
    for (int group = 0; group < 6; ++group) {
      digits();
      colon();
    }
    return at < word_.size() && word_[at] == ']' ? at + 1 : 0;
  }

  std::u32string_view word_;
};

struct LinkStyle {
  std::string attributes;  // rel and target
  std::optional<int64_t> length_max;
  std::vector<std::string> schemes;
};

std::string shown_address(std::string_view address, std::optional<int64_t> length_max) {
  const auto n = static_cast<int64_t>(n_chars(address));
  if (!length_max || n <= *length_max) return std::string(address);
  const int64_t kept = *length_max < 0 ? std::max<int64_t>(0, n + *length_max) : *length_max;
  return std::string(address.substr(0, byte_of_char(address, static_cast<size_t>(kept)))) + "...";
}

std::string link_of(std::string address, const LinkStyle& style) {
  const auto link = [&](std::string_view to, std::string_view attributes, std::string_view shown) {
    return fmt::format("<a href=\"{}\"{}>{}</a>", to, attributes, shown);
  };
  const std::u32string codes = code_points(address);
  const std::string_view text = address;
  if (AddressReader(codes).is_page()) {
    const bool has_scheme = text.starts_with("https://") || text.starts_with("http://");
    return link((has_scheme ? "" : "https://") + address, style.attributes,
                shown_address(address, style.length_max));
  }
  constexpr std::string_view mail = "mailto:";
  if (text.starts_with(mail) &&
      AddressReader(std::u32string_view(codes).substr(mail.size())).is_mail())
    return link(address, "", text.substr(mail.size()));
  if (text.find('@') != text.npos && !text.starts_with("www.") && !text.starts_with('@') &&
      text.find(':') == text.npos && AddressReader(codes).is_mail())
    return link("mailto:" + address, "", address);
  for (const std::string& scheme : style.schemes)
    if (address != scheme && address.starts_with(scheme))
      address = link(address, style.attributes, address);
  return address;
}

// What stands in front of the address and behind it, in `word` that is HTML already.
std::string linked(std::string_view word, const LinkStyle& style) {
  size_t head = 0;
  while (true) {
    const std::string_view rest = word.substr(head);
    const size_t n = rest.starts_with('(') || rest.starts_with('<') ? 1
                     : rest.starts_with("&lt;")                     ? 4
                                                                    : 0;
    if (n == 0) break;
    head += n;
  }
  size_t end = word.size();
  while (end > head) {
    const std::string_view rest = word.substr(head, end - head);
    const size_t n =
        rest.ends_with(')') || rest.ends_with('>') || rest.ends_with('.') || rest.ends_with(',') ? 1
        : rest.ends_with("&gt;")                                                                 ? 4
                                 : 0;
    if (n == 0) break;
    end -= n;
  }
  constexpr std::pair<std::string_view, std::string_view> brackets[] = {
      {"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}};
  for (const auto& [open, close] : brackets) {
    const std::string_view middle = word.substr(head, end - head);
    const size_t n_open = count_text(middle, open);
    if (n_open <= count_text(middle, close)) continue;
    const size_t n_moved = std::min(n_open, count_text(word.substr(end), close));
    for (size_t i = 0; i < n_moved; ++i) end = word.find(close, end) + close.size();
  }
  return std::string(word.substr(0, head)) +
         link_of(std::string(word.substr(head, end - head)), style) + std::string(word.substr(end));
}

// A prefix of addresses as extra_schemes names them: "tel:", "foo://".
bool is_scheme(std::string_view text) {
  const std::u32string codes = code_points(text);
  const size_t colon = codes.find(U':');
  if (colon == codes.npos || colon < 2 || codes.size() > colon + 3) return false;
  return std::ranges::all_of(
             std::u32string_view(codes).substr(0, colon),
             [](char32_t c) { return is_word(c) || c == '.' || c == '+' || c == '-'; }) &&
         std::u32string_view(codes).substr(colon + 1).find_first_not_of(U'/') == codes.npos;
}

Result<LinkStyle> link_style(Call& c) {
  LinkStyle style;
  if (c.has(0) && !c[0].is(Kind::none)) style.length_max = TRY(c.integer(0));
  std::set<std::string, std::less<>> rel{"noopener"};
  if (c.flag(1)) rel.insert("nofollow");
  if (c.has(3) && !c[3].is(Kind::none))
    for (const std::string_view word : split_words(TRY(c.string(3)), -1)) rel.emplace(word);
  std::string joined;
  for (const std::string& word : rel) joined += (joined.empty() ? "" : " ") + word;
  style.attributes = fmt::format(" rel=\"{}\"", escape_html(joined));
  if (c.has(2) && truth(c[2]))
    style.attributes += fmt::format(" target=\"{}\"", escape_html(TRY(c.in.str(c[2]))));
  if (!c.has(4) || c[4].is(Kind::none)) return style;
  for (const Value& scheme : TRY(c.in.iterate(c[4]))) {
    if (!scheme.is(Kind::string) || !is_scheme(scheme.string()))
      return fail(Fault::bad_format, "extra_schemes has an item that is no prefix like 'tel:'");
    style.schemes.emplace_back(scheme.string());
  }
  return style;
}

}  // namespace

Result<Value> urlize(Call& c) {
  const LinkStyle style = TRY(link_style(c));
  std::string text = TRY(c.in.str(c.self));
  if (!c.self.is(Kind::string) || c.self.text().markup != Markup::yes) text = escape_html(text);
  TRY(c.in.step(text.size() / 16 * (1 + style.schemes.size())));
  std::string out;
  size_t done = 0;
  for (const std::string_view word : split_words(text, -1)) {
    const auto begin = static_cast<size_t>(word.data() - text.data());
    out.append(text, done, begin - done);
    out += linked(word, style);
    done = begin + word.size();
    TRY(c.in.check_text(out.size()));
  }
  out.append(text, done);
  return c.in.text(std::move(out));
}

}  // namespace quire::jinja
