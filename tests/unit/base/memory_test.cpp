#include "base/memory.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

TEST(Memory, ThatIsLeftIsPartOfThatOfTheMachine) {
  EXPECT_GT(available_memory_bytes(), 0);
  EXPECT_LE(available_memory_bytes(), physical_memory_bytes());
}

}  // namespace
}  // namespace quire
