#include "text/charsmap.h"

#include <gtest/gtest.h>

#include <cstring>

namespace quire {
namespace {

std::string table(const std::vector<uint32_t>& units, std::string_view strings) {
  const auto n = static_cast<uint32_t>(units.size() * 4);
  std::string bytes(4 + n, '\0');
  std::memcpy(bytes.data(), &n, 4);
  std::memcpy(bytes.data() + 4, units.data(), n);
  return bytes.append(strings);
}

TEST(Charsmap, AnEmptyTableChangesNothing) {
  const auto map = Charsmap::create("", "test");
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(map->apply("aé"), "aé");
  EXPECT_EQ(map->apply_to_graphemes("aé"), "aé");
}

TEST(Charsmap, SizesThatDoNotFitAreRefused) {
  for (const std::string& bytes : {std::string("abc"), std::string("\x08\0\0\0abcd", 8),
                                   std::string("\x03\0\0\0abcd", 8), std::string(8, '\0')}) {
    const auto map = Charsmap::create(bytes, "test");
    ASSERT_FALSE(map.has_value());
    EXPECT_EQ(map.error().fault, Fault::bad_format);
  }
}

// One entry, "a" -> "bc": the root's offset is 1, so 'a' is unit 1 ^ 97 = 96, whose offset 1 leads
// to its leaf in unit 97.
TEST(Charsmap, AnEntryIsReplaced) {
  std::vector<uint32_t> units(128, 0);
  units[0] = 1u << 10;
  units[1 ^ 'a'] = 1u << 10 | 1u << 8 | 'a';
  units[97] = 1u << 31 | 2;
  const auto map = Charsmap::create(table(units, std::string("x\0bc", 4)), "test");
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(map->apply("xax"), "xbcx");
  EXPECT_EQ(map->apply_to_graphemes("xax"), "xbcx");
}

// Offsets that point outside end the search.
TEST(Charsmap, OffsetsThatLeaveTheTableAreHarmless) {
  const auto map = Charsmap::create(table({0xFFFFFC00u, 0xFFFFFFFFu, 0xFFFFFDFFu}, "abc"), "test");
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(map->apply("any text"), "any text");
}

}  // namespace
}  // namespace quire
