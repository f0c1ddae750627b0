// The flags of adapters, as llama.cpp has them: several files in one flag have commas between, a
// scale stands behind the last colon.
#include "base/file.h"
#include "cli/generation.h"

#include <charconv>
#include <cmath>

namespace quire {
namespace {

// At the commas; a file whose own name has commas stays whole.
std::vector<std::string> split(const std::string& text) {
  if (file_exists(text)) return {text};
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Result<AdapterFile> scaled_file(const char* flag, const std::string& text) {
  const size_t colon = text.rfind(':');
  AdapterFile file;
  bool fits = colon != text.npos && colon > 0;
  if (fits) {
    const char *begin = text.data() + colon + 1, *last = text.data() + text.size();
    const auto [end, error] = std::from_chars(begin, last, file.strength);
    fits = error == std::errc{} && end == last && std::isfinite(file.strength);
  }
  if (!fits)
    return fail(Fault::usage, "{}: '{}' is not of the form FILE:SCALE, as in style.gguf:0.5", flag,
                text);
  file.path = text.substr(0, colon);
  return file;
}

Result<std::vector<AdapterFile>> files_of(const char* scaled_flag,
                                          const std::vector<std::string>& plain,
                                          const std::vector<std::string>& scaled) {
  std::vector<AdapterFile> files;
  for (const std::string& text : plain)
    for (const std::string& path : split(text)) files.push_back({path, 1});
  for (const std::string& text : scaled)
    for (const std::string& part : split(text))
      files.push_back(TRY(scaled_file(scaled_flag, part)));
  return files;
}

}  // namespace

void add_adapter_flags(CommandLine& app, AdapterFlags& flags) {
  const auto list = [&app](const char* name, std::vector<std::string>& texts, const char* what,
                           const char* type) {
    app.add_option(name, texts, what)->type_name(type)->allow_extra_args(false);
  };
  list("--lora", flags.loras, "a LoRA adapter, a GGUF file or PEFT folder; again for more", "FILE");
  list("--lora-scaled", flags.scaled_loras, "the same, its change times SCALE", "FILE:SCALE");
  list("--control-vector", flags.control_vectors,
       "directions added behind each layer, a GGUF file; again for more", "FILE");
  list("--control-vector-scaled", flags.scaled_control_vectors, "the same, times SCALE",
       "FILE:SCALE");
  app.add_option("--control-vector-layer-range", flags.layers,
                 "the first and the last layer that they work on")
      ->expected(2, 2)
      ->check(integer_between(0, INT32_MAX))
      ->type_name("FIRST LAST");
}

Result<AdapterFiles> adapter_files(const AdapterFlags& flags) {
  AdapterFiles files;
  files.loras = TRY(files_of("--lora-scaled", flags.loras, flags.scaled_loras));
  files.control_vectors =
      TRY(files_of("--control-vector-scaled", flags.control_vectors, flags.scaled_control_vectors));
  if (flags.layers.empty()) return files;
  if (files.control_vectors.empty())
    return fail(Fault::usage, "--control-vector-layer-range needs a --control-vector");
  files.first_layer = flags.layers[0];
  files.last_layer = flags.layers[1];
  return files;
}

}  // namespace quire
