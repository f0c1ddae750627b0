#include "eval/speed.h"

#include "base/rng.h"
#include "graph/cost.h"

#include <algorithm>
#include <chrono>

namespace quire {
namespace {

using Clock = std::chrono::steady_clock;

// The machine's rate for products with weights of a type.
double peak_for(const PeakRates& peaks, DType weights, Precision precision) {
  switch (row_format(weights, precision)) {
    case RowFormat::q8_32:
    case RowFormat::q8_256:
      return peaks.int8;
    case RowFormat::bf16:
    case RowFormat::q14_32:  // as many in a cycle, of 16 bits
      return peaks.bf16;
    case RowFormat::f32:
      break;
  }
  return peaks.f32;
}

// Sequences that grow by random tokens.
class Growing {
 public:
  Growing(Runner& runner, uint64_t seed)
      : runner_(runner), rng_(seed), n_vocab_(runner.model().hparams().n_vocab) {}

  // n tokens more for each of the first n_sequences.
  Result<void> grow(int32_t n_sequences, int64_t n, Want want) {
    tokens_.resize(static_cast<size_t>(n * n_sequences));
    for (int32_t& token : tokens_)
      token = static_cast<int32_t>(rng_.below(static_cast<uint64_t>(n_vocab_)));
    rows_.clear();
    for (int32_t s = 0; s < n_sequences; ++s)
      rows_.push_back(
          {s, std::span(tokens_).subspan(static_cast<size_t>(s * n), static_cast<size_t>(n)),
           want});
    TRY(runner_.run(rows_));
    return {};
  }
  // Back to n_past positions; to none where the model's state cannot go back (fill() then).
  void cut(int32_t n_sequences, int64_t n_past) {
    for (int32_t s = 0; s < n_sequences; ++s)
      runner_.truncate(s, runner_.can_truncate() ? n_past : 0);
  }
  Result<void> fill(int32_t n_sequences, int64_t n_depth) {
    for (int32_t s = 0; s < n_sequences; ++s)
      if (runner_.n_past(s) > n_depth) runner_.truncate(s, runner_.can_truncate() ? n_depth : 0);
    for (int32_t s = 0; s < n_sequences; ++s) {
      const int64_t n = n_depth - runner_.n_past(s);
      if (n == 0) continue;
      tokens_.resize(static_cast<size_t>(n));
      for (int32_t& token : tokens_)
        token = static_cast<int32_t>(rng_.below(static_cast<uint64_t>(n_vocab_)));
      const RunRows rows{s, tokens_, Want::nothing};
      TRY(runner_.run(std::span(&rows, 1)));
    }
    return {};
  }

 private:
  Runner& runner_;
  Rng rng_;
  int64_t n_vocab_;
  std::vector<int32_t> tokens_;
  std::vector<RunRows> rows_;
};

class Meter {
 public:
  Meter(const Model& model, Runner& runner, const SpeedOptions& options, const PeakRates& peaks)
      : model_(model),
        options_(options),
        peaks_(peaks),
        probe_(runner.pool()),
        growing_(runner, options.seed) {}

  Result<SpeedResult> measure(const SpeedTest& test) {
    SpeedResult result;
    result.test = test;
    result.n_tokens = static_cast<double>(test.n_tokens * test.n_sequences);
    add_costs(result);
    TRY(growing_.fill(test.n_sequences, test.n_depth));
    TRY(run_once(test, warm_up_tokens(test)));
    double before = probe_.measure();
    for (int i = 0; i < options_.n_repeats; ++i) {
      TRY(growing_.fill(test.n_sequences, test.n_depth));
      const auto start = Clock::now();
      TRY(run_once(test, test.n_tokens));
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      const double after = probe_.measure();
      result.samples.push_back({seconds, (before + after) / 2});
      before = after;
    }
    return result;
  }

 private:
  int64_t warm_up_tokens(const SpeedTest& test) const {
    const bool prompt = test.kind == SpeedTest::Kind::prompt;
    return std::min(test.n_tokens, prompt ? options_.runner.n_batch : int64_t{2});
  }
  Result<void> run_once(const SpeedTest& test, int64_t n_tokens) {
    if (test.kind == SpeedTest::Kind::prompt) {
      TRY(growing_.grow(test.n_sequences, n_tokens, Want::last));
    } else {
      for (int64_t i = 0; i < n_tokens; ++i) TRY(growing_.grow(test.n_sequences, 1, Want::last));
    }
    growing_.cut(test.n_sequences, test.n_depth);
    return {};
  }
  void add_step(SpeedResult& result, const Binding& binding, double times) const {
    const Graph& graph = model_.graph();
    std::vector<DType> dtypes(graph.values.size(), DType::f32);
    const std::vector<ValueId> params = graph.all(Role::parameter);
    for (size_t i = 0; i < params.size(); ++i)
      dtypes[static_cast<size_t>(params[i])] = model_.params()[i].dtype;
    CostOptions options;
    options.dtype = [&](ValueId id) { return dtypes[static_cast<size_t>(id)]; };
    options.kv_dtype = options_.runner.k_dtype;
    // Keys and values are equally wide; values may be stored in another type.
    const double k_bits = info(options_.runner.k_dtype).bits_per_element();
    const double v_bits = info(options_.runner.v_dtype).bits_per_element();
    options.n_sequences = result.test.n_sequences;
    for (const Node& node : graph.nodes) {
      const Cost cost = node_cost(graph, node, binding, options);
      result.n_bytes +=
          times * (cost.weight_bytes + cost.kv_bytes * (k_bits + v_bits) / (2 * k_bits));
      if (node.op != Op::linear) continue;
      const DType weights = dtypes[static_cast<size_t>(node.inputs[1])];
      result.peak_seconds +=
          times * cost.flops / peak_for(peaks_, weights, options_.runner.precision);
    }
  }
  void add_costs(SpeedResult& result) const {
    const SpeedTest& test = result.test;
    if (test.kind == SpeedTest::Kind::generation) {
      // Every step reads one position more: the middle one stands for all.
      add_step(result,
               {.n_rows = test.n_sequences,
                .n_outputs = test.n_sequences,
                .n_past = test.n_depth + test.n_tokens / 2},
               static_cast<double>(test.n_tokens));
      return;
    }
    const int64_t n_all = test.n_tokens * test.n_sequences;
    for (int64_t done = 0; done < n_all; done += options_.runner.n_batch) {
      const int64_t n = std::min(options_.runner.n_batch, n_all - done);
      add_step(result,
               {.n_rows = n,
                .n_outputs = done + n == n_all ? test.n_sequences : 0,
                .n_past = test.n_depth + done / test.n_sequences},
               1);
    }
  }

  const Model& model_;
  const SpeedOptions& options_;
  const PeakRates& peaks_;
  BandwidthProbe probe_;
  Growing growing_;
};

}  // namespace

double median(std::vector<double> values) {
  CHECK(!values.empty());
  std::ranges::sort(values);
  const size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

std::string SpeedTest::name() const {
  std::string text = fmt::format("{}{}", kind == SpeedTest::Kind::prompt ? "pp" : "tg", n_tokens);
  if (n_sequences > 1) text += fmt::format(" x{}", n_sequences);
  if (n_depth > 0) text += fmt::format(" @ d{}", n_depth);
  return text;
}

namespace {

template <class F>
std::vector<double> each(const std::vector<SpeedSample>& samples, F f) {
  std::vector<double> values;
  values.reserve(samples.size());
  for (const SpeedSample& sample : samples) values.push_back(f(sample));
  return values;
}

}  // namespace

double SpeedResult::rate() const {
  return median(each(samples, [&](const SpeedSample& s) { return rate(s); }));
}
double SpeedResult::least_rate() const {
  return std::ranges::min(each(samples, [&](const SpeedSample& s) { return rate(s); }));
}
double SpeedResult::most_rate() const {
  return std::ranges::max(each(samples, [&](const SpeedSample& s) { return rate(s); }));
}
double SpeedResult::bytes_per_second() const { return n_bytes * rate() / n_tokens; }
double SpeedResult::bandwidth_share() const {
  return median(
      each(samples, [&](const SpeedSample& s) { return n_bytes / s.seconds / s.bandwidth; }));
}
double SpeedResult::peak_share() const { return peak_seconds * rate() / n_tokens; }

Result<void> measure_speed(const std::shared_ptr<const Model>& model,
                           const std::vector<SpeedTest>& tests, const SpeedOptions& options,
                           const PeakRates& peaks,
                           FunctionRef<void(const SpeedResult&)> on_result) {
  SpeedOptions own = options;
  own.runner.n_ctx = 1;
  own.runner.n_sequences = 1;
  for (const SpeedTest& test : tests) {
    own.runner.n_ctx = std::max(own.runner.n_ctx, test.n_depth + test.n_tokens);
    own.runner.n_sequences = std::max(own.runner.n_sequences, test.n_sequences);
  }
  const auto runner = TRY(Runner::create(model, own.runner));
  Meter meter(*model, *runner, own, peaks);
  for (const SpeedTest& test : tests) on_result(TRY(meter.measure(test)));
  return {};
}

}  // namespace quire
