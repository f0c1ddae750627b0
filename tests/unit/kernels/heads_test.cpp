#include "kernels/heads.h"

#include "unit/kernels/support.h"

namespace quire {
namespace {

TEST(Heads, AreCutAndJoinedElementByElement) {
  const Floats x{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};  // two rows of two heads of three
  Floats tails(8), again(12);
  slice_heads(heads_of(tails, 2, 2), heads_of(x, 2, 2), 1);
  EXPECT_EQ(tails, (Floats{1, 2, 4, 5, 7, 8, 10, 11}));
  const Floats firsts{0, 3, 6, 9};
  join_heads(heads_of(again, 2, 2), heads_of(firsts, 2, 2), heads_of(tails, 2, 2));
  EXPECT_EQ(again, x);
}

TEST(Heads, OneHeadIsJoinedToAll) {
  const Floats a{1, 2, 3, 4}, b{9, 8};  // two rows; two heads, and one
  Floats y(8);
  join_heads(heads_of(y, 2, 2), heads_of(a, 2, 2), heads_of(b, 2, 1));
  EXPECT_EQ(y, (Floats{1, 9, 2, 9, 3, 8, 4, 8}));
}

}  // namespace
}  // namespace quire
