// The exported file, read back as any model, against the weights it came from.
#include "train/export.h"

#include "engine/runner.h"
#include "train/measure_text.h"
#include "unit/train/tiny.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace quire {
namespace {

using ::testing::HasSubstr;

TinyRun trained(const char* arch, bool tied) {
  TrainConfig config = tiny_config(arch);
  config.shape.tied = tied;
  return TinyRun(config);
}

// The loss of each held-out document's tokens by the training graph and by the engine agree only if
// every weight, hyper-parameter and token is in its place.
void expect_same_loss(TinyRun& run, const std::string& path, double tolerance) {
  const auto model = Model::load(path).value();
  RunnerOptions options;
  options.n_threads = 1;
  const auto runner = Runner::create(model, options).value();
  const int64_t n =
      std::min<int64_t>(run.config.shape.n_ctx, run.trainer->data().n_held_out_tokens());
  std::vector<int32_t> ids(static_cast<size_t>(n + 1));
  run.trainer->data().held_out(0, ids);
  const auto logits = runner->run(std::span(ids).first(static_cast<size_t>(n)), Want::all).value();
  double nats = 0;
  for (int64_t t = 0; t < n; ++t) {
    double sum = 0;
    for (int64_t v = 0; v < logits.dim(1); ++v) sum += std::exp(static_cast<double>(logits(t, v)));
    nats += std::log(sum) - static_cast<double>(logits(t, ids[static_cast<size_t>(t + 1)]));
  }
  const HeldOutLoss expected = run.trainer->evaluate(n);
  EXPECT_NEAR(nats / static_cast<double>(n), expected.mean(), tolerance);
}

class Export : public ::testing::TestWithParam<std::pair<const char*, bool>> {};

TEST_P(Export, IsReadBackWithTheSameLoss) {
  TinyRun run(trained(GetParam().first, GetParam().second));
  while (run.trainer->n_steps_done() < 15) ASSERT_TRUE(run.trainer->step());
  // What a storage type loses of a weight, relative, and so about of a loss near 5.
  const std::pair<DType, double> types[] = {{DType::f32, 1e-5},
                                            {DType::f16, 2e-3},
                                            {DType::bf16, 1e-2},
                                            {DType::q8_0, 1e-2},
                                            {DType::q4_0, 0.1}};
  for (const auto& [dtype, tolerance] : types) {
    if (32 % info(dtype).block_size != 0) continue;
    ExportOptions options;
    options.dtype = dtype;
    const std::string path = run.temporary / "model.gguf";
    const auto done = export_gguf(path, run.trainer->hparams(), run.trainer->parameters(),
                                  *run.tokenizer, options);
    if (48 % info(dtype).block_size != 0) {  // F = 48 is no multiple of 32
      ASSERT_FALSE(done.has_value());
      EXPECT_THAT(done.error().text, HasSubstr("ffn_down.weight"));
      continue;
    }
    ASSERT_TRUE(done.has_value()) << done.error().text;
    expect_same_loss(run, path, tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Archs, Export,
                         ::testing::Values(std::pair("llama", true), std::pair("llama", false),
                                           std::pair("gpt2", true)));

TEST(Export, BlocksThatFitAreEncodedRowByRow) {
  TrainConfig config = tiny_config();
  config.shape.n_ff = 64;
  TinyRun run(config);
  while (run.trainer->n_steps_done() < 15) ASSERT_TRUE(run.trainer->step());
  for (const auto& [dtype, tolerance] : {std::pair(DType::q8_0, 1e-2), {DType::q4_0, 0.1}}) {
    ExportOptions options;
    options.dtype = dtype;
    const std::string path = run.temporary / "model.gguf";
    ASSERT_TRUE(export_gguf(path, run.trainer->hparams(), run.trainer->parameters(), *run.tokenizer,
                            options));
    expect_same_loss(run, path, tolerance);
    const GgufFile file = GgufFile::open(path).value();
    EXPECT_EQ(file.find("blk.0.ffn_down.weight")->view.dtype, dtype);
    EXPECT_EQ(file.find("blk.0.ffn_norm.weight")->view.dtype, DType::f32);
  }
}

TEST(Export, RecordsWhatIsKnownOfTheModel) {
  TinyRun run(tiny_config());
  ExportOptions options;
  options.name = "tiny tales";
  options.held_out_nats_per_token = 2.5;
  options.held_out_bits_per_byte = 0.75;
  options.n_steps = 12;
  options.n_tokens = 3456;
  const std::string path = run.temporary / "model.gguf";
  ASSERT_TRUE(export_gguf(path, run.trainer->hparams(), run.trainer->parameters(), *run.tokenizer,
                          options));
  const GgufFile file = GgufFile::open(path).value();
  EXPECT_EQ(file.get_string("general.name").value(), "tiny tales");
  EXPECT_EQ(file.get_string("general.architecture").value(), "llama");
  EXPECT_EQ(file.get_uint("general.file_type").value(), 0u);
  EXPECT_EQ(file.get_float("quire.train.held_out_bits_per_byte").value(), 0.75);
  EXPECT_EQ(file.get_uint("quire.train.tokens").value(), 3456u);
  EXPECT_EQ(file.get_strings("tokenizer.ggml.tokens").value().size(),
            static_cast<size_t>(run.tokenizer->n_vocab()));
  const auto model = Model::load(path).value();
  const std::string text = "Tom saw a red ball.";
  EXPECT_EQ(model->tokenizer().encode(text).value(), run.tokenizer->encode(text).value());
}

TEST(MeasureText, GivesBitsPerByteForTextsShorterAndLongerThanTheContext) {
  TinyRun run(tiny_config());
  const std::string path = run.temporary / "model.gguf";
  ASSERT_TRUE(
      export_gguf(path, run.trainer->hparams(), run.trainer->parameters(), *run.tokenizer, {}));
  const auto runner = Runner::create(Model::load(path).value(), {}).value();
  std::string text;
  for (const std::string& document : tiny_documents(3)) text += document;
  const auto n_tokens = static_cast<int64_t>(
      run.tokenizer->encode(text, {AddSpecial::never, ParseSpecial::as_text, InvalidUtf8::keep})
          ->size());
  ASSERT_GT(n_tokens, 2 * run.config.shape.n_ctx);
  const TextLoss loss = measure_text(*runner, text, CountEnd::no).value();
  EXPECT_EQ(loss.n_tokens, n_tokens);
  EXPECT_EQ(loss.n_bytes, text.size());
  // Untrained, every token costs log V; 0.1 is what random weights of 0.02 move.
  const double log_v = std::log(static_cast<double>(run.tokenizer->n_vocab()));
  EXPECT_NEAR(loss.nats_per_token(), log_v, 0.1);
  EXPECT_NEAR(loss.bits_per_byte(), loss.nats / std::log(2.0) / static_cast<double>(text.size()),
              1e-12);
  const TextLoss with_end = measure_text(*runner, text, CountEnd::yes).value();
  EXPECT_EQ(with_end.n_tokens, n_tokens + 1);
  EXPECT_EQ(measure_text(*runner, "", CountEnd::yes)->n_tokens, 1);
  EXPECT_EQ(measure_text(*runner, "", CountEnd::no)->n_tokens, 0);
}

}  // namespace
}  // namespace quire
