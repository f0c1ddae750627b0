#include "store/contents.h"

#include "base/file.h"
#include "format/json.h"
#include "format/printable.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace quire {
namespace {

using nlohmann::json;

constexpr uint64_t part_bytes_max = 16 << 20;

Result<std::vector<std::pair<std::string, std::string>>> read_messages(std::string_view text,
                                                                       const std::string& path) {
  const json list = TRY(parse_json(text, path));
  std::vector<std::pair<std::string, std::string>> messages;
  const auto wrong = [&] {
    return fail(Fault::bad_format, "{}: messages are a list of {{\"role\", \"content\"}}", path);
  };
  if (!list.is_array()) return wrong();
  for (const json& item : list) {
    if (!item.is_object() || !item.contains("role") || !item["role"].is_string() ||
        !item.contains("content") || !item["content"].is_string())
      return wrong();
    messages.emplace_back(item["role"].get<std::string>(), item["content"].get<std::string>());
  }
  return messages;
}

std::string value_text(const nlohmann::ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string in_quotes(std::string_view text) { return fmt::format("\"\"\"{}\"\"\"", text); }

}  // namespace

Result<ModelContents> read_contents(const Store& store, const StoredModel& model) {
  ModelContents contents;
  contents.weights = TRY(store.model_path(model));
  for (const StoreLayer& layer : model.manifest.layers) {
    if (!layer.media_type.starts_with(layer_prefix)) continue;
    const std::string_view kind = std::string_view(layer.media_type).substr(layer_prefix.size());
    if (kind == "model" || kind == "projector") continue;
    const std::string path = TRY(store.layer_path(layer));
    if (kind == "adapter") {
      contents.adapters.push_back(path);
      continue;
    }
    std::string text = TRY(read_file(path, part_bytes_max));
    if (kind == "template" || kind == "prompt") {
      contents.chat_template = std::move(text);
    } else if (kind == "system") {
      contents.system = std::move(text);
    } else if (kind == "license") {
      contents.licenses.push_back(std::move(text));
    } else if (kind == "messages") {
      contents.messages = TRY(read_messages(text, path));
    } else if (kind == "params") {
      const auto lines = parameter_lines(text);
      if (!lines)
        return fail(lines.error().fault, "model '{}': {}", model.ref.text(), lines.error().text);
      if (!lines->empty()) contents.parameters = std::move(text);
    }
  }
  return contents;
}

namespace {

Result<FoundModel> find_by_name(const Store& store, const CacheFolders& folders,
                                const std::string& name) {
  const auto ref = parse_model_ref(name);
  if (ref) {
    for (const Store& place : {store, Store(folders.ollama)}) {
      if (place.root().empty()) continue;
      const auto stored = place.find(*ref);
      if (stored) return FoundModel{stored->ref.text(), TRY(read_contents(place, *stored))};
      if (stored.error().fault != Fault::not_found) return std::unexpected(stored.error());
    }
  }
  const std::string wanted = ref ? ref->text() : name;
  for (const CachedModel& model : cached_models({folders.llama_cpp, folders.hugging_face, ""}))
    if (model.name == name || model.name == wanted)
      return FoundModel{model.name, {.weights = model.path}};
  return fail(Fault::not_found, "there is no model '{}'", printable(name, 100));
}

}  // namespace

Result<FoundModel> find_stored(const Store& store, const CacheFolders& folders,
                               const std::string& name) {
  auto found = find_by_name(store, folders, name);
  if (found || found.error().fault != Fault::not_found || std::ranges::count(name, '/') != 1)
    return found;
  auto of_hub = find_by_name(store, folders, "hf.co/" + name);
  return of_hub ? of_hub : found;
}

Result<std::vector<std::pair<std::string, std::string>>> parameter_lines(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> lines;
  if (text.empty()) return lines;
  const nlohmann::ordered_json all = TRY(parse_ordered_json(text, "parameters"));
  const auto wrong = [](const std::string& key) {
    return fail(Fault::bad_format, "parameters: '{}' is no number, boolean, string or list of them",
                printable(key, 60));
  };
  if (!all.is_object()) return fail(Fault::bad_format, "parameters: this is no JSON object");
  for (const auto& [key, value] : all.items()) {
    if (value.is_null()) continue;
    const auto list = value.is_array() ? value : nlohmann::ordered_json::array({value});
    for (const auto& one : list) {
      if (!one.is_primitive() || one.is_null()) return wrong(key);
      lines.emplace_back(key, value_text(one));
    }
  }
  return lines;
}

std::string modelfile_text(const ModelContents& contents) {
  std::string text = fmt::format("FROM {}\n", contents.weights);
  for (const std::string& adapter : contents.adapters) text += fmt::format("ADAPTER {}\n", adapter);
  if (contents.chat_template)
    text += fmt::format("TEMPLATE {}\n", in_quotes(*contents.chat_template));
  if (contents.system) text += fmt::format("SYSTEM {}\n", in_quotes(*contents.system));
  const auto parameters = parameter_lines(contents.parameters);
  if (parameters)
    for (const auto& [name, value] : *parameters)
      text += fmt::format("PARAMETER {} {}\n", name,
                          name == "stop" ? fmt::format("\"{}\"", value) : value);
  for (const auto& [role, said] : contents.messages)
    text += fmt::format("MESSAGE {} {}\n", role, in_quotes(said));
  for (const std::string& license : contents.licenses)
    text += fmt::format("LICENSE {}\n", in_quotes(license));
  return text;
}

}  // namespace quire
