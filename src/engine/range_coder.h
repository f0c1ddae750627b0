// Range coder: symbols with known frequencies to bytes and back, within a millionth of a bit of
// their information content. G. N. N. Martin 1979, "Range encoding: an algorithm for removing
// redundancy from a digitised message"; 64-bit state, carries propagated into the output.
//
// A symbol is the interval [start, start + size) of [0, total). Encoder and decoder must be given
// the same totals, which are at most 2^32.
#pragma once
#include "base/check.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace quire {

constexpr uint64_t range_min = uint64_t{1} << 56;  // after each symbol; 24 bits above any total

class RangeEncoder {
 public:
  // 0 < size, start + size <= total <= 2^32.
  void put(uint64_t start, uint64_t size, uint64_t total) {
    DCHECK(size > 0 && start + size <= total && total <= uint64_t{1} << 32);
    range_ /= total;
    const uint64_t before = low_;
    low_ += start * range_;
    if (low_ < before) carry();
    range_ *= size;
    while (range_ < range_min) {
      out_ += static_cast<char>(low_ >> 56);
      low_ <<= 8;
      range_ <<= 8;
    }
  }
  // The bytes; zeros at the end are left out, since the decoder reads zeros there.
  std::string finish() {
    const uint64_t before = low_;
    low_ += range_min - 1;  // some number of the interval that ends in 56 zero bits
    if (low_ < before) carry();
    out_ += static_cast<char>(low_ >> 56);
    while (out_.ends_with('\0')) out_.pop_back();
    return std::move(out_);
  }

 private:
  // The sum has overflowed. There is a byte that takes the carry: the whole code is below 1.
  void carry() {
    size_t i = out_.size();
    while (i > 0 && out_[i - 1] == '\xFF') out_[--i] = 0;
    if (i > 0) ++out_[i - 1];
  }
  uint64_t low_ = 0, range_ = ~uint64_t{0};
  std::string out_;
};

// Any bytes decode to something: a damaged code gives wrong symbols, never anything worse.
class RangeDecoder {
 public:
  // The bytes must outlive the decoder.
  explicit RangeDecoder(std::string_view bytes) : bytes_(bytes) {
    for (int i = 0; i < 8; ++i) code_ = code_ << 8 | next();
  }
  // A number in [0, total) inside the next symbol's interval. Then call take() with the interval.
  uint64_t peek(uint64_t total) {
    range_ /= total;
    const uint64_t value = code_ / range_;
    return value < total ? value : total - 1;
  }
  void take(uint64_t start, uint64_t size) {
    code_ -= start * range_;
    range_ *= size;
    while (range_ < range_min) {
      code_ = code_ << 8 | next();
      range_ <<= 8;
    }
  }

 private:
  uint64_t next() {
    return position_ < bytes_.size() ? static_cast<unsigned char>(bytes_[position_++]) : 0;
  }
  std::string_view bytes_;
  size_t position_ = 0;
  uint64_t code_ = 0, range_ = ~uint64_t{0};
};

}  // namespace quire
