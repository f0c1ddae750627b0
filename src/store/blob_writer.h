// A blob that comes from outside: written as it comes, checked by its SHA-256, in place when whole.
#pragma once
#include "base/file.h"
#include "base/result.h"
#include "base/sha256.h"
#include "store/store.h"

#include <string>
#include <string_view>

namespace quire {

class BlobWriter {
 public:
  // usage for what is no digest.
  static Result<BlobWriter> open(const Store& store, const std::string& digest);

  Result<void> write(std::string_view bytes);
  // bad_format when the bytes have another sum; then nothing is kept.
  Result<void> finish();

 private:
  BlobWriter(std::string digest, AtomicFile file)
      : digest_(std::move(digest)), file_(std::move(file)), sum_(std::make_unique<Sha256>()) {}

  std::string digest_;
  AtomicFile file_;
  std::unique_ptr<Sha256> sum_;
};

}  // namespace quire
