#include "corpus/read.h"

#include "base/file.h"
#include "corpus/tales.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <unistd.h>
#include <filesystem>
#include <string>
#include <vector>

namespace quire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

Result<Texts> read_bytes(std::string_view bytes, DocumentFormat format,
                         Packing packing = Packing::plain, const ReadOptions& options = {}) {
  Texts out;
  TRY(read_documents_from(
      std::as_bytes(std::span(bytes.data(), bytes.size())), "f", format, packing,
      [&](std::string_view document) -> Result<void> {
        out.emplace_back(document);
        return {};
      },
      options));
  return out;
}

std::string packed(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string error_of(const Result<Texts>& result) {
  return result ? "no error" : result.error().text;
}

class Folder {
 public:
  Folder() : path_(testing::TempDir() + "corpus_read_" + std::to_string(getpid())) {
    std::filesystem::create_directories(path_ + "/b");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  void add(const std::string& name, std::string_view text) const {
    ASSERT_TRUE(write_file(path_ + "/" + name, text).has_value());
  }

 private:
  std::string path_;
};

TEST(Read, TextIsCutAtSeparatorLines) {
  EXPECT_THAT(
      *read_bytes("one\ntwo\n<|endoftext|>\n\n three \n<|endoftext|>\n", DocumentFormat::text),
      ElementsAre("one\ntwo", "three"));
  EXPECT_THAT(*read_bytes("a\r\n<|endoftext|>\r\nb", DocumentFormat::text), ElementsAre("a", "b"));
}

TEST(Read, TextWithoutSeparatorIsOneDocument) {
  EXPECT_THAT(*read_bytes("\xEF\xBB\xBFone\n\nx <|endoftext|> y", DocumentFormat::text),
              ElementsAre("one\n\nx <|endoftext|> y"));
  EXPECT_TRUE(read_bytes(" \n", DocumentFormat::text)->empty());
}

TEST(Read, JsonLinesGiveTheirTextField) {
  EXPECT_THAT(
      *read_bytes("{\"text\":\"a\\n\\u00e9\"}\n\n{\"id\":1,\"text\":\"b\"}", DocumentFormat::jsonl),
      ElementsAre("a\n\xC3\xA9", "b"));
}

TEST(Read, BadJsonLinesAreNamed) {
  EXPECT_THAT(error_of(read_bytes("{\"text\":\"a\"}\n{oops\n", DocumentFormat::jsonl)),
              HasSubstr("f: line 2 is not JSON"));
  EXPECT_THAT(error_of(read_bytes("{\"text\":3}\n", DocumentFormat::jsonl)),
              HasSubstr("f: line 1 is not an object with a string field \"text\""));
  EXPECT_THAT(error_of(read_bytes("[1]\n", DocumentFormat::jsonl)), HasSubstr("line 1"));
}

TEST(Read, InvalidUtf8IsNamedByLine) {
  EXPECT_THAT(error_of(read_bytes("fine\nbad \xFF\n", DocumentFormat::text)),
              HasSubstr("f: line 2 is not valid UTF-8"));
}

TEST(Read, CompressedFramesFollowEachOther) {
  const std::string bytes = packed("one\n<|endoftext|>\ntw") + packed("o\n");
  EXPECT_THAT(*read_bytes(bytes, DocumentFormat::text, Packing::zstd), ElementsAre("one", "two"));
}

TEST(Read, TruncatedAndDamagedCompressionIsAnError) {
  std::string long_text;
  for (int i = 0; i < 50'000; ++i) long_text += std::to_string(i * 7919) + " ";
  const std::string bytes = packed(long_text);
  for (const size_t n : {size_t{0}, size_t{3}, bytes.size() / 2, bytes.size() - 1}) {
    const auto result =
        read_bytes(std::string_view(bytes).substr(0, n), DocumentFormat::text, Packing::zstd);
    ASSERT_FALSE(result.has_value()) << n;
    EXPECT_EQ(result.error().fault, Fault::bad_format);
    EXPECT_THAT(result.error().text, HasSubstr("ends too early"));
  }
  EXPECT_THAT(error_of(read_bytes("not zstd at all", DocumentFormat::text, Packing::zstd)),
              HasSubstr("damaged Zstandard data"));
}

TEST(Read, ADocumentIsNeverLargerThanTheLimit) {
  const ReadOptions options{.document_bytes_max = 1000};
  const std::string bomb = packed(std::string(10'000'000, 'a'));
  for (const DocumentFormat format : {DocumentFormat::text, DocumentFormat::jsonl}) {
    const auto result = read_bytes(bomb, format, Packing::zstd, options);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().fault, Fault::limit);
  }
  EXPECT_FALSE(
      read_bytes(std::string(1001, 'a') + "\n", DocumentFormat::jsonl, Packing::plain, options));
  EXPECT_TRUE(read_bytes(std::string(900, 'a'), DocumentFormat::text, Packing::plain, options));
}

TEST(Read, AFolderGivesItsFilesInOrder) {
  const Folder folder;
  folder.add("c.txt", "third");
  folder.add("a.jsonl", "{\"text\":\"first\"}\n");
  folder.add("b/x.txt.zst", packed("second"));
  folder.add("b/y.bin", "never");
  Texts out;
  const std::vector<std::string> paths = {folder.path()};
  const auto result = read_documents(paths, [&](std::string_view document) -> Result<void> {
    out.emplace_back(document);
    return {};
  });
  ASSERT_TRUE(result.has_value()) << result.error().text;
  EXPECT_THAT(out, ElementsAre("first", "second", "third"));
}

TEST(Read, MissingAndEmptyPathsAreErrors) {
  const Folder folder;
  const auto missing = document_files(std::vector<std::string>{folder.path() + "/none"});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().fault, Fault::not_found);
  const auto empty = document_files(std::vector<std::string>{folder.path()});
  ASSERT_FALSE(empty.has_value());
  EXPECT_EQ(empty.error().fault, Fault::usage);
}

TEST(Read, AnErrorOfTheCallbackStopsTheReading) {
  int n_calls = 0;
  const std::string_view text = "a\n<|endoftext|>\nb\n<|endoftext|>\n";
  const auto result =
      read_documents_from(std::as_bytes(std::span(text.data(), text.size())), "f",
                          DocumentFormat::text, Packing::plain, [&](std::string_view) {
                            ++n_calls;
                            return Result<void>(fail(Fault::cancelled, "stop"));
                          });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(n_calls, 1);
}

TEST(Read, TalesAreReadBackAsTheyWereWritten) {
  std::string all;
  ASSERT_TRUE(
      write_tales({.seed = 2, .bytes = 100'000}, [&](std::string_view text) -> Result<void> {
        all += text;
        return {};
      }).has_value());
  const Texts read = *read_bytes(packed(all), DocumentFormat::text, Packing::zstd);
  const Tales tales(2);
  std::string document;
  ASSERT_GT(read.size(), 50u);
  for (size_t i = 0; i < read.size(); ++i) {
    tales.document(i, document);
    EXPECT_EQ(read[i], document);
  }
}

}  // namespace
}  // namespace quire
