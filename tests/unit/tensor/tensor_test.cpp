#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <type_traits>
#include <vector>

namespace quire {
namespace {

TEST(Shape, CountsElementsAndRows) {
  const Shape shape{3, 4, 5};
  EXPECT_EQ(shape.rank, 3);
  EXPECT_EQ(shape.n_elements(), 60);
  EXPECT_EQ(shape.last(), 5);
  EXPECT_EQ(shape.n_rows(), 12);
  EXPECT_EQ(shape.text(), "(3, 4, 5)");
}

TEST(Shape, OfAScalarHasOneElement) {
  const Shape scalar;
  EXPECT_EQ(scalar.n_elements(), 1);
  EXPECT_EQ(scalar.n_rows(), 1);
  EXPECT_EQ(scalar.last(), 1);
  EXPECT_EQ(scalar.text(), "()");
}

TEST(Shape, MayBeEmptyInAnyDimension) {
  EXPECT_EQ(Shape({3, 0}).n_elements(), 0);
  EXPECT_EQ(Shape({3, 0}).n_rows(), 0);
  EXPECT_EQ(Shape({0, 3}).n_rows(), 0);
}

TEST(Shape, IsEqualOnlyWithTheSameRank) {
  EXPECT_EQ(Shape({2, 3}), Shape({2, 3}));
  EXPECT_NE(Shape({2, 3}), Shape({3, 2}));
  EXPECT_NE(Shape({2, 3}), Shape({2, 3, 1}));
}

TEST(ShapeDeathTest, HasAtMostFourDimensions) {
  EXPECT_DEATH((Shape{1, 2, 3, 4, 5}), "CHECK failed");
}

TEST(View, IsRowMajor) {
  std::vector<int> numbers(24);
  std::iota(numbers.begin(), numbers.end(), 0);
  const View<int, 3> view(numbers.data(), 2, 3, 4);
  EXPECT_EQ(view.n_elements(), 24);
  EXPECT_EQ(view(0, 0, 0), 0);
  EXPECT_EQ(view(0, 0, 3), 3);
  EXPECT_EQ(view(0, 2, 0), 8);
  EXPECT_EQ(view(1, 2, 3), 23);
  EXPECT_EQ(view.row(1), numbers.data() + 12);
  view(1, 0, 0) = -1;
  EXPECT_EQ(numbers[12], -1);
}

TEST(View, BecomesConstAndNotBack) {
  static_assert(std::is_convertible_v<View<float, 2>, View<const float, 2>>);
  static_assert(!std::is_convertible_v<View<const float, 2>, View<float, 2>>);
  static_assert(!std::is_convertible_v<View<float, 2>, View<const double, 2>>);
  float number = 2;
  const View<const float, 1> view = View<float, 1>(&number, 1);
  EXPECT_EQ(view(0), 2);
}

TEST(View, WithoutElementsHasRowsThatStartAtItsData) {
  float number = 0;
  const View<float, 2> view(&number, 3, 0);
  EXPECT_EQ(view.row(2), &number);
  EXPECT_EQ(view.n_elements(), 0);
}

TEST(Tensor, IsZeroedAndAligned) {
  for (const int64_t n : {1, 31, 1000, 700000}) {  // the last lies in huge pages
    const Tensor tensor(DType::f32, {n});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % 64, 0u) << n;
    EXPECT_EQ(tensor.n_bytes(), 4 * n);
    EXPECT_TRUE(std::all_of(tensor.f32(), tensor.f32() + n, [](float x) { return x == 0; })) << n;
  }
}

TEST(Tensor, WithoutElementsMayBeMade) {
  const Tensor tensor(DType::f32, {0, 7});
  EXPECT_EQ(tensor.n_bytes(), 0);
  EXPECT_EQ(tensor.view().n_bytes(), 0);
}

TEST(Tensor, SharesItsBytesWithCopiesAndViews) {
  Tensor tensor(DType::f32, {2, 3});
  const Tensor copy = tensor;
  tensor.f32()[4] = 5;
  EXPECT_EQ(copy.f32()[4], 5);
  EXPECT_EQ(copy.view().f32()[4], 5);
  tensor = Tensor();
  EXPECT_EQ(copy.f32()[4], 5) << "the bytes live as long as one owner";
}

TEST(Tensor, HasRowsOfWholeBlocks) {
  const Tensor tensor(DType::q8_0, {3, 64});
  EXPECT_EQ(tensor.n_bytes(), 3 * 68);
  EXPECT_EQ(tensor.view().row(2), tensor.data() + 2 * 68);
}

TEST(TensorDeathTest, OfAnotherTypeGivesNoFloats) {
  const Tensor tensor(DType::f16, {4});
  EXPECT_DEATH(tensor.f32(), "CHECK failed");
  EXPECT_DEATH(tensor.view().f32(), "CHECK failed");
}

}  // namespace
}  // namespace quire
