// quire corpus tales: writes the stories and facts of the closed world (corpus/tales.h).
#include "base/file.h"
#include "cli/command.h"
#include "corpus/tales.h"

#include <fmt/core.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

namespace quire {
namespace {

struct CorpusFlags {
  uint64_t seed = 1;
  std::string size = "40M";
  std::string out;
  bool jsonl = false, facts = false;
};

// "40M" -> 40,000,000: a number and K, M or G, which stand for powers of a thousand.
Result<uint64_t> parse_size(const std::string& text) {
  uint64_t n = 0;
  size_t i = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9' && n <= 1'000'000'000'000u; ++i) {
    n = n * 10 + static_cast<uint64_t>(text[i] - '0');
  }
  const std::string unit = text.substr(i);
  const uint64_t factor = unit.empty()                 ? 1
                          : unit == "K" || unit == "k" ? 1'000
                          : unit == "M" || unit == "m" ? 1'000'000
                          : unit == "G" || unit == "g" ? 1'000'000'000
                                                       : 0;
  if (i == 0 || factor == 0 || n == 0 || n > 1'000'000'000'000u / factor) {
    return fail(Fault::usage, "--size '{}': expected a number of bytes such as 500K, 40M or 2G",
                text);
  }
  return n * factor;
}

Result<int> write_all(const CorpusFlags& flags) {
  TalesOptions options;
  options.seed = flags.seed;
  options.bytes = TRY(parse_size(flags.size));
  options.format = flags.facts   ? TalesFormat::facts
                   : flags.jsonl ? TalesFormat::jsonl
                                 : TalesFormat::text;
  if (flags.out.empty() || flags.out == "-") {
    TRY(write_tales(options, [](std::string_view text) -> Result<void> {
      if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
        return fail(Fault::io, "standard output: {}", std::strerror(errno));
      }
      return {};
    }));
    if (std::fflush(stdout) != 0)
      return fail(Fault::io, "standard output: {}", std::strerror(errno));
    return 0;
  }
  AtomicFile file = TRY(AtomicFile::create(flags.out));
  const uint64_t n = TRY(write_tales(
      options, [&](std::string_view text) -> Result<void> { return file.write(text); }));
  const uint64_t n_bytes = file.n_written();
  TRY(file.commit());
  fmt::print(stderr, "{}: {} {}, {} bytes\n", flags.out, n, flags.facts ? "facts" : "documents",
             n_bytes);
  return 0;
}

}  // namespace

CommandBody command_corpus(CommandLine& app) {
  auto flags = std::make_shared<CorpusFlags>();
  app.require_subcommand();
  CommandLine* tales = app.add_subcommand(
      "tales", "simple-English stories and facts about a small closed world (docs/tales.md)");
  tales->add_option("-s,--seed", flags->seed, "the same seed writes the same bytes")
      ->capture_default_str()
      ->type_name("N");
  add_text(*tales, "--size", flags->size, "bytes to write at most, with K, M or G", "SIZE")
      ->capture_default_str();
  add_text(*tales, "-o,--out", flags->out, "file to write (default: standard output)", "FILE");
  CommandLine::Option* jsonl =
      tales->add_flag("--jsonl", flags->jsonl, "one {\"text\": ...} per document and line");
  tales
      ->add_flag("--facts", flags->facts,
                 "write the questions and answers of the world as JSON lines")
      ->excludes(jsonl);
  examples(app, {{"quire corpus tales --seed 1 --size 40M -o tales.txt", "text to train on"},
                 {"quire corpus tales --facts", "ground truth to measure against"}});
  return [flags] { return write_all(*flags); };
}

}  // namespace quire
