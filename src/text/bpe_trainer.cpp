#include "text/bpe_trainer.h"

#include "base/threads.h"
#include "format/printable.h"
#include "text/bpe_merge_finder.h"
#include "text/byte_alphabet.h"
#include "text/pre_tokenizer.h"
#include "text/prefix_matcher.h"
#include "text/utf8.h"
#include "text/word_counter.h"

#include <algorithm>
#include <mutex>
#include <optional>

namespace quire {
namespace {

constexpr int32_t n_vocab_max = 1 << 24;
constexpr size_t special_bytes_max = 1024, n_specials_max = 65536;
// Documents wait until there are this many bytes, so that threads have something to share.
constexpr size_t batch_bytes = size_t{8} << 20;

Result<void> check(const BpeTrainerOptions& options) {
  const size_t n_special = options.special_tokens.size();
  if (n_special > n_specials_max) {
    return fail(Fault::usage, "{} special tokens, at most {} are possible", n_special,
                n_specials_max);
  }
  const auto least = static_cast<int64_t>(n_special) + 256;
  if (options.n_vocab < least || options.n_vocab > n_vocab_max) {
    return fail(Fault::usage,
                "a vocabulary of {} is impossible: it must be at least {} (256 bytes and {} "
                "special tokens) and at most {}",
                options.n_vocab, least, n_special, n_vocab_max);
  }
  for (size_t i = 0; i < n_special; ++i) {
    const std::string& token = options.special_tokens[i];
    const auto begin = options.special_tokens.begin();
    const bool repeated = std::find(begin, begin + static_cast<ptrdiff_t>(i), token) !=
                          begin + static_cast<ptrdiff_t>(i);
    const bool is_byte = utf8_at(token + "\n", 0).n_bytes == token.size();
    if (token.empty() || token.size() > special_bytes_max || repeated || is_byte ||
        utf8_valid_prefix(token) != token.size()) {
      return fail(Fault::usage,
                  "special token '{}': each must be UTF-8 of 2 to {} characters and stand once",
                  printable(token), special_bytes_max);
    }
  }
  for (const std::string& name : {options.bos, options.eos}) {
    if (!name.empty() && !std::ranges::count(options.special_tokens, name)) {
      return fail(Fault::usage, "'{}' is to begin or end texts but is no special token",
                  printable(name));
    }
  }
  return {};
}

}  // namespace

struct BpeTrainer::State {
  BpeTrainerOptions options;
  std::vector<PreTokenizerSpec> steps;
  PreTokenizer pre_tokenizer;
  PrefixMatcher specials;
  ThreadPool threads;
  std::vector<WordCounter> counters;  // one per thread
  std::vector<std::string> batch;
  size_t n_batch_bytes = 0;
  uint64_t n_bytes = 0;

  explicit State(BpeTrainerOptions given)
      : options(std::move(given)),
        threads(options.n_threads),
        counters(static_cast<size_t>(threads.size())) {}

  Result<void> count_batch();
  Result<void> count(std::string_view document, WordCounter& counter) const;
  Result<void> count_part(std::string_view text, WordCounter& counter) const;
  WordCounter all_words() const;
};

// Cuts special tokens out and counts what is between them.
Result<void> BpeTrainer::State::count(std::string_view document, WordCounter& counter) const {
  size_t done = 0;
  for (size_t at = specials.next_start(document, 0); at < document.size();
       at = specials.next_start(document, at)) {
    const PrefixMatcher::Found found = specials.find(document.substr(at));
    if (found.id < 0) {
      ++at;
      continue;
    }
    TRY(count_part(document.substr(done, at - done), counter));
    at += found.n_bytes;
    done = at;
  }
  return count_part(document.substr(done), counter);
}

// Bytes that are not UTF-8 make words of their own, as in encoding.
Result<void> BpeTrainer::State::count_part(std::string_view text, WordCounter& counter) const {
  PreTokenizerScratch scratch;
  auto word = [&](std::string_view one) { counter.add(one, 1); };
  while (!text.empty()) {
    const size_t n_valid = utf8_valid_prefix(text);
    TRY(pre_tokenizer.run(text.substr(0, n_valid), TextPosition::first, scratch, word));
    text.remove_prefix(n_valid);
    const size_t n_invalid = utf8_invalid_prefix(text);
    if (n_invalid > 0) word(text.substr(0, n_invalid));
    text.remove_prefix(n_invalid);
  }
  return {};
}

Result<void> BpeTrainer::State::count_batch() {
  std::mutex mutex;
  std::optional<Error> error;
  threads.for_each(static_cast<int64_t>(batch.size()), 1, [&](int64_t i, int thread) {
    auto done = count(batch[static_cast<size_t>(i)], counters[static_cast<size_t>(thread)]);
    if (done) return;
    const std::lock_guard lock(mutex);
    error = std::move(done).error();
  });
  batch.clear();
  n_batch_bytes = 0;
  if (error) return std::unexpected(std::move(*error));
  return {};
}

// The counts of all threads together. In the order of the words' bytes, so that nothing depends on
// which thread met a word first.
WordCounter BpeTrainer::State::all_words() const {
  WordCounter sum;
  for (const WordCounter& counter : counters) {
    for (size_t i = 0; i < counter.size(); ++i) sum.add(counter.word(i), counter.count(i));
  }
  std::vector<size_t> order(sum.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](size_t i) { return sum.word(i); });
  WordCounter sorted;
  for (const size_t i : order) sorted.add(sum.word(i), sum.count(i));
  return sorted;
}

BpeTrainer::BpeTrainer(std::unique_ptr<State> state) : state_(std::move(state)) {}
BpeTrainer::BpeTrainer(BpeTrainer&&) noexcept = default;
BpeTrainer& BpeTrainer::operator=(BpeTrainer&&) noexcept = default;
BpeTrainer::~BpeTrainer() = default;

Result<BpeTrainer> BpeTrainer::create(BpeTrainerOptions options) {
  TRY(check(options));
  auto state = std::make_unique<State>(std::move(options));
  const BpeTrainerOptions& given = state->options;
  state->steps = TRY(pre_tokenizer_by_name(given.pre, "tokenizer training"));
  state->pre_tokenizer = TRY(PreTokenizer::create(state->steps, "tokenizer training"));
  for (size_t i = 0; i < given.special_tokens.size(); ++i) {
    state->specials.add(given.special_tokens[i], static_cast<int32_t>(i));
  }
  return BpeTrainer(std::move(state));
}

Result<void> BpeTrainer::add(std::string_view document) {
  State& state = *state_;
  state.n_bytes += document.size();
  state.n_batch_bytes += document.size();
  state.batch.emplace_back(document);
  if (state.n_batch_bytes >= batch_bytes) TRY(state.count_batch());
  return {};
}

Result<TokenizerSpec> BpeTrainer::train() {
  State& state = *state_;
  TRY(state.count_batch());
  const BpeTrainerOptions& options = state.options;
  const WordCounter words = state.all_words();
  if (words.size() == 0) return fail(Fault::usage, "there is no text to train a tokenizer on");

  // Bytes in the order of the code points they are written as.
  std::vector<unsigned char> bytes(256);
  for (size_t i = 0; i < 256; ++i) bytes[i] = static_cast<unsigned char>(i);
  std::ranges::sort(bytes, {}, byte_to_code);
  const size_t n_special = options.special_tokens.size();
  std::vector<std::string> symbols;
  std::vector<int32_t> byte_ids(256);
  for (const unsigned char byte : bytes) {
    byte_ids[byte] = static_cast<int32_t>(symbols.size());
    symbols.emplace_back(1, static_cast<char>(byte));
  }
  BpeMergeFinder finder(words, std::move(symbols), byte_ids);
  const auto merges = finder.run(static_cast<size_t>(options.n_vocab) - n_special,
                                 std::max<uint64_t>(options.min_frequency, 1));

  TokenizerSpec spec;
  spec.kind = "gpt2";
  spec.pre = options.pre;
  spec.pre_tokenizers = state.steps;
  spec.ignore_merges = pre_tokenizer_has(options.pre, PreDefault::ignore_merges);
  spec.decoders.resize(1);
  spec.decoders[0].kind = DecoderSpec::Kind::byte_level;
  for (const std::string& token : options.special_tokens) {
    AddedTokenSpec added;
    added.id = static_cast<int32_t>(spec.pieces.size());
    added.text = token;
    added.special = true;
    if (token == options.bos) spec.bos = added.id;
    if (token == options.eos) spec.eos = added.id;
    spec.added.push_back(std::move(added));
    spec.pieces.push_back(token);
    spec.types.push_back(TokenType::control);
  }
  if (spec.bos >= 0) spec.prefix_ids.push_back(spec.bos);
  for (const std::string& piece : finder.pieces()) {
    spec.pieces.push_back(bytes_to_alphabet(piece));
    spec.types.push_back(TokenType::normal);
  }
  for (const FoundMerge& merge : merges) {
    spec.merges.emplace_back(spec.pieces[n_special + static_cast<size_t>(merge.left)],
                             spec.pieces[n_special + static_cast<size_t>(merge.right)]);
  }
  return spec;
}

uint64_t BpeTrainer::n_bytes() const { return state_->n_bytes; }

uint64_t BpeTrainer::n_words() const {
  uint64_t n = 0;
  for (const WordCounter& counter : state_->counters) n += counter.size();
  return n;
}

}  // namespace quire
