#include "text/tokenizer_io.h"

#include "base/file.h"
#include "format/gguf.h"
#include "format/json.h"

#include <nlohmann/json.hpp>

namespace quire {
namespace {

constexpr uint64_t json_bytes_max = uint64_t{256} << 20;

Result<std::shared_ptr<const Tokenizer>> load_json(const std::string& path,
                                                   const std::string& config_path) {
  const std::string text = TRY(read_file(path, json_bytes_max));
  std::string config;
  if (file_exists(config_path)) config = TRY(read_file(config_path, json_bytes_max));
  // Newer folders keep the chat template in a file of its own.
  const std::string folder = config_path.substr(0, config_path.rfind('/') + 1);
  if (const std::string chat = folder + "chat_template.jinja";
      !config.empty() && file_exists(chat)) {
    nlohmann::json root = TRY(parse_json(config, config_path));
    if (root.is_object()) root["chat_template"] = TRY(read_file(chat, json_bytes_max));
    config = root.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return Tokenizer::from_json(text, config, path);
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const std::string& path) {
  if (is_directory(path)) {
    const std::string inside = path + "/tokenizer.json";
    if (!file_exists(inside)) {
      return fail(Fault::not_found, "{}: this directory has no tokenizer.json", path);
    }
    return load_json(inside, path + "/tokenizer_config.json");
  }
  if (path.ends_with(".json")) {
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    return load_json(path, folder + "tokenizer_config.json");
  }
  const GgufFile file = TRY(GgufFile::open(path));
  return Tokenizer::from_gguf(file);
}

}  // namespace quire
