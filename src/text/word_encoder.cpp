#include "text/word_encoder.h"

#include "format/printable.h"

#include <algorithm>
#include <bit>

namespace quire {
namespace {

constexpr size_t cached_text_bytes_min = 1024;
constexpr size_t cached_word_bytes_max = 64;
// 24 bytes each: 384 KiB, half of a usual second-level cache.
constexpr size_t n_slots_max = 1 << 14;

constexpr std::string_view space_mark = "\xE2\x96\x81";

struct NamedKind {
  const char* name;
  MakeWordEncoder make;
};
constexpr NamedKind kinds[] = {
#define TOKENIZER_KIND(name, make) {name, make},
#include "text/tokenizer_kinds.inc"
#undef TOKENIZER_KIND
};

}  // namespace

WordEncoder::~WordEncoder() = default;

MakeWordEncoder word_encoder_of(std::string_view kind) {
  const auto* row = std::ranges::find(kinds, kind, &NamedKind::name);
  return row == std::end(kinds) ? nullptr : row->make;
}

void WordCache::reset(size_t n_bytes) {
  slots_.clear();
  if (n_bytes < cached_text_bytes_min) return;
  slots_.resize(std::min(n_slots_max, std::bit_ceil(n_bytes / 8)));
}

WordCache::Slot& WordCache::slot_of(std::string_view word) {
  return slots_[hash_bytes(word) >> 20 & (slots_.size() - 1)];
}

bool WordCache::recall(std::string_view word, std::vector<int32_t>& ids) {
  last_ = nullptr;
  if (slots_.empty() || word.size() > cached_word_bytes_max) return false;
  Slot& slot = slot_of(word);
  if (slot.n_bytes != word.size() || std::string_view(slot.text, slot.n_bytes) != word) {
    last_ = &slot;
    return false;
  }
  for (uint32_t i = 0; i < slot.n_ids; ++i) ids.push_back(ids[slot.first + i]);
  return true;
}

void WordCache::store(std::string_view word, size_t first, const std::vector<int32_t>& ids) {
  if (last_ == nullptr) return;
  *last_ = {word.data(), static_cast<uint32_t>(word.size()),
            static_cast<uint32_t>(ids.size() - first), static_cast<uint32_t>(first)};
}

Result<MergeTable> merge_table(const TokenizerSpec& spec, const StringIndex& pieces) {
  MergeTable table(spec.merges.size());
  std::string both;
  for (size_t i = 0; i < spec.merges.size(); ++i) {
    const auto& [left, right] = spec.merges[i];
    // The prefix of a piece that does not begin a word is not there twice.
    const size_t n_prefix = std::min(spec.subword_prefix.size(), right.size());
    both.assign(left).append(right, n_prefix, std::string::npos);
    const int32_t ids[] = {pieces.find(left), pieces.find(right), pieces.find(both)};
    if (*std::ranges::min_element(ids) < 0) {
      const std::string& missing = ids[0] < 0 ? left : ids[1] < 0 ? right : both;
      return fail(Fault::bad_format, "{}: merge {} of '{}' and '{}': there is no piece '{}'",
                  spec.name, i, printable(left), printable(right), printable(missing));
    }
    table.set(ids[0], ids[1], {static_cast<uint32_t>(i), ids[2]});
  }
  return table;
}

std::vector<int32_t> byte_pieces(const StringIndex& pieces) {
  std::vector<int32_t> ids;
  ids.reserve(256);
  for (int byte = 0; byte < 256; ++byte)
    ids.push_back(pieces.find(fmt::format("<0x{:02X}>", byte)));
  return ids;
}

std::string SentencePieceSpaces::apply(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 2 + space_mark.size());
  if (remove_extra) {
    const size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return out;
    text = text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
  }
  if (add_prefix && !text.empty()) out += space_mark;
  bool after_space = false;
  for (const char c : text) {
    if (c != ' ') {
      out += c;
    } else if (!(remove_extra && after_space)) {
      out += space_mark;
    }
    after_space = c == ' ';
  }
  // Space marks that were in the text as such go too, when they come last.
  while (remove_extra && out.ends_with(space_mark)) out.resize(out.size() - space_mark.size());
  return out;
}

bool spaces_only_lead(std::string_view piece) {
  while (piece.starts_with(space_mark)) piece.remove_prefix(space_mark.size());
  return piece.find(space_mark) == std::string_view::npos;
}

size_t space_led_part(std::string_view text) {
  size_t at = 0;
  while (text.substr(at).starts_with(space_mark)) at += space_mark.size();
  return std::min(text.find(space_mark, at), text.size());
}

}  // namespace quire
