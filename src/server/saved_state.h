// SavedState: what the web app keeps on the server, chats and settings, in one SQLite file.
//
//   chats(id, title, model, created, updated, version, rest)      settings(name, value)
//
// A chat is one JSON document. The columns hold what a list of chats shows and what the server
// changes; `rest` is the document without id, updated and version, which are put in front again
// when it is read. A chat is only replaced by who has seen its latest version: the number rises
// with each change.
//
// The file is in WAL mode, so a killed process loses at most the last change, and carries a version
// of its layout (user_version). It grows up to a limit; deleted chats are overwritten and their
// room is given back.
#pragma once
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace quire::server {

struct ChatHead {
  std::string id, title, model;
  int64_t created_ms = 0, updated_ms = 0;  // since 1970
  int64_t version = 0;                     // 0: not saved yet
};

struct ChatDocument {
  ChatHead head;
  std::string rest;  // a JSON object that is not empty, without id, updated and version
  // The whole document.
  std::string text() const;
};

// Safe to call from many threads, one of which works at a time. Faults: bad_format for a damaged
// file, limit when there is no more room, device when another program holds the file too long, io.
class SavedState {
 public:
  // Creates the file, readable by its owner only, and its folder when they are not there.
  // bad_format for what is no such database, unsupported for one of a later version.
  static Result<std::unique_ptr<SavedState>> open(const std::string& path, int64_t bytes_max);
  ~SavedState();

  // The one updated last first; those behind `after` in that order when it is given, of which
  // updated_ms and id count.
  Result<std::vector<ChatHead>> list(int64_t n_max, const ChatHead* after = nullptr);
  Result<std::optional<ChatDocument>> chat(const std::string& id);
  // The first chat whose id is greater, for going through all of them.
  Result<std::optional<ChatDocument>> chat_after(const std::string& id);

  struct Put {
    bool stored = false;
    ChatDocument newest;  // not stored: the chat as it is there; stored: its head alone
  };
  // Stores the chat with its version raised by one, if that version is the one that is there, or
  // none is.
  Result<Put> put(const ChatDocument& chat, int64_t now_ms);
  // False: there was none.
  Result<bool> erase(const std::string& id);

  // "{}" before any were stored.
  Result<std::string> settings();
  Result<void> put_settings(const std::string& json);

  struct Imported {
    int64_t n_imported = 0, n_skipped = 0;
  };
  // All of it or, on an error, nothing. A chat that is there with the same or a later time is
  // skipped, an older one replaced; settings are taken when there are none.
  Result<Imported> import(const std::vector<ChatDocument>& chats,
                          const std::optional<std::string>& settings);

 private:
  struct State;
  explicit SavedState(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quire::server
