// quire embed: texts as vectors.
#include "base/file.h"
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/model_store.h"
#include "engine/embedder.h"
#include "model/find_model.h"

#include <algorithm>

namespace quire {
namespace {

constexpr uint64_t texts_bytes_max = uint64_t{1} << 30;

struct EmbedFlags {
  std::vector<std::string> positionals;
  std::string model, file, pooling;
  bool standard_input = false, normalize = true, json = false;
  EmbedderOptions options;
  bool exact = false;
};

void append_lines(const std::string& text, std::vector<std::string>& lines) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
    begin = end + 1;
  }
}

// The first positional is the MODEL unless -m gives it.
Result<std::vector<std::string>> chosen_texts(const EmbedFlags& flags) {
  std::vector<std::string> texts(
      flags.positionals.begin() + (flags.model.empty() && !flags.positionals.empty() ? 1 : 0),
      flags.positionals.end());
  if (flags.standard_input || !flags.file.empty()) {
    const std::string path = flags.standard_input ? "-" : flags.file;
    append_lines(TRY(read_file(path, texts_bytes_max)), texts);
  }
  if (texts.empty())
    return fail(Fault::usage, "no text: give it as an argument, with --file, or with --stdin");
  return texts;
}

void print_vectors(const std::vector<std::vector<float>>& vectors) {
  for (const std::vector<float>& vector : vectors) {
    std::string line;
    for (const float x : vector) line += fmt::format("{}{}", line.empty() ? "" : " ", x);
    fmt::print("{}\n", line);
  }
}

Result<int> run(const EmbedFlags& flags) {
  if (flags.model.empty() && flags.positionals.empty())
    return fail(Fault::usage, "a MODEL is missing");
  const std::vector<std::string> texts = TRY(chosen_texts(flags));
  const std::string path =
      TRY(resolve_model(flags.model.empty() ? flags.positionals[0] : flags.model));
  const auto model = TRY(Model::load(path));
  EmbedderOptions options = flags.options;
  if (!flags.pooling.empty()) options.pooling = TRY(pooling_from_name(flags.pooling));
  options.normalize = flags.normalize ? Normalize::to_length_one : Normalize::no;
  options.precision = flags.exact ? Precision::exact : Precision::fast;

  std::vector<std::vector<int32_t>> ids;
  size_t n_longest = 1, n_tokens = 0;
  for (const std::string& text : texts) {
    ids.push_back(TRY(model->tokenizer().encode(text, {.parse = ParseSpecial::as_text})));
    n_longest = std::max(n_longest, ids.back().size());
    n_tokens += ids.back().size();
  }
  if (options.n_tokens_max == 0)
    options.n_tokens_max = std::min(static_cast<int64_t>(n_longest), model->hparams().n_ctx_train);
  const auto embedder = TRY(Embedder::create(model, options));
  const std::vector<EmbedText> all = [&] {
    std::vector<EmbedText> list;
    list.reserve(ids.size());
    for (const std::vector<int32_t>& text : ids) list.push_back({.ids = text});
    return list;
  }();
  const auto vectors = TRY(embedder->embed(all));
  if (!flags.json) {
    print_vectors(vectors);
    return 0;
  }
  nlohmann::json data = nlohmann::json::array();
  for (size_t i = 0; i < vectors.size(); ++i)
    data.push_back({{"index", i}, {"embedding", vectors[i]}, {"n_tokens", ids[i].size()}});
  print_json({{"model", model_name(model->path())},
              {"pooling", pooling_name(embedder->pooling())},
              {"dimensions", embedder->width()},
              {"n_tokens", n_tokens},
              {"data", std::move(data)}});
  return 0;
}

}  // namespace

CommandBody command_embed(CommandLine& app) {
  auto flags = std::make_shared<EmbedFlags>();
  app.add_option("MODEL [TEXT]...", flags->positionals,
                 "a model (an encoder, or any other), and texts")
      ->type_name("");
  add_model_flag(app, flags->model);
  app.add_flag("--stdin", flags->standard_input, "read texts from standard input, one on a line");
  add_text(app, "-f,--file", flags->file, "read texts from a file, one on a line", "FILE");
  add_text(app, "--pooling", flags->pooling,
           "how the tokens of a text become a vector: mean, cls (the first), last, rank (scores of "
           "a classification head) [what the model says]",
           "NAME");
  app.add_flag("--normalize,!--no-normalize", flags->normalize,
               "vectors of length 1, which is the default, or as they come");
  add_int(app, "-c,--ctx-size", flags->options.n_tokens_max,
          "most tokens of a text; 0: as many as the longest has", 0, INT32_MAX);
  add_threads(app, flags->options.n_threads);
  app.add_flag("--exact", flags->exact,
               "compute with activations as they are, not rounded to 8 bits");
  app.add_flag("--json", flags->json, "print {\"data\": [{\"embedding\"}]}");
  examples(app, {{"quire embed bge-small.gguf \"a cat\" \"a dog\"", "two lines of numbers"},
                 {"quire embed model.gguf --stdin --json < lines.txt", "a vector for each line"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
