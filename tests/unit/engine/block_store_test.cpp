// Blocks on disk: what is read back is what was written, or nothing.
#include "engine/block_store.h"

#include "base/file.h"
#include "unit/engine/cache_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

namespace quire {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

StoredBlock block_named(int32_t first) {
  StoredBlock block;
  for (int32_t i = 0; i < 32; ++i) block.tokens.push_back(first + i);
  block.key = next_key(block.parent, block.tokens);
  return block;
}
std::vector<std::byte> data_of(int32_t first, size_t n = 1000) {
  std::vector<std::byte> data(n);
  for (size_t i = 0; i < n; ++i)
    data[i] = static_cast<std::byte>(static_cast<size_t>(first) + i * 7);
  return data;
}

std::unique_ptr<BlockStore> open(const Folder& folder, Log& log, int64_t bytes_max = 1 << 30,
                                 PrefixKey identity = {1, 2}) {
  return BlockStore::open({.folder = folder.path(), .bytes_max = bytes_max, .log = log.writer()},
                          identity)
      .value();
}
std::vector<BlockStore::Done> all_done(BlockStore& store, size_t n) {
  std::vector<BlockStore::Done> all;
  while (all.size() < n) {
    store.wait();
    for (BlockStore::Done& done : store.take_done()) all.push_back(std::move(done));
  }
  return all;
}
void write(BlockStore& store, int32_t first, size_t n_bytes = 1000) {
  const auto data = data_of(first, n_bytes);
  store.write(first, block_named(first), data);
  ASSERT_TRUE(all_done(store, 1)[0].ok);
}
// What is read, or nothing.
std::vector<std::byte> read(BlockStore& store, int32_t first) {
  std::vector<std::byte> data(1000);
  store.read(first, block_named(first), data);
  if (!all_done(store, 1)[0].ok) data.clear();
  return data;
}

TEST(BlockStore, AnotherStoreReadsWhatOneWrote) {
  const Folder folder;
  Log log;
  {
    const auto store = open(folder, log);
    EXPECT_FALSE(store->has(block_named(5).key));
    write(*store, 5);
    EXPECT_TRUE(store->has(block_named(5).key));
    EXPECT_FALSE(store->wants(block_named(5).key));
  }
  const auto store = open(folder, log);
  EXPECT_TRUE(store->has(block_named(5).key));
  EXPECT_EQ(read(*store, 5), data_of(5));
  EXPECT_EQ(store->counters().n_read, 1);
  EXPECT_FALSE(open(folder, log, 1 << 30, {3, 4})->has(block_named(5).key));  // another model
  EXPECT_EQ(log.size(), 0u);
}

TEST(BlockStore, WritesThatWereAskedForAreDoneBeforeTheStoreEnds) {
  const Folder folder;
  Log log;
  const auto data = data_of(0);
  {
    const auto store = open(folder, log);
    for (int32_t i = 0; i < 20; ++i) store->write(i, block_named(100 * i), data);
  }
  EXPECT_EQ(folder.files().size(), 20u);
}

TEST(BlockStore, ADamagedFileIsRemovedWithOneLineWhateverByteIsWrong) {
  const Folder folder;
  Log log;
  {
    const auto store = open(folder, log);
    write(*store, 5);
  }
  const fs::path path = folder.files().at(0);
  const std::string whole = read_file(path.string()).value();
  size_t n_lines = 0;
  const auto expect_refused = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    const auto store = open(folder, log);
    EXPECT_TRUE(read(*store, 5).empty());
    EXPECT_FALSE(fs::exists(path));
    EXPECT_FALSE(store->has(block_named(5).key));
    EXPECT_EQ(log.size(), ++n_lines);
  };
  for (size_t at = 0; at < whole.size(); at += at < 240 ? 1 : 97) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    expect_refused(damaged);
  }
  for (const size_t n : {size_t{0}, size_t{1}, size_t{87}, size_t{300}, whole.size() - 1})
    expect_refused(whole.substr(0, n));
  expect_refused(whole + "x");
  EXPECT_THAT(log.lines.back(), HasSubstr(path.filename().string()));
}

TEST(BlockStore, AFileThatIsGoneIsNothingToComplainAbout) {
  const Folder folder;
  Log log;
  const auto store = open(folder, log);
  write(*store, 5);
  fs::remove(folder.files().at(0));
  EXPECT_TRUE(read(*store, 5).empty());
  EXPECT_FALSE(store->has(block_named(5).key));
  EXPECT_EQ(log.size(), 0u);
}

TEST(BlockStore, WhatWasUsedLongestAgoGoesWhenThereIsTooMuch) {
  const Folder folder;
  Log log;
  const auto store = open(folder, log, 20 * 4096);
  for (int32_t i = 0; i < 60; ++i) {
    write(*store, 100 * i);
    EXPECT_FALSE(read(*store, 0).empty()) << i;  // used all the time
  }
  EXPECT_LE(folder.files().size(), 20u);
  EXPECT_GE(folder.files().size(), 15u);
  EXPECT_TRUE(store->has(block_named(0).key));
  EXPECT_FALSE(store->has(block_named(100).key));
  EXPECT_GT(store->counters().n_removed, 30);
  EXPECT_LE(store->counters().bytes, 20 * 4096);
}

TEST(BlockStore, StrangeFilesInTheFolderAreLeftAlone) {
  const Folder folder;
  Log log;
  ASSERT_TRUE(make_directories(folder.path() + "/" + PrefixKey{1, 2}.hex()).has_value());
  const std::string inside = folder.path() + "/" + PrefixKey{1, 2}.hex() + "/";
  for (const std::string& name : {folder.path() + "/notes", inside + "x.kv", inside + "README"})
    ASSERT_TRUE(write_file(name, "mine").has_value());
  const auto store = open(folder, log);
  write(*store, 5);
  EXPECT_EQ(read(*store, 5), data_of(5));
  EXPECT_EQ(folder.files().size(), 4u);
}

TEST(BlockStore, AFolderThatCannotBeMadeIsAnError) {
  const Folder folder;
  ASSERT_TRUE(write_file(folder.path() + "/file", "").has_value());
  EXPECT_FALSE(
      BlockStore::open({.folder = folder.path() + "/file/cache", .bytes_max = 1, .log = {}}, {1, 2})
          .has_value());
}

TEST(BlockStore, AFileThatCannotBeReadNowStays) {
  const Folder folder;
  Log log;
  const auto store = open(folder, log);
  write(*store, 5);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};  // no file can be opened
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto data = read(*store, 5);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(data.empty());
  ASSERT_EQ(log.size(), 1u);
  EXPECT_THAT(log.lines[0], HasSubstr("left as it is"));
  EXPECT_EQ(store->counters().n_unread, 1);
  EXPECT_EQ(store->counters().n_damaged, 0);
  EXPECT_EQ(read(*open(folder, log), 5), data_of(5));
}

}  // namespace
}  // namespace quire
