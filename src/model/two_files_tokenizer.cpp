#include "model/two_files_tokenizer.h"

#include "model/two_files_tokenizer_text.h"
#include "text/byte_alphabet.h"
#include "text/pattern.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <map>

namespace quire {
namespace {

// What a piece is to the program.
enum class PieceKind : uint8_t { text, control, byte, other };

using namespace c_tokenizer;  // NOLINT(google-build-using-namespace): the texts, used here only

void put_u32(std::string& out, uint32_t x) {
  char bytes[4];
  std::memcpy(bytes, &x, 4);
  out.append(bytes, 4);
}

void put_ids(std::string& out, std::span<const int32_t> ids) {
  put_u32(out, static_cast<uint32_t>(ids.size()));
  for (int32_t id : ids) put_u32(out, static_cast<uint32_t>(id));
}

struct Piece {
  PieceKind kind = PieceKind::other;
  float score = 0;
  std::string text;
};

enum class Scores { none, stored };

void put_pieces(std::string& out, const Tokenizer& tokenizer, const std::vector<Piece>& pieces,
                Scores scores) {
  put_ids(out, tokenizer.prefix_ids());
  put_ids(out, tokenizer.suffix_ids());
  put_ids(out, tokenizer.end_of_generation());
  for (const Piece& piece : pieces) {
    out += static_cast<char>(piece.kind);
    if (scores == Scores::stored) put_u32(out, std::bit_cast<uint32_t>(piece.score));
    put_u32(out, static_cast<uint32_t>(piece.text.size()));
    out += piece.text;
  }
}

constexpr const char* ids_format =
    "//         uint32 n, uint32 ids[n]: put before every text; then those put behind it; then\n"
    "//         those that end a text\n";

// Ranges of the code points that match, by running the pattern over all of them at once.
Result<void> add_ranges(std::map<uint32_t, std::pair<uint32_t, uint32_t>>& ranges,
                        const char* expression, uint32_t kind) {
  const PatternSpec spec{PatternSpec::Syntax::regex, expression};
  const Pattern pattern = TRY(Pattern::compile(spec, "run.c"));
  MatchScratch scratch;
  constexpr uint32_t step = 4096;
  for (uint32_t first = 0; first <= 0x10FFFF; first += step) {
    std::string text;
    std::vector<uint32_t> code_at;  // by byte
    for (uint32_t code = first; code < first + step && code <= 0x10FFFF; ++code) {
      if (code >= 0xD800 && code < 0xE000) continue;
      append_utf8(text, code);
      code_at.resize(text.size(), code);
    }
    for (size_t at = 0; at < text.size();) {
      const auto match = TRY(pattern.find(text, at, scratch));
      if (!match) break;
      const uint32_t begin = code_at[match->begin], end = code_at[match->end - 1];
      auto before = ranges.empty() ? ranges.end() : std::prev(ranges.end());
      if (before != ranges.end() && before->second == std::pair(begin - 1, kind))
        before->second.first = end;
      else
        ranges[begin] = {end, kind};
      at = match->end;
    }
  }
  return {};
}

std::string fill(std::string text,
                 std::initializer_list<std::pair<std::string_view, std::string_view>> marks) {
  for (const auto& [mark, value] : marks)
    for (size_t at = text.find(mark); at != std::string::npos;
         at = text.find(mark, at + value.size()))
      text.replace(at, mark.size(), value);
  return text;
}

constexpr const char* no_bytes = "some byte has no piece";

class Emitter {
 public:
  Emitter(const Tokenizer& tokenizer, int64_t n_vocab)
      : tokenizer_(tokenizer), spec_(tokenizer.spec()), pieces_(static_cast<size_t>(n_vocab)) {}

  Result<CTokenizer> emit() {
    if (spec_.kind != "gpt2" && spec_.kind != "llama")
      return refuse(fmt::format("its kind is '{}', only gpt2 and llama can be", spec_.kind));
    if (!spec_.normalizers.empty()) return refuse("it normalizes text");
    for (const AddedTokenSpec& token : spec_.added)
      if (token.lstrip || token.rstrip || token.single_word)
        return refuse(fmt::format("its token {} swallows white space", token.id));
    return spec_.kind == "gpt2" ? byte_level() : sentencepiece();
  }

 private:
  std::unexpected<Error> refuse(const std::string& why) const {
    return fail(Fault::unsupported, "{}: its tokenizer cannot be printed as C: {}", spec_.name,
                why);
  }

  bool is_added(int32_t id) const {
    return std::ranges::find(spec_.added, id, &AddedTokenSpec::id) != spec_.added.end();
  }

  // What decode prints for a piece that encode does not make.
  Piece other(size_t id) const {
    return {PieceKind::other, 0, std::string(tokenizer_.piece(static_cast<int32_t>(id)))};
  }

  Result<CTokenizer> byte_level() {
    const std::string pattern = pre_tokenizer_name(spec_);
    const bool digits = pattern == "starcoder";
    if (pattern != "gpt-2" && !digits)
      return refuse(fmt::format("its words are cut by the pattern '{}', only that of gpt-2 can be",
                                pattern.empty() ? spec_.pre : pattern));
    if (spec_.ignore_merges) return refuse("its words may skip the merges");
    bool has_bytes[256] = {};
    for (size_t i = 0; i < spec_.pieces.size(); ++i) {
      const auto id = static_cast<int32_t>(i);
      const auto bytes = alphabet_to_bytes(spec_.pieces[i]);
      pieces_[i] = other(i);
      if (is_added(id) && !tokenizer_.is_special(id))
        return refuse(fmt::format("its token {} is cut out of the text but no control token", id));
      if (tokenizer_.is_special(id)) {
        pieces_[i] = {PieceKind::control, 0, is_added(id) ? spec_.pieces[i] : ""};
      } else if (bytes && !bytes->empty() && tokenizer_.type(id) == TokenType::normal) {
        pieces_[i] = {PieceKind::text, 0, *bytes};
        if (bytes->size() == 1) has_bytes[static_cast<unsigned char>((*bytes)[0])] = true;
      }
    }
    if (!std::ranges::all_of(has_bytes, std::identity())) return refuse(no_bytes);
    CTokenizer out;
    out.kind = "byte-level BPE";
    put_pieces(out.data, tokenizer_, pieces_, Scores::none);
    TRY(put_merges(out.data));
    TRY(put_classes(out.data));
    out.format =
        std::string(ids_format) +
        "//         V pieces: uint8 kind, uint32 n, n bytes of text\n"
        "//         uint32 n, n merges: uint32 left, right, rank, id; by left, then right\n"
        "//         uint32 n, n ranges of code points: uint32 first, last, kind\n";
    out.program = fill(pieces_text, {{"@SCORE@", ""},
                                     {"@INDEX@", ""},
                                     {"@TAKE_SCORE@", ""},
                                     {"@BYTE_KIND@", "TEXT"},
                                     {"@INDEX_PIECE@", ""},
                                     {"@SORT@", ""}}) +
                  byte_level_text + merge_text +
                  fill(byte_level_encode_text,
                       {{"@DIGITS@", digits ? digits_text : ""},
                        {"@WORD@", digits ? "word_or_number_length" : "word_length"}}) +
                  encode_text;
    return out;
  }

  Result<CTokenizer> sentencepiece() {
    if (spec_.remove_extra_whitespaces) return refuse("it removes white space");
    bool has_bytes[256] = {};
    for (size_t i = 0; i < spec_.pieces.size(); ++i) {
      const auto id = static_cast<int32_t>(i);
      const std::string& text = spec_.pieces[i];
      const TokenType type = spec_.types[i];
      const std::string_view bytes = tokenizer_.piece(id);
      pieces_[i] = other(i);
      if (type == TokenType::user_defined)
        return refuse(fmt::format("its token {} is defined by the user", id));
      if (type == TokenType::byte && bytes.size() == 1) {
        has_bytes[static_cast<unsigned char>(bytes[0])] = true;
        pieces_[i] = {PieceKind::byte, spec_.scores[i], std::string(bytes)};
      } else if (type == TokenType::normal && !text.empty()) {
        pieces_[i] = {PieceKind::text, spec_.scores[i], text};
      } else if (tokenizer_.is_special(id)) {
        pieces_[i] = {PieceKind::control, 0, is_added(id) ? text : ""};
      }
    }
    if (!std::ranges::all_of(has_bytes, std::identity())) return refuse(no_bytes);
    CTokenizer out;
    out.kind = "SentencePiece BPE";
    put_pieces(out.data, tokenizer_, pieces_, Scores::stored);
    out.format = std::string(ids_format) +
                 "//         V pieces: uint8 kind, float32 score, uint32 n, n bytes of text\n";
    out.program =
        fill(pieces_text,
             {{"@SCORE@", "    float score;\n"},
              {"@INDEX@", index_text},
              {"@TAKE_SCORE@",
               "        memcpy(&p->score, take_data(sizeof p->score), sizeof p->score);\n"},
              {"@BYTE_KIND@", "BYTE"},
              {"@INDEX_PIECE@", "        if (p->kind == TEXT) by_text[n_by_text++] = id;\n"},
              {"@SORT@", "    qsort(by_text, n_by_text, sizeof *by_text, compare_pieces);\n"}}) +
        sentencepiece_text + merge_text +
        fill(sentencepiece_encode_text,
             {{"@PREFIX@", spec_.add_space_prefix
                               ? "    memcpy(end, mark, 3);  // a space before every text\n"
                                 "    end += 3;\n"
                               : ""}}) +
        encode_text;
    return out;
  }

  Result<void> put_merges(std::string& out) const {
    struct Merge {
      uint32_t rank, id;
    };
    std::map<std::pair<int32_t, int32_t>, Merge> merges;  // of repetitions the last one counts
    for (size_t rank = 0; rank < spec_.merges.size(); ++rank) {
      const auto& [left, right] = spec_.merges[rank];
      const auto a = tokenizer_.id_of(left), b = tokenizer_.id_of(right),
                 both = tokenizer_.id_of(left + right);
      if (!a || !b || !both) return refuse(fmt::format("merge {} names no piece", rank));
      merges[{*a, *b}] = {static_cast<uint32_t>(rank), static_cast<uint32_t>(*both)};
    }
    put_u32(out, static_cast<uint32_t>(merges.size()));
    for (const auto& [pair, merge] : merges)
      for (uint32_t x : {static_cast<uint32_t>(pair.first), static_cast<uint32_t>(pair.second),
                         merge.rank, merge.id})
        put_u32(out, x);
    return {};
  }

  static Result<void> put_classes(std::string& out) {
    std::map<uint32_t, std::pair<uint32_t, uint32_t>> all;  // first -> last, class
    uint32_t kind = 1;
    for (const char* expression : {"\\p{L}+", "\\p{N}+", "\\s+"}) {
      std::map<uint32_t, std::pair<uint32_t, uint32_t>> ranges;
      TRY(add_ranges(ranges, expression, kind++));
      all.insert(ranges.begin(), ranges.end());
    }
    put_u32(out, static_cast<uint32_t>(all.size()));
    for (const auto& [first, rest] : all)
      for (uint32_t x : {first, rest.first, rest.second}) put_u32(out, x);
    return {};
  }

  const Tokenizer& tokenizer_;
  const TokenizerSpec& spec_;
  std::vector<Piece> pieces_;
};

}  // namespace

Result<CTokenizer> emit_tokenizer(const Tokenizer& tokenizer, int64_t n_vocab) {
  return Emitter(tokenizer, n_vocab).emit();
}

}  // namespace quire
