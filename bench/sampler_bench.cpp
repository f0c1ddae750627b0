// What choosing a token costs at a vocabulary of 151,936 (Qwen 2.5), logits like a model's.
#include "base/rng.h"
#include "engine/sampler.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

namespace quire {
namespace {

constexpr size_t n_vocab = 151'936;

// A normal bulk and a few likely tokens.
std::vector<float> model_like_logits() {
  Rng rng(1);
  std::vector<float> logits(n_vocab);
  for (float& logit : logits) logit = static_cast<float>(rng.normal() * 2.5);
  for (int i = 0; i < 50; ++i) logits[rng.below(n_vocab)] = 21 - 0.3f * static_cast<float>(i);
  return logits;
}

void sample(benchmark::State& state, const SamplingParams& params) {
  const std::vector<float> logits = model_like_logits();
  Sampler sampler(params);
  for (int32_t i = 0; i < 2000; ++i) sampler.accept(i % 300);
  for (auto _ : state) {
    auto token = sampler.sample(logits);
    benchmark::DoNotOptimize(token);
  }
}

SamplingParams changed(void (*change)(SamplingParams& params)) {
  SamplingParams params;
  change(params);
  return params;
}

BENCHMARK_CAPTURE(sample, greedy, changed([](SamplingParams& p) { p.temperature = 0; }));
BENCHMARK_CAPTURE(sample, standard, SamplingParams());
BENCHMARK_CAPTURE(sample, penalties, changed([](SamplingParams& p) {
                    p.repeat_penalty = 1.1f;
                    p.repeat_last_n = -1;
                  }));
BENCHMARK_CAPTURE(sample, dry, changed([](SamplingParams& p) { p.dry_multiplier = 0.8f; }));
BENCHMARK_CAPTURE(sample, top_p_alone, changed([](SamplingParams& p) { p.samplers = "pt"; }));
BENCHMARK_CAPTURE(sample, min_p_alone, changed([](SamplingParams& p) { p.samplers = "mt"; }));
BENCHMARK_CAPTURE(sample, whole_vocabulary, changed([](SamplingParams& p) { p.samplers = ""; }));
BENCHMARK_CAPTURE(sample, top_n_sigma, changed([](SamplingParams& p) {
                    p.top_n_sigma = 1;
                    p.samplers = "st";
                  }));
BENCHMARK_CAPTURE(sample, mirostat_1, changed([](SamplingParams& p) { p.mirostat = 1; }));
BENCHMARK_CAPTURE(sample, mirostat_2, changed([](SamplingParams& p) { p.mirostat = 2; }));

}  // namespace
}  // namespace quire
