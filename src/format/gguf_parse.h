// The bytes of one GGUF file taken apart and checked; format/gguf.h joins such shards to a model.
#pragma once
#include "format/gguf.h"

namespace quire {

struct GgufShard {
  uint32_t version = 0, alignment = 0;
  std::vector<GgufEntry> entries;
  std::vector<GgufTensor> tensors;  // shard not yet set
};

// `bytes` aligned to 64 bytes; the shard points into them. `name` opens the error texts.
Result<GgufShard> parse_gguf_shard(std::span<const std::byte> bytes, const std::string& name);

}  // namespace quire
