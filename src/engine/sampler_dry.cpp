// dry (don't repeat yourself): a token that would make the end of the text repeat what stood
// earlier loses
//   multiplier * base ^ (n - allowed_length)
// where n >= allowed_length is the length of the repeat so far. A repeat does not reach across a
// sequence breaker. Weidmann 2024, text-generation-webui pull request 5677.
#include "base/check.h"
#include "engine/sampler_stage.h"
#include "text/flat_map.h"
#include "text/tokenizer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quire {
namespace {

constexpr size_t breaker_bytes_max = 40;
constexpr size_t breaker_tokens_max = 20;

// A breaker as tokens: one that its text begins in, and those that follow.
struct Breaker {
  int32_t head = 0;
  std::vector<int32_t> tail;
  auto operator<=>(const Breaker& other) const = default;
};

// Every way in which tokens can spell a text that has the breaker in it: a token that contains it,
// or one that ends in its beginning, followed by the rest of it.
void add_breakers(std::string_view text, const Tokenizer& tokenizer, std::vector<Breaker>& out) {
  if (text.empty()) return;
  text = text.substr(0, breaker_bytes_max);
  std::vector<std::vector<int32_t>> tails(text.size());
  for (size_t n = 1; n < text.size(); ++n) {
    auto ids = tokenizer.encode(text.substr(n),
                                {.add = AddSpecial::never, .parse = ParseSpecial::as_text});
    if (ids.has_value()) tails[n] = *std::move(ids);
    if (tails[n].size() > breaker_tokens_max) tails[n].resize(breaker_tokens_max);
  }
  for (int32_t id = 0; id < tokenizer.n_vocab(); ++id) {
    const std::string_view piece = tokenizer.piece(id);
    if (piece.find(text) != piece.npos) {
      out.push_back({id, {}});
      continue;
    }
    for (size_t n = std::min(piece.size(), text.size() - 1); n > 0; --n)
      if (piece.ends_with(text.substr(0, n)) && !tails[n].empty()) out.push_back({id, tails[n]});
  }
}

class Dry : public SamplerStage {
 public:
  Dry(const SamplingParams& params, const Tokenizer* tokenizer)
      : multiplier_(params.dry_multiplier),
        base_(params.dry_base),
        allowed_(params.dry_allowed_length),
        last_n_(params.dry_penalty_last_n) {
    if (tokenizer == nullptr) return;
    for (const std::string& text : params.dry_sequence_breakers)
      add_breakers(text, *tokenizer, breakers_);
    std::ranges::sort(breakers_);
    breakers_.erase(std::ranges::unique(breakers_).begin(), breakers_.end());
  }

  void accept(int32_t token) override {
    text_.push_back(token);
    const auto keep = static_cast<size_t>(std::max(last_n_, 0));
    if (last_n_ > 0 && text_.size() >= 2 * keep + 1024)
      text_.erase(text_.begin(), text_.end() - static_cast<ptrdiff_t>(keep));
  }

  void apply(Candidates& candidates, Rng&) override {
    size_t n = text_.size();
    if (last_n_ > 0) n = std::min(n, static_cast<size_t>(last_n_));
    const auto allowed = static_cast<size_t>(allowed_);
    if (n <= allowed) return;
    const size_t reach = tokens_since_breaker(n);
    if (reach < allowed) return;
    find_repeats(n);
    // Where a repeat of length m ended, the token after it would make it longer.
    found_.clear();
    for (size_t j = 1; j < n; ++j) {
      const size_t length = std::min(repeat_[j], reach);
      if (length >= allowed) found_.push_back({from_end(j - 1), length});
    }
    std::ranges::sort(found_, [](const Found& a, const Found& b) {
      return a.token != b.token ? a.token < b.token : a.length > b.length;
    });
    const float power_max = base_ > 1 ? 88.0f / std::log(base_) : 0;  // below what overflows
    for (size_t i = 0; i < found_.size(); ++i) {
      if (i > 0 && found_[i].token == found_[i - 1].token) continue;
      auto power = static_cast<float>(found_[i].length - allowed);
      if (base_ > 1) power = std::min(power, power_max);
      const float penalty = multiplier_ * std::pow(base_, power);
      candidates.change(found_[i].token, [&](float logit) {
        return std::max(logit - penalty, std::numeric_limits<float>::lowest());
      });
    }
  }
  bool truncates() const override { return false; }

 private:
  struct Found {
    int32_t token;
    size_t length;
  };

  int32_t from_end(size_t i) const { return text_[text_.size() - 1 - i]; }

  // How many tokens stand after the last breaker among the last n; n when there is none.
  size_t tokens_since_breaker(size_t n) const {
    for (size_t i = 0; i < n; ++i) {
      const int32_t head = from_end(i);
      auto breaker = std::ranges::lower_bound(breakers_, head, {}, &Breaker::head);
      ptrdiff_t longest = -1;
      for (; breaker != breakers_.end() && breaker->head == head; ++breaker) {
        const auto length = static_cast<ptrdiff_t>(breaker->tail.size());
        if (length <= longest || breaker->tail.size() > i) continue;
        bool same = true;
        for (size_t t = 0; t < breaker->tail.size() && same; ++t)
          same = breaker->tail[t] == from_end(i - 1 - t);
        if (same) longest = length;
      }
      if (longest >= 0) return i - static_cast<size_t>(longest);
    }
    return n;
  }

  // repeat_[j]: how many tokens before and at place j from the end are those at the end, within the
  // last n. The Z function of the reversed text, linear (Gusfield 1997, section 1.4).
  void find_repeats(size_t n) {
    repeat_.assign(n, 0);
    size_t left = 0, right = 0;
    for (size_t j = 1; j < n; ++j) {
      size_t length = j < right ? std::min(repeat_[j - left], right - j) : 0;
      while (j + length < n && from_end(length) == from_end(j + length)) ++length;
      repeat_[j] = length;
      if (j + length > right) left = j, right = j + length;
    }
  }

  float multiplier_, base_;
  int32_t allowed_, last_n_;
  std::vector<Breaker> breakers_;  // sorted
  std::vector<int32_t> text_;
  std::vector<size_t> repeat_;
  std::vector<Found> found_;
};

}  // namespace

std::unique_ptr<SamplerStage> make_dry(const SamplingParams& params, const Tokenizer* tokenizer) {
  if (params.dry_multiplier == 0 || params.dry_base < 1 || params.dry_penalty_last_n == 0)
    return nullptr;
  return std::make_unique<Dry>(params, tokenizer);
}

}  // namespace quire
