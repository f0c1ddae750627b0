#include "text/decoder.h"

#include "text/byte_alphabet.h"

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

std::string decoded(const TokenizerSpec& spec, size_t id) {
  const TokenType type = spec.types[id];
  std::string text = spec.pieces[id];
  if (type == TokenType::control) return text;
  // What sentencepiece writes for an unknown.
  if (type == TokenType::unknown) return spec.kind == "llama" ? " \xE2\x81\x87 " : text;
  for (const DecoderSpec& step : spec.decoders) {
    switch (step.kind) {
      case DecoderSpec::Kind::byte_level:
        if (type == TokenType::normal) text = alphabet_to_bytes(text).value_or(text);
        break;
      case DecoderSpec::Kind::replace:
        text = replaced(text, step.from, step.to);
        break;
      case DecoderSpec::Kind::byte_fallback:
        if (const int byte = byte_of(text); byte >= 0)
          text = std::string(1, static_cast<char>(byte));
        break;
      case DecoderSpec::Kind::strip:
        text = std::string(stripped(text, step));
        break;
      case DecoderSpec::Kind::fuse:
        return text;
    }
  }
  return text;
}

}  // namespace

Result<Decoder> Decoder::create(const TokenizerSpec& spec) {
  Decoder decoder;
  const auto fuse = std::ranges::find(spec.decoders, DecoderSpec::Kind::fuse, &DecoderSpec::kind);
  for (auto step = fuse; step != spec.decoders.end(); ++step) {
    if (step->kind == DecoderSpec::Kind::fuse) continue;
    if (step->kind != DecoderSpec::Kind::strip || step->from != " " || step->n_stop != 0) {
      return fail(Fault::unsupported,
                  "{}: a decoder step behind Fuse other than stripping spaces at the start",
                  spec.name);
    }
    decoder.n_leading_strip_ = step->n_start;
  }
  size_t n_bytes = 0;
  for (const std::string& piece : spec.pieces) n_bytes += piece.size();
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    decoder.bytes_ += decoded(spec, id);
    decoder.ends_.push_back(decoder.bytes_.size());
    if (decoder.bytes_.size() > growth_max * n_bytes + growth_base) {
      return fail(Fault::limit, "{}: its decoder grows {} bytes of pieces to more than {}",
                  spec.name, n_bytes, growth_max * n_bytes + growth_base);
    }
  }
  return decoder;
}

}  // namespace quire
