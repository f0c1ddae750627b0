#include "engine/block_pool.h"

#include <gtest/gtest.h>

#include <numeric>

namespace quire {
namespace {

std::vector<int32_t> tokens_from(int32_t first, int64_t n = kv_block_size) {
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

int32_t full_block(BlockPool& pool, const PrefixKey& parent, int32_t first) {
  const int32_t block = pool.take(parent);
  pool.fill(block, tokens_from(first));
  return block;
}

TEST(PrefixKey, SaysTheWholePrefixAndTheSalt) {
  const auto a = tokens_from(0), b = tokens_from(1);
  EXPECT_EQ(next_key({}, a), next_key({}, a));
  EXPECT_NE(next_key({}, a), next_key({}, b));
  EXPECT_NE(next_key(next_key({}, a), b), next_key(next_key({}, b), b));
  EXPECT_EQ(root_key(""), PrefixKey{});
  EXPECT_NE(root_key("one"), root_key("two"));
  EXPECT_EQ((PrefixKey{0xabc, 1}.hex()), "0000000000000abc0000000000000001");
}

TEST(BlockPool, AFullBlockIsFoundByItsKeyWhetherItIsHeldOrNot) {
  BlockPool pool(2);
  const int32_t block = full_block(pool, {}, 7);
  const PrefixKey key = next_key({}, tokens_from(7));
  EXPECT_EQ(pool.find(key), block);
  pool.release(block);
  EXPECT_EQ(pool.find(key), block);
  EXPECT_EQ(pool.n_free(), 2);
  EXPECT_EQ(pool.n_kept(), 1);
  pool.hold(block);
  EXPECT_EQ(pool.n_kept(), 0);
  EXPECT_EQ(pool.n_free(), 1);
}

TEST(BlockPool, TheBlockReleasedLongestAgoGoesFirst) {
  BlockPool pool(3);
  const int32_t a = full_block(pool, {}, 0), b = full_block(pool, {}, 100),
                c = full_block(pool, {}, 200);
  pool.release(b);
  pool.release(a);
  pool.release(c);
  pool.hold(b);  // used again: now the newest
  pool.release(b);
  EXPECT_EQ(pool.take({}), a);
  EXPECT_EQ(pool.take({}), c);
  EXPECT_EQ(pool.find(next_key({}, tokens_from(100))), b);
  EXPECT_EQ(pool.take({}), b);
  EXPECT_EQ(pool.find(next_key({}, tokens_from(100))), BlockPool::none);
  EXPECT_EQ(pool.n_evicted(), 3);
}

TEST(BlockPool, ABlockHeldTwiceStaysWhenOneHolderLeaves) {
  BlockPool pool(1);
  const int32_t block = full_block(pool, {}, 0);
  pool.hold(block);
  pool.release(block);
  EXPECT_EQ(pool.n_free(), 0);
  pool.release(block);
  EXPECT_EQ(pool.n_free(), 1);
}

TEST(BlockPool, TheSameTokensTwiceAreFoundOnce) {
  BlockPool pool(2);
  const int32_t a = full_block(pool, {}, 0), b = full_block(pool, {}, 0);
  EXPECT_EQ(pool.find(pool.key(b)), a);
  pool.release(b);
  EXPECT_EQ(pool.n_empty(), 1);  // nothing worth keeping
  EXPECT_EQ(pool.find(pool.key(a)), a);
}

TEST(BlockPool, TheLongestStartIsFoundAndNoneWhereNothingAgrees) {
  BlockPool pool(4);
  full_block(pool, {}, 0);
  const int32_t part = pool.take({});
  pool.fill(part, std::vector<int32_t>{0, 1, 2, 90, 91});
  const auto match = pool.find_start({}, std::vector<int32_t>{0, 1, 2, 90, 5});
  EXPECT_EQ(match.block, part);
  EXPECT_EQ(match.n_tokens, 4);
  EXPECT_EQ(pool.find_start({}, std::vector<int32_t>{5}).block, BlockPool::none);
  EXPECT_EQ(pool.find_start({1, 1}, std::vector<int32_t>{0}).block, BlockPool::none);
}

TEST(BlockPool, AShortenedBlockIsNotFoundAsAFullOne) {
  BlockPool pool(2);
  const int32_t block = full_block(pool, {}, 0);
  const PrefixKey key = pool.key(block);
  pool.shorten(block, 3);
  EXPECT_EQ(pool.find(key), BlockPool::none);
  EXPECT_EQ(pool.find_start({}, tokens_from(0)).n_tokens, 3);
  pool.add_token(block, 77);
  EXPECT_EQ(pool.find_start({}, std::vector<int32_t>{0, 1, 2, 77}).n_tokens, 4);
}

TEST(BlockPool, AnEmptyBlockIsNotKept) {
  BlockPool pool(1);
  const int32_t block = pool.take({});
  pool.release(block);
  EXPECT_EQ(pool.n_kept(), 0);
  EXPECT_EQ(pool.n_empty(), 1);
}

}  // namespace
}  // namespace quire
