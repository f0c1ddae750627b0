// Ollama's endpoints about models: tags, show, ps, version, and those that need a store.
#include "format/printable.h"
#include "server/ollama.h"
#include "server/stream.h"

#include "base/sha256.h"
#include "format/gguf.h"
#include "text/utf8.h"

namespace quire::server {
namespace {

// A name for the content, as clients want one: 64 digits that change with the model.
std::string digest_of(const CatalogEntry& entry) { return sha256_of(entry.key).substr(7); }

Json model_entry(const CatalogEntry& entry) {
  return {{"name", entry.name},
          {"model", entry.name},
          {"modified_at",
           iso_time(std::chrono::system_clock::from_time_t(static_cast<time_t>(entry.modified_s)))},
          {"size", entry.bytes},
          {"digest", digest_of(entry)},
          {"details", ollama_details(entry.path)}};
}

// Runs what reports its progress, as lines or at its end.
ApiResult<void> transfer(Exchange& exchange, const Json& body,
                         const std::function<Result<void>(const OnProgress&)>& work) {
  Fields fields(body);
  const bool stream = fields.flag("stream", true);
  TRY_API(fields.done());
  const auto on_progress = [&](const TransferProgress& p) {
    if (exchange.stop_token().stop_requested()) return false;
    if (!stream) return true;
    if (!exchange.begun()) exchange.begin(200, "application/x-ndjson");
    Json line = {{"status", p.status}};
    if (!p.digest.empty()) line["digest"] = p.digest;
    if (p.total > 0) line["total"] = p.total, line["completed"] = p.completed;
    return write_line(exchange, line);
  };
  const auto result = work(on_progress);
  if (!exchange.begun()) {
    TRY_API(result);
    send_json(exchange, {{"status", "success"}});
    return {};
  }
  if (result)
    write_line(exchange, {{"status", "success"}});
  else
    write_line(exchange, {{"error", result.error().text}});
  exchange.end();
  return {};
}

Json array_json(const GgufValue& value) {
  if (const auto texts = value.as_strings()) {
    Json list = Json::array();
    for (const std::string_view text : *texts) list.push_back(utf8_replace_invalid(text));
    return list;
  }
  if (const auto numbers = value.as_ints()) return *numbers;
  if (const auto numbers = value.as_floats()) return *numbers;
  return nullptr;
}

// Its shape as the file has it, the contiguous dimension first.
Json tensor_json(const GgufTensor& tensor) {
  Json shape = Json::array();
  for (int i = tensor.view.shape.rank; i-- > 0;) shape.push_back(tensor.view.shape[i]);
  return {
      {"name", tensor.name}, {"type", info(tensor.view.dtype).name}, {"shape", std::move(shape)}};
}

// Arrays are long: only those who ask for all are told.
enum class Detail : uint8_t { short_values, all };

Json value_json(const GgufValue& value, Detail detail) {
  if (const auto text = value.as_string()) return std::string(*text);
  if (const auto flag = value.as_bool()) return *flag;
  if (const auto number = value.as_int()) return *number;
  if (const auto number = value.as_float()) return *number;
  return detail == Detail::all ? array_json(value) : Json(nullptr);
}

}  // namespace

ApiResult<void> route_ollama_version(App&, Exchange& exchange) {
  send_json(exchange, {{"version", QUIRE_VERSION}});
  return {};
}

ApiResult<void> route_ollama_tags(App& app, Exchange& exchange) {
  Json models = Json::array();
  for (const CatalogEntry& entry : app.models.catalog().list())
    models.push_back(model_entry(entry));
  send_json(exchange, {{"models", std::move(models)}});
  return {};
}

ApiResult<void> route_ollama_ps(App& app, Exchange& exchange) {
  Json models = Json::array();
  for (const ModelRegistry::Loaded& loaded : app.models.loaded()) {
    const auto entry = app.models.catalog().find(loaded.served->name);
    if (!entry) continue;
    Json json = model_entry(*entry);
    json["size"] = loaded.served->memory_bytes();
    json["size_vram"] = 0;
    json["context_length"] = loaded.served->n_ctx();
    const double left_s = loaded.expires_in_s < 0 ? 1e9 : loaded.expires_in_s;
    json["expires_at"] = iso_time(std::chrono::system_clock::now() +
                                  std::chrono::seconds(static_cast<int64_t>(left_s)));
    models.push_back(std::move(json));
  }
  send_json(exchange, {{"models", std::move(models)}});
  return {};
}

namespace {

// What the model can be asked for, as Ollama names it.
Json capabilities_of(const GgufFile& file, const std::string& chat_template) {
  const std::string arch(file.get_string_or("general.architecture", "").value_or(""));
  const bool has_pooling = std::ranges::any_of(
      file.entries(), [&](const GgufEntry& entry) { return entry.key == arch + ".pooling_type"; });
  const bool causal = file.get_bool_or(arch + ".attention.causal", true).value_or(true);
  if (has_pooling || !causal) return Json::array({"embedding"});
  Json capabilities = Json::array({"completion"});
  const ReplyFormat format = find_reply_format(chat_template);
  if (format.tools != ToolStyle::none) capabilities.push_back("tools");
  if (!format.think_open.empty()) capabilities.push_back("thinking");
  return capabilities;
}

// "temperature                    0.7", a line each; texts in quotes.
std::string parameters_text(const ModelContents& contents) {
  std::string text;
  const auto lines = parameter_lines(contents.parameters);
  if (!lines) return text;
  for (const auto& [name, value] : *lines)
    text += fmt::format("{}{:<30} {}", text.empty() ? "" : "\n", name,
                        name == "stop" ? to_text(Json(value)) : value);
  return text;
}

}  // namespace

ApiResult<void> route_ollama_show(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const std::string name = TRY_API(ollama_model_name(body));
  Fields fields(body);
  const Detail detail = fields.flag("verbose", false) ? Detail::all : Detail::short_values;
  TRY_API(fields.done());
  const CatalogEntry entry = TRY_API(app.models.catalog().find(name));
  const GgufFile file = TRY_API(GgufFile::open(entry.path));
  const ModelContents contents =
      entry.contents ? *entry.contents : ModelContents{.weights = entry.path};
  Json model_info = Json::object();
  for (const GgufEntry& item : file.entries())
    model_info[std::string(item.key)] = value_json(item.value, detail);
  int64_t n_params = 0;
  Json tensors = Json::array();
  for (const GgufTensor& tensor : file.tensors()) {
    n_params += tensor.view.shape.n_elements();
    if (detail == Detail::all) tensors.push_back(tensor_json(tensor));
  }
  model_info["general.parameter_count"] = n_params;
  const auto own = file.get_string_or("tokenizer.chat_template", "");
  const std::string source = contents.chat_template.value_or(std::string(own.value_or("")));
  Json answer = {{"modelfile", modelfile_text(contents)},
                 {"parameters", parameters_text(contents)},
                 {"template", source},
                 {"details", ollama_details(entry.path)},
                 {"model_info", std::move(model_info)},
                 {"capabilities", capabilities_of(file, source)},
                 {"modified_at", model_entry(entry)["modified_at"]}};
  if (detail == Detail::all) answer["tensors"] = std::move(tensors);
  if (contents.system) answer["system"] = *contents.system;
  std::string license;
  for (const std::string& one : contents.licenses) license += (license.empty() ? "" : "\n") + one;
  if (!license.empty()) answer["license"] = license;
  for (const auto& [role, text] : contents.messages)
    answer["messages"].push_back({{"role", role}, {"content", text}});
  send_json(exchange, answer);
  return {};
}

namespace {

ApiResult<TransferRequest> transfer_request(const Json& body) {
  TransferRequest request;
  request.model = TRY_API(ollama_model_name(body));
  Fields fields(body);
  request.insecure = fields.flag("insecure", false);
  TRY_API(fields.done());
  if (const auto ref = parse_model_ref(request.model); !ref)
    return std::unexpected(ApiError{400, ref.error().text, "model"});
  return request;
}

}  // namespace

ApiResult<void> route_ollama_pull(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const TransferRequest request = TRY_API(transfer_request(body));
  return transfer(exchange, body,
                  [&](const OnProgress& p) { return app.models.catalog().pull(request, p); });
}

ApiResult<void> route_ollama_push(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const TransferRequest request = TRY_API(transfer_request(body));
  return transfer(exchange, body,
                  [&](const OnProgress& p) { return app.models.catalog().push(request, p); });
}

ApiResult<void> route_ollama_create(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const CreateRequest request = TRY_API(read_create_request(body));
  return transfer(exchange, body, [&](const OnProgress& tell) -> Result<void> {
    TRY(app.models.catalog().create(request, tell));
    app.models.release(request.model);
    return {};
  });
}

namespace {

// What is not there has the words that Ollama's clients look for.
ApiResult<void> or_not_found(const Result<void>& done, const std::string& name) {
  if (done) return {};
  if (done.error().fault != Fault::not_found) return std::unexpected(ApiError(done.error()));
  return fail_api(404, "model", "model '{}' not found: {}", printable(name, 80), done.error().text);
}

}  // namespace

ApiResult<void> route_ollama_copy(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string source = fields.text("source"), destination = fields.text("destination");
  if (source.empty()) fields.complain("source", "is missing");
  if (destination.empty()) fields.complain("destination", "is missing");
  TRY_API(fields.done());
  TRY_API(or_not_found(app.models.catalog().copy(source, destination), source));
  exchange.send({200, "", "", {}});
  return {};
}

ApiResult<void> route_ollama_delete(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const std::string name = TRY_API(ollama_model_name(body));
  app.models.release(name);
  TRY_API(or_not_found(app.models.catalog().remove(name), name));
  exchange.send({200, "", "", {}});
  return {};
}

ApiResult<void> route_blob_head(App& app, Exchange& exchange) {
  TRY_API(app.models.catalog().find_blob(exchange.request().path_parameters.at(0)));
  exchange.send({200, "", "", {}});
  return {};
}

// The body has gone into the store by now (AppHandler::admit).
ApiResult<void> route_blob_put(App&, Exchange& exchange) {
  exchange.send({201, "", "", {}});
  return {};
}

}  // namespace quire::server
