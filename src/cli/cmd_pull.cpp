// quire pull: models from registries.
#include "cli/command.h"
#include "cli/model_store.h"
#include "cli/terminal.h"
#include "store/pull.h"

#include <atomic>
#include <chrono>

namespace quire {
namespace {

struct Flags {
  std::string name;
  bool insecure = false, quiet = false;
  int64_t n_parallel = 4;
};

// One line for each step; on a terminal the last one counts.
class Report {
 public:
  void operator()(std::string_view status, std::string_view digest, uint64_t n, uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    const bool is_same = status == last_;
    if (is_same && n < total && now - at_ < std::chrono::milliseconds(200)) return;
    if (is_same && !on_terminal_) return;
    at_ = now;
    if (!last_.empty() && !is_same && on_terminal_) note("\n");
    last_ = status;
    std::string line(status);
    if (!digest.empty() && total > 0)
      line += fmt::format("  {:.0f} MB", static_cast<double>(total) / 1e6);
    if (on_terminal_ && total > 0)
      line +=
          fmt::format("  {:3.0f} %", 100.0 * static_cast<double>(n) / static_cast<double>(total));
    note(on_terminal_ ? "\r" + line : line + "\n");
  }
  void end() {
    if (on_terminal_ && !last_.empty()) note("\n");
  }

 private:
  static void note(const std::string& text) { std::fputs(text.c_str(), stderr); }
  bool on_terminal_ = ::isatty(2) != 0;
  std::string last_;
  std::chrono::steady_clock::time_point at_;
};

Result<int> run(const Flags& flags) {
  const ModelRef ref = TRY(parse_model_ref(flags.name));
  PullOptions options;
  options.allow_http = flags.insecure;
  options.download.n_parallel = static_cast<int>(flags.n_parallel);
  options.hugging_face_token = environment("HF_TOKEN");
  if (const std::string hub = environment("HF_ENDPOINT"); !hub.empty()) options.hugging_face = hub;
  auto report = std::make_shared<Report>();
  if (!flags.quiet)
    options.on_status = [report](std::string_view status, std::string_view digest, uint64_t n,
                                 uint64_t total) { (*report)(status, digest, n, total); };
  const auto pulled = pull_model(model_store(), ref, options);
  report->end();
  if (!pulled) return std::unexpected(pulled.error());
  put_text(fmt::format("{}\n", pulled->ref.text()));
  return 0;
}

}  // namespace

CommandBody command_pull(CommandLine& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("MODEL", flags->name,
                 "[host/][namespace/]model[:tag], or hf.co/user/repo[:Q4_K_M]")
      ->required()
      ->type_name("");
  add_int(app, "--parallel", flags->n_parallel, "parts of a file at once", 1, 16);
  app.add_flag("--insecure", flags->insecure, "allow registries at http:// addresses");
  app.add_flag("-q,--quiet", flags->quiet, "print the name only");
  examples(app, {{"quire pull llama3.2:1b", "from Ollama's registry"},
                 {"quire pull hf.co/user/repo:Q4_K_M",
                  "a GGUF file of Hugging Face; HF_TOKEN is used"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
