// quire show: what is in a model file, what it takes in memory, and its graph.
#include "base/progress.h"
#include "cli/command.h"
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/model_store.h"
#include "cli/show_graph.h"
#include "cli/terminal.h"
#include "engine/memory_needs.h"
#include "format/printable.h"
#include "model/find_model.h"
#include "model/hf_model.h"

#include <algorithm>
#include <map>

namespace quire {
namespace {

struct ShowFlags {
  std::string positional, model;
  int64_t n_ctx = 0;
  bool json = false, graph = false, modelfile = false;
  GraphFlags graph_flags;
};

// The file, and the model when this program can run it.
struct Shown {
  GgufFile file;
  std::shared_ptr<const Model> model;
  std::string cannot_run;  // why there is no model
};

struct TypeSum {
  int64_t n_tensors = 0, n_elements = 0, n_bytes = 0;
};

std::map<std::string, TypeSum> sum_types(const GgufFile& file) {
  std::map<std::string, TypeSum> types;
  for (const GgufTensor& tensor : file.tensors()) {
    TypeSum& sum = types[info(tensor.view.dtype).name];
    ++sum.n_tensors;
    sum.n_elements += tensor.view.shape.n_elements();
    sum.n_bytes += tensor.view.n_bytes();
  }
  return types;
}

struct Memory {
  RunnerOptions options;  // those of `quire run` when nothing else is asked for
  MemoryNeeds needs;
  std::vector<std::pair<const char*, int64_t>> kv;  // by type
};

Memory memory_of(const Model& model, int64_t n_ctx) {
  Memory memory;
  memory.options.n_ctx = n_ctx;
  memory.options.k_dtype = memory.options.v_dtype = DType::f16;
  memory.options.precision = Precision::fast;
  memory.needs = memory_needs(model, memory.options);
  KvCacheShape shape;
  shape.layers = model.graph().kv_layers;
  if (shape.layers.empty()) return memory;
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0}) {
    shape.k_dtype = shape.v_dtype = dtype;
    const int64_t block = info(dtype).block_size;
    if (std::ranges::all_of(shape.layers, [&](const KvLayer& layer) {
          return layer.k_width % block == 0 && layer.v_width % block == 0;
        }))
      memory.kv.emplace_back(info(dtype).name, KvCache::bytes_for(shape, n_ctx));
  }
  return memory;
}

std::string size_text(int64_t n_bytes) { return format_bytes(static_cast<double>(n_bytes)); }

void print_field(std::string_view name, std::string_view value) {
  fmt::print("  {:<22} {}\n", name, value);
}

void print_hparams(const Hparams& h) {
  print_field("layers            L", std::to_string(h.n_layer));
  print_field("width             D", std::to_string(h.n_embd));
  if (h.n_ff > 0) print_field("feed-forward      F", std::to_string(h.n_ff));
  if (h.experts.n > 0)
    print_field("experts           X",
                fmt::format("{} of width {}, {} for each token{}", h.experts.n, h.experts.n_ff,
                            h.experts.n_used, h.experts.n_ff_shared > 0 ? " and shared ones" : ""));
  if (h.n_head > 0) {
    print_field("query heads       H", std::to_string(h.n_head));
    print_field("key/value heads   G", std::to_string(h.n_head_kv));
    print_field("head width        E", std::to_string(h.head_dim));
  }
  if (h.ssm.n_head > 0)
    print_field("state", fmt::format("{} heads of {} by {} (N by P)", h.ssm.n_head,
                                     h.ssm.state_width, h.ssm.inner_width / h.ssm.n_head));
  print_field("vocabulary        V", std::to_string(h.n_vocab));
  print_field("context", fmt::format("{} positions", h.n_ctx_train));
  if (h.n_rot > 0)
    print_field("rope", fmt::format("{} of each head, theta {}", h.n_rot, h.rope_theta));
  print_field("output matrix", h.tied_head ? "the embedding's (tied)" : "its own");
}

std::string format_text(const GgufFile& file) {
  return is_directory(file.path()) ? "Hugging Face folder"
                                   : fmt::format("GGUF version {}", file.version());
}

void print_overview(const Shown& shown) {
  const GgufFile& file = shown.file;
  fmt::print("{}\n", bold(printable(file.path(), 200)));
  print_field(
      "format",
      fmt::format("{}, {}{}", format_text(file), format_bytes(static_cast<double>(file.n_bytes())),
                  file.n_shards() > 1 ? fmt::format(" in {} files", file.n_shards()) : ""));
  const auto text = [&](const char* key) {
    const auto value = file.get_string_or(key, "");
    return value ? printable(*value, 200) : std::string("(not a string)");
  };
  print_field("architecture", text("general.architecture"));
  if (file.has("general.name")) print_field("name", text("general.name"));
  int64_t n_elements = 0;
  for (const GgufTensor& tensor : file.tensors()) n_elements += tensor.view.shape.n_elements();
  if (file.tensors().empty())
    print_field("tensors", "none: a vocabulary only");
  else
    print_field("parameters",
                fmt::format("{} ({})", n_elements, format_count(static_cast<double>(n_elements))));
  if (shown.model)
    print_hparams(shown.model->hparams());
  else
    print_field("runs here", fmt::format("no: {}", shown.cannot_run));
}

void print_memory(const Memory& memory) {
  const MemoryNeeds& needs = memory.needs;
  fmt::print("\n{}\n", bold(fmt::format("Memory at {} positions of context", needs.n_ctx)));
  print_field("weights", size_text(needs.weights));
  for (const auto& [type, n_bytes] : memory.kv)
    print_field(fmt::format("keys and values, {}", type), size_text(n_bytes));
  if (needs.states > 0) print_field("recurrent state", size_text(needs.states));
  print_field("activations", fmt::format("{} for steps of {} tokens", size_text(needs.activations),
                                         std::min(memory.options.n_batch, needs.n_ctx)));
  print_field("program, tokenizer", size_text(needs.rest));
  print_field("together",
              size_text(needs.total()) + (needs.kv > 0 ? ", keys and values in F16" : ""));
}

void print_types(const GgufFile& file) {
  if (file.tensors().empty()) return;
  fmt::print("\n{}\n", bold("Types"));
  for (const auto& [name, sum] : sum_types(file))
    print_field(
        name, fmt::format("{} tensors, {} numbers, {}, {:.3g} bits each", sum.n_tensors,
                          format_count(static_cast<double>(sum.n_elements)), size_text(sum.n_bytes),
                          info(*dtype_from_name(name)).bits_per_element()));
}

void print_metadata(const GgufFile& file) {
  fmt::print("\n{}\n", bold("Metadata"));
  size_t width = 0;
  for (const GgufEntry& entry : file.entries()) width = std::max(width, entry.key.size());
  width = std::min<size_t>(width, 44);
  for (const GgufEntry& entry : file.entries())
    fmt::print("  {:<{}}  {}\n", printable(entry.key), width, entry.value.text());
}

void print_tensors(const GgufFile& file) {
  if (file.tensors().empty()) return;
  fmt::print("\n{}\n", bold("Tensors"));
  size_t width = 4;
  for (const GgufTensor& tensor : file.tensors()) width = std::max(width, tensor.name.size());
  for (const GgufTensor& tensor : file.tensors())
    fmt::print("  {:<{}}  {:>16}  {:<7} {:>10}\n", printable(tensor.name), width,
               tensor.view.shape.text(), info(tensor.view.dtype).name,
               size_text(tensor.view.n_bytes()));
}

nlohmann::json metadata_json(const GgufValue& value) {
  if (const auto text = value.as_string()) return *text;
  if (const auto truth = value.as_bool(); truth && value.type == GgufType::boolean) return *truth;
  if (value.type == GgufType::u64) return value.as_uint().value_or(0);
  if (value.type == GgufType::f32 || value.type == GgufType::f64)
    return value.as_float().value_or(0);
  if (const auto number = value.as_int()) return *number;
  // Long arrays (a vocabulary) are named, not printed.
  constexpr uint64_t elements_max = 64;
  if (value.count > elements_max) return value.type_text();
  if (const auto list = value.as_strings()) return *list;
  if (const auto list = value.as_ints()) return *list;
  if (const auto list = value.as_floats()) return *list;
  return value.type_text();
}

nlohmann::json hparams_json(const Hparams& h) {
  nlohmann::json out = {
      {"n_layer", h.n_layer},       {"n_embd", h.n_embd},           {"n_ff", h.n_ff},
      {"n_head", h.n_head},         {"n_head_kv", h.n_head_kv},     {"head_dim", h.head_dim},
      {"n_vocab", h.n_vocab},       {"n_ctx_train", h.n_ctx_train}, {"n_rot", h.n_rot},
      {"rope_theta", h.rope_theta}, {"norm_eps", h.norm_eps},       {"tied_head", h.tied_head}};
  if (h.experts.n > 0)
    out["experts"] = {{"n", h.experts.n},
                      {"n_used", h.experts.n_used},
                      {"n_ff", h.experts.n_ff},
                      {"n_ff_shared", h.experts.n_ff_shared}};
  return out;
}

nlohmann::json as_json(const Shown& shown, const std::optional<Memory>& memory) {
  const GgufFile& file = shown.file;
  nlohmann::json result = {
      {"path", file.path()},
      {"format", is_directory(file.path()) ? std::string("hugging face")
                                           : fmt::format("gguf {}", file.version())},
      {"bytes", file.n_bytes()},
      {"files", file.n_shards()},
      {"runs", shown.model != nullptr}};
  result["architecture"] = metadata_json(
      file.has("general.architecture") ? *file.value("general.architecture") : GgufValue{});
  if (!shown.model)
    result["reason"] = shown.cannot_run;
  else {
    result["hparams"] = hparams_json(shown.model->hparams());
    result["parameters"] = shown.model->n_params();
    result["fingerprint"] = fmt::format("{:016x}", shown.model->fingerprint());
  }
  if (memory) {
    const MemoryNeeds& needs = memory->needs;
    result["memory"] = {{"n_ctx", needs.n_ctx},
                        {"weights", needs.weights},
                        {"activations", needs.activations},
                        {"rest", needs.rest},
                        {"total", needs.total()}};
    for (const auto& [type, n_bytes] : memory->kv) result["memory"]["kv"][type] = n_bytes;
    if (needs.states > 0) result["memory"]["state"] = needs.states;
  }
  for (const GgufEntry& entry : file.entries())
    result["metadata"][std::string(entry.key)] = metadata_json(entry.value);
  result["tensors"] = nlohmann::json::array();
  for (const GgufTensor& tensor : file.tensors()) {
    const Shape& shape = tensor.view.shape;
    std::vector<int64_t> dims(shape.n.begin(), shape.n.begin() + shape.rank);
    result["tensors"].push_back({{"name", std::string(tensor.name)},
                                 {"shape", dims},
                                 {"type", info(tensor.view.dtype).name},
                                 {"bytes", tensor.view.n_bytes()}});
  }
  for (const auto& [name, sum] : sum_types(file))
    result["types"][name] = {
        {"tensors", sum.n_tensors}, {"elements", sum.n_elements}, {"bytes", sum.n_bytes}};
  return result;
}

// What a model of the store has beside its weights.
void print_contents(const ModelContents& contents) {
  if (contents.is_plain()) return;
  const std::string text = modelfile_text(contents);
  fmt::print("\n{}", text.substr(text.find('\n') + 1));
}

Result<int> run(const ShowFlags& flags) {
  if (!flags.model.empty() && !flags.positional.empty())
    return fail(Fault::usage, "the model is given twice: --model {} and '{}'", flags.model,
                flags.positional);
  const std::string name = !flags.model.empty() ? flags.model : flags.positional;
  const ModelContents contents = TRY(resolve_contents(name.empty() ? default_model : name));
  if (flags.modelfile) {
    put_text(modelfile_text(contents));
    return 0;
  }
  const std::string& path = contents.weights;
  Shown shown{TRY(open_model_file(path)), nullptr, {}};
  if (auto model = Model::load(path))
    shown.model = std::move(*model);
  else
    shown.cannot_run = model.error().text;

  if (flags.graph) {
    if (!shown.model) return std::unexpected(Model::load(path).error());
    return show_graph(*shown.model, flags.graph_flags, flags.n_ctx);
  }
  std::optional<Memory> memory;
  if (shown.model)
    memory =
        memory_of(*shown.model, flags.n_ctx > 0 ? flags.n_ctx : shown.model->hparams().n_ctx_train);
  if (flags.json) {
    nlohmann::ordered_json all = as_json(shown, memory);
    if (!contents.is_plain()) all["modelfile"] = modelfile_text(contents);
    print_json(all);
    return 0;
  }
  print_overview(shown);
  print_contents(contents);
  if (memory) print_memory(*memory);
  print_types(shown.file);
  print_metadata(shown.file);
  print_tensors(shown.file);
  return 0;
}

}  // namespace

CommandBody command_show(CommandLine& app) {
  auto flags = std::make_shared<ShowFlags>();
  app.add_option("[MODEL]", flags->positional,
                 "a .gguf file, a Hugging Face folder or a bundled name")
      ->type_name("");
  add_model_flag(app, flags->model);
  add_int(app, "-c,--ctx-size", flags->n_ctx,
          "positions of context for the memory; 0: all the model knows", 0, INT32_MAX);
  CommandLine::Option* graph = app.add_flag("--graph", flags->graph, "print the model's graph");
  app.add_flag("--fused", flags->graph_flags.fused, "the graph as it is run")->needs(graph);
  app.add_flag("--cost", flags->graph_flags.cost, "with operations and bytes of each node")
      ->needs(graph);
  add_int(app, "--rows", flags->graph_flags.n_rows, "for --cost: tokens in the step", 1, 65536);
  CommandLine::Option* json = app.add_flag("--json", flags->json, "print JSON");
  app.add_flag("--modelfile", flags->modelfile, "print a Modelfile that makes the model")
      ->excludes(graph)
      ->excludes(json);
  json->excludes(graph);
  examples(app, {{"quire show", "the bundled model"},
                 {"quire show model.gguf -c 8192", "and its memory at 8192 positions"},
                 {"quire show model.gguf --graph --fused --cost", "what a step computes"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
