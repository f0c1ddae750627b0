#include "store/blob_writer.h"

#include "format/printable.h"

namespace quire {

Result<BlobWriter> BlobWriter::open(const Store& store, const std::string& digest) {
  if (!is_digest(digest))
    return fail(Fault::usage, "'{}' is no digest: that is 'sha256:' and 64 hexadecimal digits",
                printable(digest, 80));
  TRY(make_directories(store.root() + "/blobs"));
  return BlobWriter(digest, TRY(AtomicFile::create(store.blob_path(digest))));
}

Result<void> BlobWriter::write(std::string_view bytes) {
  sum_->update(std::as_bytes(std::span(bytes)));
  return file_.write(bytes);
}

Result<void> BlobWriter::finish() {
  const std::string sum = sum_->finish();
  if (sum != digest_)
    return fail(Fault::bad_format, "the bytes have the sum {}, wanted is {}: nothing was kept", sum,
                digest_);
  return file_.commit();
}

}  // namespace quire
