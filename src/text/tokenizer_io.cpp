#include "text/tokenizer_io.h"

#include "base/file.h"
#include "format/gguf.h"
#include "format/hf_config.h"
#include "text/sentencepiece.h"

namespace quire {
namespace {

constexpr uint64_t json_bytes_max = uint64_t{256} << 20;
constexpr uint64_t model_bytes_max = uint64_t{64} << 20;
constexpr uint64_t config_bytes_max = uint64_t{16} << 20;

// "" when there is no such file.
Result<std::string> read_if_present(const std::string& path) {
  if (!file_exists(path)) return std::string();
  return read_file(path, config_bytes_max);
}

// Newer folders keep the chat template in a file of its own.
Result<void> read_chat_template(const std::string& path, TokenizerSpec& spec) {
  if (std::string chat = TRY(read_if_present(path)); !chat.empty())
    spec.chat_template = std::move(chat);
  return {};
}

// The ids of a field that holds one or a list of them; those that are no tokens are left out, as
// a vocabulary may have been cut.
std::vector<int32_t> token_ids(const HfConfig& config, const char* field, size_t n_tokens) {
  std::vector<int64_t> all;
  if (const auto one = config.get_int(field))
    all.push_back(*one);
  else if (const auto many = config.get_ints(field))
    all = *many;
  std::vector<int32_t> ids;
  for (const int64_t id : all)
    if (id >= 0 && id < static_cast<int64_t>(n_tokens)) ids.push_back(static_cast<int32_t>(id));
  return ids;
}

// eos_token_id and bos_token_id of generation_config.json or config.json.
Result<void> add_ids(const std::string& path, TokenizerSpec& spec) {
  if (!file_exists(path)) return {};
  const HfConfig config = TRY(HfConfig::open(path));
  const auto ends = token_ids(config, "eos_token_id", spec.pieces.size());
  spec.end_of_generation.insert(spec.end_of_generation.end(), ends.begin(), ends.end());
  if (spec.eos < 0 && !ends.empty()) spec.eos = ends.front();
  const auto starts = token_ids(config, "bos_token_id", spec.pieces.size());
  if (spec.bos < 0 && !starts.empty()) spec.bos = starts.front();
  return {};
}

Result<TokenizerSpec> read_model_file(const std::string& path) {
  const std::string bytes = TRY(read_file(path, model_bytes_max));
  return read_sentencepiece(bytes, path);
}

// tokenizer.model, where there is no tokenizer.json.
Result<TokenizerSpec> read_model_folder(const std::string& folder, const std::string& config) {
  TokenizerSpec spec = TRY(read_model_file(folder + "/tokenizer.model"));
  const std::string added = TRY(read_if_present(folder + "/added_tokens.json"));
  TRY(add_sentencepiece_config(spec, config, added));
  return spec;
}

}  // namespace

bool has_tokenizer(const std::string& folder) {
  return file_exists(folder + "/tokenizer.json") || file_exists(folder + "/tokenizer.model");
}

Result<TokenizerSpec> read_tokenizer_folder(const std::string& folder) {
  if (!has_tokenizer(folder))
    return fail(Fault::not_found, "{}: this folder has {}", folder, no_tokenizer);
  const std::string config = TRY(read_if_present(folder + "/tokenizer_config.json"));
  TokenizerSpec spec;
  if (const std::string path = folder + "/tokenizer.json"; file_exists(path)) {
    const std::string text = TRY(read_file(path, json_bytes_max));
    spec = TRY(read_tokenizer_json(text, config, path));
  } else {
    spec = TRY(read_model_folder(folder, config));
  }
  TRY(read_chat_template(folder + "/chat_template.jinja", spec));
  TRY(add_ids(folder + "/generation_config.json", spec));
  TRY(add_ids(folder + "/config.json", spec));
  return spec;
}

Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const std::string& path) {
  if (is_directory(path)) return Tokenizer::create(TRY(read_tokenizer_folder(path)));
  if (path.ends_with(".json")) {
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    const std::string config = TRY(read_if_present(folder + "tokenizer_config.json"));
    const std::string text = TRY(read_file(path, json_bytes_max));
    TokenizerSpec spec = TRY(read_tokenizer_json(text, config, path));
    TRY(read_chat_template(folder + "chat_template.jinja", spec));
    return Tokenizer::create(std::move(spec));
  }
  if (path.ends_with(".model")) return Tokenizer::create(TRY(read_model_file(path)));
  const GgufFile file = TRY(GgufFile::open(path));
  return Tokenizer::from_gguf(file);
}

}  // namespace quire
