#include "text/normalizer.h"

#include "text/byte_alphabet.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "text/word_encoder.h"

#include <utf8proc.h>

#include <algorithm>

namespace quire {
namespace {

constexpr size_t n_steps_max = 64;
// U+FDFA becomes 33 bytes out of 3 in NFKD; nothing sound grows a text more.
constexpr size_t growth_max = 64, growth_base = 1 << 16;

enum class Form { nfc, nfd, nfkc, nfkd };

// Texts that a form leaves as they are, told by their bytes alone: below U+0300 nothing composes,
// and ASCII is equal to itself in every form.
bool is_normal_already(std::string_view text, Form form) {
  const unsigned char first_suspect = form == Form::nfc ? 0xCC : 0x80;
  return std::ranges::none_of(
      text, [&](char c) { return static_cast<unsigned char>(c) >= first_suspect; });
}

// Combining marks into their canonical order: by class, and within one class as they stood. Sorted
// run by run: the library's own ordering takes quadratic time on a long run of marks.
void order_marks(std::vector<utf8proc_int32_t>& codes) {
  struct Mark {
    int combining_class;
    size_t at;
    utf8proc_int32_t code;
    auto operator<=>(const Mark&) const = default;
  };
  std::vector<Mark> run;
  for (size_t i = 0; i <= codes.size(); ++i) {
    const int of_code = i < codes.size() ? utf8proc_get_property(codes[i])->combining_class : 0;
    if (of_code != 0) {
      run.push_back({of_code, i, codes[i]});
      continue;
    }
    std::ranges::sort(run);
    for (size_t k = 0; k < run.size(); ++k) codes[i - run.size() + k] = run[k].code;
    run.clear();
  }
}

std::string to_form(std::string_view text, Form form) {
  if (is_normal_already(text, form)) return std::string(text);
  const bool compatible = form == Form::nfkc || form == Form::nfkd;
  const bool compose = form == Form::nfc || form == Form::nfkc;
  int options = UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE);
  if (compatible) options |= UTF8PROC_COMPAT;
  std::vector<utf8proc_int32_t> codes;
  codes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    utf8proc_int32_t parts[32];  // the longest decomposition has 18
    int boundary_class = 0;
    const auto n =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c.code), parts, 32,
                                static_cast<utf8proc_option_t>(options), &boundary_class);
    if (n > 0 && n <= 32) {
      codes.insert(codes.end(), parts, parts + n);
    } else {
      codes.push_back(static_cast<utf8proc_int32_t>(c.code));
    }
    at += c.n_bytes;
  }
  order_marks(codes);
  auto n_codes = static_cast<utf8proc_ssize_t>(codes.size());
  if (compose) {
    n_codes =
        utf8proc_normalize_utf32(codes.data(), n_codes, static_cast<utf8proc_option_t>(options));
  }
  std::string out;
  out.reserve(text.size());
  for (utf8proc_ssize_t i = 0; i < n_codes; ++i) {
    append_utf8(out, static_cast<char32_t>(codes[static_cast<size_t>(i)]));
  }
  return out;
}

std::string lowercase(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    if (c.code == 0x130) {
      out += "i\xCC\x87";  // the one character whose full lower case is two
    } else {
      append_utf8(out,
                  static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.code))));
    }
    at += c.n_bytes;
  }
  return out;
}

constexpr char32_t removed = 0xFFFFFFFF;

// Every character through a function; `removed` leaves it out.
template <class Function>
std::string mapped(std::string_view text, Function function) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    if (const char32_t code = function(c.code); code != removed) append_utf8(out, code);
    at += c.n_bytes;
  }
  return out;
}

char32_t bert_cleaned(char32_t code) {
  if (is_bert_control(code)) return removed;
  return is_white_space(code) ? U' ' : code;
}

// The clean-up of the NMT systems before sentencepiece.
char32_t nmt(char32_t code) {
  if ((code >= 0x01 && code <= 0x08) || code == 0x0B || (code >= 0x0E && code <= 0x1F) ||
      code == 0x7F || code == 0x8F || code == 0x9F) {
    return removed;
  }
  const bool is_space = code == 0x09 || code == 0x0A || code == 0x0C || code == 0x0D ||
                        code == 0x1680 || (code >= 0x200B && code <= 0x200F) || code == 0x2028 ||
                        code == 0x2029 || code == 0x2581 || code == 0xFEFF || code == 0xFFFD;
  return is_space ? U' ' : code;
}

std::string spaced_ideographs(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    const bool spaced = is_chinese(c.code);
    if (spaced) out += ' ';
    out += text.substr(at, c.n_bytes);
    if (spaced) out += ' ';
    at += c.n_bytes;
  }
  return out;
}

std::string_view strip(std::string_view text, bool left, bool right) {
  size_t begin = 0;
  while (left && begin < text.size()) {
    const Utf8Char c = utf8_at(text, begin);
    if (!is_white_space(c.code)) break;
    begin += c.n_bytes;
  }
  size_t end = text.size();
  while (right && end > begin) {
    size_t last = end - 1;
    while ((static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
    if (!is_white_space(utf8_at(text, last).code)) break;
    end = last;
  }
  return text.substr(begin, end - begin);
}

}  // namespace

Result<Normalizer> Normalizer::create(const std::vector<NormalizerSpec>& steps,
                                      std::string_view name) {
  if (steps.size() > n_steps_max) {
    return fail(Fault::limit, "{}: {} normalizers, at most {} are supported", name, steps.size(),
                n_steps_max);
  }
  Normalizer normalizer;
  for (const NormalizerSpec& spec : steps) {
    Pattern pattern = TRY(Pattern::compile(spec.pattern, name));
    Charsmap charsmap;
    if (spec.kind == NormalizerSpec::Kind::precompiled) {
      charsmap = TRY(Charsmap::create(spec.text, name));
    }
    normalizer.steps_.push_back({spec, std::move(pattern), std::move(charsmap)});
  }
  return normalizer;
}

Result<std::string> Normalizer::replace(const Step& step, std::string_view text, size_t bytes_max,
                                        MatchScratch& scratch) {
  std::string out;
  size_t done = 0;
  for (size_t from = 0; from <= text.size();) {
    const auto match = TRY(step.pattern.find(text, from, scratch));
    if (!match) break;
    out += text.substr(done, match->begin - done);
    out += step.spec.text;
    done = match->end;
    from = match->end;
    if (match->begin == match->end) {  // of nothing: go on behind the next character
      from += from < text.size() ? utf8_at(text, from).n_bytes : 1;
    }
    if (out.size() > bytes_max) break;
  }
  out += text.substr(done);
  return out;
}

Result<std::string> Normalizer::applied(const Step& step, std::string_view text, size_t bytes_max,
                                        MatchScratch& scratch) {
  switch (step.spec.kind) {
    case NormalizerSpec::Kind::nfc:
      return to_form(text, Form::nfc);
    case NormalizerSpec::Kind::nfd:
      return to_form(text, Form::nfd);
    case NormalizerSpec::Kind::nfkc:
      return to_form(text, Form::nfkc);
    case NormalizerSpec::Kind::nfkd:
      return to_form(text, Form::nfkd);
    case NormalizerSpec::Kind::lowercase:
      return lowercase(text);
    case NormalizerSpec::Kind::strip:
      return std::string(strip(text, step.spec.left, step.spec.right));
    case NormalizerSpec::Kind::strip_accents:
      return mapped(text, [](char32_t code) { return is_combining_mark(code) ? removed : code; });
    case NormalizerSpec::Kind::prepend:
      return text.empty() ? std::string() : std::string(step.spec.text).append(text);
    case NormalizerSpec::Kind::replace:
      return replace(step, text, bytes_max, scratch);
    case NormalizerSpec::Kind::bert_clean:
      return mapped(text, bert_cleaned);
    case NormalizerSpec::Kind::bert_chinese:
      return spaced_ideographs(text);
    case NormalizerSpec::Kind::bert_accents:
      return mapped(to_form(text, Form::nfd),
                    [](char32_t code) { return is_bert_accent(code) ? removed : code; });
    case NormalizerSpec::Kind::nmt:
      return mapped(text, nmt);
    case NormalizerSpec::Kind::precompiled:
      // The table's own strings need not be well-formed.
      return utf8_replace_invalid(
          step.spec.longest ? step.charsmap.apply(text) : step.charsmap.apply_to_graphemes(text),
          ReplaceEach::byte);
    case NormalizerSpec::Kind::sentencepiece_spaces:
      return SentencePieceSpaces{step.spec.left, step.spec.right}.apply(text);
    case NormalizerSpec::Kind::byte_level:
      return bytes_to_alphabet(text);
  }
  return std::string(text);
}

Result<std::string> Normalizer::apply(std::string_view text, MatchScratch& scratch) const {
  const size_t bytes_max = growth_max * text.size() + growth_base;
  std::string now(text);
  for (const Step& step : steps_) {
    now = TRY(applied(step, now, bytes_max, scratch));
    if (now.size() > bytes_max) {
      return fail(Fault::limit, "normalization grows a text of {} bytes to more than {}",
                  text.size(), bytes_max);
    }
  }
  return now;
}

}  // namespace quire
