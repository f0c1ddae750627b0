// Documents as tokens on disk, made once and mapped by every run after that.
//
//   tokens     u16 when the vocabulary has at most 65,536 tokens, else u32; document after document
//   padding    to a multiple of 8
//   documents  n_documents x { u64 hash of the text, u32 n_tokens, u32 n_bytes, u32 source, u32 0 }
//   footer     64 bytes: "QTOKENS1", u32 bytes per token, u32 n_sources, u64 n_documents,
//              u64 n_tokens, u64 n_text_bytes, u64 fingerprint, u64 checksum, u64 0
//
// Little-endian. The fingerprint says what it was made from (data files and tokenizer); the
// checksum covers all bytes before it. A document is its text's tokens with the start token in
// front (when the tokenizer has one that is not also the end) and the end-of-text token behind;
// special tokens spelled out in the text are text.
#pragma once
#include "base/file.h"
#include "base/threads.h"
#include "text/tokenizer.h"
#include "train/fingerprint.h"

#include <memory>
#include <string>
#include <vector>

namespace quire {

struct CachedDocument {
  uint64_t hash = 0;  // of the text
  uint32_t n_tokens = 0;
  uint32_t n_bytes = 0;  // of the text
  uint32_t source = 0;   // which data file
  uint32_t zero = 0;
};

// The token that stands between documents: EOS, or BOS when there is no EOS; usage when the
// tokenizer has neither.
Result<int32_t> separator_of(const Tokenizer& tokenizer);

// Usage: create, add() documents in order, finish(). Without finish() nothing appears.
class TokenCacheWriter {
 public:
  static Result<TokenCacheWriter> create(const std::string& path,
                                         std::shared_ptr<const Tokenizer> tokenizer,
                                         ThreadPool& pool);
  // An empty document is left out.
  Result<void> add(std::string_view text, uint32_t source);
  // `fingerprint` is what TokenCache::open() will compare. usage when there was no document.
  Result<void> finish(uint32_t n_sources, uint64_t fingerprint);

 private:
  struct Queued {
    std::string text;
    uint32_t source;
  };
  TokenCacheWriter(AtomicFile file, std::shared_ptr<const Tokenizer> tokenizer, ThreadPool& pool,
                   int32_t separator);
  Result<void> encode_queue();
  Result<void> put(std::span<const std::byte> bytes);
  template <class T>
  Result<void> put_tokens(const std::vector<int32_t>& ids);

  AtomicFile file_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  ThreadPool* pool_;
  int32_t separator_;
  std::vector<Queued> queue_;
  size_t queued_bytes_ = 0;
  std::vector<CachedDocument> documents_;
  uint64_t n_tokens_ = 0, n_text_bytes_ = 0, n_written_ = 0;
  Fingerprint checksum_;
};

class TokenCache {
 public:
  // not_found when there is none; bad_format when it is damaged, holds an id outside
  // [0, n_vocab), or has another fingerprint than `fingerprint` (the text says so).
  static Result<TokenCache> open(const std::string& path, int64_t n_vocab, uint64_t fingerprint);

  int64_t n_documents() const { return static_cast<int64_t>(documents_.size()); }
  const CachedDocument& document(int64_t d) const { return documents_[static_cast<size_t>(d)]; }
  // Where document d begins among all tokens.
  int64_t first_token(int64_t d) const { return first_[static_cast<size_t>(d)]; }
  int64_t n_tokens() const { return first_.back(); }
  uint64_t n_text_bytes() const { return n_text_bytes_; }
  uint32_t n_sources() const { return n_sources_; }
  uint64_t fingerprint() const { return fingerprint_; }
  // Tokens [first, first + out.size()).
  void read(int64_t first, std::span<int32_t> out) const;

 private:
  explicit TokenCache(MappedFile file) : file_(std::move(file)) {}
  MappedFile file_;
  uint32_t width_ = 2, n_sources_ = 0;
  uint64_t n_text_bytes_ = 0, fingerprint_ = 0;
  std::vector<CachedDocument> documents_;
  std::vector<int64_t> first_;  // n_documents + 1
};

}  // namespace quire
