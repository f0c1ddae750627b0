// Any bytes through every kind of tokenizer: ids are in range, streaming gives what decoding gives,
// and byte-level BPE gives every byte back.
#include "text/bpe_trainer.h"
#include "text/byte_alphabet.h"
#include "text/tokenizer.h"

#include <cstdint>
#include <cstdlib>
#include <vector>

using namespace quire;

namespace {

const char* const sample =
    "The keeper of the lighthouse counted the boats twice, because counting once had never been "
    "enough. She wrote 17 in the book, then 18; it's the fog, she'd say. \xC3\x9C"
    "ber Stra\xC3\x9F"
    "e "
    "\xE7\x81\xAF\xE5\xA1\x94 \xF0\x9F\x91\x8D aaaaaaaa        bbbb";

std::shared_ptr<const Tokenizer> byte_level(const char* pre) {
  BpeTrainerOptions options;
  options.n_vocab = 400;
  options.min_frequency = 1;
  options.pre = pre;
  options.n_threads = 1;
  options.special_tokens = {"<|endoftext|>", "<s>"};
  auto trainer = BpeTrainer::create(options).value();
  if (!trainer.add(sample)) std::abort();
  return Tokenizer::create(trainer.train().value()).value();
}

// Pieces of the sample, with scores, byte pieces, and one of each type.
std::shared_ptr<const Tokenizer> sentencepiece(bool tidy) {
  TokenizerSpec spec;
  spec.kind = "llama";
  const auto add = [&](const std::string& piece, TokenType type) {
    spec.scores.push_back(-static_cast<float>(spec.pieces.size() % 97));
    spec.pieces.push_back(piece);
    spec.types.push_back(type);
  };
  add("<unk>", TokenType::unknown);
  add("<s>", TokenType::control);
  for (int byte = 0; byte < 256 && !tidy; ++byte) {
    add(fmt::format("<0x{:02X}>", byte), TokenType::byte);
  }
  std::string text(sample);
  for (char& c : text) c = c == '\n' ? ' ' : c;
  for (size_t at = 0; at + 6 < 200; ++at) {
    for (size_t n = 1; n <= 6; ++n) {
      std::string piece;
      for (const char c : text.substr(at, n))
        piece += c == ' ' ? "\xE2\x96\x81" : std::string(1, c);
      add(piece, n == 3 && at % 7 == 0 ? TokenType::unused : TokenType::normal);
    }
  }
  add("boats", TokenType::user_defined);
  spec.unk = 0;
  spec.bos = 1;
  spec.prefix_ids = {1};
  spec.add_space_prefix = true;
  spec.remove_extra_whitespaces = tidy;
  AddedTokenSpec bos;
  bos.id = 1;
  bos.text = "<s>";
  bos.special = true;
  spec.added = {bos};
  return Tokenizer::create(std::move(spec)).value();
}

const std::vector<std::shared_ptr<const Tokenizer>>& tokenizers() {
  static const std::vector<std::shared_ptr<const Tokenizer>> all = {
      byte_level("gpt-2"),       byte_level("llama-bpe"), byte_level("gpt-4o"),
      byte_level("deepseek-v3"), byte_level("default"),   byte_level("deepseek-llm"),
      sentencepiece(false),      sentencepiece(true)};
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& tokenizer : tokenizers()) {
    for (const ParseSpecial parse : {ParseSpecial::as_tokens, ParseSpecial::as_text}) {
      for (const InvalidUtf8 invalid : {InvalidUtf8::reference, InvalidUtf8::keep}) {
        const auto ids = tokenizer->encode(text, {AddSpecial::as_model, parse, invalid});
        if (!ids) std::abort();
        for (const int32_t id : *ids) {
          if (id < 0 || id >= tokenizer->n_vocab()) std::abort();
        }
        const DecodeOptions options = {ShowSpecial::hide, DecodeAt::start};
        StreamDecoder stream(tokenizer, options);
        std::string streamed;
        for (const int32_t id : *ids) streamed += stream.push(id);
        const std::string decoded = tokenizer->decode(*ids, options);
        if (streamed + stream.flush() != decoded) std::abort();
        const bool exact = tokenizer->spec().kind == "gpt2" && parse == ParseSpecial::as_text;
        if (exact && decoded != text) std::abort();
      }
    }
  }
  return 0;
}
