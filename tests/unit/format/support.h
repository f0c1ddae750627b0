// What the format tests share: golden files, bytes put together by hand, a folder to write to.
#pragma once
#include "base/file.h"
#include "tensor/tensor.h"
#include "unit/base/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

namespace quire {

inline std::string golden(const std::string& name) {
  return std::string(QUIRE_SOURCE_DIR "/tests/golden/format/") + name;
}

// The parameter of a test, a golden file, without its extension.
inline std::string golden_name(const testing::TestParamInfo<const char*>& test) {
  return std::filesystem::path(test.param).stem().string();
}

inline std::string contents(const std::string& path) {
  Result<std::string> text = read_file(path);
  EXPECT_TRUE(text.has_value()) << path;
  return text.has_value() ? *text : "";
}

inline std::string hex(std::span<const std::byte> bytes) {
  std::string out;
  for (const std::byte b : bytes) out += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return out;
}

// A copy that starts at a multiple of 64 and ends at the end of its allocation, so that a sanitizer
// sees a read past it.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::string_view text) : size_(text.size()) {
    void* memory = nullptr;
    if (::posix_memalign(&memory, 64, size_ > 0 ? size_ : 1) != 0) std::abort();
    std::memcpy(memory, text.data(), size_);
    data_.reset(static_cast<std::byte*>(memory));
  }
  std::span<const std::byte> span() const { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t size_;
};

// Appends raw little-endian values.
class Bytes {
 public:
  template <class T>
  Bytes& raw(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Bytes& u8(uint8_t v) { return raw(v); }
  Bytes& u32(uint32_t v) { return raw(v); }
  Bytes& u64(uint64_t v) { return raw(v); }
  Bytes& text(std::string_view v) { return text_.append(v), *this; }
  Bytes& string(std::string_view v) { return u64(v.size()).text(v); }
  Bytes& align(size_t n) { return text_.append((n - text_.size() % n) % n, '\0'), *this; }
  // "GGUF", version 3 and the counts.
  static Bytes gguf(uint64_t n_tensors, uint64_t n_keys, uint32_t version = 3) {
    return Bytes().text("GGUF").u32(version).u64(n_tensors).u64(n_keys);
  }
  // The head of a tensor; dimensions as in the file, contiguous first.
  Bytes& tensor(std::string_view name, std::initializer_list<uint64_t> dims, uint32_t type,
                uint64_t offset) {
    string(name).u32(static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) u64(dim);
    return u32(type).u64(offset);
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

template <class T>
std::string error_text(const Result<T>& result) {
  return result.has_value() ? "no error" : result.error().text;
}

// Every error text is one line.
inline void expect_one_line(const Error& error) {
  EXPECT_EQ(error.text.find('\n'), std::string::npos) << error.text;
  EXPECT_FALSE(error.text.empty());
}

}  // namespace quire
