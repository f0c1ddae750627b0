#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace quire {
namespace {

constexpr size_t write_buffer_bytes = 1 << 20;

std::unexpected<Error> fail_errno(const std::string& path, const char* action) {
  const int code = errno;
  return fail(code == ENOENT ? Fault::not_found : Fault::io, "{}: cannot {}: {}", path, action,
              std::strerror(code));
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno(path, "open");
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    auto error = fail_errno(path, "stat");
    ::close(fd);
    return error;
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    return fail(Fault::io, "{}: is not a regular file", path);
  }
  const auto size = static_cast<size_t>(info.st_size);
  const std::byte* data = nullptr;
  if (size > 0) {
    void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
      auto error = fail_errno(path, "map");
      ::close(fd);
      return error;
    }
    data = static_cast<const std::byte*>(map);
  }
  ::close(fd);
  return MappedFile(path, data, size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

AtomicFile::AtomicFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {
  buffer_.reserve(write_buffer_bytes);
}

namespace {

// A file that is replaced keeps its mode, from before the first byte: it may be a secret.
Result<void> take_mode(const std::string& path, int fd) {
  constexpr mode_t bits = 07777;
  struct stat old{}, now{};
  if (::stat(path.c_str(), &old) != 0 || !S_ISREG(old.st_mode)) return {};
  // Some file systems have one mode for all and refuse to be told.
  if (::fstat(fd, &now) == 0 && (now.st_mode & bits) == (old.st_mode & bits)) return {};
  if (::fchmod(fd, old.st_mode & bits) != 0) return fail_errno(path, "set the mode of");
  return {};
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  static std::atomic<uint64_t> count = 0;  // threads may write the same file at once
  std::string temporary = fmt::format("{}.tmp-{}-{}", path, ::getpid(), count++);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return fail_errno(path, "create");
  AtomicFile file(path, std::move(temporary), fd);
  TRY(take_mode(path, fd));
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      n_written_(other.n_written_),
      buffer_(std::move(other.buffer_)) {}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  n_written_ += bytes.size();
  if (buffer_.size() >= write_buffer_bytes) return flush();
  return {};
}

Result<void> AtomicFile::flush() {
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t n = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(path_, "write");
    done += static_cast<size_t>(n);
  }
  buffer_.clear();
  return {};
}

Result<void> AtomicFile::commit() {
  TRY(flush());
  if (::fsync(fd_) != 0) return fail_errno(path_, "sync");
  ::close(fd_);
  fd_ = -1;
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    auto error = fail_errno(path_, "rename into place");
    ::unlink(temporary_.c_str());
    return error;
  }
  const int directory = ::open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {  // the rename itself must survive a power cut
    ::fsync(directory);
    ::close(directory);
  }
  return {};
}

Result<std::string> read_file(const std::string& path, uint64_t bytes_max) {
  const bool standard_input = path == "-";
  const int fd = standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno(path, "open");
  std::string text;
  char chunk[1 << 16];
  Result<std::string> result;
  while (true) {
    const ssize_t n = ::read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      result = fail_errno(path, "read");
      break;
    }
    if (n == 0) {
      result = std::move(text);
      break;
    }
    text.append(chunk, static_cast<size_t>(n));
    if (text.size() > bytes_max) {
      result = fail(Fault::limit, "{}: more than {} bytes, which is the most read here", path,
                    bytes_max);
      break;
    }
  }
  if (!standard_input) ::close(fd);
  return result;
}

Result<void> write_file(const std::string& path, std::string_view text) {
  AtomicFile file = TRY(AtomicFile::create(path));
  TRY(file.write(text));
  return file.commit();
}

bool file_exists(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0;
}

bool is_directory(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<void> make_directories(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (!part.empty() && ::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST)
      return fail_errno(path, "create folder");
    if (slash == std::string::npos) break;
  }
  if (!is_directory(path)) return fail(Fault::io, "{}: exists and is not a folder", path);
  return {};
}

}  // namespace quire
