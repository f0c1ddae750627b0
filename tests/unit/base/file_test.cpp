#include "base/file.h"

#include "unit/base/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace quire {
namespace {

using testing::HasSubstr;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Runs `body` in a process of its own and returns how that ended, as waitpid reports it.
template <class Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(99);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(MappedFile, ShowsTheBytesOfAFile) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "a", "some bytes").has_value());
  const auto file = MappedFile::open(folder / "a");
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(text_of(file->bytes()), "some bytes");
  EXPECT_EQ(file->path(), folder / "a");
}

TEST(AtomicFile, TakesTheModeOfTheFileItReplacesBeforeTheFirstByte) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "a", "secret").has_value());
  ASSERT_EQ(::chmod((folder / "a").c_str(), 0600), 0);
  AtomicFile file = AtomicFile::create(folder / "a").value();
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    EXPECT_EQ(static_cast<int>(entry.status().permissions()), 0600) << entry.path();
  ASSERT_TRUE(file.write("another one").has_value());
  ASSERT_TRUE(file.commit().has_value());
  EXPECT_EQ(static_cast<int>(std::filesystem::status(folder / "a").permissions()), 0600);
}

TEST(MappedFile, OfAnEmptyFileHasNoBytes) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "empty", "").has_value());
  const auto file = MappedFile::open(folder / "empty");
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFile, KeepsItsBytesWhenMoved) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "a", "first").has_value());
  ASSERT_TRUE(write_file(folder / "b", "second").has_value());
  auto a = MappedFile::open(folder / "a");
  auto b = MappedFile::open(folder / "b");
  ASSERT_TRUE(a.has_value() && b.has_value());
  MappedFile moved = *std::move(a);
  EXPECT_EQ(text_of(moved.bytes()), "first");
  moved = *std::move(b);
  EXPECT_EQ(text_of(moved.bytes()), "second");
}

TEST(MappedFile, NamesTheFileThatIsNotThere) {
  const auto file = MappedFile::open("/nowhere/model.gguf");
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().fault, Fault::not_found);
  EXPECT_THAT(file.error().text, HasSubstr("/nowhere/model.gguf"));
}

TEST(MappedFile, RefusesWhatIsNoRegularFile) {
  const TemporaryFolder folder;
  for (const std::string& path : {folder.path(), std::string("/dev/null")}) {
    const auto file = MappedFile::open(path);
    ASSERT_FALSE(file.has_value()) << path;
    EXPECT_EQ(file.error().fault, Fault::io);
    EXPECT_THAT(file.error().text, HasSubstr(path));
  }
}

TEST(AtomicFile, AppearsUnderItsNameOnlyWhenCommitted) {
  const TemporaryFolder folder;
  auto file = AtomicFile::create(folder / "out");
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(file->write("new").has_value());
  EXPECT_FALSE(file_exists(folder / "out"));
  ASSERT_TRUE(file->commit().has_value());
  EXPECT_EQ(read_file(folder / "out").value(), "new");
  EXPECT_EQ(folder.n_entries(), 1);
}

TEST(AtomicFile, LeavesTheOldFileAndNothingElseWhenDropped) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "out", "old").has_value());
  {
    auto file = AtomicFile::create(folder / "out");
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->write(std::string(3 << 20, 'x')).has_value());
  }
  EXPECT_EQ(read_file(folder / "out").value(), "old");
  EXPECT_EQ(folder.n_entries(), 1);
}

TEST(AtomicFile, LeavesTheOldFileWholeWhenTheProgramIsKilled) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "out", "old").has_value());
  const int status = in_child([&] {
    auto file = AtomicFile::create(folder / "out");
    if (!file.has_value() || !file->write(std::string(3 << 20, 'x')).has_value()) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(read_file(folder / "out").value(), "old");
}

TEST(AtomicFile, CountsAndKeepsBytesBeyondItsBuffer) {
  const TemporaryFolder folder;
  std::string expected;
  auto file = AtomicFile::create(folder / "out");
  ASSERT_TRUE(file.has_value());
  for (int i = 0; i < 300000; ++i) {
    const std::string piece = fmt::format("{}\n", i);
    expected += piece;
    ASSERT_TRUE(file->write(piece).has_value());
  }
  EXPECT_EQ(file->n_written(), expected.size());
  AtomicFile moved = *std::move(file);
  ASSERT_TRUE(moved.commit().has_value());
  EXPECT_EQ(read_file(folder / "out").value(), expected);
}

// A limit on the size of files stands for a full disk.
TEST(AtomicFile, ReportsAFullDiskAndKeepsTheOldFile) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "out", "old").has_value());
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto result = write_file(folder / "out", std::string(5000, 'x'));
    ::_exit(!result.has_value() && result.error().fault == Fault::io &&
                    result.error().text.find("out: cannot write") != std::string::npos
                ? 0
                : 1);
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(read_file(folder / "out").value(), "old");
  EXPECT_EQ(folder.n_entries(), 1);
}

TEST(AtomicFile, SaysWhenTheFolderIsNotThere) {
  const auto result = write_file("/nowhere/out", "x");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().fault, Fault::not_found);
  EXPECT_THAT(result.error().text, HasSubstr("/nowhere/out"));
}

TEST(AtomicFile, DoesNotReplaceAFolder) {
  const TemporaryFolder folder;
  ASSERT_TRUE(make_directories(folder / "out/inner").has_value());
  const auto result = write_file(folder / "out", "x");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().fault, Fault::io);
  EXPECT_TRUE(is_directory(folder / "out/inner"));
  EXPECT_EQ(folder.n_entries(), 1);
}

TEST(ReadFile, StopsAtItsLimit) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "a", std::string(1000, 'x')).has_value());
  EXPECT_EQ(read_file(folder / "a", 1000).value().size(), 1000u);
  const auto result = read_file(folder / "a", 999);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().fault, Fault::limit);
  EXPECT_THAT(result.error().text, HasSubstr("999"));
  // An endless file ends at the limit too.
  EXPECT_EQ(read_file("/dev/zero", 100000).error().fault, Fault::limit);
}

TEST(ReadFile, FailsOnAFolderAndOnNothing) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_file(folder.path()).error().fault, Fault::io);
  EXPECT_EQ(read_file(folder / "nothing").error().fault, Fault::not_found);
}

TEST(MakeDirectories, MakesAllOfAPathAndAcceptsWhatIsThere) {
  const TemporaryFolder folder;
  EXPECT_TRUE(make_directories(folder / "a/b/c").has_value());
  EXPECT_TRUE(make_directories(folder / "a/b/c/").has_value());
  EXPECT_TRUE(is_directory(folder / "a/b/c"));
}

TEST(MakeDirectories, RefusesAPathThroughAFile) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "file", "").has_value());
  EXPECT_EQ(make_directories(folder / "file").error().fault, Fault::io);
  EXPECT_EQ(make_directories(folder / "file/below").error().fault, Fault::io);
}

}  // namespace
}  // namespace quire
