// Files: read-only maps, whole reads, and writes that either happen completely or not at all.
#pragma once
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace quire {

// A whole file mapped read-only. Move-only; the bytes live as long as the object. Thread-safe to
// read.
class MappedFile {
 public:
  // not_found when there is no such file, io when it cannot be opened or mapped. An empty file maps
  // to no bytes.
  static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}
  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// A file being written beside its final name (NAME.tmp-PID-NUMBER); commit() syncs it to disk and
// renames it into place. Destroyed without commit(), it removes what it wrote: a reader never sees
// half a file.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Result<void> write(std::span<const std::byte> bytes);
  Result<void> write(std::string_view text) {
    return write(std::as_bytes(std::span(text.data(), text.size())));
  }
  uint64_t n_written() const { return n_written_; }
  Result<void> commit();

 private:
  AtomicFile(std::string path, std::string temporary, int fd);
  Result<void> flush();
  std::string path_, temporary_;
  int fd_ = -1;
  uint64_t n_written_ = 0;
  std::string buffer_;
};

// The bytes of a file, of standard input when path is "-". Fails with limit when there are more
// than bytes_max.
Result<std::string> read_file(const std::string& path, uint64_t bytes_max = uint64_t{1} << 40);
// Writes text through an AtomicFile.
Result<void> write_file(const std::string& path, std::string_view text);

bool file_exists(const std::string& path);
bool is_directory(const std::string& path);
// mkdir -p
Result<void> make_directories(const std::string& path);

}  // namespace quire
