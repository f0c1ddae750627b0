// Adapters at work: against PEFT and transformers (tools/make_adapter_goldens.py), against weights
// that the adapter was merged into, and beside one another in one batch.
#include "model/adapter.h"
#include "engine/engine.h"
#include "format/json.h"
#include "graph/adapters.h"
#include "quant/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace quire {
namespace {

std::string tests() { return QUIRE_SOURCE_DIR "/tests/golden/"; }

std::vector<std::string> names_in(const std::string& folder, const std::string& extension) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(tests() + folder))
    if (entry.path().extension() == extension) names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string out = info.param;
  std::ranges::replace_if(out, [](char c) { return c == '-' || c == '.'; }, '_');
  return out;
}

std::vector<double> log_softmax(std::vector<double> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double x : logits) sum += std::exp(x - top);
  for (double& x : logits) x -= top + std::log(sum);
  return logits;
}

double largest_difference(std::span<const float> a, std::vector<double> b) {
  const std::vector<double> ours = log_softmax({a.begin(), a.end()}), theirs = log_softmax(b);
  double largest = 0;
  for (size_t id = 0; id < ours.size(); ++id) {
    const double difference = std::fabs(ours[id] - theirs[id]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

std::unique_ptr<Runner> runner_of(std::shared_ptr<const Model> model, int64_t n_ctx,
                                  int32_t n_sequences = 1) {
  RunnerOptions options;
  options.n_ctx = n_ctx;
  options.n_threads = 2;
  options.n_sequences = n_sequences;
  return Runner::create(std::move(model), options).value();
}

std::span<const float> row(const View<const float, 2>& logits, int64_t i) {
  return {logits.row(i), static_cast<size_t>(logits.dim(1))};
}

// --- against PEFT and transformers

class AdapterGolden : public testing::TestWithParam<std::string> {};

TEST_P(AdapterGolden, LogProbabilitiesAreThoseOfTheReference) {
  const nlohmann::json golden = read_json(tests() + "adapter/" + GetParam() + ".json").value();
  const auto base = Model::load(tests() + golden["base"].get<std::string>()).value();
  const auto tokens = golden["tokens"].get<std::vector<int32_t>>();
  const auto files = [&](const char* kind, const char* ending) {
    std::vector<AdapterFile> list;
    for (const nlohmann::json& file : golden.value(kind, nlohmann::json::array()))
      list.push_back({tests() + "adapter/" + file[0].get<std::string>() + ending, file[1]});
    return list;
  };
  for (const char* ending : {"", ".gguf"}) {
    if (*ending != '\0' && golden.value("folder_only", false)) continue;
    AdapterFiles adapters{files("loras", ending), files("control_vectors", ""), 0, 0};
    if (golden.contains("layers")) {
      adapters.first_layer = golden["layers"][0];
      adapters.last_layer = golden["layers"][1];
    }
    const auto model = with_adapters(base, adapters);
    ASSERT_TRUE(model) << model.error().text;
    const auto runner = runner_of(*model, static_cast<int64_t>(tokens.size()));
    const auto logits = runner->run(tokens, Want::all).value();
    for (size_t i = 0; i < golden["positions"].size(); ++i)
      // A missing or wrong term moves a log-probability by more than 1e-2.
      EXPECT_LT(largest_difference(row(logits, golden["positions"][i]), golden["logits"][i]), 1e-4)
          << ending << " position " << golden["positions"][i];
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, AdapterGolden, testing::ValuesIn(names_in("adapter", ".json")),
                         test_name);

// --- against merged weights, for every architecture there is a golden model of

Tensor random_matrix(Rng& rng, const Shape& shape, DType dtype = DType::f32) {
  Tensor numbers(DType::f32, shape);
  for (int64_t i = 0; i < shape.n_elements(); ++i)
    numbers.f32()[i] = static_cast<float>(0.4 * (rng.uniform() - 0.5));
  if (dtype == DType::f32) return numbers;
  Tensor stored(dtype, shape);
  codec(dtype)->encode(numbers.f32(), stored.data(), shape.n_elements());
  return stored;
}

Tensor decoded(const TensorView& view) {
  Tensor numbers(DType::f32, view.shape);
  for (int64_t r = 0; r < view.shape.n_rows(); ++r)
    codec(view.dtype)
        ->decode(view.row(r), numbers.f32() + r * view.shape.last(), view.shape.last());
  return numbers;
}

LowRankPair random_pair(Rng& rng, const std::string& name, const AdapterTarget& target, int64_t r,
                        DType dtype) {
  LowRankPair pair{name, {}, {}, 1.25f};
  switch (target.kind) {
    case AdapterTarget::Kind::matrix:
      pair.a = random_matrix(rng, {r, target.n_in}, dtype);
      pair.b = random_matrix(rng, {target.n_out, r}, dtype);
      break;
    case AdapterTarget::Kind::table:
      pair.a = random_matrix(rng, {target.n_in, r}, dtype);
      pair.b = random_matrix(rng, {target.n_out, r}, dtype);
      break;
    case AdapterTarget::Kind::stack:
      pair.a = random_matrix(rng, {target.n_matrices, r, target.n_in}, dtype);
      pair.b = random_matrix(rng, {target.n_matrices, target.n_out, r}, dtype);
      break;
  }
  return pair;
}

// w += strength * factor * B A
void merge(Tensor& w, const LowRankPair& pair, const AdapterTarget& target, float strength) {
  const Tensor a = decoded(pair.a.view()), b = decoded(pair.b.view());
  const int64_t r = pair.rank(), K = target.n_in, N = target.n_out;
  const bool is_table = target.kind == AdapterTarget::Kind::table;
  for (int64_t x = 0; x < std::max<int64_t>(1, target.n_matrices); ++x)
    for (int64_t n = 0; n < N; ++n)
      for (int64_t k = 0; k < K; ++k) {
        double sum = 0;
        for (int64_t i = 0; i < r; ++i) {
          const float of_a = is_table ? a.f32()[k * r + i] : a.f32()[(x * r + i) * K + k];
          sum += static_cast<double>(b.f32()[(x * N + n) * r + i]) * static_cast<double>(of_a);
        }
        w.f32()[is_table ? k * N + n : (x * N + n) * K + k] +=
            static_cast<float>(static_cast<double>(strength * pair.factor) * sum);
      }
}

class MergedAdapter : public testing::TestWithParam<std::string> {};

TEST_P(MergedAdapter, SaysWhatWeightsSayThatItWasMergedInto) {
  const auto base = Model::load(tests() + "model/" + GetParam() + ".gguf").value();
  const Graph& graph = base->graph();
  const std::vector<ValueId> ids = graph.all(Role::parameter);
  const float strengths[] = {0.8f, -1.5f};
  Rng rng(11);
  std::vector<Adapter> adapters(2);
  std::vector<Tensor> merged;
  for (size_t p = 0; p < ids.size(); ++p) {
    merged.push_back(decoded(base->params()[p]));
    const std::string& name = graph.value(ids[p]).name;
    const auto target = find_adapter_target(graph, name);
    // A tied embedding is two things; an adapter of it is one of the table alone.
    if (!target || (name == "token_embd.weight" && base->hparams().tied_head)) continue;
    for (size_t i = 0; i < 2; ++i) {
      if (i == 1 && p % 3 == 0) continue;  // some are of one adapter alone
      const LowRankPair pair = random_pair(rng, name, *target, static_cast<int64_t>(2 + i),
                                           p % 2 ? DType::f16 : DType::f32);
      ASSERT_TRUE(check_pair(pair, "adapter", *base));
      merge(merged.back(), pair, *target, strengths[i]);
      adapters[i].pairs.push_back(pair);
    }
  }
  ASSERT_FALSE(adapters[1].pairs.empty());
  for (size_t i = 0; i < 2; ++i) adapters[i].info.strength = strengths[i];
  const auto adapted = Model::adapted(base, adapters);
  const auto expected = Model::from_weights(base->hparams(), merged, nullptr).value();

  std::vector<int32_t> tokens;
  for (int i = 0; i < 20; ++i)
    tokens.push_back(
        static_cast<int32_t>(rng.uniform() * static_cast<double>(base->hparams().n_vocab)));
  const auto ours = runner_of(adapted, 24), theirs = runner_of(expected, 24);
  const auto compare = [&](std::span<const int32_t> part, Want want) {
    const auto a = ours->run(part, want).value(), b = theirs->run(part, want).value();
    for (int64_t i = 0; i < a.dim(0); ++i) {
      const std::span<const float> other = row(b, i);
      // Sums in another order move it by some 1e-5, a term that is missing by more than 1e-1.
      EXPECT_LT(largest_difference(row(a, i), {other.begin(), other.end()}), 2e-3) << i;
    }
  };
  compare(std::span(tokens).first(16), Want::all);
  compare(std::span(tokens).subspan(16, 3), Want::last);
  compare(std::span(tokens).subspan(19), Want::last);
}

INSTANTIATE_TEST_SUITE_P(Golden, MergedAdapter, testing::ValuesIn(names_in("model", ".gguf")),
                         test_name);

// --- beside one another

std::shared_ptr<const Model> two_adapters() {
  const auto base = Model::load(tests() + "hf/llama-bf16").value();
  AdapterFiles files;
  files.loras = {{tests() + "adapter/llama-all", 1},
                 {tests() + "adapter/llama-rslora-f16.gguf", 0.5f}};
  return with_adapters(base, files).value();
}

const std::vector<int32_t> prompt = {5, 17, 40, 33, 8, 21, 60, 71, 5, 17};

TEST(Adapters, AStrengthOfZeroLeavesEveryBitOfTheModel) {
  const auto base = runner_of(Model::load(tests() + "hf/llama-bf16").value(), 16);
  const auto adapted = runner_of(two_adapters(), 16);
  const float none[] = {0, 0};
  adapted->set_strengths(0, none);
  const auto a = base->run(prompt, Want::all).value();
  const auto b = adapted->run(prompt, Want::all).value();
  for (int64_t i = 0; i < a.dim(0); ++i)
    EXPECT_TRUE(std::ranges::equal(row(a, i), row(b, i))) << "row " << i;
}

TEST(Adapters, SequencesOfOneBatchUseTheirOwnStrengths) {
  const auto model = two_adapters();
  const float strengths[3][2] = {{1, 0}, {0, 1}, {-0.5f, 2}};
  const auto together = runner_of(model, 16, 3);
  std::vector<RunRows> rows;
  for (int32_t s = 0; s < 3; ++s) {
    together->set_strengths(s, strengths[s]);
    rows.push_back({s, prompt, Want::last});
  }
  const auto all = together->run(rows).value();
  for (int32_t s = 0; s < 3; ++s) {
    const auto alone = runner_of(model, 16);
    alone->set_strengths(0, strengths[s]);
    const auto one = row(alone->run(prompt, Want::last).value(), 0);
    // Thirty rows take another path through the products than ten, and round otherwise.
    EXPECT_LT(largest_difference(row(all, s), {one.begin(), one.end()}), 1e-4) << "sequence " << s;
  }
}

// Long enough to fill blocks of the cache, which is what requests share.
Outcome answer(Engine& engine, std::vector<float> strengths) {
  Request request;
  for (int i = 0; i < 9; ++i)
    request.prompt.insert(request.prompt.end(), prompt.begin(), prompt.end());
  request.sampling.temperature = 0;
  request.n_predict = 8;
  request.end = EndOfGeneration::never_drawn;
  request.strengths = std::move(strengths);
  return generate(engine, request, nullptr).value();
}

TEST(Adapters, WhatOtherStrengthsHaveCachedIsNotUsed) {
  const auto model = two_adapters();
  auto engine = Engine::create(model, {.n_ctx = 128, .n_threads = 1}).value();
  const Outcome first = answer(*engine, {});
  EXPECT_EQ(first.timings.n_cached, 0);
  const Outcome same = answer(*engine, {1, 0.5f});  // as they were loaded
  EXPECT_GT(same.timings.n_cached, 0);
  EXPECT_EQ(same.tokens, first.tokens);
  const Outcome other = answer(*engine, {-2, 3});
  EXPECT_EQ(other.timings.n_cached, 0);
  auto fresh = Engine::create(model, {.n_ctx = 128, .n_threads = 1}).value();
  EXPECT_EQ(other.tokens, answer(*fresh, {-2, 3}).tokens);
  EXPECT_NE(other.tokens, first.tokens);
}

TEST(Adapters, ARequestGivesAStrengthForEachOrNone) {
  auto engine = Engine::create(two_adapters(), {.n_ctx = 32, .n_threads = 1}).value();
  Request request;
  request.prompt = prompt;
  request.strengths = {1};
  const auto added = engine->add(request);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().fault, Fault::usage);
  EXPECT_EQ(added.error().text, "1 strengths of adapters are given, the model was loaded with 2");
}

}  // namespace
}  // namespace quire
