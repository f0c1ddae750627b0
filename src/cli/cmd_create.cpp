// quire create: a model of the store from a Modelfile.
#include "base/file.h"
#include "chat/chat_template.h"
#include "cli/command.h"
#include "cli/model_store.h"
#include "cli/terminal.h"
#include "cli/transfer_report.h"
#include "model/type_mix.h"
#include "model/write_adapter.h"
#include "model/write_gguf.h"
#include "store/create.h"

namespace quire {
namespace {

constexpr uint64_t modelfile_bytes_max = 16 << 20;

struct CreateFlags {
  std::string name, file = "Modelfile", quantize;
};

// Of all that is said, what takes time, and what the user should know.
class Report {
 public:
  void operator()(std::string_view status, std::string_view, uint64_t done, uint64_t total) {
    if (status.starts_with("note: ")) {
      notes_ += fmt::format("{}\n", status);
    } else if (total >= shown_bytes_min) {
      bar_(status, "", done, total);
    }
  }
  void end() {
    bar_.end();
    fmt::print(stderr, "{}", notes_);
  }

 private:
  static constexpr uint64_t shown_bytes_min = uint64_t{1} << 28;  // less is done at once
  TransferReport bar_;
  std::string notes_;
};

Result<int> run(const CreateFlags& flags) {
  const ModelRef ref = TRY(parse_model_ref(flags.name));
  const std::string text = TRY(read_file(flags.file, modelfile_bytes_max));
  const Modelfile modelfile = TRY(parse_modelfile(text, flags.file));
  if (modelfile.has_template && !modelfile.chat_template.empty())
    TRY(ChatTemplate::check(modelfile.chat_template));
  if (!flags.quantize.empty()) TRY(type_mix(flags.quantize));
  Report report;
  CreateOptions options;
  options.quantize = flags.quantize;
  options.make = {make_gguf, make_gguf_lora};
  options.on_status = std::ref(report);
  const size_t slash = flags.file.rfind('/');
  options.folder = slash == std::string::npos ? "." : flags.file.substr(0, slash);
  options.find = resolve_contents;
  const auto model = create_model(model_store(), ref, modelfile, options);
  report.end();
  if (!model) return std::unexpected(model.error());
  put_text(fmt::format("created {}\n", model->ref.text()));
  return 0;
}

}  // namespace

CommandBody command_create(CommandLine& app) {
  auto flags = std::make_shared<CreateFlags>();
  app.add_option("MODEL", flags->name, "its name")->required()->type_name("");
  add_text(app, "-f,--file", flags->file, "the Modelfile; -: standard input", "FILE");
  app.add_option("-q,--quantize", flags->quantize,
                 "store the weights as this type (q8_0, q4_k_m, ...), in a file of the store's own")
      ->type_name("TYPE");
  examples(app, {{"printf 'FROM tales' | quire create story -f -",
                  "another name for a model; its weights stay where they are"},
                 {"printf 'FROM ./Llama-3.2-1B' | quire create llama -q q4_k_m -f -",
                  "from a Hugging Face folder, smaller"},
                 {"printf 'FROM tales\\nPARAMETER temperature 0' | quire create calm -f -",
                  "`quire run calm` and `quire serve` do as it says"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
