// Files made by the reference package (tools/make_format_goldens.py) read as they were meant.
#include "format/gguf.h"
#include "format/json.h"
#include "support.h"

#include <nlohmann/json.hpp>

#include <limits>

namespace quire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

GgufFile open_golden(const std::string& name) {
  Result<GgufFile> file = GgufFile::open(golden(name));
  if (!file.has_value()) {
    ADD_FAILURE() << file.error().text;
    std::abort();
  }
  return std::move(*file);
}

class GgufVersions : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Golden, GgufVersions,
                         testing::Values("types_v2.gguf", "types_v3.gguf", "types_align64.gguf"),
                         golden_name);

TEST_P(GgufVersions, ScalarsOfEveryTypeHaveTheirValues) {
  const GgufFile file = open_golden(GetParam());
  EXPECT_EQ(file.get_string("general.architecture").value(), "test");
  EXPECT_EQ(file.get_uint("t.u8").value(), 255u);
  EXPECT_EQ(file.get_int("t.i8").value(), -128);
  EXPECT_EQ(file.get_uint("t.u16").value(), 65535u);
  EXPECT_EQ(file.get_int("t.i16").value(), -32768);
  EXPECT_EQ(file.get_uint("t.u32").value(), 4294967295u);
  EXPECT_EQ(file.get_int("t.i32").value(), -2147483648);
  EXPECT_EQ(file.get_float("t.f32").value(), double{0.1f});
  EXPECT_EQ(file.get_uint("t.u64").value(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(file.get_int("t.i64").value(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(file.get_float("t.f64").value(), 0.1);
  EXPECT_TRUE(file.get_bool("t.bool").value());
  EXPECT_EQ(file.get_string("t.string").value(), "naïve 猫\n");
  EXPECT_EQ(file.get_string("t.empty").value(), "");
}

TEST_P(GgufVersions, ArraysOfEveryTypeHaveTheirValues) {
  const GgufFile file = open_golden(GetParam());
  EXPECT_THAT(file.get_ints("a.u8").value(), ElementsAre(0, 128, 255));
  EXPECT_THAT(file.get_ints("a.i8").value(), ElementsAre(-128, 0, 127));
  EXPECT_THAT(file.get_ints("a.u16").value(), ElementsAre(0, 65535));
  EXPECT_THAT(file.get_ints("a.i16").value(), ElementsAre(-32768, 32767));
  EXPECT_THAT(file.get_ints("a.u32").value(), ElementsAre(0, 4294967295));
  EXPECT_THAT(file.get_ints("a.i32").value(), ElementsAre(-2147483648, 2147483647));
  EXPECT_THAT(file.get_floats("a.f32").value(), ElementsAre(0.0f, -0.5f, 1e30f));
  EXPECT_THAT(file.get_ints("a.i64").value(), ElementsAre(std::numeric_limits<int64_t>::min(),
                                                          std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(file.get_floats("a.f64").value()[0], 0.1f);
  EXPECT_THAT(file.get_ints("a.bool").value(), ElementsAre(1, 0, 1));
  EXPECT_THAT(file.get_strings("a.string").value(), ElementsAre("", "a", "žluť", "<|end|>"));
  // 2^64 - 1 does not fit a signed integer: said, not wrapped.
  EXPECT_THAT(error_text(file.get_ints("a.u64")),
              HasSubstr("'a.u64' is [0, 18446744073709551615]"));
}

TEST_P(GgufVersions, TensorsHaveTheTypesShapesAndBytesTheReferenceWrote) {
  const GgufFile file = open_golden(GetParam());
  const auto expected = read_json(golden("expected.json")).value()["tensors"];
  ASSERT_EQ(file.tensors().size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const GgufTensor& tensor = file.tensors()[i];
    const auto& want = expected[i];
    EXPECT_EQ(tensor.name, want["name"].get<std::string>());
    EXPECT_EQ(info(tensor.view.dtype).name, want["dtype"].get<std::string>());
    std::vector<int64_t> dims;
    for (int k = 0; k < tensor.view.shape.rank; ++k) dims.push_back(tensor.view.shape[k]);
    EXPECT_EQ(dims, want["shape"].get<std::vector<int64_t>>()) << tensor.name;
    const auto n_bytes = static_cast<size_t>(tensor.view.n_bytes());
    EXPECT_EQ(hex({tensor.view.data, n_bytes}), want["hex"].get<std::string>()) << tensor.name;
    EXPECT_EQ(tensor.offset % file.alignment(), 0u);
    EXPECT_EQ(file.find(tensor.name), &tensor);
  }
}

TEST(Gguf, VersionAndAlignmentAreThoseOfTheFile) {
  EXPECT_EQ(open_golden("types_v2.gguf").version(), 2u);
  EXPECT_EQ(open_golden("types_v3.gguf").version(), 3u);
  EXPECT_EQ(open_golden("types_v3.gguf").alignment(), 32u);
  EXPECT_EQ(open_golden("types_align64.gguf").alignment(), 64u);
}

TEST(Gguf, MissingKeyNamesFileAndKey) {
  const GgufFile file = open_golden("types_v3.gguf");
  const Result<uint64_t> value = file.get_uint("llama.block_count");
  ASSERT_FALSE(value.has_value());
  EXPECT_EQ(value.error().fault, Fault::bad_format);
  EXPECT_EQ(value.error().text,
            golden("types_v3.gguf") + ": metadata 'llama.block_count' is missing");
}

TEST(Gguf, WrongTypeNamesTheValueAndWhatIsNeeded) {
  const GgufFile file = open_golden("types_v3.gguf");
  EXPECT_THAT(error_text(file.get_uint("t.i8")),
              HasSubstr("metadata 't.i8' is -128 (i8), an integer of 0 or more is needed"));
  EXPECT_THAT(error_text(file.get_string("t.u32")), HasSubstr("is 4294967295 (u32), a string"));
  EXPECT_THAT(error_text(file.get_strings("a.i8")), HasSubstr("an array of strings is needed"));
  EXPECT_THAT(error_text(file.get_ints("t.i8")), HasSubstr("an array of integers is needed"));
  EXPECT_THAT(error_text(file.get_bool("t.u8")), HasSubstr("true or false is needed"));
  EXPECT_THAT(error_text(file.get_float("t.bool")), HasSubstr("a number is needed"));
}

TEST(Gguf, FallbackIsForMissingKeysOnly) {
  const GgufFile file = open_golden("types_v3.gguf");
  EXPECT_EQ(file.get_uint_or("missing", 7).value(), 7u);
  EXPECT_EQ(file.get_uint_or("t.u8", 7).value(), 255u);
  EXPECT_FALSE(file.get_uint_or("t.string", 7).has_value());
  EXPECT_EQ(file.get_int_or("missing", -7).value(), -7);
  EXPECT_EQ(file.get_float_or("missing", 0.5).value(), 0.5);
  EXPECT_EQ(file.get_bool_or("missing", true).value(), true);
  EXPECT_EQ(file.get_string_or("missing", "x").value(), "x");
}

TEST(Gguf, ValuesPrintOnOneLine) {
  const GgufFile file = open_golden("types_v3.gguf");
  EXPECT_EQ(file.value("t.string")->text(), "\"naïve 猫\\n\"");
  EXPECT_EQ(file.value("a.bool")->text(), "[true, false, true]");
  EXPECT_EQ(file.value("a.string")->text(2), "[\"\", \"a\", ... 4 in all]");
  EXPECT_EQ(file.value("a.string")->type_text(), "array of 4 strings");
  EXPECT_EQ(file.value("t.f64")->text(), "0.1");
  EXPECT_EQ(file.value("t.u64")->text(), "18446744073709551615");
}

TEST(Gguf, EntriesComeInFileOrder) {
  const GgufFile file = open_golden("types_v3.gguf");
  ASSERT_EQ(file.entries().size(), 26u);
  EXPECT_EQ(file.entries().front().key, "general.architecture");
  EXPECT_EQ(file.entries().back().key, "a.string");
}

TEST(Gguf, SplitFileOpensByAnyOfItsShards) {
  for (const char* shard : {"split-00001-of-00003.gguf", "split-00003-of-00003.gguf"}) {
    const GgufFile file = open_golden(shard);
    const auto expected = read_json(golden("expected.json")).value()["tensors"];
    EXPECT_EQ(file.n_shards(), 3);
    EXPECT_EQ(file.get_string("general.architecture").value(), "test");
    ASSERT_EQ(file.tensors().size(), expected.size());
    for (const auto& want : expected) {
      const TensorView view = file.tensor(want["name"].get<std::string>()).value();
      EXPECT_EQ(hex({view.data, static_cast<size_t>(view.n_bytes())}),
                want["hex"].get<std::string>());
    }
    EXPECT_EQ(file.tensors().back().shard, 2);
  }
}

TEST(Gguf, SplitFileWithAMissingOrRenamedShardIsNotFound) {
  const TemporaryFolder folder;
  const std::string first = folder / "split-00001-of-00003.gguf";
  std::filesystem::copy(golden("split-00001-of-00003.gguf"), first);
  EXPECT_THAT(error_text(GgufFile::open(first)), HasSubstr("split-00002-of-00003.gguf"));
  EXPECT_EQ(GgufFile::open(first).error().fault, Fault::not_found);
  std::filesystem::rename(first, folder / "model.gguf");
  EXPECT_THAT(error_text(GgufFile::open(folder / "model.gguf")), HasSubstr("original names"));
}

TEST(Gguf, ShardsInTheWrongOrderAreRefused) {
  const TemporaryFolder folder;
  for (const auto& [from, to] : {std::pair("1", "1"), {"3", "2"}, {"2", "3"}})
    std::filesystem::copy(golden(fmt::format("split-0000{}-of-00003.gguf", from)),
                          folder / fmt::format("split-0000{}-of-00003.gguf", to));
  EXPECT_THAT(error_text(GgufFile::open(folder / "split-00001-of-00003.gguf")),
              HasSubstr("split-00002-of-00003.gguf: split.no and split.count say shard 2 of 3"));
}

TEST(Gguf, MissingFileAndMissingTensorAreNotFound) {
  EXPECT_EQ(GgufFile::open("/no/such.gguf").error().fault, Fault::not_found);
  const GgufFile file = open_golden("types_v3.gguf");
  const auto missing = file.tensor("blk.0.x");
  EXPECT_EQ(missing.error().fault, Fault::not_found);
  EXPECT_THAT(missing.error().text, HasSubstr("has no tensor 'blk.0.x' among its 14"));
  EXPECT_EQ(file.find("blk.0.x"), nullptr);
}

TEST(Gguf, NestedArraysAreReadToTheirElements) {
  // [[1, 2], ["a"], []]
  Bytes bytes = Bytes::gguf(0, 1);
  bytes.string("nested").u32(9).u32(9).u64(3);
  bytes.u32(0).u64(2).u8(1).u8(2);
  bytes.u32(8).u64(1).string("a");
  bytes.u32(4).u64(0);
  const AlignedBytes aligned(bytes.str());
  const GgufFile file = GgufFile::parse(aligned.span(), "nested").value();
  const auto arrays = file.value("nested")->as_arrays().value();
  ASSERT_EQ(arrays.size(), 3u);
  EXPECT_THAT(arrays[0].as_ints().value(), ElementsAre(1, 2));
  EXPECT_THAT(arrays[1].as_strings().value(), ElementsAre("a"));
  EXPECT_EQ(arrays[2].count, 0u);
  EXPECT_EQ(file.value("nested")->text(), "[array of 2 u8s, array of 1 string, array of 0 u32s]");
  EXPECT_FALSE(file.value("nested")->as_ints().has_value());
}

}  // namespace
}  // namespace quire
