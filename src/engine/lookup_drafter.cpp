#include "engine/drafter.h"
#include "text/flat_map.h"

#include <algorithm>

namespace quire {
namespace {

constexpr size_t n_gram = 3;  // shorter ones recur without meaning it; not tuned

// The tokens of one sequence and where each run of n_gram of them ended last.
class History {
 public:
  void update(std::span<const int32_t> tokens) {
    // The last token was drawn from a longer text than the one known: never trust more than this.
    const bool same = tokens.size() >= tokens_.size() &&
                      std::equal(tokens_.begin(), tokens_.end(), tokens.begin());
    if (!same) {
      tokens_.clear();
      ends_ = FlatMap<size_t>();
    }
    for (const int32_t token : tokens.subspan(tokens_.size())) {
      // What ended at the token before is a place to look for only now that something follows.
      if (tokens_.size() >= n_gram) ends_.get_or_insert(key(tokens_.size()), 0) = tokens_.size();
      tokens_.push_back(token);
    }
  }

  void guess(int64_t n_max, std::vector<int32_t>& draft) const {
    if (tokens_.size() < n_gram) return;
    const size_t* end = ends_.find(key(tokens_.size()));
    if (end == nullptr) return;
    // Two texts may share a key.
    const auto last = tokens_.end() - static_cast<ptrdiff_t>(n_gram);
    if (!std::equal(last, tokens_.end(), tokens_.begin() + static_cast<ptrdiff_t>(*end - n_gram)))
      return;
    for (size_t i = *end; i < tokens_.size() && static_cast<int64_t>(draft.size()) < n_max; ++i)
      draft.push_back(tokens_[i]);
  }

 private:
  // Of the n_gram tokens before `end`.
  uint64_t key(size_t end) const {
    uint64_t hash = 0;
    for (size_t i = end - n_gram; i < end; ++i)
      hash = mix_bits(hash ^ static_cast<uint32_t>(tokens_[i]));
    return hash >> 1;  // never the one key that the map cannot hold
  }

  std::vector<int32_t> tokens_;
  FlatMap<size_t> ends_;
};

class LookupDrafter : public Drafter {
 public:
  explicit LookupDrafter(int32_t n_sequences) : histories_(static_cast<size_t>(n_sequences)) {}

  Result<void> draft(std::span<DraftRequest> requests) override {
    for (DraftRequest& request : requests) {
      History& history = histories_[static_cast<size_t>(request.sequence)];
      history.update(request.tokens);
      history.guess(request.n_max, request.draft);
    }
    return {};
  }
  void forget(int32_t sequence) override { histories_[static_cast<size_t>(sequence)] = {}; }
  const char* name() const override { return "lookup"; }

 private:
  std::vector<History> histories_;
};

}  // namespace

std::unique_ptr<Drafter> make_lookup_drafter(int32_t n_sequences) {
  return std::make_unique<LookupDrafter>(n_sequences);
}

}  // namespace quire
