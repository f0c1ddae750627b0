// The bytes of a compressed file (layout: engine/compress.h): written and checked, without a model.
#pragma once
#include "engine/compress.h"

#include <vector>

namespace quire {

enum class StreamCoding : uint8_t {
  stored = 0,  // as it is
  text = 1,    // tokens; Tokenizer::decode gives the bytes
  bytes = 2,   // tokens of one byte each; Tokenizer::piece gives it
};

struct CompressedStream {
  StreamCoding coding = StreamCoding::stored;
  uint64_t n_bytes = 0;
  uint64_t n_tokens = 0;
  std::string_view coded;
};

struct CompressedFile {
  CompressedInfo info;
  uint64_t checksum = 0;  // of the original bytes
  uint32_t probe = 0;
  std::vector<CompressedStream> streams;
};

constexpr size_t n_streams_max = 8;

uint64_t fnv1a(std::string_view bytes);
std::string write_compressed(const CompressedFile& file);
// The streams point into `bytes`.
Result<CompressedFile> parse_compressed(std::string_view bytes);

}  // namespace quire
