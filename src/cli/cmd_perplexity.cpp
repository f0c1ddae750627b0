// quire perplexity: how surprised a model is by a text, with the windows of llama-perplexity.
#include "eval/perplexity.h"

#include "base/file.h"
#include "base/progress.h"
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/output_file.h"
#include "model/find_model.h"

#include <chrono>

namespace quire {
namespace {

constexpr uint64_t perplexity_text_bytes_max = 1 << 30;

struct PerplexityFlags {
  std::vector<std::string> positionals;
  std::string file;
  PerplexityOptions windows;
  ModelFlags model;
  bool json = false;
};

// A line end that closes the text is no part of it.
Result<std::string> read_text(const std::string& path) {
  std::string text = TRY(read_file(path, perplexity_text_bytes_max));
  if (text.ends_with('\n')) text.pop_back();
  if (text.empty()) return fail(Fault::usage, "{}: is empty", path);
  return text;
}

Result<ModelAndFile> chosen_files(const PerplexityFlags& flags) {
  std::vector<std::string> positionals = flags.positionals;
  if (!flags.file.empty()) positionals.push_back(flags.file);
  if (positionals.empty()) return fail(Fault::usage, "a FILE with text is missing");
  if (positionals.size() > 2)
    return fail(Fault::usage, "the text is given twice: '{}' and --file {}", positionals[1],
                flags.file);
  return split_model_and_file(flags.model.model, positionals);
}

void print_progress(const Perplexity& now) {
  fmt::print("[{}]{:.4f},{}", now.n_chunks, now.perplexity(), now.n_chunks % 10 == 0 ? "\n" : "");
  std::fflush(stdout);
}

Result<int> run(const PerplexityFlags& flags) {
  const ModelAndFile what = TRY(chosen_files(flags));
  const std::string text = TRY(read_text(what.file));
  const auto model = TRY(load_model(what.contents, flags.model));
  const std::vector<int32_t> tokens = TRY(perplexity_tokens(model->tokenizer(), text));
  PerplexityOptions windows = flags.windows;
  windows.n_ctx = flags.model.n_ctx == 0 ? model->hparams().n_ctx_train : flags.model.n_ctx;
  const int64_t n_windows = TRY(count_windows(static_cast<int64_t>(tokens.size()), windows));
  RunnerOptions options = TRY(runner_options(flags.model));
  options.n_ctx = windows.window();
  const auto runner = TRY(Runner::create(model, options));

  const auto start = std::chrono::steady_clock::now();
  nlohmann::json chunks = nlohmann::json::array();
  const Perplexity total =
      TRY(measure_perplexity(*runner, tokens, windows, [&](const Perplexity& now) {
        chunks.push_back(now.perplexity());
        if (!flags.json) print_progress(now);
      }));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double n_run = static_cast<double>(n_windows * windows.window());
  if (flags.json) {
    print_json({{"model", model_name(model->path())},
                {"n_tokens", tokens.size()},
                {"n_ctx", windows.n_ctx},
                {"stride", windows.stride},
                {"n_chunks", total.n_chunks},
                {"n_scored", total.n_scored},
                {"nats_per_token", total.nats()},
                {"perplexity", total.perplexity()},
                {"error", total.error()},
                {"chunks", std::move(chunks)},
                {"seconds", seconds},
                {"tokens_per_second", n_run / seconds}});
    return 0;
  }
  fmt::print("{}Final estimate: PPL = {:.4f} +/- {:.5f}\n", total.n_chunks % 10 == 0 ? "" : "\n",
             total.perplexity(), total.error());
  fmt::print("{} tokens scored in {} windows of {}, {:.1f} s, {:.1f} tokens/s\n", total.n_scored,
             total.n_chunks, windows.window(), seconds, n_run / seconds);
  return 0;
}

}  // namespace

CommandBody command_perplexity(CommandLine& app) {
  auto flags = std::make_shared<PerplexityFlags>();
  app.add_option("[MODEL] FILE", flags->positionals,
                 "the model (default: the bundled one) and a text; -: standard input")
      ->type_name("")
      ->expected(0, 2);
  add_text(app, "-f,--file", flags->file, "the text, instead of the argument FILE", "FILE");
  flags->model.n_ctx = 512;
  flags->model.cache_type_k = flags->model.cache_type_v = "f16";
  add_model_flags(app, flags->model);
  add_rope_flags(app, flags->model.rope);
  add_adapter_flags(app, flags->model.adapters);
  add_exact_flag(app, flags->model);
  add_int(app, "--chunks", flags->windows.n_chunks, "at most so many windows; -1: all", -1,
          INT32_MAX);
  add_int(app, "--ppl-stride,--stride", flags->windows.stride,
          "windows overlap: each begins so many tokens after the last; 0: they follow each other",
          0, INT32_MAX);
  app.add_flag("--json", flags->json, "print JSON");
  examples(app,
           {{"quire perplexity model.gguf wiki.test.raw", "windows of 512, as llama-perplexity"},
            {"quire perplexity model.gguf text.txt -c 2048 --chunks 8", "the first 8 of 2048"},
            {"quire perplexity model.gguf text.txt --exact", "without rounding activations"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
