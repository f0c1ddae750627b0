#include "engine/block_pool.h"

#include "base/check.h"

#include <algorithm>

namespace quire {

BlockPool::BlockPool(int64_t n_blocks) : blocks_(static_cast<size_t>(n_blocks)) {
  empty_.reserve(blocks_.size());
  for (int64_t block = n_blocks; block-- > 0;) empty_.push_back(static_cast<int32_t>(block));
}

BlockPool::Block& BlockPool::at(int32_t block) {
  CHECK(block >= 0 && static_cast<size_t>(block) < blocks_.size());
  return blocks_[static_cast<size_t>(block)];
}
const BlockPool::Block& BlockPool::at(int32_t block) const {
  CHECK(block >= 0 && static_cast<size_t>(block) < blocks_.size());
  return blocks_[static_cast<size_t>(block)];
}

int32_t BlockPool::take(const PrefixKey& parent) {
  int32_t block = none;
  if (!empty_.empty()) {
    block = empty_.back();
    empty_.pop_back();
  } else {
    CHECK(oldest_ != none);
    block = oldest_;
    unlink(block);
    unlist(block);
    ++n_evicted_;
  }
  Block& taken = at(block);
  taken.n_holders = 1;
  taken.n_tokens = 0;
  taken.parent = parent;
  return block;
}

void BlockPool::hold(int32_t block) {
  if (at(block).n_holders++ == 0) unlink(block);
}

void BlockPool::release(int32_t block) {
  Block& released = at(block);
  CHECK(released.n_holders > 0);
  if (--released.n_holders > 0) return;
  if (!released.listed) {
    empty_.push_back(block);
    return;
  }
  released.older = newest_;
  released.newer = none;
  (newest_ == none ? oldest_ : at(newest_).newer) = block;
  newest_ = block;
  ++n_kept_;
}

void BlockPool::unlink(int32_t block) {
  Block& kept = at(block);
  (kept.older == none ? oldest_ : at(kept.older).newer) = kept.newer;
  (kept.newer == none ? newest_ : at(kept.newer).older) = kept.older;
  kept.newer = kept.older = none;
  --n_kept_;
}

void BlockPool::list(int32_t block) {
  Block& b = at(block);
  if (b.listed) return;
  b.listed = true;
  children_[b.parent].push_back(block);
}

void BlockPool::unlist(int32_t block) {
  Block& b = at(block);
  if (b.n_tokens == kv_block_size)
    if (const auto found = full_.find(b.key); found != full_.end() && found->second == block)
      full_.erase(found);
  if (!b.listed) return;
  b.listed = false;
  const auto siblings = children_.find(b.parent);
  std::erase(siblings->second, block);
  if (siblings->second.empty()) children_.erase(siblings);
}

void BlockPool::add_token(int32_t block, int32_t token) {
  Block& b = at(block);
  CHECK(b.n_tokens < kv_block_size);
  b.tokens[static_cast<size_t>(b.n_tokens++)] = token;
  if (b.n_tokens < kv_block_size) return list(block);
  b.key = next_key(b.parent, b.tokens);
  if (full_.try_emplace(b.key, block).second)
    list(block);
  else
    unlist(block);
}

void BlockPool::fill(int32_t block, std::span<const int32_t> tokens) {
  CHECK(at(block).n_tokens == 0);
  for (const int32_t token : tokens) add_token(block, token);
}

void BlockPool::shorten(int32_t block, int64_t n) {
  Block& b = at(block);
  CHECK(n >= 1 && b.n_holders == 1);
  if (n >= b.n_tokens) return;
  if (b.n_tokens == kv_block_size)
    if (const auto found = full_.find(b.key); found != full_.end() && found->second == block)
      full_.erase(found);
  b.n_tokens = static_cast<int32_t>(n);
  list(block);
}

std::span<const int32_t> BlockPool::tokens(int32_t block) const {
  const Block& b = at(block);
  return std::span(b.tokens).first(static_cast<size_t>(b.n_tokens));
}

int32_t BlockPool::find(const PrefixKey& key) const {
  const auto found = full_.find(key);
  return found == full_.end() ? none : found->second;
}

BlockPool::Match BlockPool::find_start(const PrefixKey& parent,
                                       std::span<const int32_t> tokens) const {
  Match best;
  const auto children = children_.find(parent);
  if (children == children_.end()) return best;
  for (const int32_t child : children->second) {
    const auto theirs = this->tokens(child);
    const auto same = std::ranges::mismatch(theirs, tokens).in1 - theirs.begin();
    if (same > best.n_tokens) best = {child, same};
  }
  return best;
}

}  // namespace quire
