#include "cli/generation.h"
#include "cli/model_store.h"

#include "base/file.h"
#include "base/progress.h"
#include "model/find_model.h"

namespace quire {

void add_model_flag(CommandLine& app, std::string& model) {
  add_text(app, "-m,--model", model, "the model, instead of the argument MODEL", "MODEL");
}

void add_model_flags(CommandLine& app, ModelFlags& flags, const char* all_positions) {
  add_model_flag(app, flags.model);
  add_int(app, "-c,--ctx-size", flags.n_ctx,
          fmt::format("positions of context; 0: {}", all_positions), 0, INT32_MAX);
  add_threads(app, flags.n_threads);
  add_int(app, "-b,--batch-size", flags.n_batch, "most tokens in one step", 1, 65536);
  const auto cache_type = [&app](const char* names, const char* what,
                                 std::initializer_list<std::string*> targets) {
    const std::vector<std::string*> all(targets);
    app.add_option_function<std::string>(
           names,
           [all](const std::string& type) {
             for (std::string* target : all) *target = type;
           },
           what)
        ->check(one_of({"f32", "f16", "bf16", "q8_0"}, Case::any, InHelp::not_listed))
        ->type_name("TYPE");
  };
  cache_type("--cache-type", "how keys and values are kept: f32, f16, bf16, q8_0",
             {&flags.cache_type_k, &flags.cache_type_v});
  cache_type("--cache-type-k", "how keys are kept", {&flags.cache_type_k});
  cache_type("--cache-type-v", "how values are kept", {&flags.cache_type_v});
}

void add_rope_flags(CommandLine& app, RopeOverride& rope) {
  app.add_option_function<std::string>(
         "--rope-scaling",
         [&rope](const std::string& name) {
           rope.scaling = name == "none"     ? RopeScaling::none
                          : name == "linear" ? RopeScaling::linear
                                             : RopeScaling::yarn;
         },
         "how positions are stretched for a longer context: none, linear, yarn")
      ->check(one_of({"none", "linear", "yarn"}, Case::as_written, InHelp::not_listed))
      ->type_name("WAY");
  const auto number = [&app](const char* names, std::optional<float>& value, const char* what,
                             double least, double most) {
    app.add_option_function<double>(
           names, [&value](const double& given) { value = static_cast<float>(given); }, what)
        ->check(number_between(least, most))
        ->type_name("X");
  };
  number("--rope-scale", rope.factor, "the context becomes that many times as long", 1e-3, 1e5);
  app.add_option_function<double>(
         "--rope-freq-scale",
         [&rope](const double& given) { rope.factor = static_cast<float>(1 / given); },
         "the same as 1/X")
      ->check(number_between(1e-5, 1e3))
      ->type_name("X");
  number("--rope-freq-base", rope.freq_base, "base of the frequencies, in the place of the model's",
         1, 1e12);
  app.add_option_function<int64_t>(
         "--yarn-orig-ctx", [&rope](const int64_t& n) { rope.yarn_n_ctx_orig = n; },
         "positions the model was trained with before any stretching")
      ->check(integer_between(1, 1 << 28))
      ->type_name("N");
  number("--yarn-ext-factor", rope.yarn_ext_factor, "1: as yarn mixes; 0: as linear", 0, 1);
  number("--yarn-attn-factor", rope.yarn_attn_factor, "scores are scaled by it once more", 0, 1e3);
  number("--yarn-beta-fast", rope.yarn_beta_fast, "turns from which frequencies stay [32]", 1e-3,
         1e6);
  number("--yarn-beta-slow", rope.yarn_beta_slow, "turns up to which they are stretched [1]", 1e-3,
         1e6);
}

void add_exact_flag(CommandLine& app, ModelFlags& flags) {
  flags.precision = Precision::fast;
  app.add_flag_callback(
      "--exact", [&flags] { flags.precision = Precision::exact; },
      "compute with activations as they are, not rounded to 8 bits");
}

void add_fast_flag(CommandLine& app, ModelFlags& flags) {
  app.add_flag_callback(
      "--fast", [&flags] { flags.precision = Precision::fast; },
      "round activations to 8 bits, as `quire run` does");
}

void add_draft_flags(CommandLine& app, DraftFlags& flags) {
  add_text(app, "--model-draft,--spec-draft-model", flags.model,
           "a smaller model of the same family that guesses what comes", "MODEL");
  add_int(app, "--ctx-size-draft", flags.n_ctx, "its context; 0: as the model's", 0, INT32_MAX);
  add_int(app, "--draft-max,--draft,--draft-n,--spec-draft-n-max", flags.n_max,
          "most guesses at a time", 1, 11);
  add_int(app, "--draft-min,--draft-n-min,--spec-draft-n-min", flags.n_min,
          "fewer guesses are not looked at", 0, 11);
  add_number(app, "--draft-p-min,--spec-draft-p-min", flags.p_min,
             "it guesses no further below this probability", 0, 1);
  app.add_flag("--no-draft", flags.never,
               "no guesses at all; without -md they come from the text itself");
}

void add_shift_flags(CommandLine& app, ContextShift& shift) {
  app.add_flag("--context-shift,!--no-context-shift", shift.wanted,
               "when the context is full, forget the older half and go on");
  add_int(app, "--keep", shift.n_keep, "but not the first N tokens; -1: nothing of the prompt", -1,
          INT32_MAX);
}

Result<ModelAndText> split_positionals(const std::string& model_flag,
                                       const std::vector<std::string>& positionals) {
  const auto looks_like_path = [](const std::string& text) {
    return text.ends_with(".gguf") || (text.find('/') != std::string::npos &&
                                       text.find_first_of(" \n\t") == std::string::npos);
  };
  ModelAndText result;
  const auto take = [&](ModelContents contents) {
    result.contents = std::move(contents);
    result.model_path = result.contents.weights;
  };
  if (!model_flag.empty()) {
    if (positionals.size() > 1)
      return fail(Fault::usage, "the model is given twice: --model {} and '{}'", model_flag,
                  positionals[0]);
    take(TRY(resolve_contents(model_flag)));
    if (!positionals.empty()) result.text = positionals[0];
    return result;
  }
  if (positionals.size() == 2) {
    take(TRY(resolve_contents(positionals[0])));
    result.text = positionals[1];
    return result;
  }
  if (positionals.size() == 1 && !positionals[0].empty()) {
    auto found = resolve_contents(positionals[0]);
    if (found || looks_like_path(positionals[0])) {
      take(TRY(std::move(found)));
      return result;
    }
  }
  take(TRY(resolve_contents(default_model)));
  if (!positionals.empty()) result.text = positionals[0];
  return result;
}

Result<RunnerOptions> runner_options(const ModelFlags& flags) {
  RunnerOptions options;
  options.n_ctx = flags.n_ctx;
  options.n_threads = flags.n_threads;
  options.n_batch = flags.n_batch;
  const auto cache_type = [&](const std::string& name) -> Result<DType> {
    if (name.empty()) return flags.precision == Precision::fast ? DType::f16 : DType::f32;
    const auto dtype = dtype_from_name(name);
    if (!dtype) return fail(Fault::usage, "--cache-type: unknown type '{}'", name);
    return *dtype;
  };
  options.k_dtype = TRY(cache_type(flags.cache_type_k));
  options.v_dtype = TRY(cache_type(flags.cache_type_v));
  options.precision = flags.precision;
  return options;
}

Result<std::shared_ptr<const Model>> load_model(const ModelContents& what,
                                                const ModelFlags& flags) {
  AdapterFiles adapters = TRY(adapter_files(flags.adapters));
  for (const std::string& own : what.adapters) adapters.loras.push_back({own, 1});
  return with_adapters(TRY(Model::load(what.weights, flags.rope)), adapters);
}

Result<DraftOptions> draft_options(const DraftFlags& flags) {
  DraftOptions options;
  if (flags.never) return options;
  options.lookup = true;
  options.n_ctx = flags.n_ctx;
  options.n_max = flags.n_max;
  options.n_min = flags.n_min;
  options.p_min = flags.p_min;
  if (!flags.model.empty()) {
    const std::string path = TRY(resolve_model(flags.model));
    options.model = TRY(Model::load(path));
  }
  return options;
}

namespace {

bool is_recurrent(const Model& model) { return !model.graph().state_sizes.empty(); }

}  // namespace

Result<LoadedEngine> load_engine(const ModelContents& what, const ModelFlags& flags,
                                 int32_t n_sequences, const DraftFlags* drafts,
                                 const BlockStoreOptions& store) {
  const auto start = std::chrono::steady_clock::now();
  RunnerOptions options = TRY(runner_options(flags));
  options.n_sequences = n_sequences;
  options.store = store;
  options.snapshot_bytes = default_snapshot_bytes;
  LoadedEngine loaded;
  loaded.model = TRY(load_model(what, flags));
  // A wrong guess must be taken back.
  const bool goes_back = !is_recurrent(*loaded.model);
  if (drafts != nullptr && !goes_back && !drafts->model.empty())
    fmt::print(stderr,
               "quire: note: {} is recurrent, and its state cannot go back to before a wrong "
               "guess: {} is not used\n",
               what.weights, drafts->model);
  DraftOptions drafting;
  if (drafts != nullptr && goes_back) drafting = TRY(draft_options(*drafts));
  loaded.engine = TRY(Engine::create(loaded.model, options, drafting));
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
             "context  {} of {} positions, {} reserved for {}\n"
             "ended by {}; seed {}; {} threads\n",
             model_name(loaded.model->path()),
             format_count(static_cast<double>(loaded.model->n_params())),
             format_bytes(static_cast<double>(loaded.model->weight_bytes())), loaded.load_s,
             t.prompt_s, t.n_prompt - t.n_cached, t.prompt_rate(),
             t.n_cached > 0 ? fmt::format(", {} more were cached", t.n_cached) : "", t.generate_s,
             t.n_generated, t.generate_rate(), runner.n_past(), runner.n_ctx(),
             format_bytes(static_cast<double>(runner.kv_bytes())),
             is_recurrent(*loaded.model) ? "states of texts" : "keys and values",
             stop_reason_name(outcome.reason), seed, runner.pool().size());
  if (is_recurrent(*loaded.model))
    fmt::print(stderr, "drafts   none: a recurrent state cannot go back to before a wrong guess\n");
  if (t.n_drafted > 0)
    fmt::print(stderr, "drafts   {} guessed by {}, {} right ({:.0f} %)\n", t.n_drafted,
               loaded.engine->draft_kind(), t.n_accepted,
               100.0 * static_cast<double>(t.n_accepted) / static_cast<double>(t.n_drafted));
}

void note_memory(const LoadedEngine& loaded) {
  Runner& runner = loaded.engine->runner();
  constexpr int64_t worth_saying_bytes = int64_t{1} << 30;
  // The states of a recurrent model take what they take, however long the context is.
  if (is_recurrent(*loaded.model) || runner.kv_bytes() < worth_saying_bytes) return;
  fmt::print(stderr,
             "quire: note: a context of {} positions takes {} of keys and values when it is full; "
             "-c makes it shorter, -ctk q8_0 -ctv q8_0 smaller\n",
             runner.n_ctx(), format_bytes(static_cast<double>(runner.kv_bytes())));
}

void note_stop_reason(const Outcome& outcome, int64_t n_ctx) {
  if (outcome.n_discarded > 0)
    fmt::print(stderr,
               "quire: note: the context of {} positions was full, so {} of its tokens were "
               "forgotten (--context-shift)\n",
               n_ctx, outcome.n_discarded);
  if (outcome.reason == StopReason::context_full)
    fmt::print(
        stderr,
        "quire: note: the context of {} positions is full, so the text ends here; -c makes it "
        "longer, --context-shift forgets the older half\n",
        n_ctx);
}

}  // namespace quire
