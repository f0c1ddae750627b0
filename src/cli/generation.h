// What the commands that write text share: flags as llama.cpp and Ollama know them, the model they
// load, the request they make of them.
#pragma once
#include "cli/command.h"
#include "engine/engine.h"
#include "model/adapter.h"
#include "store/contents.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace quire {

// --lora, --lora-scaled, --control-vector, ... as given; cli/adapter_flags.cpp
struct AdapterFlags {
  std::vector<std::string> loras, scaled_loras, control_vectors, scaled_control_vectors;
  std::vector<int32_t> layers;  // first and last that control vectors work on
};
// The files with their scales; usage names what is no FILE:SCALE.
Result<AdapterFiles> adapter_files(const AdapterFlags& flags);

// -m, -c, -t, -b, -ctk, -ctv
struct ModelFlags {
  std::string model;  // "" for the default
  int64_t n_ctx = 0;
  int n_threads = 0;
  int64_t n_batch = 512;
  std::string cache_type_k, cache_type_v;  // "": f16 where products are fast, else f32
  Precision precision = Precision::exact;
  RopeOverride rope;
  AdapterFlags adapters;
};
void add_model_flag(CommandLine& app, std::string& model);
void add_model_flags(CommandLine& app, ModelFlags& flags,
                     const char* all_positions = "all the model knows");
// --rope-scaling, --rope-scale, --yarn-...: for contexts beyond the model's own.
void add_rope_flags(CommandLine& app, RopeOverride& rope);
void add_adapter_flags(CommandLine& app, AdapterFlags& adapters);
// For commands that make text: products are fast, --exact computes with activations as they are.
void add_exact_flag(CommandLine& app, ModelFlags& flags);
// For commands that look at numbers: products are exact, --fast computes as `quire run` does.
void add_fast_flag(CommandLine& app, ModelFlags& flags);

// Every sampler's flags (cli/sampling_flags.cpp).
struct SamplingFlags {
  SamplingParams params;
  int64_t seed = -1;
  std::vector<std::string> stop;
  std::vector<std::string> logit_bias, dry_breakers;  // as given
  std::string samplers, sampler_seq;
  bool ignore_eos = false;
};
void add_sampling_flags(CommandLine& app, SamplingFlags& flags);
// The parameters as asked for; usage names the flag that makes no sense.
Result<SamplingParams> sampling_params(const SamplingFlags& flags);
// The seed asked for, or a new one when it is -1.
uint64_t chosen_seed(int64_t seed);
Result<Request> make_request(const SamplingFlags& flags, uint64_t seed);

// -md, --draft-max, ...: guesses that make answers come faster (engine/drafter.h).
struct DraftFlags {
  std::string model;  // "": from the text itself
  int64_t n_ctx = 0, n_max = 8, n_min = 0;
  double p_min = 0.75;
  bool never = false;
};
void add_draft_flags(CommandLine& app, DraftFlags& flags);
// Loads the smaller model if there is one.
Result<DraftOptions> draft_options(const DraftFlags& flags);

// --context-shift, --keep
void add_shift_flags(CommandLine& app, ContextShift& shift);

// Two positionals [MODEL] [TEXT] of which either may be missing. A single one is a MODEL when it
// names a file or a bundled model, not_found when it looks like a path (ends in .gguf, or has a
// slash and no space), else it is the TEXT. `model` of ModelFlags (-m), when given, takes the place
// of MODEL.
struct ModelAndText {
  std::string model_path;
  ModelContents contents;  // what a model of the store carries beside its weights
  std::optional<std::string> text;
};
Result<ModelAndText> split_positionals(const std::string& model_flag,
                                       const std::vector<std::string>& positionals);

Result<RunnerOptions> runner_options(const ModelFlags& flags);
// The model with its own adapters, and with adapters and positions as the flags want them.
Result<std::shared_ptr<const Model>> load_model(const ModelContents& what, const ModelFlags& flags);

struct LoadedEngine {
  std::shared_ptr<const Model> model;
  std::unique_ptr<Engine> engine;
  double load_s = 0;
};
Result<LoadedEngine> load_engine(const ModelContents& what, const ModelFlags& flags,
                                 int32_t n_sequences = 1, const DraftFlags* drafts = nullptr,
                                 const BlockStoreOptions& store = {});
// For states of prompts of recurrent models (RunnerOptions::snapshot_bytes), unless a flag says
// otherwise.
constexpr int64_t default_snapshot_bytes = int64_t{1} << 30;

// The ids of a prompt; for an empty one the token that starts a text: BOS, else EOS, else usage.
Result<std::vector<int32_t>> prompt_ids(const Tokenizer& tokenizer, std::string_view prompt);
Result<int32_t> start_id(const Tokenizer& tokenizer);

// "prompt 12 tokens, 0.01 s, 1200 tokens/s" and so on, to standard error.
void print_timings(const LoadedEngine& loaded, const Outcome& outcome, uint64_t seed);
// What a large cache takes, to standard error before it is used.
void note_memory(const LoadedEngine& loaded);
// A line to standard error when an answer ended for a reason the user should know, or lost a part
// of its context.
void note_stop_reason(const Outcome& outcome, int64_t n_ctx);

}  // namespace quire
