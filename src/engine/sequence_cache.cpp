#include "engine/sequence_cache.h"

#include "base/check.h"

#include <algorithm>
#include <cstring>

namespace quire {
namespace {

constexpr size_t n_coming_max = 64;  // blocks that are read at a time: sequences need room, too

}  // namespace

SequenceCache::SequenceCache(KvCache kv, int32_t n_sequences, int64_t n_ctx, Sharing sharing)
    : kv_(std::move(kv)), sharing_(sharing), pool_(kv_.shape().n_blocks) {
  sequences_.resize(static_cast<size_t>(n_sequences));
  const auto n_blocks_each = static_cast<size_t>((n_ctx + kv_block_size - 1) / kv_block_size);
  for (Sequence& sequence : sequences_) sequence.blocks.reserve(n_blocks_each);
}

SequenceCache::Sequence& SequenceCache::at(int32_t id) {
  CHECK(id >= 0 && static_cast<size_t>(id) < sequences_.size());
  return sequences_[static_cast<size_t>(id)];
}
const SequenceCache::Sequence& SequenceCache::at(int32_t id) const {
  CHECK(id >= 0 && static_cast<size_t>(id) < sequences_.size());
  return sequences_[static_cast<size_t>(id)];
}

const PrefixKey& SequenceCache::end_key(const Sequence& sequence) const {
  return sequence.blocks.empty() ? sequence.root : pool_.key(sequence.blocks.back());
}

// Its last block is not full and others hold it, too.
bool SequenceCache::tail_is_shared(const Sequence& sequence) const {
  return sequence.n_past % kv_block_size != 0 && pool_.n_holders(sequence.blocks.back()) > 1;
}

int64_t SequenceCache::n_blocks_for(int32_t id, int64_t n_rows) const {
  const Sequence& sequence = at(id);
  const int64_t n_wanted = (sequence.n_past + n_rows + kv_block_size - 1) / kv_block_size;
  const int64_t n_more = n_wanted - static_cast<int64_t>(sequence.blocks.size());
  return std::max<int64_t>(0, n_more) + (tail_is_shared(sequence) ? 1 : 0);
}

void SequenceCache::copy(int32_t from, int32_t to) {
  const std::span<const std::byte> bytes = kv_.block(from);
  std::memcpy(kv_.block(to).data(), bytes.data(), bytes.size());
}

// Before something is written behind the first part of a block: nobody else may see it.
void SequenceCache::own_tail(Sequence& sequence) {
  const int64_t n = sequence.n_past % kv_block_size;
  const int32_t tail = sequence.blocks.back();
  if (!tail_is_shared(sequence)) {
    if (shares()) pool_.shorten(tail, n);
    return;
  }
  const int32_t own = pool_.take(pool_.parent(tail));
  copy(tail, own);
  pool_.fill(own, pool_.tokens(tail).first(static_cast<size_t>(n)));
  pool_.release(tail);
  sequence.blocks.back() = own;
}

void SequenceCache::append(int32_t id, std::span<const int32_t> tokens) {
  Sequence& sequence = at(id);
  if (sequence.n_past % kv_block_size != 0) own_tail(sequence);
  for (const int32_t token : tokens) {
    if (sequence.n_past % kv_block_size == 0)
      sequence.blocks.push_back(pool_.take(end_key(sequence)));
    if (shares()) pool_.add_token(sequence.blocks.back(), token);
    ++sequence.n_past;
  }
}

void SequenceCache::truncate(int32_t id, int64_t n_past) {
  Sequence& sequence = at(id);
  CHECK(n_past >= 0 && n_past <= sequence.n_past);
  const auto n_kept = static_cast<size_t>((n_past + kv_block_size - 1) / kv_block_size);
  while (sequence.blocks.size() > n_kept) {
    pool_.release(sequence.blocks.back());
    sequence.blocks.pop_back();
  }
  sequence.n_past = n_past;
}

void SequenceCache::begin(int32_t id, const PrefixKey& root) {
  CHECK(at(id).n_past == 0);
  at(id).root = root;
}

int64_t SequenceCache::adopt(int32_t id, std::span<const int32_t> tokens) {
  Sequence& sequence = at(id);
  if (!shares() || sequence.n_past % kv_block_size != 0 || tokens.empty()) return sequence.n_past;
  tokens = tokens.first(tokens.size() - 1);
  constexpr auto n_block = static_cast<size_t>(kv_block_size);
  while (true) {
    const auto rest = tokens.subspan(std::min(tokens.size(), static_cast<size_t>(sequence.n_past)));
    if (rest.size() < n_block) break;
    const int32_t block = pool_.find(next_key(end_key(sequence), rest.first(n_block)));
    if (block == BlockPool::none) break;
    pool_.hold(block);
    sequence.blocks.push_back(block);
    sequence.n_past += kv_block_size;
  }
  return sequence.n_past;
}

// The part becomes the sequence's own: a copy, or the block itself when nobody holds it and nothing
// of it would be lost.
int64_t SequenceCache::adopt_start(int32_t id, std::span<const int32_t> tokens) {
  Sequence& sequence = at(id);
  const auto n_past = static_cast<size_t>(sequence.n_past);
  if (!shares() || sequence.n_past % kv_block_size != 0 || tokens.size() <= n_past + 1)
    return sequence.n_past;
  tokens = tokens.first(tokens.size() - 1);
  const auto rest = tokens.subspan(n_past, std::min<size_t>(kv_block_size, tokens.size() - n_past));
  const PrefixKey parent = end_key(sequence);
  const BlockPool::Match match = pool_.find_start(parent, rest);
  if (match.n_tokens == 0) return sequence.n_past;
  const auto n_theirs = static_cast<int64_t>(pool_.tokens(match.block).size());
  const bool whole = match.n_tokens == n_theirs && n_theirs < kv_block_size;
  if (pool_.n_holders(match.block) == 0 && whole) {
    pool_.hold(match.block);
    sequence.blocks.push_back(match.block);
  } else {
    if (pool_.n_free() < 2) return sequence.n_past;  // one may be the block itself
    pool_.hold(match.block);
    const int32_t own = pool_.take(parent);
    copy(match.block, own);
    pool_.fill(own, rest.first(static_cast<size_t>(match.n_tokens)));
    pool_.release(match.block);
    sequence.blocks.push_back(own);
  }
  return sequence.n_past += match.n_tokens;
}

SequenceCache::Use SequenceCache::use() const {
  return {.n_blocks = pool_.n_blocks(),
          .n_held = pool_.n_blocks() - pool_.n_free(),
          .n_kept = pool_.n_kept(),
          .n_evicted = pool_.n_evicted(),
          .block_bytes = kv_.block_bytes()};
}

// --- Blocks on disk ---------------------------------------------------------

void SequenceCache::set_store(std::unique_ptr<BlockStore> store) {
  CHECK(shares() && store_ == nullptr);
  store_ = std::move(store);
}

bool SequenceCache::fetch(int32_t id, std::span<const int32_t> tokens) {
  const Sequence& sequence = at(id);
  if (store_ == nullptr || sequence.n_past % kv_block_size != 0 || tokens.empty()) return false;
  constexpr auto n_block = static_cast<size_t>(kv_block_size);
  PrefixKey parent = end_key(sequence);
  bool coming = false;
  for (auto at = static_cast<size_t>(sequence.n_past); at + n_block < tokens.size();
       at += n_block) {
    const auto its_tokens = tokens.subspan(at, n_block);
    const PrefixKey key = next_key(parent, its_tokens);
    if (coming_.contains(key)) {
      coming = true;
    } else if (pool_.find(key) == BlockPool::none) {
      if (coming_.size() == n_coming_max || pool_.n_free() == 0 || !store_->has(key)) break;
      const int32_t block = pool_.take(parent);
      const auto index = static_cast<int64_t>(at / n_block);
      store_->read(block, {key, parent, index, {its_tokens.begin(), its_tokens.end()}},
                   kv_.block(block));
      coming_[key] = block;
      ++n_transfers_;
      coming = true;
    }
    parent = key;
  }
  return coming;
}

void SequenceCache::save(int32_t id) {
  const Sequence& sequence = at(id);
  if (store_ == nullptr || sequence.n_past < n_saved_least) return;
  const auto n_whole = static_cast<size_t>(sequence.n_past / kv_block_size);
  for (size_t i = 0; i < n_whole; ++i) {
    const int32_t block = sequence.blocks[i];
    const auto tokens = pool_.tokens(block);
    // Another block may keep the same; its key is written once.
    if (tokens.size() != static_cast<size_t>(kv_block_size) || !store_->wants(pool_.key(block)))
      continue;
    pool_.hold(block);
    ++n_transfers_;
    store_->write(block,
                  {pool_.key(block),
                   pool_.parent(block),
                   static_cast<int64_t>(i),
                   {tokens.begin(), tokens.end()}},
                  kv_.block(block));
  }
}

void SequenceCache::settle() {
  if (n_transfers_ == 0) return;
  for (const BlockStore::Done& done : store_->take_done()) {
    --n_transfers_;
    if (done.kind == BlockStore::Kind::read) {
      coming_.erase(done.block.key);
      if (done.ok) pool_.fill(done.ticket, done.block.tokens);
    }
    pool_.release(done.ticket);
  }
}

void SequenceCache::wait() {
  if (n_transfers_ > 0) store_->wait();
  settle();
}

bool SequenceCache::give_up_writes() {
  if (n_transfers_ == 0) return false;
  const std::vector<int32_t> blocks = store_->drop_writes();
  n_transfers_ -= static_cast<int64_t>(blocks.size());
  for (const int32_t block : blocks) pool_.release(block);
  return !blocks.empty();
}

}  // namespace quire
