#include "cli/llama_server_flags.h"

#include "cli/model_store.h"
#include "cli/transfer_report.h"
#include "engine/embedder.h"
#include "store/pull.h"

#include <nlohmann/json.hpp>

namespace quire {
namespace {

enum class Takes : uint8_t { nothing, value, perhaps_value };

struct Ignored {
  const char* names;
  Takes takes;
};

// What they ask for is so without them, or belongs to devices that a server here has not.
constexpr Ignored ignored_flags[] = {
    {"--jinja,--no-jinja", Takes::nothing},
    {"--props", Takes::nothing},
    {"--slots", Takes::nothing},
    {"--ui,--webui", Takes::nothing},
    {"--embedding,--embeddings", Takes::nothing},
    {"--rerank,--reranking", Takes::nothing},
    {"--cont-batching,--cb,--no-cont-batching,--nocb", Takes::nothing},
    {"--swa-full", Takes::nothing},
    {"--cache-prompt", Takes::nothing},
    {"--cache-idle-slots,--no-cache-idle-slots", Takes::nothing},
    {"--warmup,--no-warmup", Takes::nothing},
    {"--mlock,--mmap,--no-mmap,--direct-io,--dio,--no-direct-io,--ndio", Takes::nothing},
    {"--repack,--no-repack,--nr,--no-host", Takes::nothing},
    {"--kv-offload,--kvo,--no-kv-offload,--nkvo", Takes::nothing},
    {"--op-offload,--no-op-offload", Takes::nothing},
    {"--cpu-moe,--cmoe", Takes::nothing},
    {"--perf,--no-perf,--escape,--no-escape,--check-tensors", Takes::nothing},
    {"--models-autoload,--log-prefix,--no-log-prefix,--log-timestamps,--no-log-timestamps",
     Takes::nothing},
    {"--no-skip-chat-parsing", Takes::nothing},
    {"--mmproj-auto,--no-mmproj-auto,--mmproj-offload,--no-mmproj-offload", Takes::nothing},
    {"--spec-draft-backend-sampling,--no-spec-draft-backend-sampling", Takes::nothing},
    {"--cpu-moe-draft,--spec-draft-cpu-moe", Takes::nothing},
    {"--no-mmproj,--reuse-port,--backend-sampling,--backend_sampling", Takes::nothing},
    {"--flash-attn,--fa", Takes::perhaps_value},
    {"--log-colors", Takes::perhaps_value},
    {"--n-gpu-layers,--gpu-layers,--ngl", Takes::value},
    {"--ubatch-size,--ub", Takes::value},
    {"--threads-batch,--tb", Takes::value},
    {"--threads-http", Takes::value},
    {"--cache-ram,--cram", Takes::value},
    {"--cache-reuse", Takes::value},
    {"--slot-prompt-similarity,--sps", Takes::value},
    {"--load-mode,--lm", Takes::value},
    {"--numa", Takes::value},
    {"--prio,--prio-batch,--poll,--poll-batch", Takes::value},
    {"--cpu-mask,--cpu-range,--cpu-strict", Takes::value},
    {"--device,--dev", Takes::value},
    {"--device-draft,--spec-draft-device,--gpu-layers-draft,--n-gpu-layers-draft", Takes::value},
    {"--spec-draft-ngl,--threads-draft,--spec-draft-threads", Takes::value},
    {"--threads-batch-draft,--spec-draft-threads-batch", Takes::value},
    {"--override-tensor,--ot,--override-tensor-draft,--spec-draft-override-tensor", Takes::value},
    {"--ctx-checkpoints,--ctxcp,--swa-checkpoints,--checkpoint-min-step,--cms", Takes::value},
    {"--split-mode,--sm", Takes::value},
    {"--tensor-split,--ts", Takes::value},
    {"--main-gpu,--mg", Takes::value},
    {"--fit,--fit-target,--fit-ctx", Takes::value},
    {"--n-cpu-moe,--ncmoe", Takes::value},
    {"--defrag-thold,--dt", Takes::value},
    {"--verbosity,--log-verbosity,--lv", Takes::value},
    {"--sse-ping-interval", Takes::value},
};

// "--a,--b" -> "--a", "--b"
std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(at, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// Without a text of help they are not listed.
void add_ignored(CommandLine& app, LlamaServerFlags& flags) {
  for (const Ignored& one : ignored_flags)
    for (const std::string& name : split(one.names, ',')) {
      if (one.takes == Takes::nothing) {
        app.add_flag_callback(name, [&flags, name] { flags.ignored.push_back(name); }, "");
        continue;
      }
      CommandLine::Option* option = app.add_option_function<std::string>(
          name, [&flags, name](const std::string&) { flags.ignored.push_back(name); }, "");
      if (one.takes == Takes::perhaps_value) option->expected(0, 1);
    }
}

}  // namespace

void add_llama_server_flags(CommandLine& app, LlamaServerFlags& flags) {
  add_sampling_flags(app, flags.sampling);
  add_thinking_flags(app, flags.thinking);
  add_shift_flags(app, flags.shift);
  add_int(app, "-n,--predict,--n-predict", flags.n_predict,
          "most tokens of an answer, as --max-predict; below 0: no limit", -2, INT32_MAX);
  add_text(app, "--hf-repo,--hf,--hfr", flags.hf_repo,
           "the model hf.co/REPO of Hugging Face, as user/repo:Q4_K_M; fetched when it is not here",
           "REPO");
  add_text(app, "--hf-file,--hff", flags.hf_file, "which file of that repository, by its path",
           "PATH");
  add_text(app, "--hf-token,--hft", flags.hf_token, "for repositories that need one; else HF_TOKEN",
           "TOKEN");
  app.add_flag("--offline", flags.offline, "fetch nothing");
  add_int(app, "--models-max", flags.n_models_max,
          "models that are loaded at once; 0: as many as there is memory for", 0, 1 << 20);
  app.add_flag("--no-models-autoload", flags.no_autoload,
               "requests load no models, POST /models/load does");
  app.add_flag("--no-slots", flags.no_slots, "GET /slots shows nothing");
  app.add_flag("--no-cache-prompt", flags.no_cache_prompt,
               "requests share no prompts unless they say cache_prompt");
  app.add_flag("-v,--verbose", flags.verbose, "answers show the prompts they were made from");
  add_text(app, "--chat-template-kwargs", flags.template_kwargs,
           "variables for chat templates, as {\"enable_thinking\": false}", "JSON");
  add_text(app, "--pooling", flags.pooling,
           "how encoders make one vector of a text: mean, cls, last; default: as the file says",
           "KIND");
  app.add_option(
         "--as", flags.as,
         "llama-server: with its defaults where they differ; also by calling the program so")
      ->check(one_of({"llama-server"}, Case::as_written, InHelp::not_listed))
      ->type_name("PROGRAM");
  app.add_flag("--kv-unified,--kvu", flags.unified, "one sequence may have all of --ctx-size");
  app.add_flag("--no-kv-unified,--no-kvu", flags.divided,
               "each of --parallel sequences has its share of --ctx-size");
  app.add_flag("--metrics", flags.metrics, "with --as llama-server: GET /metrics answers");
  add_number(app, "--sleep-idle-seconds", flags.sleep_idle_s,
             "models that were named are unloaded when idle for so long, and loaded again when "
             "asked for; -1: never",
             -1, 1e9);
  add_text(app, "--tags", flags.tags, "words about the first model, for /v1/models", "A,B");
  add_ignored(app, flags);
}

bool is_like_llama_server(const LlamaServerFlags& flags) { return flags.as == "llama-server"; }

bool divides_context(const LlamaServerFlags& flags, bool n_parallel_given) {
  if (flags.unified) return false;
  return flags.divided || (is_like_llama_server(flags) && n_parallel_given);
}

Result<void> apply(const LlamaServerFlags& flags, server::AppOptions& options) {
  if (flags.unified && flags.divided)
    return fail(Fault::usage, "--kv-unified and --no-kv-unified exclude each other");
  if (flags.thinking.hide)
    return fail(Fault::usage, "--hide-thinking is a flag of `quire run`: a server tells it apart");
  server::RequestDefaults& defaults = options.defaults;
  defaults.sampling = TRY(sampling_params(flags.sampling));
  defaults.seed = flags.sampling.seed;
  defaults.stop = flags.sampling.stop;
  defaults.ignore_eos = flags.sampling.ignore_eos;
  defaults.context_shift = flags.shift.wanted;
  defaults.n_keep = flags.shift.n_keep;
  defaults.cache_prompt = !flags.no_cache_prompt;
  defaults.thinking_tokens_max = flags.thinking.budget;
  defaults.thinking_apart = flags.thinking.format != "none";
  defaults.verbose = flags.verbose;
  const std::string kwargs = TRY(with_thinking_kwargs(flags.template_kwargs, flags.thinking));
  if (!kwargs.empty()) {
    defaults.template_kwargs = server::Json::parse(kwargs, nullptr, false);
    if (!defaults.template_kwargs.is_object())
      return fail(Fault::usage, "--chat-template-kwargs: '{}' is no JSON object", kwargs);
  }
  if (flags.n_predict >= 0)
    options.limits.n_predict_max = std::min(options.limits.n_predict_max, flags.n_predict);
  if (!flags.pooling.empty()) options.models.pooling = TRY(pooling_from_name(flags.pooling));
  options.slots = !flags.no_slots;
  options.sleeps = flags.sleep_idle_s >= 0;
  options.loads_models = !flags.no_autoload;
  options.models.n_models_max = flags.n_models_max;
  options.like_llama_server = is_like_llama_server(flags);
  if (is_like_llama_server(flags)) {
    options.any_model_name = true;
    options.metrics = flags.metrics;
  }
  options.tags = split(flags.tags, ',');
  return {};
}

Result<std::string> hub_model(const LlamaServerFlags& flags) {
  ModelRef ref = TRY(parse_model_ref("hf.co/" + flags.hf_repo));
  if (!flags.hf_file.empty()) {
    // A name of its own in the store: tags have no slashes.
    std::string tag;
    for (const char c : flags.hf_file) tag += c == '/' ? "--" : std::string(1, c);
    ref.tag = tag;
    ref = TRY(parse_model_ref(ref.text()));
  }
  const std::string name = ref.text();
  const auto found = find_stored(model_store(), cache_folders(), name);
  if (found) return found->name;
  if (found.error().fault != Fault::not_found) return std::unexpected(found.error());
  if (flags.offline)
    return fail(Fault::not_found, "{} is not here, and --offline lets nothing be fetched", name);
  PullOptions options = pull_options();
  options.hugging_face_file = flags.hf_file;
  if (!flags.hf_token.empty()) options.hugging_face_token = flags.hf_token;
  TransferReport report;
  options.on_status = std::ref(report);
  const auto pulled = pull_model(model_store(), ref, options);
  report.end();
  if (!pulled) return std::unexpected(pulled.error());
  return pulled->ref.text();
}

void note_ignored(const LlamaServerFlags& flags) {
  if (flags.ignored.empty()) return;
  std::string names;
  for (const std::string& name : flags.ignored) names += (names.empty() ? "" : ", ") + name;
  fmt::print(stderr, "quire: these flags change nothing here: {}\n", names);
}

}  // namespace quire
