// quire logits: raw numbers for comparison with other engines.
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/model_store.h"
#include "model/find_model.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

struct LogitsFlags {
  std::string positional;
  std::vector<int32_t> tokens;
  int64_t n_greedy = 0;
  bool json = false;
  ModelFlags model;
};

// The shortest decimal numbers that read back as the same f32; null for what is not a number.
std::string numbers(std::span<const float> values) {
  std::string text;
  for (const float value : values) {
    if (!text.empty()) text += ",";
    text += std::isfinite(value) ? fmt::format("{}", value) : "null";
  }
  return text;
}

int32_t largest(std::span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

Result<int> run(const LogitsFlags& flags) {
  if (!flags.model.model.empty() && !flags.positional.empty())
    return fail(Fault::usage, "the model is given twice: --model {} and '{}'", flags.model.model,
                flags.positional);
  const std::string& name = flags.model.model.empty() ? flags.positional : flags.model.model;
  const ModelContents what = TRY(resolve_contents(name.empty() ? default_model : name));
  auto model = TRY(load_model(what, flags.model));
  RunnerOptions options = TRY(runner_options(flags.model));
  // No more than is read: the factors of LongRoPE depend on the length.
  if (options.n_ctx == 0)
    options.n_ctx = std::min(model->hparams().n_ctx_train,
                             static_cast<int64_t>(flags.tokens.size()) + flags.n_greedy);
  auto runner = TRY(Runner::create(model, options));
  const auto row = [&](std::span<const int32_t> tokens) -> Result<std::vector<float>> {
    const auto logits = TRY(runner->run(tokens));
    return std::vector<float>(logits.data(), logits.data() + logits.dim(1));
  };
  const std::vector<float> logits = TRY(row(flags.tokens));
  std::vector<int32_t> greedy;
  std::vector<float> next = logits;
  for (int64_t i = 0; i < flags.n_greedy; ++i) {
    greedy.push_back(largest(next));
    if (i + 1 < flags.n_greedy) next = TRY(row(std::span(&greedy.back(), 1)));
  }
  if (flags.json) {
    fmt::print("{{\"tokens\":[{}],\"logits\":[{}],\"greedy\":[{}]}}\n",
               fmt::join(flags.tokens, ","), numbers(logits), fmt::join(greedy, ","));
    return 0;
  }
  for (size_t id = 0; id < logits.size(); ++id) fmt::print("{:>7} {:>12.6f}\n", id, logits[id]);
  if (!greedy.empty()) fmt::print("greedy: {}\n", fmt::join(greedy, " "));
  return 0;
}

}  // namespace

CommandBody command_logits(CommandLine& app) {
  auto flags = std::make_shared<LogitsFlags>();
  app.add_option("[MODEL]", flags->positional,
                 "a .gguf file, a Hugging Face folder or a bundled name")
      ->type_name("");
  app.add_option("--tokens", flags->tokens, "token ids, with commas between")
      ->delimiter(',')
      ->check(integer_between(0, INT32_MAX))
      ->required()
      ->type_name("ID,ID,...");
  add_int(app, "--greedy", flags->n_greedy, "go on with so many tokens, always the likeliest", 0,
          INT32_MAX);
  add_model_flags(app, flags->model, "as many as are read");
  add_rope_flags(app, flags->model.rope);
  add_adapter_flags(app, flags->model.adapters);
  add_fast_flag(app, flags->model);
  app.add_flag("--json", flags->json, "print {\"tokens\", \"logits\", \"greedy\"}");
  examples(app, {{"quire logits model.gguf --tokens 1,2,3 --json", "logits after the last token"},
                 {"quire logits model.gguf --tokens 1 --greedy 64", "and 64 tokens from there"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
