// llama.cpp's endpoints about tokens, templates and the server.
#include "server/chat.h"
#include "server/completion.h"
#include "server/request_fields.h"
#include "server/stream.h"
#include "text/utf8.h"

namespace quire::server {
namespace {

struct Asked {
  Json body;
  std::shared_ptr<ServedModel> model;
};

ApiResult<Asked> read_request(App& app, Exchange& exchange) {
  Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  TRY_API(fields.done());
  auto model = TRY_API(app.any_model(name, exchange));
  return Asked{std::move(body), std::move(model)};
}

}  // namespace

ApiResult<void> route_tokenize(App& app, Exchange& exchange) {
  const Asked asked = TRY_API(read_request(app, exchange));
  Fields fields(asked.body);
  const Json* content = fields.find("content");
  if (content == nullptr) content = fields.find("prompt");
  if (content == nullptr) fields.complain("content", "is missing");
  EncodeOptions options;
  options.add = fields.flag("add_special", false) ? AddSpecial::as_model : AddSpecial::never;
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
  send_json(exchange, {{"tokens", std::move(tokens)}});
  return {};
}

ApiResult<void> route_detokenize(App& app, Exchange& exchange) {
  const Asked asked = TRY_API(read_request(app, exchange));
  Fields fields(asked.body);
  const Json* tokens = fields.array("tokens");
  if (tokens == nullptr) fields.complain("tokens", "is missing");
  TRY_API(fields.done());
  std::vector<int32_t> ids;
  const Tokenizer& tokenizer = asked.model->tokenizer();
  if (!tokens->empty())
    ids = TRY_API(prompt_tokens(tokenizer, *tokens, "tokens", AddSpecial::never));
  const std::string text = tokenizer.decode(ids, {.special = ShowSpecial::show});
  send_json(exchange, {{"content", utf8_replace_invalid(text)}});
  return {};
}

ApiResult<void> route_apply_template(App& app, Exchange& exchange) {
  const Asked asked = TRY_API(read_request(app, exchange));
  Fields fields(asked.body);
  ChatRequest chat;
  const Json* messages = fields.array("messages");
  if (messages == nullptr) fields.complain("messages", "is missing");
  TRY_API(fields.done());
  chat.messages = *messages;
  chat.tools = TRY_API(checked_tools(fields.array("tools")));
  if (const Json* kwargs = fields.object("chat_template_kwargs")) chat.template_kwargs = *kwargs;
  chat.continue_last =
      fields.flag("continue_final_message", false) || !fields.flag("add_generation_prompt", true);
  TRY_API(fields.done());
  if (asked.model->host == nullptr)
    return fail_api(400, "model", "{} is an encoder and has no chats", asked.model->name);
  const RenderedChat rendered = TRY_API(render_chat(app, *asked.model, chat));
  send_json(exchange, {{"prompt", rendered.prompt.text}, {"n_tokens", rendered.ids.size()}});
  return {};
}

namespace {

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

ApiResult<void> route_props(App& app, Exchange& exchange) {
  const auto model =
      TRY_API(app.any_model(std::string(exchange.request().query_or("model", "")), exchange));
  const SamplingParams p;
  const Tokenizer& tokenizer = model->tokenizer();
  const auto piece = [&](int32_t id) { return utf8_replace_invalid(tokenizer.piece(id)); };
  send_json(exchange, {{"default_generation_settings",
                        {{"n_ctx", model->n_ctx()},
                         {"params",
                          {{"temperature", p.temperature},
                           {"top_k", p.top_k},
                           {"top_p", p.top_p},
                           {"min_p", p.min_p},
                           {"repeat_penalty", p.repeat_penalty},
                           {"repeat_last_n", p.repeat_last_n}}}}},
                       {"total_slots", model->host ? model->host->n_slots() : 1},
                       {"prompt_cache", model->host ? cache_json(*model->host) : Json()},
                       {"model_alias", model->name},
                       {"model_path", model->path},
                       {"modalities", {{"vision", false}, {"audio", false}}},
                       {"chat_template", model->chat ? model->chat->source() : ""},
                       {"bos_token", piece(tokenizer.bos())},
                       {"eos_token", piece(tokenizer.eos())},
                       {"build_info", "quire " QUIRE_VERSION}});
  return {};
}

// The engine gives sequences a place as they come; a row stands for each place, the busy ones
// first.
ApiResult<void> route_slots(App& app, Exchange& exchange) {
  Json slots = Json::array();
  for (const ModelRegistry::Loaded& loaded : app.models.loaded()) {
    if (!loaded.served->host) continue;  // encoders have none
    const EngineHost& host = *loaded.served->host;
    const int64_t n_running = host.counters().n_running;
    for (int32_t i = 0; i < host.n_slots(); ++i)
      slots.push_back({{"id", i},
                       {"model", loaded.served->name},
                       {"n_ctx", host.n_ctx()},
                       {"is_processing", i < n_running}});
  }
  send_json(exchange, slots);
  return {};
}

}  // namespace quire::server
