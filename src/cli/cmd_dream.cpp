// quire dream: documents from nothing but the start token.
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/model_store.h"
#include "cli/terminal.h"
#include "model/find_model.h"

#include <algorithm>

namespace quire {
namespace {

// As many at once as one step runs at the price of little more than one (kernels/matmul.h).
constexpr int32_t n_together = 8;

struct DreamFlags {
  std::string positional;
  int32_t n_documents = 1;
  int64_t n_predict = -1;
  bool verbose = false, json = false;
  ModelFlags model;
  SamplingFlags sampling;
};

struct Document {
  std::string text;
  Outcome outcome;
  bool finished = false;
};

// Shows documents in order: the first unfinished one as it grows, later ones when it is their turn.
class Printer {
 public:
  explicit Printer(std::vector<Document>& documents) : documents_(documents) {}
  void update() {
    for (; current_ < documents_.size(); ++current_, n_shown_ = 0) {
      const Document& document = documents_[current_];
      if (current_ > 0 && n_shown_ == 0 && !document.text.empty() && !separated_) {
        put_text(dim("----") + "\n");
        separated_ = true;
      }
      put_text(std::string_view(document.text).substr(n_shown_));
      n_shown_ = document.text.size();
      if (!document.finished) return;
      if (!document.text.ends_with('\n')) put_text("\n");
      separated_ = false;
    }
  }

 private:
  std::vector<Document>& documents_;
  size_t current_ = 0, n_shown_ = 0;
  bool separated_ = false;
};

void note_full(const std::vector<Document>& documents, int64_t n_ctx) {
  const auto n_full = std::count_if(documents.begin(), documents.end(), [](const Document& d) {
    return d.outcome.reason == StopReason::context_full;
  });
  if (n_full > 0)
    fmt::print(stderr,
               "quire: note: {} of {} documents end because the context of {} positions is full\n",
               n_full, documents.size(), n_ctx);
}

nlohmann::json as_json(const std::vector<Document>& documents, const LoadedEngine& loaded,
                       uint64_t seed) {
  auto list = nlohmann::json::array();
  for (const Document& document : documents)
    list.push_back({{"text", document.text},
                    {"tokens", document.outcome.tokens},
                    {"stop_reason", stop_reason_name(document.outcome.reason)}});
  return {{"model", model_name(loaded.model->path())}, {"seed", seed}, {"documents", list}};
}

Result<int> run(const DreamFlags& flags) {
  std::vector<std::string> positionals;
  if (!flags.positional.empty()) positionals.push_back(flags.positional);
  if (!flags.model.model.empty() && !positionals.empty())
    return fail(Fault::usage, "the model is given twice: --model {} and '{}'", flags.model.model,
                flags.positional);
  const std::string& name = flags.model.model.empty() ? flags.positional : flags.model.model;
  const ModelContents what = TRY(resolve_contents(name.empty() ? default_model : name));
  LoadedEngine loaded =
      TRY(load_engine(what, flags.model, std::min(flags.n_documents, n_together)));
  Engine& engine = *loaded.engine;
  const uint64_t seed = chosen_seed(flags.sampling.seed);
  const int32_t start = TRY(start_id(loaded.model->tokenizer()));

  std::vector<Document> documents(static_cast<size_t>(flags.n_documents));
  std::vector<RequestId> ids;
  Printer printer(documents);
  for (size_t i = 0; i < documents.size(); ++i) {
    Request request = TRY(make_request(flags.sampling, seed + i));
    request.prompt = {start};
    request.decode_at = DecodeAt::start;
    request.n_predict = flags.n_predict;
    if (!flags.json && !output_is_terminal()) request.replace = StreamDecoder::Replace::nothing;
    request.on_text = [&documents, i](std::string_view piece) { documents[i].text += piece; };
    request.on_finish = [&documents, i](const Outcome& outcome) {
      documents[i].outcome = outcome;
      documents[i].finished = true;
    };
    ids.push_back(TRY(engine.add(std::move(request))));
  }
  const InterruptGuard interrupts;
  while (TRY(engine.step())) {
    if (!flags.json) printer.update();
    if (interrupts.interrupted())
      for (const RequestId id : ids) engine.cancel(id);
  }
  if (flags.json)
    print_json(as_json(documents, loaded, seed));
  else
    printer.update();
  note_full(documents, engine.runner().n_ctx());
  for (const Document& document : documents) {
    if (flags.verbose) print_timings(loaded, document.outcome, seed);
    if (document.outcome.error) return std::unexpected(*document.outcome.error);
  }
  return interrupts.interrupted() ? exit_code(Fault::cancelled) : 0;
}

}  // namespace

CommandBody command_dream(CommandLine& app) {
  auto flags = std::make_shared<DreamFlags>();
  app.add_option("[MODEL]", flags->positional,
                 "a .gguf file, a Hugging Face folder or a bundled name")
      ->type_name("");
  add_int(app, "-n,--documents", flags->n_documents, "how many", 1, 100000);
  add_int(app, "--n-predict", flags->n_predict, "at most so many tokens each; -1: until they end",
          -1, INT32_MAX);
  add_model_flags(app, flags->model);
  add_adapter_flags(app, flags->model.adapters);
  add_exact_flag(app, flags->model);
  add_sampling_flags(app, flags->sampling);
  app.add_flag("-v,--verbose", flags->verbose, "print timings to standard error");
  app.add_flag("--json", flags->json, "print one JSON object at the end");
  examples(app, {{"quire dream", "one document of the bundled model's own invention"},
                 {"quire dream model.gguf -n 3 --temp 1 --top-k 0 --top-p 1 --min-p 0",
                  "three, drawn from the model's very distribution"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
