#include "tensor/dtype.h"

#include "base/file.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <string>

namespace quire {
namespace {

struct Row {
  unsigned id;
  std::string name;
  long block_size, block_bytes;
};

// tests/golden/tensor/dtypes.txt, made by tools/dtype_table.py from the reference package.
std::vector<Row> golden() {
  const std::string text = read_file(QUIRE_SOURCE_DIR "/tests/golden/tensor/dtypes.txt").value();
  std::vector<Row> rows;
  for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    Row row{};
    char name[32] = {};
    if (std::sscanf(text.c_str() + at, "%u %31s %ld %ld", &row.id, name, &row.block_size,
                    &row.block_bytes) != 4)
      break;
    row.name = name;
    rows.push_back(row);
  }
  return rows;
}

TEST(DType, AgreesWithEveryPublishedType) {
  const auto rows = golden();
  ASSERT_GE(rows.size(), 34u);
  for (const Row& row : rows) {
    const auto dtype = dtype_from_id(row.id);
    ASSERT_TRUE(dtype.has_value()) << row.name;
    EXPECT_EQ(info(*dtype).name, row.name);
    EXPECT_EQ(info(*dtype).block_size, row.block_size) << row.name;
    EXPECT_EQ(info(*dtype).block_bytes, row.block_bytes) << row.name;
  }
}

TEST(DType, KnowsNoIdThatWasNeverPublished) {
  std::set<unsigned> published;
  for (const Row& row : golden()) published.insert(row.id);
  for (unsigned id = 0; id < 1000; ++id)
    EXPECT_EQ(dtype_from_id(id).has_value(), published.contains(id)) << id;
  EXPECT_FALSE(dtype_from_id(0xffffffffu).has_value());
}

TEST(DType, IsFoundByItsNameInAnyCase) {
  for (const Row& row : golden()) EXPECT_EQ(dtype_from_name(row.name), dtype_from_id(row.id));
  EXPECT_EQ(dtype_from_name("q8_0"), DType::q8_0);
  EXPECT_EQ(dtype_from_name("Bf16"), DType::bf16);
}

TEST(DType, IsNotFoundByAnotherName) {
  for (const std::string_view name : {"", "Q8", "Q8_0 ", "Q8_0_", "float"})
    EXPECT_FALSE(dtype_from_name(name).has_value()) << name;
  EXPECT_FALSE(dtype_from_name(std::string_view("F32\0x", 5)).has_value())
      << "a zero byte does not end a name";
}

TEST(DType, CountsBitsAndRowBytes) {
  EXPECT_DOUBLE_EQ(info(DType::f32).bits_per_element(), 32);
  EXPECT_DOUBLE_EQ(info(DType::q8_0).bits_per_element(), 8.5);
  EXPECT_DOUBLE_EQ(info(DType::q4_0).bits_per_element(), 4.5);
  EXPECT_EQ(row_bytes(DType::q8_0, 0), 0);
  EXPECT_EQ(row_bytes(DType::q8_0, 64), 68);
  EXPECT_EQ(row_bytes(DType::f16, 3), 6);
}

TEST(DTypeDeathTest, ARowIsAWholeNumberOfBlocks) {
  EXPECT_DEATH(row_bytes(DType::q8_0, 33), "CHECK failed");
  EXPECT_DEATH(row_bytes(DType::f32, -1), "CHECK failed");
}

}  // namespace
}  // namespace quire
