#include "corpus/tales.h"
#include "format/json.h"

#include "corpus/facts.h"
#include "corpus/words.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <vector>

namespace quire {
namespace {

std::string written(const TalesOptions& options) {
  std::string all;
  const auto result = write_tales(options, [&](std::string_view text) -> Result<void> {
    all += text;
    return {};
  });
  EXPECT_TRUE(result.has_value());
  return all;
}

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::vector<std::string> documents(uint64_t seed, uint64_t n) {
  const Tales tales(seed);
  std::vector<std::string> all(n);
  for (uint64_t i = 0; i < n; ++i) tales.document(i, all[i]);
  return all;
}

TEST(Tales, TheSameSeedWritesTheSameBytesOnEveryMachine) {
  const TalesOptions options{.seed = 1, .bytes = 64 * 1024, .format = TalesFormat::text};
  const std::string text = written(options);
  EXPECT_EQ(text, written(options));
  // A change of the grammar or the world changes this number: then the shipped model no longer
  // matches the tales, and its card must say which version made them.
  EXPECT_EQ(fnv1a(text), 0x4fe757ca3dbf3c65u) << fmt::format("{:#x}", fnv1a(text));
}

TEST(Tales, DifferentSeedsWriteDifferentTales) {
  const auto one = documents(1, 50), two = documents(2, 50);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_NE(one[i], two[i]);
}

TEST(Tales, SizeIsAnUpperBoundThatIsNearlyReached) {
  for (const TalesFormat format : {TalesFormat::text, TalesFormat::jsonl}) {
    const std::string text = written({.seed = 3, .bytes = 50'000, .format = format});
    EXPECT_LE(text.size(), 50'000u);
    EXPECT_GE(text.size(), 45'000u);
    EXPECT_EQ(text.back(), '\n');
  }
  EXPECT_EQ(written({.seed = 3, .bytes = 3, .format = TalesFormat::text}), "");
}

TEST(Tales, AnErrorOfTheSinkStopsTheWriting) {
  int n_calls = 0;
  const auto result = write_tales({.seed = 1, .bytes = 1'000'000}, [&](std::string_view) {
    ++n_calls;
    return Result<void>(fail(Fault::io, "disk full"));
  });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().text, "disk full");
  EXPECT_EQ(n_calls, 1);
}

TEST(Tales, FewDocumentsComeTwice) {
  const auto all = documents(5, 20'000);
  const std::set<std::string> distinct(all.begin(), all.end());
  EXPECT_GE(distinct.size(), 19'800u);
}

// What an editor would mark: left-over template signs, wrong spaces, quotes that do not close.
std::string fault_of(const std::string& document) {
  if (document.find_first_of("{}[]<>|^_\t") != std::string::npos) return "template sign";
  if (document.find("  ") != std::string::npos) return "two spaces";
  for (const char* bad : {" ,", " .", " !", " ?", ",,", "..", ".,", ",.", "?.", "!.", "\n ", " \n",
                          "\n\n", "\"\"", "!,", "?,", " '"}) {
    if (document.find(bad) != std::string::npos) return fmt::format("'{}'", bad);
  }
  size_t start = 0;
  while (start < document.size()) {
    const size_t end = std::min(document.find('\n', start), document.size());
    const std::string line = document.substr(start, end - start);
    const char last = line.ends_with('"') ? line[line.size() - 2] : line.back();
    if (std::string_view(".!?").find(last) == std::string_view::npos &&
        !std::isdigit(static_cast<unsigned char>(last))) {
      return "no stop at the end of: " + line;
    }
    const char first = line[line[0] == '"' ? 1 : 0];
    if (first >= 'a' && first <= 'z') return "small letter at the start of: " + line;
    if (std::count(line.begin(), line.end(), '"') % 2 != 0) return "open quote in: " + line;
    start = end + 1;
  }
  return "";
}

TEST(Tales, DocumentsHaveNoSlipsOfTheGrammar) {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    for (const std::string& document : documents(seed, 4'000)) {
      ASSERT_EQ(fault_of(document), "") << "seed " << seed << "\n" << document;
    }
  }
}

TEST(Tales, SentencesBeginWithACapital) {
  for (const std::string& document : documents(4, 4'000)) {
    for (size_t i = 0; i + 2 < document.size(); ++i) {
      const bool after_stop = document[i] == '.' && document[i + 1] == ' ';
      const bool after_speech = document.compare(i, 3, ".\" ") == 0;
      if (!after_stop && !after_speech) continue;
      size_t next = i + (after_stop ? 2 : 3);
      if (document[next] == '"') ++next;
      ASSERT_FALSE(document[next] >= 'a' && document[next] <= 'z') << document.substr(i, 30);
    }
  }
}

TEST(Tales, AAndAnAgreeWithTheNextWord) {
  for (const std::string& document : documents(6, 4'000)) {
    std::string before;
    size_t i = 0;
    while (i < document.size()) {
      size_t end = i;
      while (end < document.size() && std::isalnum(static_cast<unsigned char>(document[end])))
        ++end;
      if (end == i) {
        if (document[i] != ' ') before.clear();
        ++i;
        continue;
      }
      const std::string word = document.substr(i, end - i);
      if (before == "a" || before == "A") {
        ASSERT_FALSE(takes_an(word)) << "a " << word;
      }
      if (before == "an" || before == "An") {
        ASSERT_TRUE(takes_an(word)) << "an " << word;
      }
      before = word;
      i = end;
    }
  }
}

TEST(Tales, JsonLinesHoldTheSameDocuments) {
  const std::string lines = written({.seed = 9, .bytes = 4'000, .format = TalesFormat::jsonl});
  std::string first;
  Tales(9).document(0, first);
  EXPECT_EQ(lines.substr(0, lines.find('\n')), "{\"text\":" + json_quoted(first) + "}");
}

}  // namespace
}  // namespace quire
