// quire bench: tokens per second of a model or of any shape, beside what the machine can do.
#include "base/file.h"
#include "cli/bench_report.h"
#include "cli/command.h"
#include "cli/generation.h"
#include "cli/integer_list.h"
#include "cli/json_output.h"
#include "cli/model_store.h"
#include "cli/output_file.h"
#include "model/find_model.h"
#include "model/random_model.h"
#include "model/shapes.h"

#include <algorithm>

namespace quire {
namespace {

struct BenchFlags {
  std::string positional, model, shape, type = "q4_0", write, svg;
  std::string prompts, generations, depths = "0", threads = "0", sequences = "1";
  std::string k_type = "f16", v_type = "f16";
  int64_t n_batch = 512;
  int n_repeats = 5;
  uint64_t seed = 1;
  AdapterFlags adapters;
  bool pure = false, exact = false, sweep = false, limits = false, force = false, json = false;
};

Result<DType> cache_dtype(const char* flag, const std::string& name) {
  const auto dtype = dtype_from_name(name);
  if (!dtype) return fail(Fault::usage, "{}: unknown type '{}'", flag, name);
  return *dtype;
}

struct Subject {
  std::shared_ptr<const Model> model;
  std::string name, type, weights;
  std::vector<std::string> own_adapters{};  // of a model of the store
};

Result<Subject> load_bare_subject(const BenchFlags& flags) {
  const std::string& given = flags.model.empty() ? flags.positional : flags.model;
  if (!flags.model.empty() && !flags.positional.empty())
    return fail(Fault::usage, "the model is given twice: --model {} and '{}'", flags.model,
                flags.positional);
  if (flags.shape.empty()) {
    if (!flags.write.empty() || flags.pure)
      return fail(Fault::usage, "{} needs --shape", flags.pure ? "--pure" : "--write");
    const ModelContents what = TRY(resolve_contents(given.empty() ? default_model : given));
    auto model = TRY(Model::load(what.weights));
    const std::string type = model_type_name(*model);
    return Subject{std::move(model), model_name(what.weights), type, "a mapped file",
                   what.adapters};
  }
  if (!given.empty())
    return fail(Fault::usage, "both a model, '{}', and --shape {} are given; take one", given,
                flags.shape);
  const KnownShape shape = TRY(find_shape(flags.shape));
  TypeMix mix = TRY(type_mix(flags.type));
  mix.pure = flags.pure;
  const std::string type = fmt::format("{}{}", mix.name, mix.pure ? ", pure" : "");
  if (!flags.write.empty()) TRY(check_output(flags.write, flags.force));
  ThreadPool pool;
  auto model = TRY(random_model(shape.hparams(), mix, shape.pre, flags.seed, pool));
  if (flags.write.empty()) return Subject{std::move(model), shape.name, type, "random, in memory"};
  TRY(write_model(flags.write, *model, fmt::format("random {} {}", shape.name, mix.name), mix));
  fmt::print(stderr, "quire: wrote {}\n", flags.write);
  model.reset();
  return Subject{TRY(Model::load(flags.write)), shape.name, type, "random, a mapped file"};
}

Result<Subject> load_subject(const BenchFlags& flags) {
  AdapterFiles adapters = TRY(adapter_files(flags.adapters));
  Subject subject = TRY(load_bare_subject(flags));
  for (const std::string& own : subject.own_adapters) adapters.loras.push_back({own, 1});
  subject.model = TRY(with_adapters(std::move(subject.model), adapters));
  return subject;
}

using Kind = SpeedTest::Kind;

// Lengths that were not asked for fit in the context of a small model.
std::string default_length(int64_t wanted, int64_t n_ctx_train) {
  return std::to_string(std::min(wanted, std::max<int64_t>(1, n_ctx_train / 2)));
}

Result<std::vector<SpeedTest>> chosen_tests(const BenchFlags& flags, int64_t n_ctx_train) {
  constexpr int64_t most = 1 << 24;
  const auto list = [&](const char* flag, const std::string& text) {
    return integer_list(flag, text, 0, most);
  };
  const auto lengths = [&](const char* flag, const std::string& text, int64_t standard) {
    return list(flag, text.empty() ? default_length(standard, n_ctx_train) : text);
  };
  const std::vector<int64_t> prompts = TRY(lengths("-p", flags.prompts, 512));
  const std::vector<int64_t> generations = TRY(lengths("-n", flags.generations, 128));
  std::vector<SpeedTest> tests;
  const auto add = [&](Kind kind, const std::vector<int64_t>& sizes, int64_t depth, int64_t n) {
    for (const int64_t size : sizes)
      if (size > 0) tests.push_back({kind, size, depth, static_cast<int32_t>(n)});
  };
  const std::string depths = flags.sweep ? "0,4096,16384" : flags.depths;
  const std::string sequences = flags.sweep ? "1-16*2" : flags.sequences;
  for (const int64_t depth : TRY(list("-d", depths))) {
    add(Kind::prompt, prompts, depth, 1);
    for (const int64_t n : TRY(integer_list("-npl", sequences, 1, 4096)))
      if (!flags.sweep || depth == 0 || n == 1) add(Kind::generation, generations, depth, n);
  }
  if (tests.empty())
    return fail(Fault::usage, "nothing to measure: give -p or -n a number above 0");
  for (const SpeedTest& test : tests)
    if (test.n_depth + test.n_tokens > n_ctx_train)
      return fail(Fault::usage,
                  "{} needs {} positions, the model knows 1 to {}; give a shorter -p, -n or -d",
                  test.name(), test.n_depth + test.n_tokens, n_ctx_train);
  return tests;
}

int measure_limits(int n_threads, bool as_json) {
  ThreadPool pool(n_threads);
  MachineLimits limits{.n_threads = pool.size(), .peaks = measure_peak_rates(pool)};
  limits.bandwidth = BandwidthProbe(pool).measure(0.2);
  if (as_json)
    print_json(limits_json(limits));
  else
    print_limits(limits);
  return 0;
}

Result<int> run(const BenchFlags& flags) {
  const std::vector<int64_t> threads = TRY(integer_list("-t", flags.threads, 0, 1024));
  if (flags.limits) return measure_limits(static_cast<int>(threads[0]), flags.json);
  if (flags.svg == "-") return fail(Fault::usage, "--svg: takes the name of a file, not '-'");
  if (!flags.svg.empty()) TRY(check_output(flags.svg, flags.force));
  SpeedOptions options;
  options.runner.n_batch = flags.n_batch;
  options.runner.k_dtype = TRY(cache_dtype("-ctk", flags.k_type));
  options.runner.v_dtype = TRY(cache_dtype("-ctv", flags.v_type));
  options.runner.precision = flags.exact ? Precision::exact : Precision::fast;
  options.n_repeats = flags.n_repeats;
  options.seed = flags.seed;
  const Subject subject = TRY(load_subject(flags));
  const auto tests = TRY(chosen_tests(flags, subject.model->hparams().n_ctx_train));

  BenchReport report{.model_name = subject.name,
                     .model_type = subject.type,
                     .weights = subject.weights,
                     .n_params = subject.model->n_params(),
                     .weight_bytes = subject.model->weight_bytes(),
                     .n_batch = flags.n_batch,
                     .k_dtype = options.runner.k_dtype,
                     .v_dtype = options.runner.v_dtype,
                     .precision = options.runner.precision,
                     .peaks = {},
                     .rows = {}};
  if (!flags.json) print_bench_model(report);
  for (const int64_t asked : threads) {
    const int n_threads = asked == 0 ? usable_cpus() : static_cast<int>(asked);
    options.runner.n_threads = n_threads;
    {
      ThreadPool pool(n_threads);
      report.peaks = measure_peak_rates(pool);
    }
    if (!flags.json) print_bench_machine(report, n_threads);
    TRY(measure_speed(subject.model, tests, options, report.peaks, [&](const SpeedResult& result) {
      report.rows.push_back({n_threads, result});
      if (!flags.json) print_bench_row(report.rows.back());
    }));
  }
  if (flags.json) print_json(bench_json(report));
  if (!flags.svg.empty()) TRY(write_output(flags.svg, bench_svg(report)));
  return 0;
}

std::string names_of_shapes() {
  std::string names;
  for (const KnownShape& shape : all_shapes())
    names += (names.empty() ? "" : ", ") + std::string(shape.name);
  return names;
}

}  // namespace

CommandBody command_bench(CommandLine& app) {
  auto flags = std::make_shared<BenchFlags>();
  app.add_option("[MODEL]", flags->positional,
                 "a .gguf file, a Hugging Face folder or a bundled name")
      ->type_name("");
  add_model_flag(app, flags->model);
  add_text(app, "--shape", flags->shape,
           "random weights in the shape of a model instead: " + names_of_shapes(), "NAME");
  add_text(app, "--type", flags->type, "how they are stored: a GGUF type or a mix such as q4_k_m",
           "TYPE")
      ->capture_default_str();
  app.add_flag("--pure", flags->pure, "every matrix in that type, no wider ones among them");
  add_text(app, "--write", flags->write, "write that model to a file first, and measure the file",
           "FILE.gguf");
  add_int(app, "-s,--seed", flags->seed, "of weights and tokens", 0, INT64_MAX);
  add_adapter_flags(app, flags->adapters);
  add_text(app, "-p,--n-prompt", flags->prompts, "tokens of a prompt; 0: none [512]", "N,N,...");
  add_text(app, "-n,--n-gen", flags->generations, "tokens to generate; 0: none [128]", "N,N,...");
  add_text(app, "-d,--n-depth", flags->depths, "positions that are in the cache before", "N,N,...")
      ->capture_default_str();
  add_text(app, "--npl,--sequences", flags->sequences, "sequences that generate together",
           "N,N,...")
      ->capture_default_str();
  app.add_flag("--sweep", flags->sweep,
               "depths 0, 4096 and 16384, and 1, 2, 4, 8 and 16 sequences at depth 0");
  add_text(app, "-t,--threads", flags->threads, "threads to compute with; 0: all usable", "N,N,...")
      ->capture_default_str();
  add_int(app, "-b,--batch-size", flags->n_batch, "most tokens in one step", 1, 65536);
  add_text(app, "--ctk,--cache-type-k", flags->k_type, "how keys are kept", "TYPE")
      ->capture_default_str();
  add_text(app, "--ctv,--cache-type-v", flags->v_type, "how values are kept", "TYPE")
      ->capture_default_str();
  add_int(app, "-r,--repetitions", flags->n_repeats, "times each test is run", 1, 1000);
  app.add_flag("--exact", flags->exact,
               "compute with activations as they are, not rounded to 8 bits");
  app.add_flag("--limits", flags->limits, "only what the machine can do: arithmetic and memory");
  app.add_flag("--json", flags->json, "print JSON");
  add_text(app, "--svg", flags->svg, "also draw the rates into a file", "FILE");
  app.add_flag("--force", flags->force, "overwrite files that are there");
  examples(app,
           {{"quire bench model.gguf", "512 tokens of prompt, 128 of generation"},
            {"quire bench --shape llama-1b --type q4_k_m", "without a download"},
            {"quire bench model.gguf -p 0 -n 64 -d 0,4096 -t 1,2", "numbers may be lists"},
            {"quire bench model.gguf -p 0 --npl 1-16*2", "many sequences at once"},
            {"quire bench --shape llama-1b --write r.gguf", "the same file for another program"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
