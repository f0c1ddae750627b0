// Lossless compression with a model: each token costs -log2 of the probability that the model gave
// it. Prediction is compression (Shannon 1948; Delétang et al. 2023, arXiv:2309.10668).
//
// The bytes are cut into a few streams (how many depends on their number only) that advance one
// token per step together. Both directions run exactly the same steps, so they see the same logits
// bit for bit on any number of threads. When a stream has filled the context, it goes on from its
// last n_ctx / 2 tokens. A stream whose tokens do not give back its bytes is coded byte by byte,
// and one that gets no smaller is stored as it is: any input works.
//
// File, all integers little-endian:
//   "QUIREZ"  u8 version = 1  u8 instruction set (base/isa.h)
//   u64 fingerprint of the model     u64 FNV-1a of the original bytes
//   u32 low bits of FNV-1a of logits for a few fixed tokens: does this build compute the same?
//   u32 n_ctx   u64 n_bytes   u8 n_streams
//   n_streams x { u8 coding, u64 n_bytes, u64 n_tokens (0 when stored), u64 n_coded }
//   the coded bytes of each stream
//   u64 FNV-1a of everything before: found damaged before any work is done
#pragma once
#include "base/isa.h"
#include "engine/runner.h"

#include <functional>
#include <string>
#include <string_view>

namespace quire {

constexpr uint64_t compress_bytes_max = uint64_t{1} << 32;  // of the original

struct CompressOptions {
  int64_t n_ctx = 0;  // compress only; 0: what the model knows, at most 2048
  int n_threads = 0;
  uint64_t bytes_max = compress_bytes_max;  // larger inputs or results fail with limit
  std::function<void(uint64_t n_done, uint64_t n_total)> progress{};  // tokens; may be empty
};

// limit when the data is too large.
Result<std::string> compress(const std::shared_ptr<const Model>& model, std::string_view data,
                             const CompressOptions& options = {});

// What a compressed file says about itself.
struct CompressedInfo {
  Isa isa = Isa::portable;
  uint64_t fingerprint = 0;
  int64_t n_ctx = 0;
  uint64_t n_bytes = 0;
};
// bad_format when the file is no compressed file or is damaged; unsupported for a version that is
// not known.
Result<CompressedInfo> read_compressed_info(std::string_view file);

// The original bytes. bad_format for a damaged file or another model; unsupported when the file was
// made with instructions that this program may not use now (see limit_isa: the caller lowers it to
// CompressedInfo::isa before it loads the model) or by a build that computes other numbers.
Result<std::string> decompress(const std::shared_ptr<const Model>& model, std::string_view file,
                               const CompressOptions& options = {});

}  // namespace quire
