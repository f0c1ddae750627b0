// Open-addressing maps for the inner loops of tokenizers: one cache line per look-up as a rule.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

inline uint64_t mix_bits(uint64_t x) {
  x *= 0x9e3779b97f4a7c15u;
  return x ^ (x >> 32);
}

inline uint64_t hash_bytes(std::string_view bytes) {
  uint64_t hash = bytes.size();
  const char* p = bytes.data();
  size_t n = bytes.size();
  uint64_t word;
  for (; n >= 8; n -= 8, p += 8) {
    std::memcpy(&word, p, 8);
    hash = mix_bits(hash ^ word);
  }
  if (n > 0) {
    word = 0;
    std::memcpy(&word, p, n);
    hash = mix_bits(hash ^ word);
  }
  return mix_bits(hash);
}

// uint64 -> Value; the key ~0 cannot be stored. Never shrinks.
template <class Value>
class FlatMap {
 public:
  explicit FlatMap(size_t n_expected = 0) { rehash(std::bit_ceil(n_expected * 2 + 8)); }

  const Value* find(uint64_t key) const {
    for (size_t i = slot_of(key);; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return &slots_[i].value;
      if (slots_[i].key == empty_key) return nullptr;
    }
  }
  Value* find(uint64_t key) {
    return const_cast<Value*>(static_cast<const FlatMap*>(this)->find(key));
  }
  // The value at key, made from `initial` when it was not there.
  Value& get_or_insert(uint64_t key, Value initial) {
    for (size_t i = slot_of(key);; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return slots_[i].value;
      if (slots_[i].key != empty_key) continue;
      if (n_used_ * 2 >= slots_.size()) {
        rehash(slots_.size() * 2);
        return get_or_insert(key, initial);
      }
      ++n_used_;
      slots_[i] = {key, initial};
      return slots_[i].value;
    }
  }
  size_t size() const { return n_used_; }

 private:
  static constexpr uint64_t empty_key = ~uint64_t{0};
  struct Slot {
    uint64_t key;
    Value value;
  };
  size_t slot_of(uint64_t key) const { return mix_bits(key) >> 8 & mask_; }
  void rehash(size_t n_slots) {
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(n_slots, Slot{empty_key, Value{}});
    mask_ = n_slots - 1;
    for (const Slot& slot : old) {
      if (slot.key == empty_key) continue;
      size_t i = slot_of(slot.key);
      while (slots_[i].key != empty_key) i = (i + 1) & mask_;
      slots_[i] = slot;
    }
  }
  std::vector<Slot> slots_;
  size_t mask_ = 0, n_used_ = 0;
};

// Strings to their index in a list that belongs to somebody else and stays where it is. Of equal
// strings the first one counts.
class StringIndex {
 public:
  StringIndex() = default;
  // Those at `without` are not found.
  explicit StringIndex(const std::vector<std::string>& strings,
                       std::span<const int32_t> without = {})
      : strings_(&strings) {
    std::vector<bool> left_out(strings.size());
    for (const int32_t i : without) left_out[static_cast<size_t>(i)] = true;
    slots_.assign(std::bit_ceil(strings.size() * 2 + 8), Slot{});
    for (size_t i = 0; i < strings.size(); ++i)
      if (!left_out[i]) insert(static_cast<int32_t>(i));
  }
  // -1 when it is not there.
  int32_t find(std::string_view text) const {
    if (slots_.empty()) return -1;
    const uint64_t hash = hash_bytes(text);
    for (size_t i = hash & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[i];
      if (slot.index < 0) return -1;
      if (slot.tag == static_cast<uint32_t>(hash >> 32) && at(slot.index) == text) {
        return slot.index;
      }
    }
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    int32_t index = -1;
  };
  const std::string& at(int32_t index) const { return (*strings_)[static_cast<size_t>(index)]; }
  void insert(int32_t index) {
    const uint64_t hash = hash_bytes(at(index));
    for (size_t i = hash & (slots_.size() - 1);; i = (i + 1) & (slots_.size() - 1)) {
      Slot& slot = slots_[i];
      if (slot.index < 0) {
        slot = {static_cast<uint32_t>(hash >> 32), index};
        return;
      }
      if (slot.tag == static_cast<uint32_t>(hash >> 32) && at(slot.index) == at(index)) return;
    }
  }
  const std::vector<std::string>* strings_ = nullptr;
  std::vector<Slot> slots_;
};

}  // namespace quire
