#include "text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/check.h"
#include "format/printable.h"

#include <algorithm>

namespace quire {
namespace {

constexpr size_t expression_bytes_max = 1 << 16;
constexpr uint32_t nesting_max = 100;
// A whole text of n bytes costs a sound expression a few steps per byte; one that needs more than
// this in a single match is refused while it runs.
constexpr uint64_t steps_base = 100'000, steps_per_byte = 16;
constexpr uint32_t heap_kib_max = 1 << 18;  // of the interpreter, used where machine code gives up

struct Newer {
  uint32_t first, last;
  std::string_view category;
};
constexpr Newer newer_than_pcre2[] = {
#define NEWER(first, last, name) {first, last, #name},
#include "text/unicode_tables.inc"
#undef NEWER
};

// \p{L}, \p{Lu} and the like as the inside of brackets, with what PCRE2 does not know yet.
std::string with_newer(std::string_view property) {
  std::string out = fmt::format("\\p{{{}}}", property);
  for (const Newer& row : newer_than_pcre2) {
    if (!row.category.starts_with(property)) continue;
    out += fmt::format("\\x{{{:X}}}-\\x{{{:X}}}", row.first, row.last);
  }
  return out;
}

// What \w matches in Oniguruma, to the last character (asked out of it); inside of brackets.
std::string word_class() {
  std::string out;
  for (const char* property : {"L", "M", "Nd", "Nl", "Pc"}) out += with_newer(property);
  return out +
         "\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}\\x{24B6}-\\x{24E9}"
         "\\x{1F130}-\\x{1F149}\\x{1F150}-\\x{1F169}\\x{1F170}-\\x{1F189}";
}

// What an escape of the Oniguruma syntax is in PCRE2, outside and inside brackets; "" when equal.
std::string_view translated_escape(char c, bool in_brackets) {
  switch (c) {
    case 's':
      return "\\p{White_Space}";
    case 'S':
      return "\\P{White_Space}";
    case 'h':
      return in_brackets ? "0-9a-fA-F" : "[0-9a-fA-F]";
    default:
      return "";
  }
}

// Walks an expression once and rewrites it.
class Translator {
 public:
  explicit Translator(std::string_view in) : in_(in) {}

  Result<std::string> run() {
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '\\') {
        escape();
      } else if (in_brackets_) {
        TRY(bracket_character(c));
      } else {
        if (c == '[') open_bracket();
        out_ += c;
        ++at_;
        if (c == '[' && at_ < in_.size() && in_[at_] == '^') out_ += in_[at_++];
        // A closing bracket that comes first is a character of the set.
        if (c == '[' && at_ < in_.size() && in_[at_] == ']') out_ += in_[at_++];
      }
    }
    return std::move(out_);
  }

 private:
  void open_bracket() { in_brackets_ = true; }

  void escape() {
    const char next = at_ + 1 < in_.size() ? in_[at_ + 1] : '\0';
    if ((next == 'p' || (next == 'P' && !in_brackets_)) && category_bytes() > 0) {
      const std::string inside = with_newer(in_.substr(at_ + 3, category_bytes()));
      if (in_brackets_) {
        out_ += inside;
      } else {
        out_.append(next == 'p' ? "[" : "[^").append(inside).append("]");
      }
      at_ += category_bytes() + 4;
      return;
    }
    if (next == 'w' && in_brackets_) {
      out_ += word_class();
    } else if ((next == 'b' || next == 'B') && !in_brackets_) {
      // Between a character of the class and one that is not of it.
      const std::string word = "[" + word_class() + "]";
      out_ += next == 'b' ? fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", word)
                          : fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", word);
    } else if ((next == 'w' || next == 'W') && !in_brackets_) {
      out_.append(next == 'w' ? "[" : "[^").append(word_class()).append("]");
    } else {
      const std::string_view translated = translated_escape(next, in_brackets_);
      out_ += translated.empty() ? in_.substr(at_, 2) : translated;
    }
    at_ += 2;
  }

  // Of the general category that \p{...} names here; 0 when it names something else.
  size_t category_bytes() const {
    const std::string_view rest = in_.substr(at_);
    for (const size_t n : {1, 2}) {
      const bool closed = rest.size() > n + 3 && rest[2] == '{' && rest[n + 3] == '}';
      if (closed && std::string_view("LMNPS").find(rest[3]) != std::string_view::npos) return n;
    }
    return 0;
  }

  Result<void> bracket_character(char c) {
    if (c == '[' && in_.substr(at_, 2) != "[:") {
      return fail(Fault::unsupported, "a set inside a set at byte {} of the expression", at_);
    }
    if (in_.substr(at_, 2) == "&&") {
      return fail(Fault::unsupported, "a set operation && at byte {} of the expression", at_);
    }
    if (in_.substr(at_, 2) == "[:") {
      const size_t end = in_.find(":]", at_);
      const size_t n = end == std::string_view::npos ? 2 : end + 2 - at_;
      out_ += in_.substr(at_, n);
      at_ += n;
      return {};
    }
    if (c == ']') in_brackets_ = false;
    out_ += c;
    ++at_;
    return {};
  }

  std::string_view in_;
  std::string out_;
  size_t at_ = 0;
  bool in_brackets_ = false;
};

std::string pcre_message(int code) {
  char text[256];
  pcre2_get_error_message(code, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof text);
  return text;
}

}  // namespace

struct MatchScratch::State {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  ~State() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
};

MatchScratch::MatchScratch() = default;
MatchScratch::~MatchScratch() = default;

struct Pattern::Code {
  pcre2_code* code = nullptr;
  bool jit = false;
  ~Code() { pcre2_code_free(code); }
};

Pattern::Pattern(std::string literal, std::unique_ptr<Code> code)
    : literal_(std::move(literal)), code_(std::move(code)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::compile(const PatternSpec& spec, std::string_view name) {
  if (spec.text.size() > expression_bytes_max) {
    return fail(Fault::limit, "{}: a pattern has {} bytes, at most {} are supported", name,
                spec.text.size(), expression_bytes_max);
  }
  if (spec.syntax == PatternSpec::Syntax::literal) return Pattern(spec.text, nullptr);

  auto translated = Translator(spec.text).run();
  if (!translated) {
    return fail(translated.error().fault, "{}: pattern '{}' has {}", name, printable(spec.text),
                translated.error().text);
  }
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  pcre2_set_parens_nest_limit(context, nesting_max);
  int error = 0;
  PCRE2_SIZE at = 0;
  auto code = std::make_unique<Code>();
  code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated->data()), translated->size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                             &error, &at, context);
  pcre2_compile_context_free(context);
  if (code->code == nullptr) {
    return fail(Fault::bad_format, "{}: pattern '{}': {} (at byte {})", name,
                printable(*translated), pcre_message(error), at);
  }
  // Without a just-in-time compiler the interpreter gives the same matches.
  code->jit = pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE) == 0;
  Pattern pattern({}, std::move(code));
  pattern.text_ = spec.text;
  return pattern;
}

Result<std::optional<Match>> Pattern::find(std::string_view text, size_t from,
                                           MatchScratch& scratch) const {
  using Found = std::optional<Match>;
  if (code_ == nullptr) {
    const size_t at = literal_.empty() ? std::string_view::npos : text.find(literal_, from);
    return at == std::string_view::npos ? Found{} : Found{Match{at, at + literal_.size()}};
  }
  if (scratch.state_ == nullptr) {
    scratch.state_ = std::make_unique<MatchScratch::State>();
    pcre2_set_heap_limit(scratch.state_->context, heap_kib_max);
  }
  MatchScratch::State& state = *scratch.state_;
  const uint64_t steps = steps_base + steps_per_byte * text.size();
  pcre2_set_match_limit(state.context,
                        static_cast<uint32_t>(std::min<uint64_t>(steps, UINT32_MAX)));
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  int found = PCRE2_ERROR_JIT_STACKLIMIT;
  if (code_->jit) {
    found = pcre2_jit_match(code_->code, subject, text.size(), from, 0, state.data, state.context);
  }
  // Machine code has a small stack of its own; the interpreter uses the heap.
  if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
    found = pcre2_match(code_->code, subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                        state.data, state.context);
  }
  if (found == PCRE2_ERROR_NOMATCH) return Found{};
  if (found < 0) {
    return fail(Fault::limit, "pattern '{}' on a text of {} bytes: {} (at byte {})",
                printable(text_), text.size(), pcre_message(found), from);
  }
  const PCRE2_SIZE* range = pcre2_get_ovector_pointer(state.data);
  // \K in a lookaround can put the end before the start, or the start before `from`.
  const size_t begin = std::max<size_t>(range[0], from);
  return Found{Match{begin, std::max<size_t>(range[1], begin)}};
}

}  // namespace quire
