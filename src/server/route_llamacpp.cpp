// llama.cpp's endpoints about tokens, templates and the server.
#include "server/chat.h"
#include "server/completion.h"
#include "server/llamacpp_json.h"
#include "server/request_fields.h"
#include "server/stream.h"
#include "text/utf8.h"

namespace quire::server {
namespace {

struct LlamacppTextAsked {
  Json body;
  std::shared_ptr<ServedModel> model;
};

ApiResult<LlamacppTextAsked> read_llamacpp_text_request(App& app, Exchange& exchange) {
  Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  TRY_API(fields.done());
  auto model = TRY_API(app.any_model(name, exchange));
  return LlamacppTextAsked{std::move(body), std::move(model)};
}

// The chat that a request holds as the prompt of the model.
ApiResult<RenderedChat> render_asked(const App& app, const LlamacppTextAsked& asked,
                                     Fields& fields) {
  ChatRequest chat;
  const Json* messages = fields.array("messages");
  if (messages == nullptr) fields.complain("messages", "is missing");
  TRY_API(fields.done());
  chat.messages = *messages;
  chat.tools = TRY_API(checked_tools(fields.array("tools")));
  chat.template_kwargs = app.options.defaults.template_kwargs;
  if (const Json* kwargs = fields.object("chat_template_kwargs"))
    chat.template_kwargs.update(*kwargs);
  chat.continue_last = fields.flag("continue_final_message", false);
  chat.no_answer = !chat.continue_last && !fields.flag("add_generation_prompt", true);
  TRY_API(fields.done());
  if (asked.model->host == nullptr)
    return fail_api(400, "model", "{} is an encoder and has no chats", asked.model->name);
  return render_chat(app, *asked.model, chat);
}

void add_token_counts(Json& answer, const ServedModel& model, size_t n) {
  answer["count"] = n;
  answer["max_model_len"] = model.n_ctx();
}

Json token_texts(const Tokenizer& tokenizer, std::span<const int32_t> ids) {
  Json texts = Json::array();
  for (const int32_t id : ids) texts.push_back(tokenizer.readable(tokenizer.piece(id)));
  return texts;
}

ApiResult<void> tokenize_chat(const App& app, Exchange& exchange, const LlamacppTextAsked& asked) {
  Fields fields(asked.body);
  const RenderedChat rendered = TRY_API(render_asked(app, asked, fields));
  Json answer = {{"tokens", rendered.ids}};
  if (fields.flag("return_token_strs", false))
    answer["token_strs"] = token_texts(asked.model->tokenizer(), rendered.ids);
  TRY_API(fields.done());
  add_token_counts(answer, *asked.model, rendered.ids.size());
  send_json(exchange, answer);
  return {};
}

}  // namespace

ApiResult<void> route_tokenize(App& app, Exchange& exchange) {
  const LlamacppTextAsked asked = TRY_API(read_llamacpp_text_request(app, exchange));
  Fields fields(asked.body);
  const Json* content = fields.find("content");
  // vLLM calls the text `prompt`, or wants that of `messages`, and has the model's tokens added.
  const bool other = content == nullptr;
  if (other) content = fields.find("prompt");
  if (content == nullptr && fields.has("messages")) return tokenize_chat(app, exchange, asked);
  if (content == nullptr) fields.complain("content", "is missing");
  EncodeOptions options;
  const bool add = fields.flag("add_special", fields.flag("add_special_tokens", other));
  options.add = add ? AddSpecial::as_model : AddSpecial::never;
  options.parse =
      fields.flag("parse_special", true) ? ParseSpecial::as_tokens : ParseSpecial::as_text;
  const bool with_pieces = fields.flag("with_pieces", false);
  TRY_API(fields.done());
  const Tokenizer& tokenizer = asked.model->tokenizer();
  std::vector<int32_t> ids;
  if (content->is_string())
    ids = TRY_API(tokenizer.encode(content->get_ref<const std::string&>(), options));
  else
    ids = TRY_API(prompt_tokens(tokenizer, *content, "content", options.add));
  Json tokens = Json::array();
  for (const int32_t id : ids) {
    if (!with_pieces) {
      tokens.push_back(id);
      continue;
    }
    const std::string_view piece = tokenizer.piece(id);
    Json shown = std::string(piece);
    if (utf8_valid_prefix(piece) != piece.size()) {
      shown = Json::array();
      for (const char c : piece) shown.push_back(static_cast<uint8_t>(c));
    }
    tokens.push_back({{"id", id}, {"piece", std::move(shown)}});
  }
  Json answer = {{"tokens", std::move(tokens)}};
  if (fields.flag("return_token_strs", false)) answer["token_strs"] = token_texts(tokenizer, ids);
  TRY_API(fields.done());
  if (other) add_token_counts(answer, *asked.model, ids.size());
  send_json(exchange, answer);
  return {};
}

ApiResult<void> route_detokenize(App& app, Exchange& exchange) {
  const LlamacppTextAsked asked = TRY_API(read_llamacpp_text_request(app, exchange));
  Fields fields(asked.body);
  const Json* tokens = fields.array("tokens");
  if (tokens == nullptr) fields.complain("tokens", "is missing");
  TRY_API(fields.done());
  std::vector<int32_t> ids;
  const Tokenizer& tokenizer = asked.model->tokenizer();
  if (!tokens->empty())
    ids = TRY_API(prompt_tokens(tokenizer, *tokens, "tokens", AddSpecial::never));
  const std::string text = tokenizer.decode(ids, {.special = ShowSpecial::show});
  const std::string shown = tokenizer.readable(text);
  send_json(exchange, {{"content", shown}, {"prompt", shown}});  // vLLM calls it so
  return {};
}

ApiResult<void> route_apply_template(App& app, Exchange& exchange) {
  const LlamacppTextAsked asked = TRY_API(read_llamacpp_text_request(app, exchange));
  Fields fields(asked.body);
  const RenderedChat rendered = TRY_API(render_asked(app, asked, fields));
  send_json(exchange, {{"prompt", rendered.prompt.text}, {"n_tokens", rendered.ids.size()}});
  return {};
}

namespace {

// With the server's own seed and limits.
Json default_settings(const App& app, const ServedModel& model) {
  const RequestDefaults& defaults = app.options.defaults;
  const int64_t most = app.options.limits.n_predict_max;
  Json json = settings_json({.sampling = defaults.sampling,
                             .n_predict = most < INT32_MAX ? most : -1,
                             .stop = defaults.stop,
                             .n_keep = defaults.n_keep,
                             .ignore_eos = defaults.ignore_eos,
                             .grammar = "",
                             .lora = model.host ? lora_scales(model, {}) : Json::array()},
                            {});
  json["seed"] = defaults.seed;
  return json;
}

Json cache_json(const EngineHost& host) {
  const HostCache cache = host.cache();
  Json json = {{"n_positions", cache.n_positions}, {"n_held", cache.n_held},
               {"n_kept", cache.n_kept},           {"n_evicted", cache.n_evicted},
               {"bytes", host.kv_bytes()},         {"shared", cache.shares}};
  if (cache.n_states > 0)
    json["states"] = {{"n_places", cache.n_states}, {"n_kept", cache.n_states_kept}};
  if (cache.on_disk)
    json["disk"] = {{"bytes", cache.disk.bytes},
                    {"positions_read", cache.disk.n_read * kv_block_size},
                    {"positions_written", cache.disk.n_written * kv_block_size},
                    {"files_damaged", cache.disk.n_damaged},
                    {"files_removed", cache.disk.n_removed}};
  return json;
}

}  // namespace

Json App::props(const ServedModel& model) {
  const Tokenizer& tokenizer = model.tokenizer();
  const auto piece = [&](int32_t id) { return tokenizer.readable(tokenizer.piece(id)); };
  Json json = {{"default_generation_settings",
                {{"n_ctx", model.n_ctx()}, {"params", default_settings(*this, model)}}},
               {"total_slots", model.host ? model.host->n_slots() : 1},
               {"prompt_cache", model.host ? cache_json(*model.host) : Json()},
               {"model_alias", model.name},
               {"model_path", model.path},
               {"modalities", {{"vision", false}, {"audio", false}}},
               {"is_sleeping", false},
               {"endpoint_slots", options.slots},
               {"endpoint_props", false},
               {"endpoint_metrics", options.metrics},
               {"chat_template", model.chat ? model.chat->source() : ""},
               {"bos_token", piece(tokenizer.bos())},
               {"eos_token", piece(tokenizer.eos())},
               {"build_info", fingerprint()}};
  if (!options.sleeps) return json;
  const std::lock_guard lock(props_mutex_);
  props_[model.key] = json;
  return json;
}

std::optional<Json> App::props_of_sleeper(const std::string& name) const {
  const auto entry = models.catalog().find(name);
  if (!entry) return std::nullopt;
  for (const ModelRegistry::Loaded& loaded : models.loaded())
    if (loaded.served->key == entry->key) return std::nullopt;
  const std::lock_guard lock(props_mutex_);
  const auto known = props_.find(entry->key);
  if (known == props_.end()) return std::nullopt;
  Json json = known->second;
  json["is_sleeping"] = true;
  return json;
}

namespace {

// Of a server that was started without a model.
Json router_props(const App& app) {
  return {{"role", "router"},
          {"max_instances", app.options.models.n_models_max},
          {"models_autoload", app.options.loads_models},
          {"model_alias", "quire"},
          {"model_path", "none"},
          {"default_generation_settings", {{"params", Json::object()}, {"n_ctx", 0}}},
          {"build_info", fingerprint()}};
}

}  // namespace

ApiResult<void> route_props(App& app, Exchange& exchange) {
  const std::string name(exchange.request().query_or("model", ""));
  if (app.options.router && name.empty()) {
    send_json(exchange, router_props(app));
    return {};
  }
  if (const auto known = app.props_of_sleeper(name)) {
    send_json(exchange, *known);
    return {};
  }
  // Who looks at a model does not keep it awake.
  for (const ModelRegistry::Loaded& loaded : app.models.loaded())
    if (const auto entry = app.models.catalog().find(name);
        entry && app.options.sleeps && loaded.served->key == entry->key) {
      send_json(exchange, app.props(*loaded.served));
      return {};
    }
  send_json(exchange, app.props(*TRY_API(app.any_model(name, exchange))));
  return {};
}

ApiResult<void> route_props_post(App&, Exchange&) {
  return fail_api(501, "",
                  "properties cannot be changed while the server runs: its flags set them");
}

}  // namespace quire::server
