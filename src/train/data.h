// Which tokens a training step sees: a pure function of the seed and the step.
//
// Held out are the documents whose hash says so, whatever their order and number: adding data moves
// no document between the parts, and equal texts are always on the same side. In each epoch the
// other documents (as many copies as their file's weight says; the fraction of a weight by chance
// for each document) are shuffled, laid one after the other behind one separator, and the
// stream is cut into windows of ctx + 1 tokens that overlap by one: window w predicts the tokens
// w ctx + 1 ... (w + 1) ctx. The windows are shuffled too, so that a long document does not fill
// a batch. What is left at the end of the stream is not seen in that epoch. Windows of all epochs
// are numbered through: step i takes the windows [i B, (i + 1) B).
#pragma once
#include "train/token_cache.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace quire {

struct DataOptions {
  int64_t n_ctx = 256;
  uint64_t seed = 0;
  double held_out = 0.01;       // expected share of the documents, in [0, 1)
  std::vector<double> weights;  // of each source; 1 where missing
  int32_t separator = 0;
};

class TrainingData {
 public:
  // usage when the training part is shorter than one window.
  static Result<TrainingData> create(TokenCache cache, DataOptions options);

  // Window `index` of the run, n_ctx + 1 tokens. Remembers the epoch it is in; the result depends
  // on nothing but index and options.
  void window(int64_t index, std::span<int32_t> out);
  // Windows of epoch `epoch`, 0 the first.
  int64_t n_windows(int64_t epoch);

  // The held-out part, always in the same order (by hash: its beginning is a fair sample).
  int64_t n_held_out_documents() const { return static_cast<int64_t>(held_out_.size()); }
  int64_t n_held_out_tokens() const { return held_out_first_.back() - 1; }  // that are predicted
  uint64_t n_held_out_bytes() const { return n_held_out_bytes_; }
  // Tokens [first, first + out.size()) of it, the separator in front included; what is past the end
  // is -1.
  void held_out(int64_t first, std::span<int32_t> out) const;

  const TokenCache& cache() const { return cache_; }
  const DataOptions& options() const { return options_; }
  int64_t n_train_documents() const { return static_cast<int64_t>(train_.size()); }
  int64_t n_train_tokens() const { return n_train_tokens_; }  // each document once

 private:
  struct Epoch {
    int64_t number = -1;
    std::vector<int64_t> order;    // documents
    std::vector<int64_t> first;    // of each in the stream; the end behind the last
    std::vector<int64_t> windows;  // shuffled
  };
  explicit TrainingData(TokenCache cache) : cache_(std::move(cache)) {}
  void enter_epoch(int64_t number);
  int64_t copies(int64_t document, int64_t epoch) const;
  void read_stream(const std::vector<int64_t>& order, const std::vector<int64_t>& first,
                   int64_t from, std::span<int32_t> out) const;

  TokenCache cache_;
  DataOptions options_;
  std::vector<int64_t> train_, held_out_, held_out_first_;
  uint64_t n_held_out_bytes_ = 0;
  int64_t n_train_tokens_ = 0;
  std::vector<int64_t> epoch_first_ = {0};  // first window of each epoch met so far, and the next
  Epoch epoch_;
};

}  // namespace quire
