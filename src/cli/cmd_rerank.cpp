// quire rerank: which documents answer a query best, by a cross-encoder.
#include "base/file.h"
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/model_store.h"
#include "engine/rank.h"
#include "format/printable.h"
#include "model/find_model.h"

#include <algorithm>

namespace quire {
namespace {

constexpr uint64_t documents_bytes_max = uint64_t{1} << 30;

struct RerankFlags {
  std::vector<std::string> positionals;
  std::string model, query, file;
  int64_t n_best = 0;
  EmbedderOptions options;
  bool exact = false, json = false;
};

Result<std::vector<std::string>> chosen_documents(const RerankFlags& flags) {
  std::vector<std::string> documents(
      flags.positionals.begin() + (flags.model.empty() && !flags.positionals.empty() ? 1 : 0),
      flags.positionals.end());
  if (!flags.file.empty()) {
    const std::string text = TRY(read_file(flags.file, documents_bytes_max));
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      if (end > begin) documents.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  if (documents.empty())
    return fail(Fault::usage, "no documents: give them as arguments or with --file");
  return documents;
}

Result<int> run(const RerankFlags& flags) {
  if (flags.model.empty() && flags.positionals.empty())
    return fail(Fault::usage, "a MODEL is missing");
  const std::vector<std::string> documents = TRY(chosen_documents(flags));
  const std::string path =
      TRY(resolve_model(flags.model.empty() ? flags.positionals[0] : flags.model));
  const auto model = TRY(Model::load(path));
  EmbedderOptions options = flags.options;
  options.pooling = Pooling::rank;
  options.precision = flags.exact ? Precision::exact : Precision::fast;
  const std::vector<EncodedPair> pairs = TRY(ranking_inputs(*model, flags.query, documents));
  size_t n_longest = 1;
  for (const EncodedPair& pair : pairs) n_longest = std::max(n_longest, pair.ids.size());
  if (options.n_tokens_max == 0)
    options.n_tokens_max = std::min(static_cast<int64_t>(n_longest), model->hparams().n_ctx_train);
  const auto embedder = TRY(Embedder::create(model, options));
  const std::vector<Ranked> best =
      ranked(TRY(embedder->embed(as_texts(pairs))), static_cast<size_t>(flags.n_best));
  if (!flags.json) {
    for (const Ranked& one : best)
      fmt::print("{:>10.4f}  {:>4}  {}\n", one.scores[0], one.document,
                 printable(documents[one.document], 72));
    return 0;
  }
  nlohmann::json results = nlohmann::json::array();
  for (const Ranked& one : best) {
    results.push_back({{"index", one.document},
                       {"relevance_score", one.scores[0]},
                       {"document", documents[one.document]}});
    if (one.scores.size() > 1) results.back()["scores"] = one.scores;
  }
  print_json({{"model", model_name(model->path())},
              {"query", flags.query},
              {"results", std::move(results)}});
  return 0;
}

}  // namespace

CommandBody command_rerank(CommandLine& app) {
  auto flags = std::make_shared<RerankFlags>();
  app.add_option("MODEL [DOCUMENT]...", flags->positionals,
                 "a cross-encoder, and texts that may answer the query")
      ->type_name("");
  add_model_flag(app, flags->model);
  add_text(app, "-q,--query", flags->query, "what is asked")->required();
  add_text(app, "-f,--file", flags->file, "read documents from a file, one on a line", "FILE");
  add_int(app, "-n,--top-n", flags->n_best, "only the best of them; 0: all", 0, INT32_MAX);
  add_int(app, "-c,--ctx-size", flags->options.n_tokens_max,
          "most tokens of query and document together; 0: as many as the longest have", 0,
          INT32_MAX);
  add_threads(app, flags->options.n_threads);
  app.add_flag("--exact", flags->exact,
               "compute with activations as they are, not rounded to 8 bits");
  app.add_flag("--json", flags->json, "print {\"results\": [{\"index\", \"relevance_score\"}]}");
  examples(app, {{"quire rerank bge-reranker.gguf -q \"what is a panda?\" \"hi\" \"a bear\"",
                  "scores, best first"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
