#include "text/pre_tokenizer.h"

#include "text/byte_alphabet.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace quire {
namespace {

constexpr size_t n_steps_max = 32;

// Takes the matches of a piece and what lies between them, in order, and gives out what the
// behaviour makes of them. Nothing empty is given out.
class Splitter {
 public:
  using Emit = FunctionRef<Result<void>(std::string_view)>;
  Splitter(std::string_view text, SplitBehavior behavior, bool invert, Emit emit)
      : text_(text), behavior_(behavior), invert_(invert), emit_(emit) {}

  // [begin, end) is a match; what lies between it and the one before is not.
  Result<void> match(size_t begin, size_t end) {
    if (begin > done_) TRY(item(done_, begin, invert_));
    done_ = end;
    return item(begin, end, !invert_);
  }
  Result<void> finish() {
    if (done_ < text_.size()) TRY(item(done_, text_.size(), invert_));
    return flush();
  }

 private:
  Result<void> item(size_t begin, size_t end, bool is_match) {
    switch (behavior_) {
      case SplitBehavior::isolated:
        return out(begin, end);
      case SplitBehavior::removed:
        if (is_match) return {};
        return out(begin, end);
      case SplitBehavior::contiguous:
        if (held_ && held_match_ == is_match) return extend(end);
        return hold(begin, end, is_match);
      case SplitBehavior::merged_with_previous:
        if (held_ && is_match && !held_match_) {
          // The pair is complete: the next match stands alone.
          held_end_ = end;
          return flush();
        }
        return hold(begin, end, is_match);
      case SplitBehavior::merged_with_next:
        if (held_ && held_match_ && !is_match) {
          held_end_ = end;
          return flush();
        }
        return hold(begin, end, is_match);
    }
    return {};
  }
  Result<void> extend(size_t end) {
    held_end_ = end;
    return {};
  }
  Result<void> hold(size_t begin, size_t end, bool is_match) {
    TRY(flush());
    held_ = true;
    held_begin_ = begin;
    held_end_ = end;
    held_match_ = is_match;
    return {};
  }
  Result<void> flush() {
    if (!held_) return {};
    held_ = false;
    return out(held_begin_, held_end_);
  }
  Result<void> out(size_t begin, size_t end) {
    if (begin == end) return {};
    return emit_(text_.substr(begin, end - begin));
  }

  std::string_view text_;
  SplitBehavior behavior_;
  bool invert_;
  Emit emit_;
  size_t done_ = 0;
  bool held_ = false, held_match_ = false;
  size_t held_begin_ = 0, held_end_ = 0;
};

}  // namespace

Result<PreTokenizer> PreTokenizer::create(const std::vector<PreTokenizerSpec>& steps,
                                          std::string_view name) {
  if (steps.size() > n_steps_max) {
    return fail(Fault::limit, "{}: {} pre-tokenizers, at most {} are supported", name, steps.size(),
                n_steps_max);
  }
  PreTokenizer result;
  for (const PreTokenizerSpec& spec : steps) {
    const bool plain = spec.kind == PreTokenizerSpec::Kind::split && !spec.invert &&
                       spec.behavior == SplitBehavior::isolated &&
                       spec.pattern.syntax == PatternSpec::Syntax::regex;
    const WordScanner scanner = plain ? WordScanner(spec.pattern.text) : WordScanner();
    Pattern pattern = TRY(Pattern::compile(scanner.found() ? PatternSpec() : spec.pattern, name));
    result.steps_.push_back({spec, std::move(pattern), scanner});
  }
  return result;
}

Result<void> PreTokenizer::run(std::string_view text, TextPosition position,
                               PreTokenizerScratch& scratch,
                               FunctionRef<void(std::string_view)> word) const {
  Run state{position, scratch, word};
  return pass(0, text, state);
}

Result<void> PreTokenizer::pass(size_t step, std::string_view piece, Run& run) const {
  if (piece.empty()) return {};
  if (step == steps_.size()) {
    run.word(piece);
    return {};
  }
  const PreTokenizerSpec& spec = steps_[step].spec;
  switch (spec.kind) {
    case PreTokenizerSpec::Kind::split:
      if (steps_[step].scanner.found()) return scan_words(step, piece, run);
      return split_pattern(step, steps_[step].pattern, spec.behavior, piece, run);
    case PreTokenizerSpec::Kind::digits:
      return split_characters(step, spec.behavior, is_number, piece, run);
    case PreTokenizerSpec::Kind::whitespace_split:
      return split_characters(step, SplitBehavior::removed, is_white_space, piece, run);
    case PreTokenizerSpec::Kind::whitespace_words:
      return split_word_runs(step, piece, run);
    case PreTokenizerSpec::Kind::scripts:
      return split_scripts(step, piece, run);
    case PreTokenizerSpec::Kind::byte_level:
      return pass(step + 1, run.scratch.texts.emplace_back(bytes_to_alphabet(piece)), run);
    case PreTokenizerSpec::Kind::punctuation:
      return split_characters(step, spec.behavior, is_punctuation, piece, run);
    case PreTokenizerSpec::Kind::metaspace:
      return metaspace(step, piece, run);
    case PreTokenizerSpec::Kind::prefix_space:
      return prefix_space(step, piece, run);
  }
  return {};
}

Result<void> PreTokenizer::split_pattern(size_t step, const Pattern& pattern,
                                         SplitBehavior behavior, std::string_view piece,
                                         Run& run) const {
  auto emit = [&](std::string_view part) { return pass(step + 1, part, run); };
  Splitter splitter(piece, behavior, steps_[step].spec.invert, emit);
  for (size_t from = 0; from <= piece.size();) {
    const auto match = TRY(pattern.find(piece, from, run.scratch.match));
    if (!match) break;
    TRY(splitter.match(match->begin, match->end));
    from = match->end;
    if (match->begin == match->end) {
      from += from < piece.size() ? utf8_at(piece, from).n_bytes : 1;
    }
  }
  return splitter.finish();
}

Result<void> PreTokenizer::scan_words(size_t step, std::string_view piece, Run& run) const {
  const WordScanner& scanner = steps_[step].scanner;
  const bool last = step + 1 == steps_.size();
  for (size_t at = 0; at < piece.size();) {
    const size_t end = scanner.next(piece, at);
    const std::string_view word = piece.substr(at, end - at);
    if (last) {
      run.word(word);
    } else {
      TRY(pass(step + 1, word, run));
    }
    at = end;
  }
  return {};
}

Result<void> PreTokenizer::split_word_runs(size_t step, std::string_view piece, Run& run) const {
  enum class Class { space, word, other };
  Class now = Class::space;
  size_t begin = 0;
  for (size_t at = 0; at < piece.size();) {
    const Utf8Char c = utf8_at(piece, at);
    const Class next = is_white_space(c.code)      ? Class::space
                       : is_word_character(c.code) ? Class::word
                                                   : Class::other;
    if (next != now) {
      if (now != Class::space) TRY(pass(step + 1, piece.substr(begin, at - begin), run));
      begin = at;
      now = next;
    }
    at += c.n_bytes;
  }
  if (now != Class::space) TRY(pass(step + 1, piece.substr(begin), run));
  return {};
}

// What stands before the first character with a script of its own is left out, as the reference
// does.
Result<void> PreTokenizer::split_scripts(size_t step, std::string_view piece, Run& run) const {
  int now = 0;
  size_t begin = piece.size();
  for (size_t at = 0; at < piece.size();) {
    const Utf8Char c = utf8_at(piece, at);
    const int next = script_of(c.code);
    if (next != 0 && next != now) {
      if (now != 0) TRY(pass(step + 1, piece.substr(begin, at - begin), run));
      begin = at;
      now = next;
    }
    at += c.n_bytes;
  }
  return pass(step + 1, piece.substr(begin), run);
}

Result<void> PreTokenizer::split_characters(size_t step, SplitBehavior behavior,
                                            bool (*matches)(char32_t), std::string_view piece,
                                            Run& run) const {
  auto emit = [&](std::string_view part) { return pass(step + 1, part, run); };
  Splitter splitter(piece, behavior, steps_[step].spec.invert, emit);
  for (size_t at = 0; at < piece.size();) {
    const Utf8Char c = utf8_at(piece, at);
    if (matches(c.code)) TRY(splitter.match(at, at + c.n_bytes));
    at += c.n_bytes;
  }
  return splitter.finish();
}

Result<void> PreTokenizer::metaspace(size_t step, std::string_view piece, Run& run) const {
  const PreTokenizerSpec& spec = steps_[step].spec;
  std::string& text = run.scratch.texts.emplace_back();
  text.reserve(piece.size() + piece.size() / 2 + spec.replacement.size());
  const bool prepend =
      run.position != TextPosition::continued &&
      (spec.prepend == PreTokenizerSpec::Prepend::always ||
       (spec.prepend == PreTokenizerSpec::Prepend::first && run.position == TextPosition::first));
  if (prepend && piece[0] != ' ' && !piece.starts_with(spec.replacement)) text = spec.replacement;
  for (const char c : piece) {
    if (c == ' ') {
      text += spec.replacement;
    } else {
      text += c;
    }
  }
  if (!spec.split) return pass(step + 1, text, run);
  return split_pattern(step, steps_[step].pattern, SplitBehavior::merged_with_next, text, run);
}

Result<void> PreTokenizer::prefix_space(size_t step, std::string_view piece, Run& run) const {
  if (piece[0] == ' ' || run.position == TextPosition::continued) return pass(step + 1, piece, run);
  std::string& text = run.scratch.texts.emplace_back(" ");
  text += piece;
  return pass(step + 1, text, run);
}

}  // namespace quire
