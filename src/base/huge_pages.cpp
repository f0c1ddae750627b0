#include "base/huge_pages.h"

#include "base/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace quire {
namespace {

std::atomic<bool> allowed{true};
constexpr size_t huge_page = size_t{2} << 20;
// Copied at a time: each piece becomes a mapping of its own, of which a process has some 65,000.
constexpr size_t piece_bytes = 8 * huge_page;

bool has_huge_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string mode;
  std::getline(file, mode);
  return !mode.empty() && mode.find("[never]") == std::string::npos;
}

// Memory of whole huge pages, given back unless it went somewhere else.
class HugePages {
 public:
  explicit HugePages(size_t n_bytes) : n_bytes_(n_bytes), reserved_(n_bytes + huge_page) {
    void* memory =
        ::mmap(nullptr, reserved_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    start_ = static_cast<std::byte*>(memory);
    const auto address = reinterpret_cast<uintptr_t>(memory);
    data_ = start_ + ((huge_page - address % huge_page) % huge_page);
    ::madvise(data_, n_bytes_, MADV_HUGEPAGE);
  }
  HugePages(const HugePages&) = delete;
  HugePages& operator=(const HugePages&) = delete;
  ~HugePages() {
    if (start_ == nullptr) return;
    // Where it was moved from others may have mapped something meanwhile.
    const auto before = static_cast<size_t>(data_ - start_);
    if (before > 0) ::munmap(start_, before);
    ::munmap(data_ + n_bytes_, reserved_ - before - n_bytes_);
    if (!moved_) ::munmap(data_, n_bytes_);
  }

  std::byte* data() const { return data_; }

  // In the place of what lies at `to`, read-only.
  bool move_to(std::byte* to) {
    if (::mprotect(data_, n_bytes_, PROT_READ) != 0) return false;
    moved_ = ::mremap(data_, n_bytes_, n_bytes_, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED;
    return moved_;
  }

 private:
  size_t n_bytes_, reserved_;
  std::byte *start_ = nullptr, *data_ = nullptr;
  bool moved_ = false;
};

struct Range {
  uintptr_t begin = 0, end = 0;
};

// Private, read-only maps of files: lines such as
//   7f0a00000000-7f0a40000000 r--p 00000000 fe:00 1234  /models/a.gguf
std::vector<Range> file_maps() {
  std::vector<Range> maps;
  std::ifstream file("/proc/self/maps");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string range, access, offset, device;
    uint64_t inode = 0;
    if (!(fields >> range >> access >> offset >> device >> inode)) continue;
    if (access != "r--p" || inode == 0) continue;
    Range map;
    const char* last = range.data() + range.size();
    const auto begin = std::from_chars(range.data(), last, map.begin, 16);
    if (begin.ptr == last || *begin.ptr != '-') continue;
    if (std::from_chars(begin.ptr + 1, last, map.end, 16).ptr == last) maps.push_back(map);
  }
  return maps;
}

// The huge pages that the blocks fill in each map, from the first to the last of them.
std::vector<Range> whole_pages(std::span<const std::span<const std::byte>> blocks) {
  std::vector<Range> maps = file_maps();
  for (Range& map : maps) {
    Range used;
    for (const std::span<const std::byte> block : blocks) {
      const auto begin = reinterpret_cast<uintptr_t>(block.data());
      if (block.empty() || begin < map.begin || begin + block.size() > map.end) continue;
      used.begin = used.end == 0 ? begin : std::min(used.begin, begin);
      used.end = std::max(used.end, begin + block.size());
    }
    map.begin = (used.begin + huge_page - 1) / huge_page * huge_page;
    map.end = used.end / huge_page * huge_page;
  }
  std::erase_if(maps, [](const Range& map) { return map.end <= map.begin; });
  return maps;
}

bool replace(std::byte* piece, size_t n_bytes) {
#ifdef MADV_POPULATE_READ
  // All pages in one go, and a file that became shorter is an error here, not a signal later.
  if (::madvise(piece, n_bytes, MADV_POPULATE_READ) != 0 && errno != EINVAL) return false;
#endif
  HugePages copy(n_bytes);
  if (copy.data() == nullptr) return false;
  std::memcpy(copy.data(), piece, n_bytes);
  return copy.move_to(piece);
}

}  // namespace

void allow_huge_pages(bool may) { allowed = may; }

int64_t move_to_huge_pages(std::span<const std::span<const std::byte>> blocks, ThreadPool& pool) {
  if (!allowed || !has_huge_pages()) return 0;
  std::vector<Range> pieces;
  int64_t n_bytes = 0;
  for (const Range& map : whole_pages(blocks)) {
    n_bytes += static_cast<int64_t>(map.end - map.begin);
    for (uintptr_t at = map.begin; at < map.end; at += piece_bytes)
      pieces.push_back({at, std::min(at + piece_bytes, map.end)});
  }
  if (n_bytes > available_memory_bytes() / 2) return 0;
  std::atomic<int64_t> n_moved{0};
  pool.for_each(static_cast<int64_t>(pieces.size()), 1, [&](int64_t i, int) {
    const auto [begin, end] = pieces[static_cast<size_t>(i)];
    if (replace(reinterpret_cast<std::byte*>(begin), end - begin))
      n_moved += static_cast<int64_t>(end - begin);
  });
  return n_moved;
}

}  // namespace quire
