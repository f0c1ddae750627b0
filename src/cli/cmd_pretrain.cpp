// quire pretrain: trains a new model on text, from nothing, and writes it as GGUF. Everything of a
// run lies in one folder (train/run.h), from which --resume continues it bit for bit.
#include "cli/command.h"
#include "cli/pretrain_data.h"

#include "base/file.h"
#include "base/progress.h"
#include "train/export.h"
#include "train/peak.h"
#include "train/run.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <numeric>
#include <optional>

namespace quire {
namespace {

// A flag that sets one field of the settings. On --resume only the flags that were given count.
struct Setting {
  CommandLine::Option* option;
  std::function<void(TrainConfig& to, const TrainConfig& from)> copy;
};

struct PretrainFlags {
  TrainConfig config;
  std::vector<Setting> settings;
  std::vector<std::string> data;
  std::string out, tokenizer, schedule = "cosine";
  int64_t accumulate = 0, n_steps = 0, stop_after = -1, from_step = -1;
  double n_epochs = 0, n_tokens = 0;
  CommandLine::Option *min_rate = nullptr, *warmup = nullptr;
  bool resume = false, untied = false, export_only = false, json = false;
  std::string export_path, export_type = "f32", name;
  int n_threads = 0;
};

extern "C" {
// Written by the signal handler, which reaches nothing else.
volatile std::sig_atomic_t stop_requested = 0;
void request_stop(int) {
  stop_requested = 1;
  std::signal(SIGINT, SIG_DFL);  // a second Ctrl-C ends the program at once
}
}

#define SETTING(option, field) \
  settings.push_back(          \
      {option, [](TrainConfig& to, const TrainConfig& from) { to.field = from.field; }})

void add_shape_flags(CommandLine& app, PretrainFlags& flags) {
  TrainConfig& c = flags.config;
  auto& settings = flags.settings;
  constexpr int64_t most = 1 << 20;
  SETTING(app.add_option("--arch", c.shape.arch, "architecture: llama or gpt2")
              ->check(one_of({"llama", "gpt2"}))
              ->capture_default_str(),
          shape.arch);
  SETTING(add_int(app, "--n-layer", c.shape.n_layer, "layers", 1, 1024), shape.n_layer);
  SETTING(add_int(app, "--n-embd", c.shape.n_embd, "model width", 1, most), shape.n_embd);
  SETTING(add_int(app, "--n-head", c.shape.n_head, "query heads", 1, most), shape.n_head);
  SETTING(
      add_int(app, "--n-head-kv", c.shape.n_head_kv, "key/value heads; 0: as --n-head", 0, most),
      shape.n_head_kv);
  SETTING(add_int(app, "--n-ff", c.shape.n_ff,
                  "feed-forward width; 0: gpt2 4 x --n-embd, llama 8/3 of it", 0, most),
          shape.n_ff);
  SETTING(add_int(app, "-c,--ctx", c.shape.n_ctx, "context: tokens in a window", 2, most),
          shape.n_ctx);
  SETTING(app.add_flag("--tied,!--untied", c.shape.tied,
                       "one matrix for embedding and output (the default), or two"),
          shape.tied);
  SETTING(
      add_number(app, "--rope-theta", c.shape.rope_theta, "base of the rotary frequencies", 1, 1e9),
      shape.rope_theta);
  SETTING(add_number(app, "--init-std", c.init_std, "spread of the initial weights", 1e-6, 1),
          init_std);
}

void add_data_flags(CommandLine& app, PretrainFlags& flags) {
  TrainConfig& c = flags.config;
  auto& settings = flags.settings;
  app.add_option("--data", flags.data,
                 "text files: .txt, .jsonl (field text), each also as .zst; FILE:2 counts twice")
      ->type_name("FILES");
  add_text(app, "--tokenizer", flags.tokenizer, "take the vocabulary of a tokenizer.json or .gguf",
           "FILE");
  SETTING(add_int(app, "--vocab", c.n_vocab, "train a byte-level BPE of this size on the data", 258,
                  1 << 20)
              ->excludes("--tokenizer"),
          n_vocab);
  SETTING(add_number(app, "--held-out", c.held_out, "share of the documents kept for evaluation", 0,
                     0.9),
          held_out);
  SETTING(add_int(app, "-s,--seed", c.seed, "of initial weights and order", 0, INT64_MAX), seed);
}

void add_optimizer_flags(CommandLine& app, PretrainFlags& flags) {
  TrainConfig& c = flags.config;
  auto& settings = flags.settings;
  constexpr int64_t most = 1 << 30;
  SETTING(add_int(app, "--batch", c.batch, "sequences per step", 1, 1 << 20), batch);
  CommandLine::Option* micro = add_int(app, "--micro-batch", c.micro_batch,
                                       "sequences run at once; 0: about 4,096 tokens", 0, 1 << 20);
  SETTING(micro, micro_batch);
  add_int(app, "--accumulate", flags.accumulate, "runs per step: --batch / --micro-batch", 1,
          1 << 20)
      ->excludes(micro);
  CommandLine::Option* steps =
      add_int(app, "--steps", flags.n_steps, "length of the run in steps", 1, most);
  CommandLine::Option* epochs =
      add_number(app, "--epochs", flags.n_epochs, "or in passes over the data (1)", 1e-6, 1e6);
  CommandLine::Option* tokens =
      add_number(app, "--tokens", flags.n_tokens, "or in tokens", 1, 1e15);
  steps->excludes(epochs)->excludes(tokens);
  epochs->excludes(tokens);
  SETTING(add_number(app, "--lr", c.schedule.peak, "highest learning rate", 1e-9, 10),
          schedule.peak);
  flags.min_rate = add_number(app, "--min-lr", c.schedule.min, "lowest; a tenth of --lr", 0, 10);
  SETTING(flags.min_rate, schedule.min);
  flags.warmup = add_int(app, "--warmup", c.schedule.n_warmup,
                         "steps of rising rate; a fiftieth of the run", 0, most);
  SETTING(flags.warmup, schedule.n_warmup);
  SETTING(app.add_option("--schedule", flags.schedule,
                         "cosine, wsd (warm-up, stable, decay) or constant")
              ->check(one_of({"cosine", "wsd", "constant"}))
              ->capture_default_str(),
          schedule.kind);
  SETTING(add_number(app, "--decay-share", c.schedule.decay_share, "wsd: share that decays", 0, 1),
          schedule.decay_share);
  SETTING(add_number(app, "--beta1", c.optimizer.beta1, "AdamW", 0, 0.99999), optimizer.beta1);
  SETTING(add_number(app, "--beta2", c.optimizer.beta2, "AdamW", 0, 0.99999), optimizer.beta2);
  SETTING(add_number(app, "--eps", c.optimizer.eps, "AdamW", 1e-15, 1), optimizer.eps);
  SETTING(add_number(app, "--weight-decay", c.optimizer.weight_decay,
                     "of matrices, embeddings included; never of norms and biases", 0, 10),
          optimizer.weight_decay);
  SETTING(
      add_number(app, "--clip", c.optimizer.clip, "largest norm of the gradient; 0: off", 0, 1e9),
      optimizer.clip);
}

void add_run_flags(CommandLine& app, PretrainFlags& flags) {
  TrainConfig& c = flags.config;
  auto& settings = flags.settings;
  constexpr int64_t most = 1 << 30;
  add_text(app, "-o,--out", flags.out, "folder of the run", "DIR")->required();
  app.add_flag("--resume", flags.resume,
               "continue the run in --out; flags that are not given keep their values");
  SETTING(add_int(app, "--eval-every", c.eval_every, "steps; 0: only at checkpoints", 0, most),
          eval_every);
  SETTING(add_int(app, "--eval-tokens", c.eval_tokens,
                  "held-out tokens of evaluations on the way; 0: all", 0, INT64_C(1) << 40),
          eval_tokens);
  SETTING(
      add_int(app, "--checkpoint-every", c.checkpoint_every, "steps; 0: only at the end", 0, most),
      checkpoint_every);
  SETTING(add_int(app, "--keep", c.n_keep, "newest checkpoints to keep, beside the best", 1, 1000),
          n_keep);
  add_int(app, "--stop-after", flags.stop_after, "do at most N steps now, then checkpoint and stop",
          0, most);
  add_text(app, "--export", flags.export_path, "where to write the model (DIR/model.gguf)", "FILE");
  app.add_option("--export-type", flags.export_type, "f32, f16, bf16, q8_0 or q4_0")
      ->check(one_of({"f32", "f16", "bf16", "q8_0", "q4_0"}, Case::any))
      ->capture_default_str();
  app.add_flag("--export-only", flags.export_only,
               "train nothing, write the model of the newest checkpoint");
  add_int(app, "--from-step", flags.from_step, "or of this checkpoint", 0, most)
      ->needs("--export-only");
  add_text(app, "--name", flags.name, "name of the model, in the file (name of DIR)");
  add_threads(app, flags.n_threads);
  app.add_flag("--json", flags.json, "print the result as JSON");
}

#undef SETTING

// The settings in force: those of the run that is continued, or the defaults, under the flags
// given.
Result<TrainConfig> settings_in_force(PretrainFlags& flags,
                                      const std::optional<TrainConfig>& saved) {
  flags.config.schedule.kind = TRY(schedule_from_name(flags.schedule));
  if (!saved) return flags.config;
  TrainConfig config = *saved;
  for (const Setting& setting : flags.settings)
    if (setting.option->count() > 0) setting.copy(config, flags.config);
  return config;
}

Result<void> settle_batch(TrainConfig& config, const PretrainFlags& flags) {
  if (flags.accumulate > 0) {
    if (config.batch % flags.accumulate != 0)
      return fail(Fault::usage, "--batch {} is no multiple of --accumulate {}", config.batch,
                  flags.accumulate);
    config.micro_batch = config.batch / flags.accumulate;
  }
  if (config.micro_batch == 0)
    config.micro_batch = choose_micro_batch(config.batch, config.shape.n_ctx);
  if (config.batch % config.micro_batch != 0)
    return fail(Fault::usage, "--batch {} is no multiple of --micro-batch {}", config.batch,
                config.micro_batch);
  return {};
}

// The length of the run, and what hangs on it where no flag says otherwise.
void settle_schedule(TrainConfig& config, const PretrainFlags& flags, TrainingData& data,
                     bool continues) {
  const double tokens_per_step = static_cast<double>(config.batch * config.shape.n_ctx);
  const bool given = flags.n_steps > 0 || flags.n_epochs > 0 || flags.n_tokens > 0;
  if (given || !continues) {
    const double epochs = flags.n_epochs > 0 ? flags.n_epochs : 1;
    const double tokens =
        flags.n_tokens > 0 ? flags.n_tokens
                           : epochs * static_cast<double>(data.n_windows(0) * config.shape.n_ctx);
    config.schedule.n_steps = flags.n_steps > 0
                                  ? flags.n_steps
                                  : std::max<int64_t>(1, std::llround(tokens / tokens_per_step));
  }
  if (continues) return;
  if (flags.min_rate->count() == 0) config.schedule.min = config.schedule.peak / 10;
  if (flags.warmup->count() == 0) config.schedule.n_warmup = config.schedule.n_steps / 50;
}

std::string join(const std::vector<std::string>& lines) {
  return std::accumulate(lines.begin(), lines.end(), std::string(),
                         [](const std::string& all, const std::string& line) {
                           return all.empty() ? line : all + "; " + line;
                         });
}

Result<void> check_continuation(const TrainConfig& saved, const TrainConfig& config,
                                const std::string& out) {
  if (const auto differ = conflicts(saved, config); !differ.empty())
    return fail(
        Fault::usage,
        "--resume: this is not the run in {}: {}; leave those flags out or start in another "
        "folder",
        out, join(differ));
  if (const auto differ = changes(saved, config); !differ.empty())
    fmt::print(stderr, "continuing with other settings: {}\n", join(differ));
  return {};
}

struct Session {
  RunFolder folder;
  TrainConfig config;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::unique_ptr<Trainer> trainer;
  RunState state;
};

// Everything between the flags and the first step.
Result<Session> prepare(PretrainFlags& flags, ThreadPool& pool) {
  Session session;
  session.folder = {flags.out};
  const RunFolder& folder = session.folder;
  const std::optional<RunState> newest = TRY(newest_state(folder));
  const bool continues = flags.resume || flags.export_only;
  if (newest && !continues)
    return fail(Fault::usage,
                "{} holds a run at step {}: continue it with --resume, or choose another folder",
                flags.out, newest->step);
  if (flags.export_only && !newest)
    return fail(Fault::not_found, "{}: there is no checkpoint to export", flags.out);
  std::optional<TrainConfig> saved;
  if (continues && file_exists(folder.config())) saved = TRY(load_config(folder));
  // What the weights were made with counts, not what a session that never got to a step wrote.
  if (newest) saved = newest->config;
  if (!saved && flags.data.empty())
    return fail(Fault::usage, "--data is missing: which text to train on");

  TrainConfig& config = session.config = TRY(settings_in_force(flags, saved));
  TRY(settle_batch(config, flags));
  (void)TRY(make_hparams(config.shape, 1));  // a wrong shape is said before the data is read
  if (!flags.data.empty()) config.data = TRY(data_files(flags.data));
  if (!flags.tokenizer.empty()) config.n_vocab = 0;
  const bool makes_vocabulary = !saved || !flags.tokenizer.empty();
  if (makes_vocabulary)
    config.tokenizer = TRY(make_vocabulary(folder, config, flags.tokenizer, pool.size()));
  else if (TRY(file_fingerprint(folder.tokenizer())) != saved->tokenizer)
    return fail(Fault::bad_format, "{}: this is not the vocabulary the run was started with",
                folder.tokenizer());
  // Before anything in the folder changes that belongs to another run.
  if (saved) TRY(check_continuation(*saved, config, flags.out));
  if (makes_vocabulary) TRY(settle_vocabulary(folder));
  session.tokenizer = TRY(load_vocabulary(folder));

  const Hparams hparams = TRY(make_hparams(config.shape, session.tokenizer->n_vocab()));
  const DataOptions options{config.shape.n_ctx, config.seed, config.held_out,
                            weights_of(config.data), TRY(separator_of(*session.tokenizer))};
  TokenCache tokens = TRY(tokens_of(folder, config, session.tokenizer, pool));
  TrainingData data = TRY(TrainingData::create(std::move(tokens), options));
  const TrainConfig before = config;
  settle_schedule(config, flags, data, saved.has_value());
  if (saved) TRY(check_continuation(before, config, flags.out));
  session.trainer = TRY(Trainer::create(config, hparams, std::move(data), pool));
  session.state.config = config;
  if (newest) {
    const int64_t step = flags.from_step >= 0 ? flags.from_step : newest->step;
    session.state = TRY(restore(folder, step, *session.trainer));
    session.state.config = config;
  }
  if (!flags.export_only) TRY(save_config(folder, config));
  return session;
}

void print_start(const Session& session, double peak_flops, int n_threads) {
  Trainer& trainer = *session.trainer;
  const TrainConfig& c = session.config;
  const TrainingData& data = trainer.data();
  const auto n_parameters = static_cast<double>(trainer.parameters().n_parameters());
  fmt::print(
      stderr,
      "{} with {} parameters, vocabulary {}, context {}\n"
      "{} documents with {} tokens, {} documents held out\n"
      "steps {} to {} of {} tokens ({} runs of {} sequences), {} threads, {}FLOP/s measured\n"
      "memory: {} weights, gradients and moments, {} activations\n",
      c.shape.arch, format_count(n_parameters), session.tokenizer->n_vocab(), c.shape.n_ctx,
      data.n_train_documents(), format_count(static_cast<double>(data.n_train_tokens())),
      data.n_held_out_documents(), session.state.step + 1, c.schedule.n_steps,
      trainer.tokens_per_step(), c.batch / c.micro_batch, c.micro_batch, n_threads,
      format_count(peak_flops), format_bytes(16.0 * n_parameters),
      format_bytes(static_cast<double>(trainer.arena_bytes())));
}

Result<RunEnd> train(Session& session, const PretrainFlags& flags, double peak_flops) {
  Trainer& trainer = *session.trainer;
  const int64_t first = session.state.step;
  if (flags.stop_after == 0) {
    if (first == 0)
      TRY(save_checkpoint(session.folder.checkpoints(), session.state, trainer.parameters()));
    return RunEnd::stopped;
  }
  Progress bar("training", static_cast<uint64_t>(session.config.schedule.n_steps));
  std::string held_out = "-";
  double rate = 0, loss = 0;
  int64_t n_shown = 0;
  RunHooks hooks;
  hooks.stop = [&] {
    return stop_requested != 0 ||
           (flags.stop_after > 0 && trainer.n_steps_done() - first >= flags.stop_after);
  };
  hooks.after_step = [&](const RunProgress& p) {
    // Averages of about the last twenty steps, of all while there are fewer.
    const double share = 1.0 / std::min(20.0, static_cast<double>(++n_shown));
    rate += share * (p.tokens_per_s - rate);
    loss += share * (p.step.loss - loss);
    if (p.held_out) held_out = fmt::format("{:.4f}", *p.held_out);
    const double flops = p.flops / p.tokens_per_s * rate;
    bar.update(static_cast<uint64_t>(p.step.step),
               fmt::format("step {}  loss {:.4f}  held out {}  {:.0f} tokens/s  {:.0f} % of peak",
                           p.step.step, loss, held_out, rate, 100 * flops / peak_flops));
  };
  const RunEnd end = TRY(run_steps(session.folder, trainer, session.state, hooks));
  bar.finish(fmt::format("step {}  loss {:.4f}  held out {}", session.state.step, loss, held_out));
  return end;
}

// Evaluates on everything held out, writes the model and says what came of it.
Result<void> finish(Session& session, const PretrainFlags& flags) {
  Trainer& trainer = *session.trainer;
  const HeldOutLoss held_out = trainer.evaluate(0);
  const auto n_bytes = static_cast<double>(trainer.data().n_held_out_bytes());
  ExportOptions options;
  options.dtype = *dtype_from_name(flags.export_type);
  options.name = flags.name.empty() ? folder_name(flags.out) : flags.name;
  options.n_steps = session.state.step;
  options.n_tokens = session.state.n_tokens;
  if (held_out.n_tokens > 0) {
    options.held_out_nats_per_token = held_out.mean();
    options.held_out_bits_per_byte = held_out.nats / std::log(2.0) / n_bytes;
  }
  const std::string path = flags.export_path.empty() ? session.folder.model() : flags.export_path;
  TRY(export_gguf(path, trainer.hparams(), trainer.parameters(), *session.tokenizer, options));
  if (flags.json) {
    const auto number = [](const std::optional<double>& x) {
      return x ? nlohmann::json(*x) : nlohmann::json(nullptr);
    };
    const nlohmann::json result = {
        {"model", path},
        {"steps", session.state.step},
        {"tokens", session.state.n_tokens},
        {"seconds", session.state.seconds},
        {"parameters", trainer.parameters().n_parameters()},
        {"loss", session.state.loss},
        {"held_out_tokens", held_out.n_tokens},
        {"held_out_nats_per_token", number(options.held_out_nats_per_token)},
        {"held_out_bits_per_byte", number(options.held_out_bits_per_byte)}};
    fmt::print("{}\n", result.dump());
    return {};
  }
  fmt::print("{}: {} parameters, {} steps, {} tokens\n", path,
             format_count(static_cast<double>(trainer.parameters().n_parameters())),
             session.state.step, format_count(static_cast<double>(session.state.n_tokens)));
  if (held_out.n_tokens > 0)
    fmt::print("held out: {:.4f} nats per token, {:.4f} bits per byte ({} tokens)\n",
               held_out.mean(), *options.held_out_bits_per_byte, held_out.n_tokens);
  else
    fmt::print("held out: nothing\n");
  return {};
}

Result<int> run(PretrainFlags& flags) {
  ThreadPool pool(flags.n_threads);
  TRY(make_directories(flags.out));
  std::optional<RunLock> lock;
  if (!flags.export_only) lock.emplace(TRY(RunLock::take({flags.out})));
  Session session = TRY(prepare(flags, pool));
  if (flags.export_only) {
    TRY(finish(session, flags));
    return 0;
  }
  const double peak_flops = measured_flops(pool);
  print_start(session, peak_flops, pool.size());
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  if (TRY(train(session, flags, peak_flops)) == RunEnd::stopped) {
    const std::string text =
        fmt::format("stopped at step {}, continue with: quire pretrain --out {} --resume",
                    session.state.step, flags.out);
    if (stop_requested != 0) return fail(Fault::cancelled, "{}", text);
    fmt::print(stderr, "{}\n", text);
    return 0;
  }
  TRY(finish(session, flags));
  return 0;
}

}  // namespace

CommandBody command_pretrain(CommandLine& app) {
  auto flags = std::make_shared<PretrainFlags>();
  add_data_flags(app, *flags);
  add_shape_flags(app, *flags);
  add_optimizer_flags(app, *flags);
  add_run_flags(app, *flags);
  examples(app, {{"quire pretrain --data tales.txt --out runs/tales", "a small model, one pass"},
                 {"quire pretrain --out runs/tales --resume", "continue after a stop"},
                 {"quire pretrain --out runs/tales --export-only --export-type q8_0",
                  "the newest checkpoint as a model file"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
