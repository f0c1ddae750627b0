#include "server/saved_state.h"

#include "base/file.h"
#include "support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

namespace quire::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t mib = 1 << 20;

class SavedStateTest : public testing::Test {
 protected:
  std::string path() const { return folder_.path() + "/deeper/app.db"; }
  std::unique_ptr<SavedState> open(int64_t bytes_max = 64 * mib) const {
    auto state = SavedState::open(path(), bytes_max);
    if (!state.has_value()) throw std::runtime_error(state.error().text);
    return *std::move(state);
  }
  static ChatDocument chat(const std::string& id, int64_t version = 0,
                           const std::string& title = "T") {
    return {{id, title, "m", 1, 2, version}, R"({"created":1,"title":")" + title + R"("})"};
  }
  static std::vector<std::string> ids(const std::vector<ChatHead>& heads) {
    std::vector<std::string> result;
    for (const ChatHead& head : heads) result.push_back(head.id);
    return result;
  }
  // Runs SQL beside the class under test.
  void execute(const char* sql) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(::sqlite3_open(path().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(::sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sql;
    ::sqlite3_close(db);
  }

  TemporaryFolder folder_;
};

TEST_F(SavedStateTest, WhatWasPutIsThereAfterReopening) {
  EXPECT_TRUE(open()->put(chat("a"), 1000).value().stored);
  EXPECT_TRUE(open()->put_settings(R"({"theme":"dark"})").has_value());
  const auto state = open();
  EXPECT_EQ(state->chat("a").value()->text(),
            R"({"id":"a","updated":1000,"version":1,"created":1,"title":"T"})");
  EXPECT_EQ(state->settings().value(), R"({"theme":"dark"})");
  EXPECT_FALSE(state->chat("b").value().has_value());
}

TEST_F(SavedStateTest, OnlyTheLatestVersionCanBeReplaced) {
  const auto state = open();
  EXPECT_EQ(state->put(chat("a"), 1).value().newest.head.version, 1);
  EXPECT_EQ(state->put(chat("a", 1), 2).value().newest.head.version, 2);
  const SavedState::Put late = state->put(chat("a", 1, "late"), 3).value();
  EXPECT_FALSE(late.stored);
  EXPECT_EQ(late.newest.head.version, 2);
  EXPECT_EQ(late.newest.head.title, "T");
  EXPECT_EQ(late.newest.head.updated_ms, 2);
  EXPECT_FALSE(state->put(chat("a", 0), 3).value().stored);
  EXPECT_FALSE(state->put(chat("a", 7), 3).value().stored);
}

TEST_F(SavedStateTest, AListComesInPagesTheLatestFirst) {
  const auto state = open();
  for (const char* id : {"a", "c", "b"}) ASSERT_TRUE(state->put(chat(id), 10).value().stored);
  ASSERT_TRUE(state->put(chat("late"), 20).value().stored);
  const auto first = state->list(2).value();
  EXPECT_THAT(ids(first), ElementsAre("late", "c"));
  const auto second = state->list(5, &first.back()).value();
  EXPECT_THAT(ids(second), ElementsAre("b", "a"));
  EXPECT_THAT(state->list(5, &second.back()).value(), IsEmpty());
}

TEST_F(SavedStateTest, GoingThroughAllChatsMeetsEachOnce) {
  const auto state = open();
  for (const char* id : {"b", "A", "_", "-", "9"})
    ASSERT_TRUE(state->put(chat(id), 10).value().stored);
  std::vector<std::string> met;
  for (auto at = state->chat_after("").value(); at; at = state->chat_after(at->head.id).value())
    met.push_back(at->head.id);
  EXPECT_THAT(met, ElementsAre("-", "9", "A", "_", "b"));
}

TEST_F(SavedStateTest, AnErasedChatLeavesNoTraceInTheFile) {
  const std::string secret = "the-secret-of-this-chat";
  const auto state = open();
  ASSERT_TRUE(state->put(chat("a", 0, secret), 1).value().stored);
  EXPECT_TRUE(state->erase("a").value());
  EXPECT_FALSE(state->erase("a").value());
  execute("PRAGMA wal_checkpoint(TRUNCATE)");
  EXPECT_THAT(read_file(path()).value(), testing::Not(HasSubstr(secret)));
}

TEST_F(SavedStateTest, AnImportTakesWhatIsNewerOrNotThere) {
  const auto state = open();
  ASSERT_TRUE(state->put(chat("old"), 10).value().stored);
  ASSERT_TRUE(state->put(chat("same"), 10).value().stored);
  ChatDocument newer = chat("old", 1, "newer"), same = chat("same", 1, "other");
  newer.head.updated_ms = 11;
  same.head.updated_ms = 10;
  const auto sum = state->import({newer, same, chat("third")}, R"({"a":1})").value();
  EXPECT_EQ(sum.n_imported, 2);
  EXPECT_EQ(sum.n_skipped, 1);
  EXPECT_EQ(state->chat("old").value()->head.title, "newer");
  EXPECT_EQ(state->chat("old").value()->head.version, 2);
  EXPECT_EQ(state->chat("same").value()->head.title, "T");
  EXPECT_EQ(state->settings().value(), R"({"a":1})");
  ASSERT_TRUE(state->import({}, R"({"a":2})").has_value());
  EXPECT_EQ(state->settings().value(), R"({"a":1})");
}

TEST_F(SavedStateTest, AnImportThatDoesNotFitChangesNothing) {
  const auto state = open(mib);
  const auto result = state->import({chat("a"), chat("b", 0, std::string(2 * mib, 'x'))}, {});
  EXPECT_EQ(result.error().fault, Fault::limit);
  EXPECT_THAT(state->list(5).value(), IsEmpty());
}

TEST_F(SavedStateTest, AFullFileSaysSoAndTakesMoreAfterADeletion) {
  const auto state = open(mib);
  ChatDocument first = chat("a"), second = chat("b");
  first.rest = second.rest = R"({"x":")" + std::string(600'000, 'x') + R"("})";
  ASSERT_TRUE(state->put(first, 1).value().stored);
  const auto full = state->put(second, 1);
  EXPECT_EQ(full.error().fault, Fault::limit);
  EXPECT_THAT(full.error().text, HasSubstr("--max-state-bytes"));
  EXPECT_TRUE(state->erase("a").value());
  EXPECT_TRUE(state->put(second, 1).value().stored);
}

TEST_F(SavedStateTest, TheFileIsItsOwnersAlone) {
  const auto state = open();
  struct stat status{};
  for (const char* ending : {"", "-wal"}) {
    ASSERT_EQ(::stat((path() + ending).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << ending;
  }
}

TEST_F(SavedStateTest, AFileThatIsNoDatabaseIsRefusedAndLeftAlone) {
  std::filesystem::create_directories(folder_.path() + "/deeper");
  std::ofstream(path()) << std::string(9000, 'x');
  const auto state = SavedState::open(path(), mib);
  EXPECT_EQ(state.error().fault, Fault::bad_format);
  EXPECT_THAT(state.error().text, HasSubstr("app.db"));
  EXPECT_EQ(read_file(path()).value(), std::string(9000, 'x'));
}

TEST_F(SavedStateTest, ADamagedPageIsFound) {
  {
    const auto state = open();
    for (int i = 0; i < 200; ++i)
      ASSERT_TRUE(
          state->put(chat("c" + std::to_string(i), 0, std::string(900, 'x')), i).value().stored);
  }
  std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(3 * 4096);
  file << std::string(8 * 4096, '\xA5');
  file.close();
  const auto state = SavedState::open(path(), 64 * mib);
  ASSERT_FALSE(state.has_value());
  EXPECT_EQ(state.error().fault, Fault::bad_format);
  EXPECT_THAT(state.error().text, HasSubstr("damaged"));
}

TEST_F(SavedStateTest, ALaterLayoutIsRefused) {
  open();
  execute("PRAGMA user_version=2");
  const auto state = SavedState::open(path(), mib);
  EXPECT_EQ(state.error().fault, Fault::unsupported);
  EXPECT_THAT(state.error().text, HasSubstr("layout 2"));
}

TEST_F(SavedStateTest, ADatabaseOfAnotherProgramIsRefused) {
  std::filesystem::create_directories(folder_.path() + "/deeper");
  execute("CREATE TABLE other (x)");
  EXPECT_EQ(SavedState::open(path(), mib).error().fault, Fault::bad_format);
}

TEST_F(SavedStateTest, AFolderThatCannotBeMadeIsNamed) {
  std::ofstream(folder_.path() + "/deeper") << "a file";
  const auto state = SavedState::open(path(), mib);
  ASSERT_FALSE(state.has_value());
  EXPECT_THAT(state.error().text, HasSubstr("deeper"));
}

TEST_F(SavedStateTest, ADocumentThatIsNoObjectIsDamaged) {
  const auto state = open();
  ASSERT_TRUE(state->put(chat("a"), 1).value().stored);
  execute("UPDATE chats SET rest = ''");
  EXPECT_EQ(state->chat("a").error().fault, Fault::bad_format);
  EXPECT_TRUE(state->erase("a").value());
}

// Each change is made by exactly one of those that saw the version before it, through one
// connection or through two, as two servers have them.
TEST_F(SavedStateTest, WritersAtTheSameTimeLoseNothing) {
  const auto first = open(), second = open();
  ASSERT_TRUE(first->put(chat("a"), 0).value().stored);
  constexpr int n_each = 50;
  const auto raise = [](SavedState& state) {
    for (int n_stored = 0; n_stored < n_each;) {
      const int64_t version = state.chat("a").value()->head.version;
      n_stored += state.put(chat("a", version), version).value().stored;
    }
  };
  std::thread threads[] = {std::thread([&] { raise(*first); }), std::thread([&] { raise(*first); }),
                           std::thread([&] { raise(*second); })};
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(first->chat("a").value()->head.version, 1 + 3 * n_each);
}

}  // namespace
}  // namespace quire::server
