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
  ModelDrafter(std::unique_ptr<Runner> runner, int32_t n_sequences, int32_t n_vocab, double p_min)
      : runner_(std::move(runner)),
        cached_(static_cast<size_t>(n_sequences)),
        n_vocab_(n_vocab),
        p_min_(p_min) {}

  // One step of the draft model guesses the next token of every sequence.
  Result<void> draft(std::span<DraftRequest> requests) override {
    rows_.clear();
    guessing_.clear();
    int64_t n_reserved = 0;
    for (DraftRequest& request : requests) {
      const auto n_all = static_cast<int64_t>(request.tokens.size());
      if (request.n_max < 1 || n_all + request.n_max > runner_->n_ctx()) continue;
      const size_t n_same = keep_common(request);
      if (!make_room(requests, request, n_all - static_cast<int64_t>(n_same), n_reserved)) continue;
      rows_.push_back({request.sequence, request.tokens.subspan(n_same), Want::last});
      guessing_.push_back(&request);
    }
    while (!rows_.empty()) {
      const View<const float, 2> logits = TRY(runner_->run(rows_));
      for (size_t i = 0; i < rows_.size(); ++i) {
        std::vector<int32_t>& cached = cached_[static_cast<size_t>(rows_[i].sequence)];
        cached.insert(cached.end(), rows_[i].tokens.begin(), rows_[i].tokens.end());
      }
      guess(logits);
    }
    return {};
  }
  const char* name() const override { return "model"; }
  int64_t memory_bytes() const override {
    return runner_->model().weight_bytes() + runner_->kv_bytes() + runner_->arena_bytes();
  }

 private:
  // How many tokens of the sequence this model has seen; what it has seen and was not said after
  // all is forgotten.
  size_t keep_common(const DraftRequest& request) {
    std::vector<int32_t>& cached = cached_[static_cast<size_t>(request.sequence)];
    auto n_same = static_cast<size_t>(
        std::mismatch(cached.begin(), cached.end(), request.tokens.begin(), request.tokens.end())
            .first -
        cached.begin());
    n_same = std::min(n_same, request.tokens.size() - 1);
    runner_->truncate(request.sequence, static_cast<int64_t>(n_same));
    cached.resize(n_same);
    return n_same;
  }

  // The cache is shared: sequences that nobody asks about are forgotten for those that are asked
  // about. False: there is no room even so, and no guess this time.
  bool make_room(std::span<const DraftRequest> requests, const DraftRequest& request, int64_t n_new,
                 int64_t& n_reserved) {
    const int64_t n_wanted = runner_->cache().n_blocks_for(request.sequence, n_new + request.n_max);
    for (size_t i = 0; i < cached_.size(); ++i) {
      if (runner_->cache().n_free_blocks() - n_reserved >= n_wanted) break;
      const auto sequence = static_cast<int32_t>(i);
      const bool asked = std::ranges::any_of(
          requests, [&](const DraftRequest& other) { return other.sequence == sequence; });
      if (asked || cached_[i].empty()) continue;
      runner_->truncate(sequence, 0);
      cached_[i].clear();
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
  std::vector<std::vector<int32_t>> cached_;  // the tokens in the cache of each sequence
  int32_t n_vocab_;                           // of the target
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
  return std::make_unique<ModelDrafter>(std::move(runner), options.n_sequences,
                                        static_cast<int32_t>(target.hparams().n_vocab), p_min);
}

}  // namespace quire
