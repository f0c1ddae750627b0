// Reading training documents from text files.
//
//   *.txt (or any other name)  documents separated by lines that are exactly <|endoftext|>; without
//                              such a line the whole file is one document
//   *.jsonl, *.ndjson          one JSON object per line with a string field "text"
//   *.zst                      either of them, compressed with Zstandard: name.txt.zst,
//                              name.jsonl.zst (several frames may follow each other)
//   a directory                all of its files with these endings, in the order of their names,
//                              folders inside included
//
// Documents are handed out without leading and trailing white space; empty ones are left out.
// UTF-8: bytes that are not valid UTF-8 are an error that names file and line, never guessed at or
// replaced; convert the file first. A byte-order mark at the start of a file is
// dropped. A document may have at most document_bytes_max bytes, so memory
// is bounded whatever a compressed file unfolds to.
#pragma once
#include "base/function_ref.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

enum class DocumentFormat { text, jsonl };

struct ReadOptions {
  size_t document_bytes_max = size_t{256} << 20;
};

// The files to read, with directories replaced by what they hold. not_found names a missing path;
// usage when nothing is left to read.
Result<std::vector<std::string>> document_files(std::span<const std::string> paths);

// text or jsonl, by the name with a trailing .zst taken off.
DocumentFormat document_format(std::string_view path);

// Calls each(document) for the documents of all files in order, until the end or an error (of the
// files or of the callback). The document is valid during the call only.
Result<void> read_documents(std::span<const std::string> paths,
                            FunctionRef<Result<void>(std::string_view document)> each,
                            const ReadOptions& options = {});

// The same for bytes in memory; compressed says they are Zstandard frames. name is for errors.
enum class Packing { plain, zstd };
Result<void> read_documents_from(std::span<const std::byte> bytes, std::string_view name,
                                 DocumentFormat format, Packing packing,
                                 FunctionRef<Result<void>(std::string_view document)> each,
                                 const ReadOptions& options = {});

}  // namespace quire
