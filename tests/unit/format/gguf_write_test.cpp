#include "format/gguf_write.h"
#include "format/gguf.h"
#include "support.h"

namespace quire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class GgufCopies : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Golden, GgufCopies, testing::Values("types_v3.gguf", "types_align64.gguf"),
                         golden_name);

TEST_P(GgufCopies, CopyOfAReferenceFileIsTheSameBytes) {
  const GgufFile file = GgufFile::open(golden(GetParam())).value();
  GgufWriter writer;
  for (const GgufEntry& entry : file.entries()) writer.add_value(entry.key, entry.value);
  for (const GgufTensor& tensor : file.tensors()) writer.add_tensor(tensor.name, tensor.view);
  const TemporaryFolder folder;
  ASSERT_EQ(error_text(writer.write(folder / "copy.gguf")), "no error");
  EXPECT_EQ(contents(folder / "copy.gguf"), contents(golden(GetParam())));
}

TEST(GgufWriter, EveryTypeComesBackAsWritten) {
  GgufWriter writer;
  writer.add_u8("u8", 200);
  writer.add_i8("i8", -100);
  writer.add_u16("u16", 60000);
  writer.add_i16("i16", -30000);
  writer.add_u32("u32", 4000000000);
  writer.add_i32("i32", -2000000000);
  writer.add_u64("u64", uint64_t{1} << 63);
  writer.add_i64("i64", -(int64_t{1} << 62));
  writer.add_f32("f32", 0.25f);
  writer.add_f64("f64", 1e300);
  writer.add_bool("bool", false);
  writer.add_string("string", "text\n");
  const int32_t ints[] = {1, -2};
  writer.add_i32s("ints", ints);
  const float floats[] = {0.5f, -0.5f};
  writer.add_f32s("floats", floats);
  const bool bools[] = {true, false};
  writer.add_bools("bools", bools);
  const std::string strings[] = {"a", ""};
  writer.add_strings("strings", strings);
  const std::string_view views[] = {"b"};
  writer.add_strings("views", views);
  writer.add_u8s("none", {});
  const TemporaryFolder folder;
  ASSERT_EQ(error_text(writer.write(folder / "x.gguf")), "no error");

  const GgufFile file = GgufFile::open(folder / "x.gguf").value();
  EXPECT_EQ(file.get_uint("u8").value(), 200u);
  EXPECT_EQ(file.get_int("i8").value(), -100);
  EXPECT_EQ(file.get_uint("u16").value(), 60000u);
  EXPECT_EQ(file.get_int("i16").value(), -30000);
  EXPECT_EQ(file.get_uint("u32").value(), 4000000000u);
  EXPECT_EQ(file.get_int("i32").value(), -2000000000);
  EXPECT_EQ(file.get_uint("u64").value(), uint64_t{1} << 63);
  EXPECT_EQ(file.get_int("i64").value(), -(int64_t{1} << 62));
  EXPECT_EQ(file.get_float("f32").value(), 0.25);
  EXPECT_EQ(file.get_float("f64").value(), 1e300);
  EXPECT_EQ(file.get_bool("bool").value(), false);
  EXPECT_EQ(file.get_string("string").value(), "text\n");
  EXPECT_THAT(file.get_ints("ints").value(), ElementsAre(1, -2));
  EXPECT_THAT(file.get_floats("floats").value(), ElementsAre(0.5f, -0.5f));
  EXPECT_THAT(file.get_ints("bools").value(), ElementsAre(1, 0));
  EXPECT_THAT(file.get_strings("strings").value(), ElementsAre("a", ""));
  EXPECT_THAT(file.get_strings("views").value(), ElementsAre("b"));
  EXPECT_THAT(file.get_ints("none").value(), ElementsAre());
  EXPECT_EQ(file.tensors().size(), 0u);
}

TEST(GgufWriter, StreamedTensorsAreAlignedAndWhole) {
  GgufWriter writer;
  writer.set_alignment(256);
  const std::string data = "abcdefg";
  writer.add_tensor("streamed", DType::i8, {7}, [&](GgufSink sink) -> Result<void> {
    for (const char& c : data) TRY(sink(std::as_bytes(std::span(&c, 1))));
    return {};
  });
  Tensor floats(DType::f32, {2, 3});
  floats.f32()[5] = 5;
  writer.add_tensor("floats", floats.view());
  const TemporaryFolder folder;
  ASSERT_EQ(error_text(writer.write(folder / "x.gguf")), "no error");

  const GgufFile file = GgufFile::open(folder / "x.gguf").value();
  const TensorView streamed = file.tensor("streamed").value();
  EXPECT_EQ(std::memcmp(streamed.data, data.data(), data.size()), 0);
  EXPECT_EQ(file.find("floats")->offset % 256, 0u);
  EXPECT_EQ(file.tensor("floats").value().shape.text(), "(2, 3)");
  EXPECT_EQ(file.tensor("floats").value().f32()[5], 5.0f);
  EXPECT_EQ(file.n_bytes() % 256, 0u);
}

TEST(GgufWriter, MistakesAreToldByWriteAndLeaveNoFile) {
  const TemporaryFolder folder;
  const auto error_of = [&](auto&& fill) {
    GgufWriter writer;
    fill(writer);
    const auto result = writer.write(folder / "x.gguf");
    EXPECT_FALSE(file_exists(folder / "x.gguf"));
    return error_text(result);
  };
  EXPECT_THAT(error_of([](GgufWriter& w) { w.add_u8("k", 1), w.add_u8("k", 2); }),
              HasSubstr("x.gguf: metadata key 'k' is given twice"));
  EXPECT_THAT(error_of([](GgufWriter& w) {
                w.add_tensor("t", Tensor(DType::f32, {1}).view());
                w.add_tensor("t", Tensor(DType::f32, {1}).view());
              }),
              HasSubstr("tensor 't' is given twice"));
  EXPECT_THAT(error_of([](GgufWriter& w) {
                w.add_tensor(std::string(65, 'n'), Tensor(DType::f32, {1}).view());
              }),
              HasSubstr("has 65 bytes, at most 64"));
  EXPECT_THAT(error_of([](GgufWriter& w) {
                w.add_tensor("t", DType::q8_0, {33}, [](GgufSink) { return Result<void>(); });
              }),
              HasSubstr("rows of shape (33) are no whole number of Q8_0 blocks of 32"));
  EXPECT_THAT(error_of([](GgufWriter& w) { w.set_alignment(48); }),
              HasSubstr("general.alignment is 48"));
}

TEST(GgufWriter, FailureOfASourceLeavesNoFile) {
  const TemporaryFolder folder;
  GgufWriter writer;
  writer.add_tensor("t", DType::f32, {1},
                    [](GgufSink) -> Result<void> { return fail(Fault::io, "source gone"); });
  EXPECT_EQ(error_text(writer.write(folder / "x.gguf")), "source gone");
  EXPECT_FALSE(file_exists(folder / "x.gguf"));
  EXPECT_TRUE(std::filesystem::is_empty(folder / ""));
}

}  // namespace
}  // namespace quire
