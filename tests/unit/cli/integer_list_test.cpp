#include "cli/integer_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int64_t> list(std::string_view text) { return *integer_list("-p", text, 0, 99999); }

std::string mistake(std::string_view text) {
  const auto result = integer_list("-p", text, 0, 99999);
  EXPECT_FALSE(result.has_value()) << text;
  return result.has_value() ? "" : result.error().text;
}

TEST(IntegerList, ReadsNumbersAndRanges) {
  EXPECT_THAT(list("512"), ElementsAre(512));
  EXPECT_THAT(list("1,2,4"), ElementsAre(1, 2, 4));
  EXPECT_THAT(list("1-4"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(list("0-4096+2048,7"), ElementsAre(0, 2048, 4096, 7));
  EXPECT_THAT(list("1-16*2"), ElementsAre(1, 2, 4, 8, 16));
}

TEST(IntegerList, NamesTheFlagAndTheMistake) {
  EXPECT_EQ(mistake("a"), "-p: 'a' is not a whole number");
  EXPECT_EQ(mistake("1,"), "-p: '' is not a whole number");
  EXPECT_THAT(mistake("1x"), HasSubstr("'1x' is no number and no range"));
  EXPECT_THAT(mistake("-1"), HasSubstr("-1 is out of range, 0 to 99999"));
  EXPECT_THAT(mistake("99999999999999999999"), HasSubstr("not a whole number"));
  EXPECT_EQ(mistake("1-4+0"), "-p: the range '1-4+0' never ends");
  EXPECT_EQ(mistake("0-4*2"), "-p: the range '0-4*2' never ends");
  EXPECT_EQ(mistake("1-4*1"), "-p: the range '1-4*1' never ends");
  EXPECT_EQ(mistake("0-99999"), "-p: more than 1000 numbers");
}

}  // namespace
}  // namespace quire
