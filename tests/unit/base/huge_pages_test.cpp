#include "base/huge_pages.h"

#include "base/file.h"
#include "unit/base/temporary_folder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quire {
namespace {

std::string text_of_length(size_t n) {
  std::string text(n, '\0');
  for (size_t i = 0; i < n; ++i) text[i] = static_cast<char>(i * 2654435761u >> 13);
  return text;
}
bool holds(std::span<const std::byte> bytes, const std::string& text) {
  return std::equal(bytes.begin(), bytes.end(), std::as_bytes(std::span(text)).begin(),
                    std::as_bytes(std::span(text)).end());
}

TEST(HugePages, KeepTheBytesOfAMapWhereTheyAre) {
  const TemporaryFolder folder;
  const std::string text = text_of_length((41 << 20) + 777);
  ASSERT_TRUE(write_file(folder / "weights", text).has_value());
  const auto file = MappedFile::open(folder / "weights");
  ASSERT_TRUE(file.has_value());
  const std::byte* before = file->bytes().data();
  ThreadPool pool(3);
  const std::span<const std::byte> blocks[] = {file->bytes().subspan(100, 50),
                                               file->bytes().subspan(200)};
  allow_huge_pages(false);
  EXPECT_EQ(move_to_huge_pages(blocks, pool), 0);
  allow_huge_pages(true);
  const int64_t n_moved = move_to_huge_pages(blocks, pool);
  EXPECT_LE(n_moved, 41 << 20);
  EXPECT_EQ(n_moved % (2 << 20), 0);
  EXPECT_EQ(file->bytes().data(), before);
  EXPECT_TRUE(holds(file->bytes(), text));
  EXPECT_EQ(move_to_huge_pages(blocks, pool), 0);  // there is nothing left to do
  EXPECT_TRUE(holds(file->bytes(), text));
}

TEST(HugePages, LeaveOtherMemoryAlone) {
  std::vector<std::byte> memory(size_t{12} << 20, std::byte{7});
  ThreadPool pool(2);
  const std::span<const std::byte> blocks[] = {memory, {}};
  EXPECT_EQ(move_to_huge_pages(blocks, pool), 0);
  memory.front() = memory.back() = std::byte{8};  // still to be written to
  EXPECT_EQ(memory[memory.size() / 2], std::byte{7});
}

}  // namespace
}  // namespace quire
