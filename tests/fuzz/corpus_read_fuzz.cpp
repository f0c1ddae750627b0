// Documents from bytes nobody vouches for: the first byte chooses format and packing, the rest is
// the file. Whatever comes, the reader ends with documents of valid size or with an error.
#include "base/check.h"
#include "corpus/read.h"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quire;
  if (size == 0) return 0;
  ReadOptions options;
  options.document_bytes_max = 1 << 16;
  const auto format = (data[0] & 1) != 0 ? DocumentFormat::jsonl : DocumentFormat::text;
  const auto packing = (data[0] & 2) != 0 ? Packing::zstd : Packing::plain;
  uint64_t n_bytes = 0;
  const auto result = read_documents_from(
      std::as_bytes(std::span(data + 1, size - 1)), "input", format, packing,
      [&](std::string_view document) -> Result<void> {
        CHECK(!document.empty() && document.size() <= options.document_bytes_max);
        n_bytes += document.size();
        if (n_bytes > (1u << 22)) return fail(Fault::limit, "enough");
        return {};
      },
      options);
  if (!result) CHECK(!result.error().text.empty());
  return 0;
}
