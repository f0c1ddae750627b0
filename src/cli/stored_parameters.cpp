#include "cli/stored_parameters.h"

#include "store/contents.h"

#include <map>

namespace quire {
namespace {

struct Flag {
  std::string_view parameter;
  const char* flag;
};
// Those about the machine (num_gpu, num_thread, use_mmap, ...) are the machine's business.
constexpr Flag stored_flags[] = {{"temperature", "--temp"},
                                 {"top_k", "--top-k"},
                                 {"top_p", "--top-p"},
                                 {"min_p", "--min-p"},
                                 {"typical_p", "--typical"},
                                 {"repeat_penalty", "--repeat-penalty"},
                                 {"repeat_last_n", "--repeat-last-n"},
                                 {"presence_penalty", "--presence-penalty"},
                                 {"frequency_penalty", "--frequency-penalty"},
                                 {"mirostat", "--mirostat"},
                                 {"mirostat_tau", "--mirostat-ent"},
                                 {"mirostat_eta", "--mirostat-lr"},
                                 {"seed", "--seed"},
                                 {"stop", "--stop"},
                                 {"num_predict", "--n-predict"},
                                 {"num_ctx", "--ctx-size"},
                                 {"num_keep", "--keep"}};

}  // namespace

Result<void> fill_in_parameters(CommandLine& app, std::string_view parameters) {
  std::map<std::string, std::vector<std::string>> values;
  for (auto& [name, value] : TRY(parameter_lines(parameters))) {
    // -2 is "until the context is full", as nothing at all.
    const bool is_none = name == "num_predict" && value == "-2";
    if (!is_none) values[name].push_back(value);
  }
  for (const Flag& flag : stored_flags) {
    const auto found = values.find(std::string(flag.parameter));
    if (found == values.end()) continue;
    const auto filled = app.fill_in(flag.flag, found->second);
    if (!filled)
      return fail(Fault::bad_format, "PARAMETER {} of the model: {}", flag.parameter,
                  filled.error().text);
  }
  return {};
}

}  // namespace quire
