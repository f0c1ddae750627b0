// A compressed file: any bytes, once as they are and once with the checksum, the model and the
// probe made right, so that what stands behind these checks is reached too.
#include "engine/compress.h"
#include "engine/compress_file.h"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quire;
  static const auto model =
      Model::load(QUIRE_SOURCE_DIR "/tests/golden/model/llama-tied.gguf").value();
  // The parsed file points into its bytes.
  static const std::string sound_bytes = compress(model, "", {.n_threads = 1}).value();
  static const CompressedFile sound = parse_compressed(sound_bytes).value();
  CompressOptions options;
  options.n_threads = 1;
  options.bytes_max = 512;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  (void)decompress(model, bytes, options);
  if (bytes.size() < 8) return 0;
  bytes.resize(bytes.size() - 8);
  const uint64_t checksum = fnv1a(bytes);
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(checksum >> (8 * i) & 0xFF);
  auto parsed = parse_compressed(bytes);
  if (!parsed) return 0;
  parsed->info.fingerprint = sound.info.fingerprint;
  parsed->info.isa = sound.info.isa;
  parsed->probe = sound.probe;
  (void)decompress(model, write_compressed(*parsed), options);
  return 0;
}
