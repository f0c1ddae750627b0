// Prompts on disk: what one engine has run another does not run again.
#include "engine/engine.h"
#include "unit/engine/cache_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace quire {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<const Model> model_with(const std::string& name) {
  return Model::load(QUIRE_SOURCE_DIR "/tests/golden/model/" + name + ".gguf").value();
}
RunnerOptions keeping_in(const Folder& folder, Log& log) {
  RunnerOptions options{.n_sequences = 2, .n_threads = 1};
  options.store = {.folder = folder.path(), .bytes_max = 1 << 30, .log = log.writer()};
  return options;
}
Request long_request() {
  Request request;
  for (int32_t i = 0; i < 200; ++i) request.prompt.push_back(3 + i * i % 240);
  request.sampling.temperature = 0;
  request.n_predict = 8;
  request.end = EndOfGeneration::never_drawn;
  return request;
}
Outcome answer(const std::shared_ptr<const Model>& model, const RunnerOptions& options) {
  return generate(*Engine::create(model, options).value(), long_request(), nullptr).value();
}

TEST(PromptsOnDisk, APromptIsNotRunAgainAfterARestart) {
  for (const DType type : {DType::f32, DType::f16}) {
    const Folder folder;
    Log log;
    const auto model = model_with("llama-f32");
    RunnerOptions options = keeping_in(folder, log);
    options.k_dtype = options.v_dtype = type;
    const Outcome first = answer(model, options);
    EXPECT_EQ(first.timings.n_cached, 0);
    const Outcome second = answer(model, options);
    EXPECT_EQ(second.timings.n_cached, 192);  // whole blocks
    EXPECT_EQ(second.tokens, first.tokens);
    EXPECT_EQ(log.size(), 0u);
  }
}

TEST(PromptsOnDisk, OtherWeightsTypesOrRoundingReadNothing) {
  const Folder folder;
  Log log;
  const RunnerOptions options = keeping_in(folder, log);
  answer(model_with("llama-f32"), options);
  EXPECT_EQ(answer(model_with("llama-f16"), options).timings.n_cached, 0);
  RunnerOptions other = options;
  other.v_dtype = DType::f16;
  EXPECT_EQ(answer(model_with("llama-f32"), other).timings.n_cached, 0);
  other = options;
  other.precision = Precision::fast;
  EXPECT_EQ(answer(model_with("llama-f32"), other).timings.n_cached, 0);
  EXPECT_EQ(answer(model_with("llama-f32"), options).timings.n_cached, 192);
}

TEST(PromptsOnDisk, ADamagedBlockIsRunAgainAndThoseBehindItAreNot) {
  const Folder folder;
  Log log;
  const auto model = model_with("llama-f32");
  const RunnerOptions options = keeping_in(folder, log);
  const Outcome first = answer(model, options);
  const Request request = long_request();
  PrefixKey third;
  for (size_t i = 0; i < 3; ++i)
    third = next_key(third, std::span(request.prompt).subspan(32 * i, 32));
  for (const fs::path& path : folder.files())
    if (path.stem() == third.hex()) fs::resize_file(path, fs::file_size(path) - 1);
  const Outcome second = answer(model, options);
  EXPECT_EQ(second.tokens, first.tokens);
  EXPECT_GE(second.timings.n_cached, 64);
  EXPECT_LT(second.timings.n_cached, 192);
  EXPECT_EQ(log.size(), 1u);
  EXPECT_EQ(answer(model, options).timings.n_cached, 192);  // written again
}

TEST(PromptsOnDisk, ThoseOfARecurrentModelAreStatesAtSomeOfTheirBlocks) {
  const Folder folder;
  Log log;
  RunnerOptions options = keeping_in(folder, log);
  const auto model = model_with("mamba2");
  options.snapshot_bytes = 64 << 20;
  const Outcome first = answer(model, options);
  EXPECT_EQ(first.timings.n_cached, 0);
  EXPECT_EQ(folder.files().size(), 1u);  // at 192; the one at 64 is too short a text
  const Outcome second = answer(model, options);
  EXPECT_EQ(second.timings.n_cached, 192);
  EXPECT_EQ(second.tokens, first.tokens);
  EXPECT_EQ(log.size(), 0u);
  // A damaged one is removed, and its tokens are run.
  const fs::path file = folder.files().at(0);
  fs::resize_file(file, fs::file_size(file) - 1);
  const Outcome third = answer(model, options);
  EXPECT_EQ(third.timings.n_cached, 0);
  EXPECT_EQ(third.tokens, first.tokens);
  EXPECT_EQ(log.size(), 1u);
  EXPECT_EQ(answer(model, options).timings.n_cached, 192);
}

TEST(PromptsOnDisk, AnAnswerOfARecurrentModelIsGoneOnWithAfterARestart) {
  const auto model = model_with("mamba2");
  for (const bool answers : {true, false}) {
    const Folder folder;
    Log log;
    RunnerOptions options = keeping_in(folder, log);
    options.snapshot_bytes = 64 << 20;
    options.store.answers = answers;
    Request request = long_request();
    request.n_predict = 40;  // a block ends at 224
    const auto made = generate(*Engine::create(model, options).value(), request, nullptr).value();
    EXPECT_EQ(folder.files().size(), answers ? 2u : 1u);
    Request longer = long_request();
    longer.prompt.insert(longer.prompt.end(), made.tokens.begin(), made.tokens.end());
    longer.prompt.push_back(9);
    const auto after = generate(*Engine::create(model, options).value(), longer, nullptr).value();
    EXPECT_EQ(after.timings.n_cached, answers ? 224 : 192);
    const auto fresh =
        generate(*Engine::create(model, {.n_threads = 1}).value(), longer, nullptr).value();
    EXPECT_EQ(after.tokens, fresh.tokens);
    EXPECT_EQ(log.size(), 0u);
  }
}

TEST(PromptsOnDisk, AFolderThatIsOnlyReadStaysAsItIs) {
  const Folder folder;
  Log log;
  const auto model = model_with("llama-f32");
  RunnerOptions options = keeping_in(folder, log);
  options.store.read_only = true;
  EXPECT_EQ(answer(model, options).timings.n_cached, 0);
  EXPECT_EQ(folder.files().size(), 0u);
  EXPECT_TRUE(fs::is_empty(folder.path()));
  options.store.read_only = false;
  answer(model, options);
  const size_t n_files = folder.files().size();
  EXPECT_GT(n_files, 0u);
  const auto used = fs::last_write_time(folder.files().at(0));
  options.store.read_only = true;
  EXPECT_EQ(answer(model, options).timings.n_cached, 192);
  EXPECT_EQ(folder.files().size(), n_files);
  EXPECT_EQ(fs::last_write_time(folder.files().at(0)), used);
}

TEST(PromptsOnDisk, AnswersAreWrittenOnlyWhereTheyAreToBe) {
  const auto model = model_with("llama-f32");
  const auto n_files = [&](bool answers) {
    const Folder folder;
    Log log;
    RunnerOptions options = keeping_in(folder, log);
    options.store.answers = answers;
    Request request = long_request();
    request.n_predict = 40;
    generate(*Engine::create(model, options).value(), request, nullptr).value();
    return folder.files().size();
  };
  EXPECT_EQ(n_files(false), 6u);
  EXPECT_EQ(n_files(true), 7u);
}

TEST(PromptsOnDisk, ShortPromptsAreNotWritten) {
  const Folder folder;
  Log log;
  const RunnerOptions options = keeping_in(folder, log);
  Request request = long_request();
  request.prompt.resize(100);
  generate(*Engine::create(model_with("llama-f32"), options).value(), request, nullptr).value();
  EXPECT_EQ(folder.files().size(), 0u);
}

TEST(PromptsOnDisk, APoolWithNoRoomToSpareStillAnswers) {
  const Folder folder;
  Log log;
  const auto model = model_with("llama-f32");
  RunnerOptions options = keeping_in(folder, log);
  const std::vector<int32_t> expected = answer(model, options).tokens;
  options.n_ctx = options.n_pool = 224;
  for (int round = 0; round < 3; ++round) {
    const auto engine = Engine::create(model, options).value();
    std::vector<std::vector<int32_t>> answers;
    for (int32_t i = 0; i < 4; ++i) {
      Request request = long_request();
      request.cache_salt = i % 2 == 0 ? "" : "other";
      request.on_finish = [&](const Outcome& outcome) { answers.push_back(outcome.tokens); };
      ASSERT_TRUE(engine->add(std::move(request)).has_value());
    }
    int n_steps = 0;
    while (engine->step().value()) ASSERT_LT(++n_steps, 2000);
    EXPECT_EQ(answers, std::vector<std::vector<int32_t>>(4, expected));
  }
}

}  // namespace
}  // namespace quire
