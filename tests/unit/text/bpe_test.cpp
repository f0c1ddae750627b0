#include "text/bpe.h"

#include "base/rng.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

BpeScratch word_of(const std::vector<int32_t>& ids) {
  BpeScratch scratch;
  for (size_t i = 0; i < ids.size(); ++i) {
    scratch.symbols.push_back({ids[i], static_cast<uint32_t>(i)});
  }
  return scratch;
}

std::vector<int32_t> ids_of(const BpeScratch& scratch) {
  std::vector<int32_t> ids;
  for (const Symbol& symbol : scratch.symbols) ids.push_back(symbol.id);
  return ids;
}

// The definition: scan for the best pair, leftmost first, and start again.
std::vector<int32_t> merged_by_definition(const MergeTable& table, std::vector<int32_t> ids) {
  for (;;) {
    size_t best = ids.size();
    uint32_t best_rank = UINT32_MAX;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const Merge* merge = table.find(ids[i], ids[i + 1]);
      if (merge == nullptr || merge->rank >= best_rank) continue;
      best = i;
      best_rank = merge->rank;
    }
    if (best == ids.size()) return ids;
    ids[best] = table.find(ids[best], ids[best + 1])->id;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

// Merges of three letters into longer and longer pieces; several of one rank.
MergeTable random_merges(Rng& rng) {
  MergeTable table;
  int32_t next = 3;
  for (int i = 0; i < 40; ++i) {
    const auto left = static_cast<int32_t>(rng.below(static_cast<uint64_t>(next)));
    const auto right = static_cast<int32_t>(rng.below(static_cast<uint64_t>(next)));
    table.set(left, right, {static_cast<uint32_t>(rng.below(20)), next++});
  }
  return table;
}

TEST(BpeMerge, ShortAndLongWordsMergeAsDefined) {
  Rng rng(7);
  for (int round = 0; round < 300; ++round) {
    const MergeTable table = random_merges(rng);
    for (const size_t n : {1, 2, 3, 10, 27, 28, 29, 30, 60, 200}) {
      std::vector<int32_t> ids;
      for (size_t i = 0; i < n; ++i) ids.push_back(static_cast<int32_t>(rng.below(3)));
      BpeScratch scratch = word_of(ids);
      bpe_merge(table, scratch);
      ASSERT_EQ(ids_of(scratch), merged_by_definition(table, ids)) << "round " << round;
    }
  }
}

TEST(BpeMerge, UnknownSymbolsMergeWithNothing) {
  MergeTable table;
  table.set(0, 1, {0, 2});
  for (const size_t n : {4, 40}) {
    const std::vector<int32_t> unknown(n, -1);
    BpeScratch scratch = word_of(unknown);
    bpe_merge(table, scratch);
    EXPECT_EQ(ids_of(scratch), unknown);
  }
}

TEST(BpeMerge, SymbolsKnowWhereTheyBegin) {
  MergeTable table;
  table.set(0, 1, {0, 2});
  BpeScratch scratch = word_of({0, 1, 1, 0, 1});
  bpe_merge(table, scratch);
  ASSERT_EQ(ids_of(scratch), (std::vector<int32_t>{2, 1, 2}));
  EXPECT_EQ(scratch.symbols[1].begin, 2u);
  EXPECT_EQ(scratch.symbols[2].begin, 3u);
}

// Steps, not seconds: a million equal symbols, the case where scanning again would be quadratic.
TEST(BpeMerge, AMillionEqualSymbolsTakeAFewStepsEach) {
  MergeTable table;
  for (int32_t level = 0; level < 12; ++level) {
    table.set(level, level, {static_cast<uint32_t>(level), level + 1});
  }
  const size_t n = 1 << 20;
  BpeScratch scratch = word_of(std::vector<int32_t>(n, 0));
  bpe_merge(table, scratch);
  EXPECT_EQ(scratch.symbols.size(), n >> 12);
  EXPECT_LT(scratch.n_steps, 10 * n);
}

}  // namespace
}  // namespace quire
