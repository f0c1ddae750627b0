#include "text/decoder.h"

#include "text/byte_alphabet.h"
#include "text/utf8.h"

#include <algorithm>
#include <charconv>

namespace quire {
namespace {

// What decoding may hold in memory beyond the pieces themselves.
constexpr size_t growth_max = 8, growth_base = 1 << 20;

// "<0x0A>" -> 10, -1 for anything else.
int byte_of(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return -1;
  int byte = -1;
  const auto [end, error] = std::from_chars(piece.data() + 3, piece.data() + 5, byte, 16);
  return error == std::errc{} && end == piece.data() + 5 ? byte : -1;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t next = from.empty() ? std::string_view::npos : text.find(from, at);
    out += text.substr(at, next - at);
    if (next == std::string_view::npos) return out;
    out += to;
    at = next + from.size();
  }
}

std::string_view stripped(std::string_view text, const DecoderSpec& step) {
  for (int i = 0; i < step.n_start && !step.from.empty() && text.starts_with(step.from); ++i) {
    text.remove_prefix(step.from.size());
  }
  for (int i = 0; i < step.n_stop && !step.from.empty() && text.ends_with(step.from); ++i) {
    text.remove_suffix(step.from.size());
  }
  return text;
}

// English as it is written: no space in front of punctuation and of what an apostrophe cuts off.
std::string cleaned_up(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> rules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [from, to] : rules) text = replaced(text, from, to);
  return text;
}

std::string of_wordpiece(std::string text, const DecoderSpec& step, bool first) {
  if (!first) text = text.starts_with(step.from) ? text.substr(step.from.size()) : " " + text;
  return step.cleanup ? cleaned_up(std::move(text)) : text;
}

Result<std::string> replaced_matches(std::string_view text, const Pattern& pattern,
                                     std::string_view to, MatchScratch& scratch) {
  std::string out;
  size_t done = 0;
  for (size_t from = 0; from <= text.size();) {
    const auto match = TRY(pattern.find(text, from, scratch));
    if (!match) break;
    out.append(text.substr(done, match->begin - done)).append(to);
    done = match->end;
    from = match->end;
    if (match->begin == match->end) {
      from += from < text.size() ? std::max<size_t>(1, utf8_at(text, from).n_bytes) : 1;
    }
  }
  return out.append(text.substr(done));
}

}  // namespace

Result<std::string> Decoder::decoded(const TokenizerSpec& spec, size_t id, bool first,
                                     MatchScratch& scratch) const {
  const TokenType type = spec.types[id];
  std::string text = spec.pieces[id];
  // What sentencepiece writes for an unknown.
  if (type == TokenType::unknown && spec.kind == "llama") return " \xE2\x81\x87 ";
  const bool is_name = type == TokenType::control || type == TokenType::unknown;
  for (const auto& [step, pattern] : steps_) {
    switch (step.kind) {
      case DecoderSpec::Kind::byte_level:
        if (type == TokenType::normal) text = alphabet_to_bytes(text).value_or(text);
        break;
      case DecoderSpec::Kind::replace:
        if (is_name) break;
        if (step.regex) {
          text = TRY(replaced_matches(utf8_replace_invalid(text, ReplaceEach::byte), pattern,
                                      step.to, scratch));
        } else {
          text = replaced(text, step.from, step.to);
        }
        break;
      case DecoderSpec::Kind::metaspace:
        if (!is_name) text = replaced(text, step.from, first && step.drops_first ? "" : " ");
        break;
      case DecoderSpec::Kind::wordpiece:
        text = of_wordpiece(std::move(text), step, first);
        break;
      case DecoderSpec::Kind::bpe:
        // The space of a suffix at the end is added by DecodeWalk.
        if (!step.from.empty() && text.ends_with(step.from)) {
          text.resize(text.size() - step.from.size());
        }
        text = replaced(text, step.from, " ");
        break;
      case DecoderSpec::Kind::ctc:
        text = replaced(text, step.from, "");
        if (step.cleanup) text = replaced(cleaned_up(std::move(text)), step.to, " ");
        break;
      case DecoderSpec::Kind::byte_fallback:
        if (const int byte = byte_of(text); byte >= 0 && !is_name)
          text = std::string(1, static_cast<char>(byte));
        break;
      case DecoderSpec::Kind::strip:
        text = std::string(stripped(text, step));
        break;
      case DecoderSpec::Kind::fuse:
        break;
    }
  }
  return text;
}

Result<void> Decoder::read_steps(const TokenizerSpec& spec) {
  bool fused = false;
  for (const DecoderSpec& step : spec.decoders) {
    if (step.kind == DecoderSpec::Kind::fuse) {
      fused = true;
      continue;
    }
    if (fused) {
      if (step.kind != DecoderSpec::Kind::strip || step.from != " " || step.n_stop != 0) {
        return fail(Fault::unsupported,
                    "{}: a decoder step behind Fuse other than stripping spaces at the start",
                    spec.name);
      }
      n_leading_strip_ = step.n_start;
      continue;
    }
    PatternSpec pattern;
    if (step.regex) pattern = {PatternSpec::Syntax::regex, step.from};
    steps_.push_back({step, TRY(Pattern::compile(pattern, spec.name))});
    start_differs_ = start_differs_ || step.kind == DecoderSpec::Kind::wordpiece ||
                     (step.kind == DecoderSpec::Kind::metaspace && step.drops_first);
    has_byte_tokens_ = has_byte_tokens_ || step.kind == DecoderSpec::Kind::byte_fallback;
    merges_repeats_ = merges_repeats_ || step.kind == DecoderSpec::Kind::ctc;
    if (step.kind != DecoderSpec::Kind::bpe || step.from.empty()) continue;
    for (const std::string& piece : spec.pieces) ends_word_.push_back(piece.ends_with(step.from));
  }
  return {};
}

Result<Decoder> Decoder::create(const TokenizerSpec& spec) {
  Decoder decoder;
  TRY(decoder.read_steps(spec));
  MatchScratch scratch;
  size_t n_bytes = 0;
  for (const std::string& piece : spec.pieces) n_bytes += piece.size();
  const auto add = [&](Texts& texts, size_t id, bool first) -> Result<void> {
    texts.bytes += TRY(decoder.decoded(spec, id, first, scratch));
    texts.ends.push_back(texts.bytes.size());
    if (texts.bytes.size() <= growth_max * n_bytes + growth_base) return {};
    return fail(Fault::limit, "{}: its decoder grows {} bytes of pieces to more than {}", spec.name,
                n_bytes, growth_max * n_bytes + growth_base);
  };
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    TRY(add(decoder.later_, id, false));
    if (decoder.start_differs_) TRY(add(decoder.first_, id, true));
  }
  return decoder;
}

void DecodeWalk::append(int32_t id, std::string& out) {
  if (decoder_->merges_repeats() && id == previous_) return;
  previous_ = id;
  std::string_view bytes = first_ ? decoder_->bytes_at_start(id) : decoder_->bytes(id);
  first_ = false;
  if (space_waits_) out += ' ';
  space_waits_ = decoder_->ends_word(id);
  while (n_strip_left_ > 0 && !bytes.empty()) {
    if (bytes[0] != ' ') {
      n_strip_left_ = 0;
      break;
    }
    bytes.remove_prefix(1);
    --n_strip_left_;
  }
  out += bytes;
}

}  // namespace quire
