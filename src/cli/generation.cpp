#include "cli/generation.h"

#include "base/file.h"
#include "base/progress.h"
#include "model/find_model.h"

#include <random>

namespace quire {

void add_model_flag(CLI::App& app, std::string& model) {
  add_text(app, "-m,--model", model, "the model, instead of the argument MODEL", "MODEL");
}

void add_model_flags(CLI::App& app, ModelFlags& flags) {
  add_model_flag(app, flags.model);
  add_int(app, "-c,--ctx-size", flags.n_ctx, "positions of context; 0: all the model knows", 0,
          INT32_MAX);
  add_threads(app, flags.n_threads);
  add_int(app, "-b,--batch-size", flags.n_batch, "most tokens in one step", 1, 65536);
  app.add_option("--cache-type", flags.cache_type,
                 "how keys and values are kept: f32, f16, bf16, q8_0")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0"}, CLI::ignore_case).description(""))
      ->type_name("TYPE")
      ->capture_default_str();
}

void add_exact_flag(CLI::App& app, ModelFlags& flags) {
  flags.precision = Precision::fast;
  app.add_flag_callback(
      "--exact", [&flags] { flags.precision = Precision::exact; },
      "compute with activations as they are, not rounded to 8 bits");
}

void add_fast_flag(CLI::App& app, ModelFlags& flags) {
  app.add_flag_callback(
      "--fast", [&flags] { flags.precision = Precision::fast; },
      "round activations to 8 bits, as `quire run` does");
}

void add_sampling_flags(CLI::App& app, SamplingFlags& flags) {
  SamplingParams& params = flags.params;
  add_int(app, "-s,--seed", flags.seed, "the same seed, the same text; -1: a new one", -1,
          INT64_MAX);
  add_number(app, "--temp", params.temperature, "0: always the likeliest token; 1: as trained", 0,
             100);
  add_int(app, "--top-k", params.top_k, "draw from the K likeliest; 0: all", 0, INT32_MAX);
  add_number(app, "--top-p", params.top_p, "draw from the fewest with this probability", 0, 1);
  add_number(app, "--min-p", params.min_p, "drop what is less likely than this share of the best",
             0, 1);
  add_number(app, "--repeat-penalty", params.repeat_penalty,
             "above 1: recent tokens become less likely", 0.01, 100);
  add_int(app, "--repeat-last-n", params.repeat_last_n, "how many tokens are recent; -1: all", -1,
          INT32_MAX);
  app.add_option("--stop,-r,--reverse-prompt", flags.stop,
                 "end the answer before this text; may be given again")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app.add_flag("--ignore-eos", flags.ignore_eos, "never let the model end the text");
}

uint64_t chosen_seed(int64_t seed) {
  if (seed >= 0) return static_cast<uint64_t>(seed);
  return std::random_device{}();
}

Request make_request(const SamplingFlags& flags, uint64_t seed) {
  Request request;
  request.sampling = flags.params;
  request.sampling.seed = seed;
  request.stop = flags.stop;
  if (flags.ignore_eos) request.end = EndOfGeneration::never_drawn;
  return request;
}

Result<ModelAndText> split_positionals(const std::string& model_flag,
                                       const std::vector<std::string>& positionals) {
  const auto looks_like_path = [](const std::string& text) {
    return text.ends_with(".gguf") || (text.find('/') != std::string::npos &&
                                       text.find_first_of(" \n\t") == std::string::npos);
  };
  ModelAndText result;
  if (!model_flag.empty()) {
    if (positionals.size() > 1)
      return fail(Fault::usage, "the model is given twice: --model {} and '{}'", model_flag,
                  positionals[0]);
    result.model_path = TRY(find_model(model_flag));
    if (!positionals.empty()) result.text = positionals[0];
    return result;
  }
  if (positionals.size() == 2) {
    result.model_path = TRY(find_model(positionals[0]));
    result.text = positionals[1];
    return result;
  }
  if (positionals.size() == 1 && !positionals[0].empty()) {
    auto found = find_model(positionals[0]);
    if (found || looks_like_path(positionals[0])) {
      result.model_path = TRY(std::move(found));
      return result;
    }
  }
  result.model_path = TRY(find_model(default_model));
  if (!positionals.empty()) result.text = positionals[0];
  return result;
}

Result<RunnerOptions> runner_options(const ModelFlags& flags) {
  RunnerOptions options;
  options.n_ctx = flags.n_ctx;
  options.n_threads = flags.n_threads;
  options.n_batch = flags.n_batch;
  const auto dtype = dtype_from_name(flags.cache_type);
  if (!dtype) return fail(Fault::usage, "--cache-type: unknown type '{}'", flags.cache_type);
  options.k_dtype = options.v_dtype = *dtype;
  options.precision = flags.precision;
  return options;
}

Result<LoadedEngine> load_engine(const std::string& path, const ModelFlags& flags,
                                 int32_t n_sequences) {
  const auto start = std::chrono::steady_clock::now();
  RunnerOptions options = TRY(runner_options(flags));
  options.n_sequences = n_sequences;
  LoadedEngine loaded;
  loaded.model = TRY(Model::load(path));
  loaded.engine = TRY(Engine::create(loaded.model, options));
  loaded.load_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return loaded;
}

Result<int32_t> start_id(const Tokenizer& tokenizer) {
  if (tokenizer.bos() >= 0) return tokenizer.bos();
  if (tokenizer.eos() >= 0) return tokenizer.eos();
  return fail(Fault::usage, "the model has no token that starts a text: give a prompt");
}

Result<std::vector<int32_t>> prompt_ids(const Tokenizer& tokenizer, std::string_view prompt) {
  std::vector<int32_t> ids = TRY(tokenizer.encode(prompt));
  if (prompt.empty() && ids.empty()) ids.push_back(TRY(start_id(tokenizer)));
  return ids;
}

void print_timings(const LoadedEngine& loaded, const Outcome& outcome, uint64_t seed) {
  const Timings& t = outcome.timings;
  Runner& runner = loaded.engine->runner();
  fmt::print(stderr,
             "model    {}, {} parameters, {} of weights\n"
             "load     {:>7.3f} s\n"
             "prompt   {:>7.3f} s  {:>6} tokens  {:>8.1f} tokens/s{}\n"
             "answer   {:>7.3f} s  {:>6} tokens  {:>8.1f} tokens/s\n"
             "context  {} of {} positions, {} reserved for keys and values\n"
             "ended by {}; seed {}; {} threads\n",
             model_name(loaded.model->path()),
             format_count(static_cast<double>(loaded.model->n_params())),
             format_bytes(static_cast<double>(loaded.model->weight_bytes())), loaded.load_s,
             t.prompt_s, t.n_prompt, t.prompt_rate(),
             t.n_cached > 0 ? fmt::format(", {} more were cached", t.n_cached) : "", t.generate_s,
             t.n_generated, t.generate_rate(), runner.n_past(), runner.n_ctx(),
             format_bytes(static_cast<double>(runner.kv_bytes())), stop_reason_name(outcome.reason),
             seed, runner.pool().size());
}

void note_stop_reason(const Outcome& outcome, int64_t n_ctx) {
  if (outcome.reason == StopReason::context_full)
    fmt::print(stderr, "quire: note: the context of {} positions is full, so the text ends here\n",
               n_ctx);
}

}  // namespace quire
