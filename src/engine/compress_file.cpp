#include "engine/compress_file.h"

namespace quire {
namespace {

constexpr std::string_view magic = "QUIREZ";
constexpr uint8_t version = 1;

template <class T>
void put(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i)
    out += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xFF);
}

// Reads numbers from the front; past the end it gives zeros and remembers that.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  template <class T>
  T number() {
    uint64_t value = 0;
    const std::string_view bytes = take(sizeof(T));
    for (size_t i = 0; i < bytes.size(); ++i)
      value |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    return static_cast<T>(value);
  }
  std::string_view take(uint64_t n) {
    if (n > left_.size()) short_ = true, n = 0;
    const std::string_view bytes = left_.substr(0, n);
    left_.remove_prefix(n);
    return bytes;
  }
  bool is_short() const { return short_; }
  size_t n_left() const { return left_.size(); }

 private:
  std::string_view left_;
  bool short_ = false;
};

std::unexpected<Error> fail_damaged(std::string_view what) {
  return fail(Fault::bad_format, "the compressed file is damaged: {}", what);
}

// Lengths against each other, before anything believes them.
Result<void> check_streams(const CompressedFile& file) {
  uint64_t n_bytes = 0;
  for (const CompressedStream& stream : file.streams) {
    const bool stored = stream.coding == StreamCoding::stored;
    if (stored && (stream.n_tokens != 0 || stream.coded.size() != stream.n_bytes))
      return fail_damaged("a stored stream has another length than it says");
    if (stream.coding == StreamCoding::bytes && stream.n_tokens != stream.n_bytes)
      return fail_damaged("a stream of bytes has another number of tokens");
    // A token can stand for nothing only once, in front (a space that is taken away again).
    if (stream.n_bytes > compress_bytes_max || stream.n_tokens > stream.n_bytes + 1)
      return fail_damaged("a stream has more tokens than bytes");
    n_bytes += stream.n_bytes;
  }
  if (n_bytes != file.info.n_bytes) return fail_damaged("the streams do not add up to its length");
  return {};
}

}  // namespace

uint64_t fnv1a(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

std::string write_compressed(const CompressedFile& file) {
  std::string out(magic);
  put(out, version);
  put(out, static_cast<uint8_t>(file.info.isa));
  put(out, file.info.fingerprint);
  put(out, file.checksum);
  put(out, file.probe);
  put(out, static_cast<uint32_t>(file.info.n_ctx));
  put(out, file.info.n_bytes);
  put(out, static_cast<uint8_t>(file.streams.size()));
  for (const CompressedStream& stream : file.streams) {
    put(out, static_cast<uint8_t>(stream.coding));
    put(out, static_cast<uint64_t>(stream.n_bytes));
    put(out, static_cast<uint64_t>(stream.n_tokens));
    put(out, static_cast<uint64_t>(stream.coded.size()));
  }
  for (const CompressedStream& stream : file.streams) out += stream.coded;
  put(out, fnv1a(out));
  return out;
}

Result<CompressedFile> parse_compressed(std::string_view bytes) {
  Reader reader(bytes);
  if (reader.take(magic.size()) != magic)
    return fail(Fault::bad_format, "this is no file that 'quire compress' made");
  if (const auto found = reader.number<uint8_t>(); found != version)
    return fail(Fault::unsupported, "the compressed file has version {}, this program reads {}",
                found, version);
  constexpr size_t checksum_bytes = 8;
  if (bytes.size() < magic.size() + checksum_bytes) return fail_damaged("it ends too early");
  Reader end(bytes.substr(bytes.size() - checksum_bytes));
  if (end.number<uint64_t>() != fnv1a(bytes.substr(0, bytes.size() - checksum_bytes)))
    return fail_damaged("its checksum is another");

  CompressedFile file;
  const auto isa = reader.number<uint8_t>();
  if (isa > static_cast<uint8_t>(Isa::avx512))
    return fail(Fault::unsupported, "the compressed file needs instruction set number {}, unknown",
                isa);
  file.info.isa = static_cast<Isa>(isa);
  file.info.fingerprint = reader.number<uint64_t>();
  file.checksum = reader.number<uint64_t>();
  file.probe = reader.number<uint32_t>();
  file.info.n_ctx = reader.number<uint32_t>();
  file.info.n_bytes = reader.number<uint64_t>();
  const size_t n_streams = reader.number<uint8_t>();
  if (n_streams > n_streams_max) return fail_damaged("it has too many streams");
  std::vector<uint64_t> lengths;
  for (size_t i = 0; i < n_streams; ++i) {
    CompressedStream stream;
    const auto coding = reader.number<uint8_t>();
    if (coding > static_cast<uint8_t>(StreamCoding::bytes))
      return fail_damaged("a stream has an unknown coding");
    stream.coding = static_cast<StreamCoding>(coding);
    stream.n_bytes = reader.number<uint64_t>();
    stream.n_tokens = reader.number<uint64_t>();
    lengths.push_back(reader.number<uint64_t>());
    file.streams.push_back(stream);
  }
  for (size_t i = 0; i < n_streams; ++i) file.streams[i].coded = reader.take(lengths[i]);
  if (reader.is_short() || reader.n_left() != checksum_bytes)
    return fail_damaged("its parts do not fill it");
  TRY(check_streams(file));
  return file;
}

Result<CompressedInfo> read_compressed_info(std::string_view file) {
  return TRY(parse_compressed(file)).info;
}

}  // namespace quire
