// What a model is made with and nobody keeps: a file that is being made, a folder of blobs under
// their own names.
#pragma once
#include "base/result.h"
#include "store/create.h"
#include "store/store.h"

#include <string>
#include <string_view>
#include <vector>

namespace quire {

// A place in the store that is removed, with all in it, at the end of its scope; that of a process
// which was killed, by Store::write() later.
class Scratch {
 public:
  Scratch(const Store& store, std::string_view name) : path_(store.temporary_path(name)) {}
  ~Scratch();
  Scratch(Scratch&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  Scratch& operator=(Scratch&&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Where the bytes of a blob are. usage for what is no digest, not_found when it was not sent.
Result<std::string> path_of(const Store& store, const NamedBlob& blob);

// Blobs as the files of a folder, by links.
class LinkedFolder {
 public:
  // `name` is that of the folder. usage for a name of a file that would lie outside of it: names
  // have at most three parts between '/', none of which begins with a dot.
  static Result<LinkedFolder> create(const Store& store, const std::string& name,
                                     const std::vector<NamedBlob>& files);
  std::string path() const { return scratch_.path() + "/" + name_; }
  // Of an error the folder's path, which means nothing to whoever sent the files.
  Result<void> without_its_path(Result<void> result) const;

 private:
  LinkedFolder(Scratch scratch, std::string name)
      : scratch_(std::move(scratch)), name_(std::move(name)) {}
  Scratch scratch_;
  std::string name_;
};

}  // namespace quire
