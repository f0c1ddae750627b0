// Fingerprints of data: which bytes a run was made from. FNV-1a with 64 bits (Fowler, Noll & Vo;
// draft-eastlake-fnv), finished by splitmix64 so that every bit depends on every byte. It guards
// against mistakes, not against an adversary.
#pragma once
#include "base/rng.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace quire {

class Fingerprint {
 public:
  Fingerprint& add(std::span<const std::byte> bytes) {
    for (std::byte b : bytes) state_ = (state_ ^ static_cast<uint64_t>(b)) * 0x100000001b3u;
    return *this;
  }
  Fingerprint& add(std::string_view text) {
    return add(std::as_bytes(std::span(text.data(), text.size())));
  }
  Fingerprint& add(uint64_t number) { return add(std::as_bytes(std::span(&number, 1))); }
  uint64_t value() const {
    uint64_t state = state_;
    return splitmix64(state);
  }

 private:
  uint64_t state_ = 0xcbf29ce484222325u;
};

}  // namespace quire
