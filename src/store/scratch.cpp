#include "store/scratch.h"

#include "base/file.h"
#include "format/printable.h"

#include <algorithm>
#include <filesystem>

namespace quire {
namespace {

namespace fs = std::filesystem;

constexpr size_t name_bytes_max = 200;
constexpr int64_t n_parts_max = 3;

bool is_file_name(std::string_view name) {
  if (name.empty() || name.size() > name_bytes_max || name.ends_with('/') ||
      std::ranges::count(name, '/') >= n_parts_max ||
      std::ranges::any_of(name, [](char c) { return c == '\\' || (c >= 0 && c < ' '); }))
    return false;
  char before = '/';
  for (const char c : name) {
    if (before == '/' && (c == '.' || c == '/')) return false;
    before = c;
  }
  return true;
}

Result<void> link(const std::string& target, const std::string& path) {
  TRY(make_directories(path.substr(0, path.rfind('/'))));
  std::error_code error;
  fs::create_symlink(fs::absolute(target), path, error);
  if (error) return fail(Fault::io, "{}: cannot make the link: {}", path, error.message());
  return {};
}

}  // namespace

Scratch::~Scratch() {
  std::error_code error;
  if (!path_.empty()) fs::remove_all(path_, error);
}

Result<std::string> path_of(const Store& store, const NamedBlob& blob) {
  if (!is_digest(blob.digest))
    return fail(Fault::usage, "'{}' is no digest: that is 'sha256:' and 64 hexadecimal digits",
                printable(blob.digest, 80));
  std::string path = store.blob_path(blob.digest);
  if (!file_exists(path))
    return fail(Fault::not_found, "there is no blob {}: send it first (POST /api/blobs/{})",
                blob.digest, blob.digest);
  store.keep_blob(blob.digest);
  return path;
}

Result<LinkedFolder> LinkedFolder::create(const Store& store, const std::string& name,
                                          const std::vector<NamedBlob>& files) {
  LinkedFolder folder(Scratch(store, "files"), name);
  for (const NamedBlob& file : files) {
    if (!is_file_name(file.name))
      return fail(Fault::usage,
                  "'{}' is no name of a file here: at most {} bytes, {} parts between '/', none of "
                  "which begins with '.'",
                  printable(file.name, 100), name_bytes_max, n_parts_max);
    const std::string blob = TRY(path_of(store, file));
    TRY(link(blob, folder.path() + "/" + file.name));
  }
  return folder;
}

Result<void> LinkedFolder::without_its_path(Result<void> result) const {
  if (result) return result;
  Error error = std::move(result).error();
  const std::string own = path();
  for (size_t at = error.text.find(own); at != error.text.npos; at = error.text.find(own, at)) {
    const bool names_file = error.text.substr(at + own.size(), 1) == "/";
    error.text.replace(at, own.size() + (names_file ? 1 : 0), names_file ? "" : name_);
  }
  return std::unexpected(std::move(error));
}

}  // namespace quire
