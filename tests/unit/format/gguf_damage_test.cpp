// Damaged GGUF files: each check of the reader, by a file that fails it and no other.
#include "format/gguf.h"
#include "support.h"

namespace quire {
namespace {

using testing::HasSubstr;

std::string parse_error(const std::string& bytes, Fault fault = Fault::bad_format) {
  const AlignedBytes aligned(bytes);
  const Result<GgufFile> file = GgufFile::parse(aligned.span(), "m.gguf");
  if (file.has_value()) return "no error";
  EXPECT_EQ(file.error().fault, fault) << file.error().text;
  expect_one_line(file.error());
  return file.error().text;
}

TEST(GgufDamage, FileThatIsNoGguf) {
  EXPECT_EQ(
      parse_error("PK\x03\x04 and so on"),
      "m.gguf: is not a GGUF file: it starts with 'PK\\x03\\x04', not with 'GGUF' (offset 0)");
  EXPECT_THAT(parse_error(""), HasSubstr("it starts with ''"));
  EXPECT_THAT(parse_error("GGU"), HasSubstr("it starts with 'GGU'"));
}

TEST(GgufDamage, VersionsThatAreNotRead) {
  EXPECT_THAT(parse_error(Bytes::gguf(0, 0, 1).str(), Fault::unsupported),
              HasSubstr("version is 1, versions 2 and 3 are read (offset 4)"));
  EXPECT_THAT(parse_error(Bytes::gguf(0, 0, 4).str(), Fault::unsupported), HasSubstr("is 4"));
  EXPECT_THAT(parse_error(Bytes::gguf(0, 0, 0).str()), HasSubstr("version is 0"));
  EXPECT_THAT(parse_error(Bytes::gguf(0, 0, 0x03000000).str(), Fault::unsupported),
              HasSubstr("big-endian"));
}

TEST(GgufDamage, CountsThatCannotFit) {
  EXPECT_THAT(
      parse_error(Bytes::gguf(uint64_t{1} << 60, 0).str()),
      HasSubstr("tensor count is 1152921504606846976, at most 0 fit in 0 bytes (offset 8)"));
  EXPECT_THAT(parse_error(Bytes::gguf(0, ~uint64_t{0}).str()),
              HasSubstr("metadata count is 18446744073709551615, at most 0 fit"));
}

TEST(GgufDamage, StringLongerThanTheFile) {
  const Bytes bytes = Bytes::gguf(0, 1).string("k").u32(8).u64(~uint64_t{0}).text("abc");
  EXPECT_EQ(parse_error(bytes.str()),
            "m.gguf: metadata 'k': length of the string is 18446744073709551615, only 3 bytes are "
            "left (offset 37)");
}

TEST(GgufDamage, ArrayLongerThanTheFile) {
  // 2^61 + 1 values of 8 bytes: the product wraps around to 8.
  const Bytes bytes =
      Bytes::gguf(0, 1).string("k").u32(9).u32(10).u64((uint64_t{1} << 61) + 1).u64(0);
  EXPECT_EQ(parse_error(bytes.str()),
            "m.gguf: metadata 'k': array length is 2305843009213693953, at most 1 u64 values fit "
            "in the 8 bytes left (offset 41)");
}

TEST(GgufDamage, UnknownValueTypes) {
  EXPECT_THAT(parse_error(Bytes::gguf(0, 1).string("k").u32(13).u64(0).str()),
              HasSubstr("metadata 'k': value type is 13, types 0 to 12 are known (offset 33)"));
  EXPECT_THAT(parse_error(Bytes::gguf(0, 1).string("k").u32(9).u32(99).u64(0).str()),
              HasSubstr("array type is 99"));
}

TEST(GgufDamage, BoolThatIsNeitherTrueNorFalse) {
  EXPECT_THAT(parse_error(Bytes::gguf(0, 1).string("k").u32(7).u8(2).str()),
              HasSubstr("the bool is 2, only 0 and 1 are allowed (offset 37)"));
  EXPECT_THAT(parse_error(Bytes::gguf(0, 1).string("k").u32(9).u32(7).u64(2).u8(1).u8(255).str()),
              HasSubstr("the bool is 255"));
}

TEST(GgufDamage, ArraysNestedTooDeep) {
  Bytes bytes = Bytes::gguf(0, 1).string("k").u32(9);
  for (int i = 0; i < 100'000; ++i) bytes.u32(9).u64(1);
  EXPECT_THAT(parse_error(bytes.str()), HasSubstr("arrays are nested more than 8 deep"));
}

TEST(GgufDamage, KeyOrTensorNameTwice) {
  EXPECT_THAT(
      parse_error(Bytes::gguf(0, 2).string("k").u32(0).u8(1).string("k").u32(0).u8(1).str()),
      HasSubstr("metadata 'k': the key appears twice (offset 38)"));
  EXPECT_THAT(
      parse_error(Bytes::gguf(2, 0).tensor("t", {0}, 0, 0).tensor("t", {0}, 0, 0).align(32).str()),
      HasSubstr("tensor 't': the name appears twice"));
}

TEST(GgufDamage, AlignmentThatIsNoPowerOfTwoInRange) {
  for (const uint32_t alignment : {0u, 1u, 4u, 24u, 131072u, 0x80000000u})
    EXPECT_THAT(
        parse_error(Bytes::gguf(0, 1).string("general.alignment").u32(4).u32(alignment).str()),
        HasSubstr(fmt::format("general.alignment is {}, a power of two from 8 to 65536 is needed "
                              "(offset 53)",
                              alignment)));
  EXPECT_THAT(parse_error(Bytes::gguf(0, 1).string("general.alignment").u32(8).string("32").str()),
              HasSubstr("general.alignment is \"32\""));
}

TEST(GgufDamage, TensorNameTooLong) {
  EXPECT_THAT(parse_error(Bytes::gguf(1, 0).tensor(std::string(65, 'n'), {1}, 0, 0).str()),
              HasSubstr("tensor 1 of 1: length of the tensor name is 65, at most 64 is allowed"));
}

TEST(GgufDamage, TooManyDimensions) {
  EXPECT_THAT(parse_error(Bytes::gguf(1, 0).tensor("t", {1, 1, 1, 1, 1}, 0, 0).str()),
              HasSubstr("tensor 't': has 5 dimensions, at most 4 are supported (offset 33)"));
}

TEST(GgufDamage, ShapesWhoseProductsOverflow) {
  const uint64_t big = uint64_t{1} << 32;
  EXPECT_THAT(
      parse_error(Bytes::gguf(1, 0).tensor("t", {big, big}, 0, 0).str()),
      HasSubstr("dimension 2 is 4294967296, the tensor would have more than 2^63 elements"));
  EXPECT_THAT(parse_error(Bytes::gguf(1, 0).tensor("t", {~uint64_t{0}}, 0, 0).str()),
              HasSubstr("dimension 1 is 18446744073709551615"));
  // An empty dimension does not excuse the others.
  EXPECT_THAT(parse_error(Bytes::gguf(1, 0).tensor("t", {big, big, 0}, 0, 0).str()),
              HasSubstr("dimension 2 is"));
  // The elements fit, their bytes do not.
  EXPECT_THAT(parse_error(Bytes::gguf(1, 0).tensor("t", {uint64_t{1} << 62}, 0, 0).str()),
              HasSubstr("has more than 2^63 bytes"));
}

TEST(GgufDamage, TensorTypesThatWereNeverPublishedOrRemoved) {
  for (const uint32_t id : {4u, 5u, 31u, 36u, 43u, 0xffffffffu})
    EXPECT_THAT(parse_error(Bytes::gguf(1, 0).tensor("t", {32}, id, 0).str()),
                HasSubstr(fmt::format("type id {} is not a published tensor type", id)));
}

TEST(GgufDamage, RowThatIsNoWholeNumberOfBlocks) {
  EXPECT_THAT(parse_error(Bytes::gguf(1, 0).tensor("t", {33}, 8, 0).str()),
              HasSubstr("rows have 33 elements, Q8_0 needs a multiple of 32"));
  EXPECT_THAT(parse_error(Bytes::gguf(1, 0).tensor("t", {}, 8, 0).str()),
              HasSubstr("rows have 1 elements"));
}

TEST(GgufDamage, DataOffMisalignedPastTheEndOrOverlapping) {
  const auto file = [](uint64_t offset, uint64_t second) {
    return Bytes::gguf(2, 0)
        .tensor("a", {16}, 0, offset)
        .tensor("b", {16}, 0, second)
        .align(32)
        .text(std::string(128, 'x'))
        .str();
  };
  EXPECT_EQ(parse_error(file(0, 64)), "no error");
  EXPECT_EQ(parse_error(file(64, 0)), "no error");
  EXPECT_THAT(parse_error(file(0, 65)), HasSubstr("data offset is 65, a multiple of 32 is needed"));
  EXPECT_THAT(parse_error(file(0, 96)),
              HasSubstr("tensor 'b' needs bytes 96 to 160 of the tensor data, which has 128"));
  EXPECT_THAT(parse_error(file(~uint64_t{31}, 0)), HasSubstr("tensor 'a' needs bytes"));
  EXPECT_THAT(parse_error(file(0, 32)),
              HasSubstr("tensor 'b' starts inside tensor 'a', which ends at 160 (offset 128)"));
}

TEST(GgufDamage, NamesWithControlCharactersCannotWriteToTheTerminal) {
  EXPECT_THAT(parse_error(Bytes::gguf(1, 0).tensor("\x1b[2J\n", {1, 1, 1, 1, 1}, 0, 0).str()),
              HasSubstr("tensor '\\x1b[2J\\n': has 5"));
}

TEST(GgufDamage, EveryTruncationIsOneLineAndNoCrash) {
  const std::string whole = contents(golden("types_v3.gguf"));
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_NE(parse_error(whole.substr(0, n)), "no error") << n;
  EXPECT_EQ(parse_error(whole), "no error");
}

TEST(GgufDamage, EveryDamagedByteIsReadOrRefusedWithoutCrash) {
  const std::string whole = contents(golden("types_v3.gguf"));
  int n_refused = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      const AlignedBytes aligned(damaged);
      const Result<GgufFile> file = GgufFile::parse(aligned.span(), "m.gguf");
      if (!file.has_value()) {
        ++n_refused;
        expect_one_line(file.error());
        continue;
      }
      for (const GgufEntry& entry : file->entries()) EXPECT_FALSE(entry.value.text().empty());
    }
  }
  EXPECT_GT(n_refused, 1000);
}

}  // namespace
}  // namespace quire
