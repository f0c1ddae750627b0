#include "train/token_cache.h"

#include "base/check.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace quire {
namespace {

constexpr std::array<char, 8> magic = {'Q', 'T', 'O', 'K', 'E', 'N', 'S', '1'};

struct Footer {
  std::array<char, 8> magic_bytes;
  uint32_t width, n_sources;
  uint64_t n_documents, n_tokens, n_text_bytes, fingerprint, checksum, zero;
};
static_assert(sizeof(Footer) == 64 && sizeof(CachedDocument) == 24);

// Documents encoded at once: enough for every thread, little enough to stay small in memory.
constexpr size_t queue_bytes_max = size_t{4} << 20;
constexpr size_t queue_documents_max = 4096;

uint32_t token_width(int64_t n_vocab) { return n_vocab <= 65536 ? 2 : 4; }

}  // namespace

Result<int32_t> separator_of(const Tokenizer& tokenizer) {
  if (tokenizer.eos() >= 0) return tokenizer.eos();
  if (tokenizer.bos() >= 0) return tokenizer.bos();
  return fail(Fault::usage,
              "{}: the tokenizer has neither an end-of-text nor a start token, so documents cannot "
              "be told apart; train one with --vocab",
              tokenizer.spec().name);
}

TokenCacheWriter::TokenCacheWriter(AtomicFile file, std::shared_ptr<const Tokenizer> tokenizer,
                                   ThreadPool& pool, int32_t separator)
    : file_(std::move(file)),
      tokenizer_(std::move(tokenizer)),
      pool_(&pool),
      separator_(separator) {}

Result<TokenCacheWriter> TokenCacheWriter::create(const std::string& path,
                                                  std::shared_ptr<const Tokenizer> tokenizer,
                                                  ThreadPool& pool) {
  const int32_t separator = TRY(separator_of(*tokenizer));
  AtomicFile file = TRY(AtomicFile::create(path));
  return TokenCacheWriter(std::move(file), std::move(tokenizer), pool, separator);
}

Result<void> TokenCacheWriter::add(std::string_view text, uint32_t source) {
  if (text.empty()) return {};
  if (text.size() > UINT32_MAX)
    return fail(Fault::limit, "a document of data file {} has {} bytes, at most {} are supported",
                source + 1, text.size(), UINT32_MAX);
  queue_.push_back({std::string(text), source});
  queued_bytes_ += text.size();
  if (queued_bytes_ >= queue_bytes_max || queue_.size() >= queue_documents_max) TRY(encode_queue());
  return {};
}

Result<void> TokenCacheWriter::put(std::span<const std::byte> bytes) {
  checksum_.add(bytes);
  n_written_ += bytes.size();
  return file_.write(bytes);
}

template <class T>
Result<void> TokenCacheWriter::put_tokens(const std::vector<int32_t>& ids) {
  std::vector<T> narrow(ids.begin(), ids.end());
  return put(std::as_bytes(std::span(narrow)));
}

Result<void> TokenCacheWriter::encode_queue() {
  const auto n = static_cast<int64_t>(queue_.size());
  std::vector<Result<std::vector<int32_t>>> encoded(queue_.size());
  const EncodeOptions plain{AddSpecial::never, ParseSpecial::as_text, InvalidUtf8::keep};
  pool_->for_each(n, 1, [&](int64_t i, int) {
    const auto at = static_cast<size_t>(i);
    encoded[at] = tokenizer_->encode(queue_[at].text, plain);
  });
  const int32_t bos = tokenizer_->bos();
  for (size_t i = 0; i < queue_.size(); ++i) {
    std::vector<int32_t> ids = TRY(std::move(encoded[i]));
    if (bos >= 0 && bos != separator_) ids.insert(ids.begin(), bos);
    ids.push_back(separator_);
    const std::string& text = queue_[i].text;
    documents_.push_back({Fingerprint().add(text).value(), static_cast<uint32_t>(ids.size()),
                          static_cast<uint32_t>(text.size()), queue_[i].source, 0});
    n_tokens_ += ids.size();
    n_text_bytes_ += text.size();
    if (token_width(tokenizer_->n_vocab()) == 2)
      TRY(put_tokens<uint16_t>(ids));
    else
      TRY(put_tokens<uint32_t>(ids));
  }
  queue_.clear();
  queued_bytes_ = 0;
  return {};
}

Result<void> TokenCacheWriter::finish(uint32_t n_sources, uint64_t fingerprint) {
  TRY(encode_queue());
  if (documents_.empty()) return fail(Fault::usage, "the data files hold no text");
  const std::array<std::byte, 8> zeros{};
  TRY(put(std::span(zeros).first((8 - n_written_ % 8) % 8)));
  TRY(put(std::as_bytes(std::span(documents_))));
  Footer footer{magic,
                token_width(tokenizer_->n_vocab()),
                n_sources,
                documents_.size(),
                n_tokens_,
                n_text_bytes_,
                fingerprint,
                0,
                0};
  checksum_.add(std::as_bytes(std::span(&footer, 1)));
  footer.checksum = checksum_.value();
  TRY(file_.write(std::as_bytes(std::span(&footer, 1))));
  return file_.commit();
}

Result<TokenCache> TokenCache::open(const std::string& path, int64_t n_vocab,
                                    uint64_t fingerprint) {
  TokenCache cache(TRY(MappedFile::open(path)));
  const std::span<const std::byte> bytes = cache.file_.bytes();
  const auto damaged = [&](std::string_view what) {
    return fail(Fault::bad_format, "{}: {}; delete the file to have it made again", path, what);
  };
  Footer footer;
  if (bytes.size() < sizeof footer) return damaged("too short to be a token cache");
  std::memcpy(&footer, bytes.data() + bytes.size() - sizeof footer, sizeof footer);
  if (footer.magic_bytes != magic) return damaged("not a token cache");
  if (footer.fingerprint != fingerprint)
    return damaged("made from other data files or with another tokenizer");
  // Sizes first, by division, so that no product can overflow.
  const uint64_t room = bytes.size() - sizeof footer;
  const uint32_t width = footer.width;
  if (width != token_width(n_vocab) || footer.n_tokens > room / width ||
      footer.n_documents > room / sizeof(CachedDocument))
    return damaged("its footer does not fit its size");
  const uint64_t token_bytes = (footer.n_tokens * width + 7) / 8 * 8;
  const uint64_t table_bytes = footer.n_documents * sizeof(CachedDocument);
  if (token_bytes + table_bytes != room) return damaged("its footer does not fit its size");
  const uint64_t checksum = std::exchange(footer.checksum, 0);
  Fingerprint seen;
  seen.add(bytes.first(room)).add(std::as_bytes(std::span(&footer, 1)));
  if (seen.value() != checksum) return damaged("its checksum is wrong");

  cache.width_ = width;
  cache.n_sources_ = footer.n_sources;
  cache.n_text_bytes_ = footer.n_text_bytes;
  cache.fingerprint_ = footer.fingerprint;
  cache.documents_.resize(footer.n_documents);
  std::memcpy(cache.documents_.data(), bytes.data() + token_bytes, table_bytes);
  cache.first_.reserve(cache.documents_.size() + 1);
  cache.first_.push_back(0);
  for (const CachedDocument& document : cache.documents_) {
    if (document.source >= footer.n_sources) return damaged("a document names no data file");
    cache.first_.push_back(cache.first_.back() + document.n_tokens);
  }
  if (static_cast<uint64_t>(cache.n_tokens()) != footer.n_tokens)
    return damaged("its documents do not add up to its tokens");
  std::array<int32_t, 4096> ids;
  for (int64_t t = 0; t < cache.n_tokens(); t += static_cast<int64_t>(ids.size())) {
    const auto n = std::min<int64_t>(static_cast<int64_t>(ids.size()), cache.n_tokens() - t);
    cache.read(t, std::span(ids).first(static_cast<size_t>(n)));
    for (int64_t i = 0; i < n; ++i)
      if (ids[static_cast<size_t>(i)] < 0 || ids[static_cast<size_t>(i)] >= n_vocab)
        return damaged(fmt::format("token {} has the id {}, the vocabulary has {}", t + i,
                                   ids[static_cast<size_t>(i)], n_vocab));
  }
  return cache;
}

void TokenCache::read(int64_t first, std::span<int32_t> out) const {
  CHECK(first >= 0 && first + static_cast<int64_t>(out.size()) <= n_tokens());
  const std::byte* data = file_.bytes().data() + first * width_;
  for (size_t i = 0; i < out.size(); ++i) {
    if (width_ == 2) {
      uint16_t id;
      std::memcpy(&id, data + 2 * i, 2);
      out[i] = id;
    } else {
      std::memcpy(&out[i], data + 4 * i, 4);
    }
  }
}

}  // namespace quire
