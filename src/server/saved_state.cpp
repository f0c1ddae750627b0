#include "server/saved_state.h"

#include "base/check.h"
#include "base/file.h"
#include "format/json.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

namespace quire::server {
namespace {

constexpr int64_t layout_version = 1;
constexpr int64_t application_id = 0x51756972;            // "Quir"
constexpr int64_t checked_bytes_max = int64_t{64} << 20;  // a larger file is not read through

constexpr const char* layout =
    "CREATE TABLE chats (id TEXT PRIMARY KEY, title TEXT NOT NULL, model TEXT NOT NULL,"
    " created INTEGER NOT NULL, updated INTEGER NOT NULL, version INTEGER NOT NULL,"
    " rest TEXT NOT NULL);"
    "CREATE INDEX chats_by_time ON chats (updated DESC, id DESC, title, model, created, version);"
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;";

}  // namespace

struct SavedState::State {
  ~State() { ::sqlite3_close(db); }

  // What the last call that failed was about.
  std::unexpected<Error> failed(const char* doing) const {
    const char* why = ::sqlite3_errmsg(db);
    switch (::sqlite3_errcode(db) & 0xFF) {
      case SQLITE_CORRUPT:
      case SQLITE_NOTADB:
        return fail(Fault::bad_format,
                    "{}: is damaged ({}); move it away to begin with an empty one", path, why);
      case SQLITE_FULL:
      case SQLITE_TOOBIG:
        return fail(Fault::limit,
                    "{}: has no room left: it may take {} bytes (--max-state-bytes), and its disk "
                    "must have them; delete or export chats",
                    path, bytes_max);
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return fail(Fault::device, "{}: another program is writing to it; try again", path);
      default:
        return fail(Fault::io, "{}: cannot {}: {}", path, doing, why);
    }
  }
  Result<void> execute(const char* sql) {
    if (::sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failed("write");
    return {};
  }
  // Runs `work` as a whole: all of its changes stay, or none.
  template <class Work>
  auto in_transaction(Work work) -> decltype(work()) {
    TRY(execute("BEGIN IMMEDIATE"));
    auto result = work();
    if (result.has_value()) {
      auto committed = execute("COMMIT");
      if (committed.has_value()) return result;
      result = std::unexpected(std::move(committed).error());
    }
    ::sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
    return result;
  }
  Result<int64_t> number(const char* sql);
  Result<void> begin_layout();
  Result<void> check_layout();
  Result<std::optional<ChatDocument>> one_chat(const char* sql, const std::string& id);
  Result<void> write(const ChatDocument& chat, int64_t updated_ms, int64_t version);
  Result<void> write_settings(const std::string& json);

  sqlite3* db = nullptr;
  std::string path;
  int64_t bytes_max = 0;
  std::mutex mutex;
};

namespace {

// A prepared statement: parameters are bound in order, then rows are read.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) { ::sqlite3_prepare_v2(db, sql, -1, &it_, nullptr); }
  ~Statement() { ::sqlite3_finalize(it_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int64_t value) {
    ::sqlite3_bind_int64(it_, ++n_bound_, value);
    return *this;
  }
  // The text must live until the statement ends.
  Statement& bind(const std::string& text) {
    ::sqlite3_bind_text64(it_, ++n_bound_, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
  }
  // SQLITE_ROW, SQLITE_DONE or an error; a statement that could not be prepared is one.
  int step() { return it_ == nullptr ? SQLITE_ERROR : ::sqlite3_step(it_); }

  int64_t number(int column) const { return ::sqlite3_column_int64(it_, column); }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(::sqlite3_column_text(it_, column));
    if (bytes == nullptr) return "";
    return {bytes, static_cast<size_t>(::sqlite3_column_bytes(it_, column))};
  }

 private:
  sqlite3_stmt* it_ = nullptr;
  int n_bound_ = 0;
};

ChatHead head_of(const Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.number(3), row.number(4), row.number(5)};
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos || slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

std::string ChatDocument::text() const {
  return fmt::format(R"({{"id":{},"updated":{},"version":{},{})", json_quoted(head.id),
                     head.updated_ms, head.version, std::string_view(rest).substr(1));
}

SavedState::SavedState(std::unique_ptr<State> state) : state_(std::move(state)) {}
SavedState::~SavedState() = default;

Result<int64_t> SavedState::State::number(const char* sql) {
  Statement statement(db, sql);
  if (statement.step() != SQLITE_ROW) return failed("read");
  return statement.number(0);
}

Result<void> SavedState::State::begin_layout() {
  return in_transaction([&]() -> Result<void> {
    // Another process may have been first.
    if (TRY(number("PRAGMA user_version")) != 0) return {};
    TRY(execute(layout));
    TRY(execute(fmt::format("PRAGMA application_id={}", application_id).c_str()));
    return execute(fmt::format("PRAGMA user_version={}", layout_version).c_str());
  });
}

Result<void> SavedState::State::check_layout() {
  int64_t version = TRY(number("PRAGMA user_version"));
  const int64_t owner = TRY(number("PRAGMA application_id"));
  const int64_t n_tables = TRY(number("SELECT count(*) FROM sqlite_schema"));
  if (version == 0 && n_tables == 0) {
    TRY(begin_layout());
    version = TRY(number("PRAGMA user_version"));
  } else if (owner != application_id) {
    return fail(Fault::bad_format, "{}: is a database of another program; move it away", path);
  }
  if (version > layout_version)
    return fail(Fault::unsupported,
                "{}: has layout {}, this program knows {}: a later Quire wrote it; use that one, "
                "or move the file away",
                path, version, layout_version);
  const int64_t bytes = TRY(number("PRAGMA page_count")) * TRY(number("PRAGMA page_size"));
  if (bytes > checked_bytes_max) return {};
  Statement check(db, "PRAGMA quick_check(1)");
  if (check.step() != SQLITE_ROW) return failed("read");
  if (const std::string found = check.text(0); found != "ok")
    return fail(Fault::bad_format, "{}: is damaged ({}); move it away to begin with an empty one",
                path, found);
  return {};
}

Result<std::unique_ptr<SavedState>> SavedState::open(const std::string& path, int64_t bytes_max) {
  TRY(make_directories(folder_of(path)));
  // Made here, so that nobody else may ever read it; SQLite gives its other files the same mode.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Fault::io, "{}: cannot be opened: {}", path, std::strerror(errno));
  ::close(fd);
  auto state = std::make_unique<State>();
  state->path = path;
  state->bytes_max = bytes_max;
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (::sqlite3_open_v2(path.c_str(), &state->db, flags, nullptr) != SQLITE_OK)
    return state->failed("open");
  ::sqlite3_busy_timeout(state->db, 5000);
  ::sqlite3_db_config(state->db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  ::sqlite3_db_config(state->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  TRY(
      state->execute("PRAGMA auto_vacuum=FULL; PRAGMA secure_delete=ON; PRAGMA cell_size_check=ON;"
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                     "PRAGMA journal_size_limit=16777216"));
  TRY(state->check_layout());
  const int64_t n_pages = bytes_max / TRY(state->number("PRAGMA page_size"));
  TRY(state->execute(fmt::format("PRAGMA max_page_count={}", n_pages).c_str()));
  return std::unique_ptr<SavedState>(new SavedState(std::move(state)));
}

Result<std::vector<ChatHead>> SavedState::list(int64_t n_max, const ChatHead* after) {
  const std::lock_guard lock(state_->mutex);
  Statement rows(state_->db,
                 "SELECT id, title, model, created, updated, version FROM chats"
                 " WHERE (updated, id) < (?, ?) ORDER BY updated DESC, id DESC LIMIT ?");
  const std::string none;
  rows.bind(after != nullptr ? after->updated_ms : INT64_MAX);
  rows.bind(after != nullptr ? after->id : none).bind(n_max);
  std::vector<ChatHead> chats;
  int status = SQLITE_DONE;
  while ((status = rows.step()) == SQLITE_ROW) chats.push_back(head_of(rows));
  if (status != SQLITE_DONE) return state_->failed("read");
  return chats;
}

Result<std::optional<ChatDocument>> SavedState::State::one_chat(const char* sql,
                                                                const std::string& id) {
  Statement row(db, sql);
  row.bind(id);
  const int status = row.step();
  if (status == SQLITE_DONE) return std::optional<ChatDocument>{};
  if (status != SQLITE_ROW) return failed("read");
  ChatDocument chat{head_of(row), row.text(6)};
  if (chat.rest.size() < 2 || chat.rest.front() != '{' || chat.rest.back() != '}')
    return fail(Fault::bad_format, "{}: the chat '{}' is damaged; delete it", path, chat.head.id);
  return std::optional(std::move(chat));
}

Result<std::optional<ChatDocument>> SavedState::chat(const std::string& id) {
  const std::lock_guard lock(state_->mutex);
  return state_->one_chat(
      "SELECT id, title, model, created, updated, version, rest FROM chats"
      " WHERE id = ?",
      id);
}

Result<std::optional<ChatDocument>> SavedState::chat_after(const std::string& id) {
  const std::lock_guard lock(state_->mutex);
  return state_->one_chat(
      "SELECT id, title, model, created, updated, version, rest FROM chats"
      " WHERE id > ? ORDER BY id LIMIT 1",
      id);
}

Result<void> SavedState::State::write(const ChatDocument& chat, int64_t updated_ms,
                                      int64_t version) {
  CHECK(chat.rest.size() > 2 && chat.rest.front() == '{');
  const ChatHead& head = chat.head;
  Statement insert(db,
                   "INSERT OR REPLACE INTO chats (id, title, model, created, updated, version,"
                   " rest) VALUES (?, ?, ?, ?, ?, ?, ?)");
  insert.bind(head.id).bind(head.title).bind(head.model).bind(head.created_ms);
  insert.bind(updated_ms).bind(version).bind(chat.rest);
  if (insert.step() != SQLITE_DONE) return failed("write");
  return {};
}

Result<SavedState::Put> SavedState::put(const ChatDocument& chat, int64_t now_ms) {
  const std::lock_guard lock(state_->mutex);
  return state_->in_transaction([&]() -> Result<Put> {
    auto there =
        TRY(state_->one_chat("SELECT id, title, model, created, updated, version, rest"
                             " FROM chats WHERE id = ?",
                             chat.head.id));
    if (there && there->head.version != chat.head.version)
      return Put{.stored = false, .newest = *std::move(there)};
    Put put{.stored = true, .newest = {chat.head, {}}};
    put.newest.head.updated_ms = now_ms;
    ++put.newest.head.version;
    TRY(state_->write(chat, now_ms, put.newest.head.version));
    return put;
  });
}

Result<bool> SavedState::erase(const std::string& id) {
  const std::lock_guard lock(state_->mutex);
  Statement statement(state_->db, "DELETE FROM chats WHERE id = ?");
  statement.bind(id);
  if (statement.step() != SQLITE_DONE) return state_->failed("write");
  return ::sqlite3_changes(state_->db) > 0;
}

Result<std::string> SavedState::settings() {
  const std::lock_guard lock(state_->mutex);
  Statement row(state_->db, "SELECT value FROM settings WHERE name = 'app'");
  const int status = row.step();
  if (status == SQLITE_DONE) return std::string("{}");
  if (status != SQLITE_ROW) return state_->failed("read");
  return row.text(0);
}

Result<void> SavedState::State::write_settings(const std::string& json) {
  Statement insert(db, "INSERT OR REPLACE INTO settings (name, value) VALUES ('app', ?)");
  insert.bind(json);
  if (insert.step() != SQLITE_DONE) return failed("write");
  return {};
}

Result<void> SavedState::put_settings(const std::string& json) {
  const std::lock_guard lock(state_->mutex);
  return state_->write_settings(json);
}

Result<SavedState::Imported> SavedState::import(const std::vector<ChatDocument>& chats,
                                                const std::optional<std::string>& settings) {
  const std::lock_guard lock(state_->mutex);
  return state_->in_transaction([&]() -> Result<Imported> {
    Imported sum;
    for (const ChatDocument& chat : chats) {
      const auto there =
          TRY(state_->one_chat("SELECT id, title, model, created, updated, version, rest"
                               " FROM chats WHERE id = ?",
                               chat.head.id));
      if (there && there->head.updated_ms >= chat.head.updated_ms) {
        ++sum.n_skipped;
        continue;
      }
      // Whoever has the older one open learns of it by its version.
      const int64_t version = std::max(chat.head.version, there ? there->head.version + 1 : 1);
      TRY(state_->write(chat, chat.head.updated_ms, version));
      ++sum.n_imported;
    }
    if (settings && TRY(state_->number("SELECT count(*) FROM settings")) == 0)
      TRY(state_->write_settings(*settings));
    return sum;
  });
}

}  // namespace quire::server
