// quire tokenize: text as a model sees it.
#include "base/file.h"
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/probabilities.h"
#include "cli/terminal.h"
#include "text/tokenizer_io.h"

#include <algorithm>
#include <chrono>

namespace quire {
namespace {

constexpr uint64_t stdin_bytes_max = uint64_t{1} << 31;

struct TokenizeFlags {
  std::vector<std::string> positionals;
  std::string model, prompt;
  bool has_prompt = false, from_stdin = false, no_special = false, no_parse = false, json = false,
       count = false;
};

Result<std::string> read_text(const TokenizeFlags& flags,
                              const std::optional<std::string>& positional) {
  const int n_given =
      (positional ? 1 : 0) + (flags.has_prompt ? 1 : 0) + (flags.from_stdin ? 1 : 0);
  if (n_given > 1)
    return fail(Fault::usage, "the text is given {} times: use one of TEXT, --prompt, --stdin",
                n_given);
  if (positional) return *positional;
  if (flags.has_prompt) return flags.prompt;
  if (!flags.from_stdin && input_is_terminal())
    return fail(Fault::usage, "a TEXT is missing; --stdin reads it from standard input");
  return read_file("-", stdin_bytes_max);
}

Result<int> run(const TokenizeFlags& flags) {
  const ModelAndText what = TRY(split_positionals(flags.model, flags.positionals));
  const std::string text = TRY(read_text(flags, what.text));
  const auto tokenizer = TRY(load_tokenizer(what.model_path));
  EncodeOptions options;
  if (flags.no_special) options.add = AddSpecial::never;
  if (flags.no_parse) options.parse = ParseSpecial::as_text;
  for (const std::string& note : tokenizer->spec().notes)
    fmt::print(stderr, "{}: {}\n", what.model_path, note);
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<int32_t> ids = TRY(tokenizer->encode(text, options));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  if (flags.count) {
    fmt::print("{} tokens for {} bytes in {:.1f} ms, {:.1f} MB/s\n", ids.size(), text.size(),
               seconds.count() * 1e3,
               static_cast<double>(text.size()) / 1e6 / std::max(seconds.count(), 1e-9));
    return 0;
  }
  if (flags.json) {
    print_json({{"tokens", ids}});
    return 0;
  }
  for (const int32_t id : ids)
    fmt::print("{:>7}  {}{}\n", id, quoted(tokenizer->piece(id)),
               tokenizer->is_special(id) ? dim("  control") : "");
  fmt::print("{} tokens for {} bytes\n", ids.size(), text.size());
  return 0;
}

}  // namespace

CommandBody command_tokenize(CommandLine& app) {
  auto flags = std::make_shared<TokenizeFlags>();
  app.add_option("[MODEL] [TEXT]", flags->positionals,
                 "MODEL may be a vocabulary-only .gguf, a tokenizer.json or a tokenizer.model, too")
      ->type_name("")
      ->expected(0, 2);
  add_model_flag(app, flags->model);
  CommandLine::Option* prompt = add_text(app, "-p,--prompt", flags->prompt, "the text");
  app.parse_complete_callback([flags, prompt] { flags->has_prompt = prompt->count() > 0; });
  app.add_flag("--stdin", flags->from_stdin, "read the text from standard input, every byte of it");
  app.add_flag("--no-special", flags->no_special, "add no BOS or EOS");
  app.add_flag("--no-parse-special", flags->no_parse,
               "control tokens written in the text are text");
  app.add_flag("--count", flags->count, "print only how many tokens there are, and how fast");
  app.add_flag("--json", flags->json, "print {\"tokens\": [...]}");
  examples(app, {{"quire tokenize tales \"Once upon a time\"", "ids and pieces"},
                 {"quire tokenize model.gguf --stdin --json < text", "for programs"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
