#include "format/safetensors.h"
#include "format/json.h"
#include "support.h"

#include <nlohmann/json.hpp>

namespace quire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(Safetensors, TensorsHaveTheShapesAndBytesTheReferenceWrote) {
  const SafetensorsFile file = SafetensorsFile::open(golden("types.safetensors")).value();
  const auto expected = read_json(golden("expected.json")).value()["safetensors"];
  ASSERT_EQ(file.tensors().size(), expected.size());
  for (const auto& [name, want] : expected.items()) {
    const SafetensorsTensor* tensor = file.find(name);
    ASSERT_NE(tensor, nullptr) << name;
    EXPECT_EQ(tensor->dims, want["shape"].get<std::vector<int64_t>>()) << name;
    EXPECT_EQ(hex(tensor->bytes), want["hex"].get<std::string>()) << name;
  }
  EXPECT_THAT(file.metadata(), ElementsAre(Pair("format", "pt"), Pair("note", "žluť")));
}

TEST(Safetensors, ViewsHaveTypeAndShapeAndAreAligned) {
  const SafetensorsFile file = SafetensorsFile::open(golden("types.safetensors")).value();
  const std::pair<const char*, DType> expected[] = {
      {"f64", DType::f64}, {"f32", DType::f32}, {"f16", DType::f16}, {"bf16", DType::bf16},
      {"i64", DType::i64}, {"i32", DType::i32}, {"i16", DType::i16}, {"i8", DType::i8},
  };
  for (const auto& [name, dtype] : expected) {
    const TensorView view = file.tensor(name).value();
    EXPECT_EQ(view.dtype, dtype);
    const auto address = reinterpret_cast<uintptr_t>(view.data);
    EXPECT_EQ(address % static_cast<uintptr_t>(info(dtype).block_bytes), 0u) << name;
  }
  EXPECT_EQ(file.tensor("f32").value().shape.text(), "(2, 3)");
  EXPECT_EQ(file.tensor("scalar").value().f32()[0], 2.5f);
  EXPECT_EQ(file.tensor("empty").value().n_bytes(), 0);
}

TEST(Safetensors, TypesAndRanksThatCannotBeUsedAreNamedWhenAskedFor) {
  const SafetensorsFile file = SafetensorsFile::open(golden("types.safetensors")).value();
  EXPECT_THAT(error_text(file.tensor("f8_e4m3")), HasSubstr("tensor 'f8_e4m3' is of type F8_E4M3"));
  EXPECT_THAT(error_text(file.tensor("f8_e5m2")), HasSubstr("F8_E5M2"));
  EXPECT_THAT(error_text(file.tensor("u8")), HasSubstr("type U8"));
  EXPECT_THAT(error_text(file.tensor("bool")), HasSubstr("type BOOL"));
  EXPECT_THAT(error_text(file.tensor("rank5")), HasSubstr("has 5 dimensions, at most 4"));
  EXPECT_EQ(file.tensor("u8").error().fault, Fault::unsupported);
  EXPECT_EQ(file.tensor("none").error().fault, Fault::not_found);
}

TEST(Safetensors, ShardedModelOpensByFolderAndByIndex) {
  for (const char* path : {"sharded", "sharded/model.safetensors.index.json"}) {
    const SafetensorsFile file = SafetensorsFile::open(golden(path)).value();
    const auto expected = read_json(golden("expected.json")).value()["safetensors"];
    ASSERT_EQ(file.tensors().size(), 4u);
    for (const char* name : {"f16", "f32", "i8", "scalar"}) {
      const TensorView view = file.tensor(name).value();
      EXPECT_EQ(hex({view.data, static_cast<size_t>(view.n_bytes())}),
                expected[name]["hex"].get<std::string>());
    }
  }
}

TEST(Safetensors, IndexCannotLeaveItsFolder) {
  const TemporaryFolder folder;
  for (const char* shard : {"../x.safetensors", "/etc/passwd", "", "..", "a/b", "a\\u0000b"}) {
    ASSERT_TRUE(write_file(folder / "model.safetensors.index.json",
                           fmt::format(R"({{"weight_map": {{"t": "{}"}}}})", shard))
                    .has_value());
    const auto result = SafetensorsFile::open(folder / "");
    EXPECT_THAT(error_text(result), HasSubstr("the name of a file beside the index is needed"));
    EXPECT_EQ(result.error().fault, Fault::bad_format);
  }
}

TEST(Safetensors, IndexMustAgreeWithItsShards) {
  const TemporaryFolder folder;
  const Tensor one(DType::f32, {1});
  const NamedTensor named[] = {{"a", one.view()}};
  ASSERT_TRUE(write_safetensors(folder / "s.safetensors", named).has_value());
  const auto error_of = [&](const std::string& index) {
    EXPECT_TRUE(write_file(folder / "model.safetensors.index.json", index).has_value());
    return error_text(SafetensorsFile::open(folder / ""));
  };
  EXPECT_THAT(error_of(R"({"weight_map": {"b": "s.safetensors"}})"),
              HasSubstr("puts tensor 'b' in s.safetensors, which does not have it"));
  EXPECT_THAT(error_of(R"({"weight_map": {"a": "none.safetensors"}})"), HasSubstr("cannot open"));
  EXPECT_THAT(error_of(R"({"weight_map": {"a": 1}})"), HasSubstr("is 'number'"));
  EXPECT_THAT(error_of(R"({"weight_map": []})"), HasSubstr("'weight_map' is missing"));
  EXPECT_THAT(error_of(R"([])"), HasSubstr("'weight_map' is missing"));
}

TEST(Safetensors, WhatIsWrittenComesBackAlignedAndTheSame) {
  Tensor floats(DType::f32, {2, 2}), bytes(DType::i8, {3}), halves(DType::f16, {1});
  floats.f32()[3] = 1.5f;
  bytes.data()[2] = std::byte{7};
  const NamedTensor named[] = {{"b", bytes.view()}, {"h", halves.view()}, {"q\"\n", floats.view()}};
  const TemporaryFolder folder;
  ASSERT_TRUE(write_safetensors(folder / "x.safetensors", named, {{"step", "10"}}).has_value());
  ASSERT_TRUE(write_safetensors(folder / "y.safetensors", named, {{"step", "10"}}).has_value());
  EXPECT_EQ(contents(folder / "x.safetensors"), contents(folder / "y.safetensors"));
  const SafetensorsFile file = SafetensorsFile::open(folder / "x.safetensors").value();
  EXPECT_EQ(file.tensor("q\"\n").value().f32()[3], 1.5f);
  EXPECT_EQ(file.tensor("b").value().data[2], std::byte{7});
  EXPECT_EQ(file.tensor("h").value().shape.text(), "(1)");
  EXPECT_THAT(file.metadata(), ElementsAre(Pair("step", "10")));
}

TEST(Safetensors, WriterRefusesWhatTheFormatCannotHold) {
  const TemporaryFolder folder;
  const Tensor one(DType::f32, {1}), blocks(DType::q8_0, {32});
  const auto error_of = [&](std::initializer_list<NamedTensor> named) {
    const std::string path = folder / "x.safetensors";
    const auto result = write_safetensors(path, std::vector<NamedTensor>(named));
    EXPECT_FALSE(file_exists(path));
    return error_text(result);
  };
  EXPECT_THAT(error_of({{"a", one.view()}, {"a", one.view()}}), HasSubstr("'a' is given twice"));
  EXPECT_THAT(error_of({{"__metadata__", one.view()}}), HasSubstr("reserved"));
  EXPECT_THAT(error_of({{"\xff", one.view()}}), HasSubstr("not UTF-8"));
  EXPECT_THAT(error_of({{"a", blocks.view()}}), HasSubstr("'a' is Q8_0, which safetensors cannot"));
}

// A file with the given header and n bytes of data.
std::string with_header(std::string_view header, size_t n) {
  return Bytes().string(header).text(std::string(n, 'x')).str();
}

std::string parse_error(const std::string& bytes, Fault fault = Fault::bad_format) {
  const AlignedBytes aligned(bytes);
  const Result<SafetensorsFile> file = SafetensorsFile::parse(aligned.span(), "m");
  if (file.has_value()) return "no error";
  EXPECT_EQ(file.error().fault, fault) << file.error().text;
  expect_one_line(file.error());
  return file.error().text;
}

// One tensor "t" with these fields and n bytes of data.
std::string tensor_error(std::string_view fields, size_t n, Fault fault = Fault::bad_format) {
  return parse_error(with_header(fmt::format(R"({{"t": {}}})", fields), n), fault);
}

TEST(SafetensorsDamage, HeaderThatCannotBe) {
  EXPECT_THAT(parse_error("abc"), HasSubstr("it has 3 bytes, at least 8 are needed (offset 0)"));
  EXPECT_THAT(parse_error(Bytes().u64(~uint64_t{0}).text("{}").str()),
              HasSubstr("header length is 18446744073709551615, only 2 bytes are left"));
  EXPECT_THAT(parse_error(with_header("[]", 0)), HasSubstr("starts with '['"));
  EXPECT_THAT(parse_error(with_header(" {}", 0)), HasSubstr("starts with ' '"));
  EXPECT_THAT(parse_error(with_header("", 0)), HasSubstr("starts with ''"));
  EXPECT_THAT(parse_error(with_header("{", 0)), HasSubstr("m: header: JSON"));
  EXPECT_THAT(parse_error(with_header(R"({"t":)" + std::string(100'000, '['), 0)),
              HasSubstr("nested more than 8 deep"));
  EXPECT_EQ(parse_error(with_header("{}   ", 0)), "no error");
}

TEST(SafetensorsDamage, FieldsThatAreMissingOrOfTheWrongKind) {
  const char* needs = "tensor 't': needs the fields dtype";
  EXPECT_THAT(tensor_error("1", 4), HasSubstr(needs));
  EXPECT_THAT(tensor_error("{}", 4), HasSubstr(needs));
  EXPECT_THAT(tensor_error(R"({"dtype": 1, "shape": [1], "data_offsets": [0, 4]})", 4),
              HasSubstr(needs));
  EXPECT_THAT(tensor_error(R"({"dtype": "F32", "shape": 1, "data_offsets": [0, 4]})", 4),
              HasSubstr(needs));
  EXPECT_THAT(tensor_error(R"({"dtype": "F32", "shape": [1], "data_offsets": [0]})", 4),
              HasSubstr(needs));
  EXPECT_THAT(tensor_error(R"({"dtype": "F32", "shape": [1], "data_offsets": [-1, 4]})", 4),
              HasSubstr(needs));
  EXPECT_THAT(tensor_error(R"({"dtype": "F32", "shape": [1], "data_offsets": [0, 4.0]})", 4),
              HasSubstr(needs));
  EXPECT_THAT(tensor_error(R"({"dtype": "F31", "shape": [1], "data_offsets": [0, 4]})", 4,
                           Fault::unsupported),
              HasSubstr("dtype 'F31' is not known (offset 9)"));
  EXPECT_THAT(parse_error(with_header(R"({"__metadata__": {"k": 1}})", 0)),
              HasSubstr("__metadata__ 'k' is number, a string is needed (offset 26)"));
  EXPECT_THAT(parse_error(with_header(R"({"__metadata__": []})", 0)), HasSubstr("is array"));
}

TEST(SafetensorsDamage, ShapesThatDoNotFitTheirBytes) {
  EXPECT_THAT(tensor_error(R"({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]})", 4),
              HasSubstr("span 4 bytes, 2 elements of F32 do not fill them"));
  EXPECT_THAT(tensor_error(R"({"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]})", 4),
              HasSubstr("dimension 1 is -1"));
  EXPECT_THAT(
      tensor_error(R"({"dtype": "I8", "shape": [4294967296, 4294967296], "data_offsets": [0, 0]})",
                   0),
      HasSubstr("dimension 2 is 4294967296"));
  // 2^62 elements of 4 bytes wrap around to 0.
  EXPECT_THAT(tensor_error(
                  R"({"dtype": "F32", "shape": [4611686018427387904], "data_offsets": [0, 0]})", 0),
              HasSubstr("do not fill them"));
  EXPECT_THAT(tensor_error(R"({"dtype": "F4", "shape": [3], "data_offsets": [0, 1]})", 1),
              HasSubstr("3 elements of F4 do not fill"));
}

TEST(SafetensorsDamage, OffsetsWithHolesOverlapsOrPastTheEnd) {
  const auto two = [](int a, int b, int c, int d, size_t n) {
    return parse_error(with_header(
        fmt::format(R"({{"a": {{"dtype": "I8", "shape": [{}], "data_offsets": [{}, {}]}},)"
                    R"("b": {{"dtype": "I8", "shape": [{}], "data_offsets": [{}, {}]}}}})",
                    b - a, a, b, d - c, c, d),
        n));
  };
  EXPECT_EQ(two(0, 4, 4, 8, 8), "no error");
  EXPECT_EQ(two(4, 8, 0, 4, 8), "no error");
  EXPECT_EQ(two(0, 0, 0, 8, 8), "no error");
  EXPECT_THAT(two(0, 4, 5, 8, 8), HasSubstr("tensor 'b': its data starts at 5, the data before"));
  EXPECT_THAT(two(0, 4, 3, 8, 8), HasSubstr("no hole or overlap is allowed"));
  EXPECT_THAT(two(1, 4, 4, 8, 8), HasSubstr("tensor 'a': its data starts at 1"));
  EXPECT_THAT(two(0, 4, 4, 8, 9), HasSubstr("the tensors end at 8 of 9 bytes"));
  EXPECT_THAT(two(0, 4, 4, 8, 7), HasSubstr("[4, 8], the tensor data has 7 bytes"));
  EXPECT_THAT(tensor_error(R"({"dtype": "I8", "shape": [0], "data_offsets": [4, 0]})", 4),
              HasSubstr("[4, 0]"));
}

TEST(SafetensorsDamage, MisalignedDataIsReadAllTheSame) {
  std::string bytes =
      with_header(R"({"t": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}} )", 0);
  ASSERT_NE(bytes.size() % 4, 0u);
  const float value = 2.25f;
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  const AlignedBytes aligned(bytes);
  const SafetensorsFile file = SafetensorsFile::parse(aligned.span(), "m").value();
  EXPECT_EQ(file.tensor("t").value().f32()[0], 2.25f);
}

TEST(SafetensorsDamage, EveryTruncationIsRefused) {
  const std::string whole = contents(golden("types.safetensors"));
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_NE(parse_error(whole.substr(0, n)), "no error") << n;
  EXPECT_EQ(parse_error(whole), "no error");
}

}  // namespace
}  // namespace quire
