// quire tokenizer train: a byte-level byte-pair encoding learned from text.
#include "base/file.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/output_file.h"
#include "corpus/read.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer_io.h"

namespace quire {
namespace {

struct TokenizerFlags {
  std::vector<std::string> files;
  std::string output = "tokenizer.json";
  BpeTrainerOptions options;
  bool force = false, json = false;
};

Result<int> train(const TokenizerFlags& flags) {
  TRY(check_output(flags.output, flags.force));
  const std::vector<std::string> files = TRY(document_files(flags.files));
  BpeTrainer trainer = TRY(BpeTrainer::create(flags.options));
  uint64_t n_documents = 0;
  Progress progress("counting words", files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    TRY(read_documents(std::span(&files[i], 1), [&](std::string_view document) {
      ++n_documents;
      return trainer.add(document);
    }));
    progress.update(i + 1, format_bytes(static_cast<double>(trainer.n_bytes())));
  }
  const uint64_t n_bytes = trainer.n_bytes();
  const TokenizerSpec spec = TRY(trainer.train());
  progress.finish(format_bytes(static_cast<double>(n_bytes)));
  const std::string text = TRY(tokenizer_json(spec));
  TRY(write_output(flags.output, text));

  const size_t n_vocab = spec.pieces.size();
  if (flags.json) {
    print_json({{"output", flags.output},
                {"documents", n_documents},
                {"bytes", n_bytes},
                {"vocabulary", n_vocab},
                {"merges", spec.merges.size()}});
    return 0;
  }
  FILE* to = flags.output == "-" ? stderr : stdout;
  fmt::print(to, "{}: {} tokens, {} merges, from {} in {} documents\n", flags.output, n_vocab,
             spec.merges.size(), format_bytes(static_cast<double>(n_bytes)), n_documents);
  if (static_cast<int64_t>(n_vocab) < flags.options.n_vocab)
    fmt::print(stderr, "quire: note: the text has no more pairs; {} tokens were asked for\n",
               flags.options.n_vocab);
  return 0;
}

}  // namespace

CommandBody command_tokenizer(CommandLine& app) {
  auto flags = std::make_shared<TokenizerFlags>();
  CommandLine* sub = app.add_subcommand("train", "Learn a byte-level BPE from text");
  app.require_subcommand();
  sub->add_option("FILES", flags->files,
                  "text, .jsonl (field \"text\"), .zst of either, or folders")
      ->required()
      ->type_name("");
  add_int(*sub, "--vocab", flags->options.n_vocab, "tokens in all", 257, 1 << 20);
  add_text(*sub, "-o,--output", flags->output, "where to; -: standard output", "OUT")
      ->capture_default_str();
  add_int(*sub, "--min-frequency", flags->options.min_frequency, "a rarer pair is not merged", 1,
          INT32_MAX);
  add_text(*sub, "--pre", flags->options.pre, "the pattern that cuts text into words", "NAME")
      ->capture_default_str();
  add_threads(*sub, flags->options.n_threads);
  sub->add_flag("--force", flags->force, "overwrite a file that is there");
  sub->add_flag("--json", flags->json, "print JSON");
  examples(*sub, {{"quire tokenizer train tales.txt --vocab 4096", "writes tokenizer.json"},
                  {"quire tokenize tokenizer.json \"Once upon\"", "uses it"}});
  return [flags] { return train(*flags); };
}

}  // namespace quire
