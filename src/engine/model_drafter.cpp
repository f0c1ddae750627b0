#include "engine/drafter.h"
#include "engine/runner.h"
#include "engine/token_probabilities.h"

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

constexpr int32_t n_vocab_difference_max = 128;  // padding of the embedding differs within a family

Result<void> check_vocabularies(const Model& draft, const Model& target) {
  const Tokenizer& a = draft.tokenizer();
  const Tokenizer& b = target.tokenizer();
  const int32_t n = std::min(a.n_vocab(), b.n_vocab());
  if (std::abs(a.n_vocab() - b.n_vocab()) > n_vocab_difference_max)
    return fail(
        Fault::unsupported,
        "{}: it has {} tokens and cannot draft for {}, which has {}; take a smaller model of "
        "the same family",
        draft.path(), a.n_vocab(), target.path(), b.n_vocab());
  for (int32_t id = 0; id < n; ++id)
    if (a.piece(id) != b.piece(id))
      return fail(Fault::unsupported,
                  "{}: its token {} is not that of {}, so it cannot draft for it; take a smaller "
                  "model of the same family",
                  draft.path(), id, target.path());
  return {};
}

class ModelDrafter : public Drafter {
 public:
  ModelDrafter(std::unique_ptr<Runner> runner, int32_t n_sequences, const Model& target,
               double p_min)
      : runner_(std::move(runner)),
        seen_(static_cast<size_t>(n_sequences)),
        n_vocab_(target.tokenizer().n_vocab()),
        size_(static_cast<double>(runner_->model().weight_bytes()) /
              static_cast<double>(std::max<int64_t>(1, target.weight_bytes()))),
        p_min_(p_min) {}

  // One step of the draft model guesses the next token of every sequence.
  Result<void> draft(std::span<DraftRequest> requests) override {
    rows_.clear();
    guessing_.clear();
    int64_t n_reserved = 0;
    for (DraftRequest& request : requests) {
      const Start start = start_of(request);
      const auto n_all = static_cast<int64_t>(request.tokens.size() - start.begin);
      if (request.n_max < 1 || n_all + request.n_max > runner_->n_ctx()) continue;
      keep(request.sequence, start);
      const std::span<const int32_t> unread = request.tokens.subspan(start.begin + start.n_same);
      if (!make_room(requests, request, static_cast<int64_t>(unread.size()), n_reserved)) continue;
      rows_.push_back({request.sequence, unread, Want::last});
      guessing_.push_back(&request);
    }
    while (!rows_.empty()) {
      const View<const float, 2> logits = TRY(runner_->run(rows_));
      for (size_t i = 0; i < rows_.size(); ++i) {
        std::vector<int32_t>& tokens = seen_[static_cast<size_t>(rows_[i].sequence)].tokens;
        tokens.insert(tokens.end(), rows_[i].tokens.begin(), rows_[i].tokens.end());
      }
      guess(logits);
    }
    return {};
  }
  void forget(int32_t sequence) override { keep(sequence, {0, 0}); }
  int64_t n_unread(const DraftRequest& request) const override {
    const Start start = start_of(request);
    return static_cast<int64_t>(request.tokens.size() - start.begin - start.n_same) - 1;
  }
  // Time goes with the bytes of the weights; checking the guess is a row more in a step.
  double guess_cost() const override { return size_ + 0.1; }
  const char* name() const override { return "model"; }
  int64_t memory_bytes() const override {
    return runner_->model().weight_bytes() + runner_->kv_bytes() + runner_->arena_bytes();
  }

 private:
  // What this model has seen of a sequence: its tokens from `begin` on.
  struct Seen {
    size_t begin = 0;
    std::vector<int32_t> tokens;
  };
  // What it is to see next: the tokens from `begin` on, of which it has seen n_same.
  struct Start {
    size_t begin, n_same;
  };
  Start start_of(const DraftRequest& request) const {
    const std::span<const int32_t> tokens = request.tokens;
    const Seen& seen = seen_[static_cast<size_t>(request.sequence)];
    const auto n_wanted = request.n_looked_at == 0
                              ? tokens.size()
                              : std::min(tokens.size(), size_t(request.n_looked_at));
    size_t begin = std::min(seen.begin, tokens.size());
    const auto n_seen = static_cast<size_t>(
        std::ranges::mismatch(seen.tokens, tokens.subspan(begin)).in1 - seen.tokens.begin());
    // The last one is always run: what follows it is asked for.
    const size_t n_same = std::min(n_seen, std::max<size_t>(tokens.size() - begin, 1) - 1);
    const size_t n_unread = tokens.size() - begin - n_same;
    const bool fits =
        static_cast<int64_t>(tokens.size() - begin) + request.n_max <= runner_->n_ctx();
    const bool goes_on = begin == 0 || (request.n_looked_at > 0 && begin < tokens.size());
    if (goes_on && (request.n_looked_at == 0 || (n_unread <= n_wanted && fits)))
      return {begin, n_same};
    begin = tokens.size() - n_wanted;
    return {begin, 0};
  }

  // What it has seen and was not said after all is forgotten.
  void keep(int32_t sequence, const Start& start) {
    runner_->truncate(sequence, static_cast<int64_t>(start.n_same));
    Seen& seen = seen_[static_cast<size_t>(sequence)];
    seen.begin = start.begin;
    seen.tokens.resize(start.n_same);
  }

  // The cache is shared: sequences that nobody asks about are forgotten for those that are asked
  // about. False: there is no room even so, and no guess this time.
  bool make_room(std::span<const DraftRequest> requests, const DraftRequest& request, int64_t n_new,
                 int64_t& n_reserved) {
    const int64_t n_wanted = runner_->cache().n_blocks_for(request.sequence, n_new + request.n_max);
    for (size_t i = 0; i < seen_.size(); ++i) {
      if (runner_->cache().n_free_blocks() - n_reserved >= n_wanted) break;
      const auto sequence = static_cast<int32_t>(i);
      const bool asked = std::ranges::any_of(
          requests, [&](const DraftRequest& other) { return other.sequence == sequence; });
      if (asked || seen_[i].tokens.empty()) continue;
      keep(sequence, {0, 0});
    }
    if (runner_->cache().n_free_blocks() - n_reserved < n_wanted) return false;
    n_reserved += n_wanted;
    return true;
  }

  void guess(View<const float, 2> logits) {
    size_t n = 0;
    for (size_t i = 0; i < guessing_.size(); ++i) {
      DraftRequest& request = *guessing_[i];
      const TokenProbability best = probabilities_.best(
          {logits.row(static_cast<int64_t>(i)), static_cast<size_t>(logits.dim(1))});
      if (best.token < 0 || best.token >= n_vocab_ ||
          std::exp(static_cast<double>(best.log_probability)) < p_min_)
        continue;
      if (request.draft.capacity() == 0) request.draft.reserve(static_cast<size_t>(request.n_max));
      request.draft.push_back(best.token);
      if (static_cast<int64_t>(request.draft.size()) == request.n_max) continue;
      rows_[n] = {request.sequence, std::span(request.draft).last(1), Want::last};
      guessing_[n++] = &request;
    }
    rows_.resize(n);
    guessing_.resize(n);
  }

  std::unique_ptr<Runner> runner_;
  std::vector<Seen> seen_;  // of each sequence
  int32_t n_vocab_;         // of the target
  double size_;             // beside the target
  double p_min_;
  std::vector<RunRows> rows_;
  std::vector<DraftRequest*> guessing_;
  TokenProbabilities probabilities_;
};

}  // namespace

Result<std::unique_ptr<Drafter>> make_model_drafter(std::shared_ptr<const Model> draft,
                                                    const Model& target,
                                                    const RunnerOptions& options, double p_min) {
  TRY(check_vocabularies(*draft, target));
  auto runner = TRY(Runner::create(std::move(draft), options));
  if (!runner->can_truncate())
    return fail(Fault::unsupported,
                "{}: its state cannot go back to before a wrong guess, so it cannot draft",
                runner->model().path());
  return std::make_unique<ModelDrafter>(std::move(runner), options.n_sequences, target, p_min);
}

}  // namespace quire
