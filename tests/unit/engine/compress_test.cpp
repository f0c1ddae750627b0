#include "engine/compress.h"

#include "base/rng.h"
#include "engine/compress_file.h"
#include "engine/frequencies.h"
#include "engine/range_coder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace quire {
namespace {

std::shared_ptr<const Model> golden(const std::string& name) {
  return Model::load(QUIRE_SOURCE_DIR "/tests/golden/model/" + name + ".gguf").value();
}

// Text that this model of random weights happens to predict well, so that it is not stored.
std::string predictable(size_t n) { return std::string(n, 'p'); }
constexpr const char* tied = "llama-tied";

TEST(RangeCoder, GivesBackWhatWasPutInAndTakesNoMoreRoomThanItsInformation) {
  Rng rng(3);
  struct Symbol {
    uint64_t start, size, total;
  };
  std::vector<Symbol> symbols;
  double bits = 0;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t total = i % 3 == 0 ? uint64_t{1} << 32 : 2 + rng.below(1000);
    const uint64_t start = i % 5 == 0 ? total - 1 : rng.below(total);
    const uint64_t size = 1 + rng.below(total - start);
    symbols.push_back({start, size, total});
    bits += std::log2(static_cast<double>(total) / static_cast<double>(size));
  }
  RangeEncoder encoder;
  for (const Symbol& s : symbols) encoder.put(s.start, s.size, s.total);
  const std::string bytes = encoder.finish();
  EXPECT_LE(static_cast<double>(bytes.size()), bits / 8 + 2);
  RangeDecoder decoder(bytes);
  for (const Symbol& s : symbols) {
    const uint64_t value = decoder.peek(s.total);
    ASSERT_GE(value, s.start);
    ASSERT_LT(value, s.start + s.size);
    decoder.take(s.start, s.size);
  }
}

TEST(TokenFrequencies, AreTheProbabilitiesAndNeverZero) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {
      0, std::log(3.0f), -1000, -infinity, std::numeric_limits<float>::quiet_NaN(), infinity};
  TokenFrequencies frequencies;
  frequencies.set(logits);
  EXPECT_LE(frequencies.total(), uint64_t{1} << 32);
  EXPECT_NEAR(static_cast<double>(frequencies.of(1).size) / 0x1p32, 0.75, 1e-3);
  for (const int32_t impossible : {2, 3, 4, 5}) EXPECT_EQ(frequencies.of(impossible).size, 1u);
  for (const int32_t id : {0, 1, 2, 5}) {
    EXPECT_EQ(frequencies.at(frequencies.of(id).start).token, id);
    EXPECT_EQ(frequencies.at(frequencies.of(id).start + frequencies.of(id).size - 1).token, id);
  }
}

TEST(Compress, AnyBytesComeBack) {
  Rng rng(1);
  std::string random(300, '\0'), every;
  for (char& c : random) c = static_cast<char>(rng.next());
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  for (const char* name : {"llama-tied", "gpt2-tied"}) {
    const auto model = golden(name);
    for (const std::string& data :
         {std::string(), std::string("x"), std::string(1, '\0'), random, every,
          std::string("caf\xC3\xA9 \xFF\xC3 broken"), std::string("  spaces  "), predictable(400),
          std::string(300, 'v') + "\n</s><s><unk>"}) {
      const std::string file = compress(model, data, {.n_threads = 1}).value();
      EXPECT_EQ(decompress(model, file, {.n_threads = 1}).value(), data) << name;
    }
  }
}

TEST(Compress, PredictedTextGetsSmallAndAnyThreadsBringItBack) {
  const auto model = golden(tied);
  const std::string data = predictable(1500);  // longer than the context: it is slid
  const std::string file = compress(model, data, {.n_threads = 2}).value();
  EXPECT_LT(file.size(), data.size() / 2);
  EXPECT_EQ(compress(model, data, {.n_threads = 1}).value(), file);
  for (const int n_threads : {1, 3})
    EXPECT_EQ(decompress(model, file, {.n_threads = n_threads}).value(), data);
}

TEST(Compress, LongInputsAreCutIntoStreams) {
  const auto model = golden(tied);
  std::string data = predictable(33 << 10);
  data[20000] = '\n';
  const std::string file = compress(model, data, {.n_ctx = 64, .n_threads = 1}).value();
  EXPECT_EQ(parse_compressed(file)->streams.size(), 2u);
  EXPECT_EQ(decompress(model, file, {.n_threads = 1}).value(), data);
}

TEST(Compress, AnotherModelIsRefused) {
  const std::string file = compress(golden(tied), predictable(100), {.n_threads = 1}).value();
  const auto result = decompress(golden("llama-f32"), file, {.n_threads = 1});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().fault, Fault::bad_format);
  EXPECT_THAT(result.error().text, testing::HasSubstr("another model"));
}

TEST(Compress, EveryDamagedByteAndEveryLengthIsNoticed) {
  const auto model = golden(tied);
  const std::string file = compress(model, predictable(200), {.n_threads = 1}).value();
  for (size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(decompress(model, damaged, {.n_threads = 1}).has_value()) << i;
    EXPECT_FALSE(decompress(model, file.substr(0, i), {.n_threads = 1}).has_value()) << i;
  }
}

// A forger can make the checksum right; what the file then claims is still not believed.
TEST(Compress, ForgedHeadersAreRefused) {
  const auto model = golden(tied);
  const std::string file = compress(model, predictable(200), {.n_threads = 1}).value();
  const CompressedFile sound = parse_compressed(file).value();
  ASSERT_NE(sound.streams.at(0).coding, StreamCoding::stored);
  const auto fault = [&](const CompressedFile& forged) {
    const auto result = decompress(model, write_compressed(forged), {.n_threads = 1});
    return result ? "accepted" : fault_name(result.error().fault);
  };
  CompressedFile forged = sound;
  forged.streams[0].n_tokens = uint64_t{1} << 60;
  EXPECT_STREQ(fault(forged), "bad_format");
  forged = sound;
  forged.info.n_bytes = forged.streams[0].n_bytes = uint64_t{1} << 60;
  EXPECT_STREQ(fault(forged), "bad_format");
  forged = sound;
  forged.info.n_ctx = 1 << 30;
  EXPECT_STREQ(fault(forged), "bad_format");
  forged = sound;
  forged.info.n_ctx = 0;
  EXPECT_STREQ(fault(forged), "bad_format");
  forged = sound;
  ++forged.probe;
  EXPECT_STREQ(fault(forged), "unsupported");
  forged = sound;
  ++forged.checksum;
  EXPECT_STREQ(fault(forged), "bad_format");
  forged = sound;
  forged.streams[0].coded = "\x13\x37 some other code entirely";
  EXPECT_STREQ(fault(forged), "bad_format");
}

TEST(Compress, LimitsOnSizeHold) {
  const auto model = golden(tied);
  const std::string file = compress(model, predictable(200), {.n_threads = 1}).value();
  CompressOptions small;
  small.bytes_max = 199;
  EXPECT_EQ(decompress(model, file, small).error().fault, Fault::limit);
  EXPECT_EQ(compress(model, predictable(200), small).error().fault, Fault::limit);
}

TEST(Compress, OtherInstructionsThanTheCompressorsAreRefused) {
  const auto model = golden(tied);
  CompressedFile file = parse_compressed(compress(model, "", {.n_threads = 1}).value()).value();
  file.info.isa = isa() == Isa::portable ? Isa::avx512 : Isa::portable;
  const auto result = decompress(model, write_compressed(file), {.n_threads = 1});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().fault, Fault::unsupported);
}

}  // namespace
}  // namespace quire
