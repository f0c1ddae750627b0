// quire predict: what the model expects next, and how surprising a text is to it.
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/probabilities.h"
#include "cli/terminal.h"
#include "model/find_model.h"

#include <cmath>

namespace quire {
namespace {

struct PredictFlags {
  std::vector<std::string> positionals;
  std::string prompt;
  bool has_prompt = false, each = false, json = false;
  int64_t n_top = 10;
  ModelFlags model;
};

struct Prediction {
  const Model& model;
  std::vector<int32_t> ids;     // of the prompt, with what the tokenizer puts in front
  View<const float, 2> logits;  // after each of them, or after the last
  std::span<const float> row(int64_t i) const {
    return {logits.row(i), static_cast<size_t>(logits.dim(1))};
  }
  std::span<const float> last() const { return row(logits.dim(0) - 1); }
  std::string token(int32_t id) const { return quoted(model.tokenizer().piece(id)); }
};

std::string percent(double p) {
  return p >= 0.0005 ? fmt::format("{:5.1f} %", 100 * p) : std::string("< 0.1 %");
}

void print_next(const Prediction& prediction, int64_t n_top) {
  constexpr int bar_width = 30;
  const LogProbabilities next(prediction.last());
  const std::vector<int32_t> top = next.top(static_cast<size_t>(n_top));
  size_t width = 5;
  for (const int32_t id : top) width = std::max(width, display_width(prediction.token(id)));
  double rest = 1;
  for (const int32_t id : top) {
    fmt::print("{}  {}  {}{}\n", percent(next.p(id)), padded(prediction.token(id), width),
               bar(next.p(id), bar_width), dim(fmt::format("  {}", id)));
    rest -= next.p(id);
  }
  const auto n_rest = static_cast<int64_t>(prediction.last().size() - top.size());
  if (n_rest > 0)
    fmt::print("{}  {}\n", percent(std::max(rest, 0.0)),
               dim(fmt::format("all {} others together", n_rest)));
}

// A line for each token after the first: how surprising it was and what was expected.
void print_each(const Prediction& prediction, std::string_view prompt) {
  constexpr int bar_width = 16;
  constexpr double bits_of_full_bar = 16;
  fmt::print("{}\n", dim("    bits   rank  token                 surprise          expected"));
  double bits = 0;
  if (prediction.ids.size() == 1 || prediction.model.tokenizer().prefix_ids().empty())
    fmt::print("       -      -  {}\n", padded(prediction.token(prediction.ids[0]), 20));
  for (size_t i = 1; i < prediction.ids.size(); ++i) {
    const LogProbabilities next(prediction.row(static_cast<int64_t>(i) - 1));
    const int32_t id = prediction.ids[i];
    std::string expected;
    for (const int32_t other : next.top(3))
      expected += fmt::format("{} {:.0f} %  ", prediction.token(other), 100 * next.p(other));
    fmt::print("{:8.2f} {:6}  {}  {}  {}\n", next.bits(id), next.rank(id),
               padded(prediction.token(id), 20),
               padded(bar(next.bits(id) / bits_of_full_bar, bar_width), bar_width),
               dim(expected.substr(0, expected.size() - 2)));
    bits += next.bits(id);
  }
  const auto n = static_cast<double>(prediction.ids.size() - 1);
  if (n > 0)
    fmt::print(
        "\n{:.2f} bits for {} tokens and {} bytes: {:.2f} bits per byte, perplexity {:.2f}\n", bits,
        prediction.ids.size() - 1, prompt.size(),
        bits / static_cast<double>(std::max<size_t>(prompt.size(), 1)), std::exp2(bits / n));
}

nlohmann::json as_json(const Prediction& prediction, const PredictFlags& flags,
                       const std::string& prompt) {
  const auto describe = [&](const LogProbabilities& next, int32_t id) {
    return nlohmann::json{{"id", id},
                          {"text", std::string(prediction.model.tokenizer().piece(id))},
                          {"p", next.p(id)},
                          {"bits", next.bits(id)}};
  };
  const auto top = [&](const LogProbabilities& next) {
    auto list = nlohmann::json::array();
    for (const int32_t id : next.top(static_cast<size_t>(flags.n_top)))
      list.push_back(describe(next, id));
    return list;
  };
  nlohmann::json result = {{"model", model_name(prediction.model.path())},
                           {"prompt", prompt},
                           {"tokens", prediction.ids},
                           {"next", top(LogProbabilities(prediction.last()))}};
  if (!flags.each) return result;
  auto each = nlohmann::json::array();
  for (size_t i = 1; i < prediction.ids.size(); ++i) {
    const LogProbabilities next(prediction.row(static_cast<int64_t>(i) - 1));
    nlohmann::json token = describe(next, prediction.ids[i]);
    token["rank"] = next.rank(prediction.ids[i]);
    token["expected"] = top(next);
    each.push_back(std::move(token));
  }
  result["each"] = std::move(each);
  return result;
}

Result<int> run(const PredictFlags& flags) {
  const ModelAndText what = TRY(split_positionals(flags.model.model, flags.positionals));
  if (what.text && flags.has_prompt)
    return fail(Fault::usage, "the prompt is given twice: '{}' and --prompt", *what.text);
  if (!what.text && !flags.has_prompt)
    return fail(Fault::usage, "a PROMPT is missing; \"\" predicts how a text begins");
  const std::string prompt = what.text ? *what.text : flags.prompt;

  auto model = TRY(load_model(what.contents, flags.model));
  RunnerOptions options = TRY(runner_options(flags.model));
  auto runner = TRY(Runner::create(model, options));
  std::vector<int32_t> ids = TRY(prompt_ids(model->tokenizer(), prompt));
  const auto logits = TRY(runner->run(ids, flags.each ? Want::all : Want::last));
  const Prediction prediction{*model, std::move(ids), logits};
  if (flags.json) {
    print_json(as_json(prediction, flags, prompt));
    return 0;
  }
  if (flags.each) {
    print_each(prediction, prompt);
    fmt::print("\n");
  }
  fmt::print("{}{}\n", bold(without_controls(prompt)), dim(" ..."));
  print_next(prediction, flags.n_top);
  return 0;
}

}  // namespace

CommandBody command_predict(CommandLine& app) {
  auto flags = std::make_shared<PredictFlags>();
  app.add_option("[MODEL] PROMPT", flags->positionals,
                 "the model (default: the bundled one) and a text")
      ->type_name("")
      ->expected(0, 2);
  CommandLine::Option* prompt = add_text(app, "-p,--prompt", flags->prompt, "the text");
  app.parse_complete_callback([flags, prompt] { flags->has_prompt = prompt->count() > 0; });
  add_int(app, "--top", flags->n_top, "how many tokens to show", 1, 1000000);
  app.add_flag("--each", flags->each,
               "for every token of the prompt, how surprising it was and what was expected");
  add_model_flags(app, flags->model);
  add_rope_flags(app, flags->model.rope);
  add_adapter_flags(app, flags->model.adapters);
  add_fast_flag(app, flags->model);
  app.add_flag("--json", flags->json, "print JSON");
  examples(app, {{"quire predict \"The cat sat on a\"", "the ten likeliest next tokens"},
                 {"quire predict model.gguf \"2 + 2 =\" --top 3", "of another model"},
                 {"quire predict tales \"The sun is cold.\" --each", "where the surprise is"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
