#include "corpus/read.h"

#include "base/file.h"

#include <simdjson.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

namespace quire {
namespace {

constexpr std::string_view kSeparator = "<|endoftext|>";
constexpr size_t kPieceBytes = size_t{1} << 17;
constexpr size_t kWindowBytesLogMax = 27;  // what zstd itself allows without --long: 128 MiB

using Each = FunctionRef<Result<void>(std::string_view document)>;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\f\v";
  const size_t start = text.find_first_not_of(blank);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(blank) - start + 1);
}

// Takes a file in pieces, cuts it into lines and makes documents of them.
class DocumentCutter {
 public:
  DocumentCutter(std::string_view name, DocumentFormat format, Each each,
                 const ReadOptions& options)
      : name_(name), format_(format), each_(each), bytes_max_(options.document_bytes_max) {}

  Result<void> piece(std::string_view bytes) {
    for (;;) {
      const size_t end = bytes.find('\n');
      if (end == std::string_view::npos) break;
      if (line_.empty()) {
        TRY(line(bytes.substr(0, end)));
      } else {
        TRY(grow(line_, bytes.substr(0, end)));
        TRY(line(line_));
        line_.clear();
      }
      bytes.remove_prefix(end + 1);
    }
    return grow(line_, bytes);
  }

  Result<void> finish() {
    if (!line_.empty()) TRY(line(line_));
    return emit(document_);
  }

 private:
  Result<void> grow(std::string& text, std::string_view more) {
    if (more.size() > bytes_max_ - std::min(bytes_max_, text.size())) {
      return fail(Fault::limit,
                  "{}: line {}: a document is larger than {} bytes; separate documents by lines {}",
                  name_, n_lines_ + 1, bytes_max_, kSeparator);
    }
    text += more;
    return {};
  }

  Result<void> line(std::string_view text) {
    ++n_lines_;
    if (n_lines_ == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    if (!simdjson::validate_utf8(text.data(), text.size())) {
      return fail(Fault::bad_format, "{}: line {} is not valid UTF-8; convert the file to UTF-8",
                  name_, n_lines_);
    }
    if (format_ == DocumentFormat::jsonl) return json_line(text);
    if (text == kSeparator) {
      TRY(emit(document_));
      document_.clear();
      return {};
    }
    TRY(grow(document_, text));
    return grow(document_, "\n");
  }

  Result<void> json_line(std::string_view text) {
    if (trimmed(text).empty()) return {};
    if (text.size() > bytes_max_) return grow(document_, text);
    padded_.assign(text);
    padded_.append(simdjson::SIMDJSON_PADDING, '\0');
    simdjson::dom::element root;
    if (const auto error = parser_.parse(padded_.data(), text.size(), false).get(root)) {
      return fail(Fault::bad_format, "{}: line {} is not JSON: {}", name_, n_lines_,
                  simdjson::error_message(error));
    }
    std::string_view field;
    if (root["text"].get(field) != simdjson::SUCCESS) {
      return fail(Fault::bad_format, "{}: line {} is not an object with a string field \"text\"",
                  name_, n_lines_);
    }
    return emit(field);
  }

  Result<void> emit(std::string_view document) {
    const std::string_view text = trimmed(document);
    return text.empty() ? Result<void>{} : each_(text);
  }

  std::string name_;
  DocumentFormat format_;
  Each each_;
  size_t bytes_max_;
  uint64_t n_lines_ = 0;
  std::string line_, document_, padded_;
  simdjson::dom::parser parser_;
};

struct FreeDecompressor {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

Result<void> unpack(std::span<const std::byte> bytes, std::string_view name,
                    DocumentCutter& cutter) {
  const std::unique_ptr<ZSTD_DStream, FreeDecompressor> stream(ZSTD_createDStream());
  if (!stream) return fail(Fault::limit, "{}: no memory for the Zstandard decoder", name);
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, static_cast<int>(kWindowBytesLogMax));
  std::string piece(kPieceBytes, '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t wanted = 0;  // 0 at the end of a frame
  for (;;) {
    ZSTD_outBuffer out{piece.data(), piece.size(), 0};
    const size_t before = in.pos;
    wanted = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(wanted)) {
      return fail(Fault::bad_format, "{}: damaged Zstandard data near byte {}: {}", name, in.pos,
                  ZSTD_getErrorName(wanted));
    }
    TRY(cutter.piece(std::string_view(piece).substr(0, out.pos)));
    if (in.pos == in.size && out.pos < out.size) break;
    if (in.pos == before && out.pos == 0) break;
  }
  if (wanted != 0) {
    return fail(Fault::bad_format, "{}: the Zstandard data ends too early, after {} bytes", name,
                bytes.size());
  }
  return {};
}

bool has_known_ending(std::string_view path) {
  for (const std::string_view ending :
       {".txt", ".jsonl", ".ndjson", ".txt.zst", ".jsonl.zst", ".ndjson.zst"}) {
    if (path.ends_with(ending)) return true;
  }
  return false;
}

}  // namespace

DocumentFormat document_format(std::string_view path) {
  if (path.ends_with(".zst")) path.remove_suffix(4);
  return path.ends_with(".jsonl") || path.ends_with(".ndjson") ? DocumentFormat::jsonl
                                                               : DocumentFormat::text;
}

Result<std::vector<std::string>> document_files(std::span<const std::string> paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!is_directory(path)) {
      if (!file_exists(path)) return fail(Fault::not_found, "{}: no such file or directory", path);
      files.push_back(path);
      continue;
    }
    std::vector<std::string> inside;
    std::error_code error;
    auto entry = std::filesystem::recursive_directory_iterator(path, error);
    for (; !error && entry != std::filesystem::recursive_directory_iterator();
         entry.increment(error)) {
      std::error_code kind_error;
      if (entry->is_regular_file(kind_error) && has_known_ending(entry->path().native())) {
        inside.push_back(entry->path().native());
      }
    }
    if (error) return fail(Fault::io, "{}: cannot list the folder: {}", path, error.message());
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  if (files.empty()) {
    return fail(Fault::usage,
                "no documents to read: give .txt, .jsonl or .zst files, or a folder with them");
  }
  return files;
}

Result<void> read_documents_from(std::span<const std::byte> bytes, std::string_view name,
                                 DocumentFormat format, Packing packing, Each each,
                                 const ReadOptions& options) {
  DocumentCutter cutter(name, format, each, options);
  if (packing == Packing::zstd) {
    TRY(unpack(bytes, name, cutter));
  } else {
    TRY(cutter.piece({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  }
  return cutter.finish();
}

Result<void> read_documents(std::span<const std::string> paths, Each each,
                            const ReadOptions& options) {
  for (const std::string& path : TRY(document_files(paths))) {
    const MappedFile file = TRY(MappedFile::open(path));
    const Packing packing = path.ends_with(".zst") ? Packing::zstd : Packing::plain;
    TRY(read_documents_from(file.bytes(), path, document_format(path), packing, each, options));
  }
  return {};
}

}  // namespace quire
