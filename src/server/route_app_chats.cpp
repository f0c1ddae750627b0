// /app/api/chats, settings, export, import: what the web app keeps on the server (saved_state.h).
#include "server/app.h"
#include "server/saved_state.h"
#include "server/stream.h"

#include "format/json.h"
#include "format/printable.h"

#include <algorithm>
#include <charconv>

namespace quire::server {
namespace {

constexpr int64_t n_listed_max = 1000;  // chats in one answer
constexpr size_t id_bytes_max = 64, name_bytes_max = 2000, settings_bytes_max = size_t{1} << 20;
constexpr int64_t whole_max = int64_t{1} << 53;  // what a browser counts to
constexpr const char* export_format = "quire-chats";

// What cannot be kept now is 503, what has no room 413.
ApiError state_error(const Error& error) {
  ApiError result(error);
  result.status = error.fault == Fault::limit ? 413 : 503;
  return result;
}
template <class T>
ApiResult<T> kept(Result<T> result) {
  if (!result.has_value()) return std::unexpected(state_error(result.error()));
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return *std::move(result);
}

ApiResult<SavedState*> saved_state(App& app) { return kept(app.saved_state()); }

ApiResult<void> check_id(const std::string& id, const std::string& name) {
  const bool good = !id.empty() && id.size() <= id_bytes_max && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (good) return {};
  return fail_api(400, name, "{} is '{}': it may be 1 to {} letters, digits, '-' and '_'", name,
                  printable(id), id_bytes_max);
}

// The body as a JSON object of any keys; the order of keys has no meaning here.
ApiResult<nlohmann::json> read_object(const App& app, const Exchange& exchange, size_t bytes_max) {
  const std::string& body = exchange.request().body;
  if (body.size() > bytes_max)
    return fail_api(413, "", "the body has {} bytes, at most {} are taken", body.size(), bytes_max);
  auto parsed = parse_json(body, "the body", {.depth_max = app.options.limits.json_depth_max});
  if (!parsed.has_value()) return std::unexpected(ApiError{400, parsed.error().text});
  if (!parsed->is_object()) return fail_api(400, "", "the body is JSON but no object");
  return *std::move(parsed);
}

// A whole number from 0 on; `fallback` when it is missing and that is not negative.
ApiResult<int64_t> whole(const nlohmann::json& object, const char* name, const std::string& where,
                         int64_t fallback) {
  const auto found = object.find(name);
  if (found == object.end() && fallback >= 0) return fallback;
  if (found != object.end() && found->is_number_unsigned() &&
      found->get<uint64_t>() <= static_cast<uint64_t>(whole_max))
    return found->get<int64_t>();
  return fail_api(400, where + name, "{}{} must be a whole number from 0 to {}", where, name,
                  whole_max);
}

ApiResult<std::string> name_text(const nlohmann::json& object, const char* name,
                                 const std::string& where) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string())
    return fail_api(400, where + name, "{}{} must be a text", where, name);
  auto text = found->get<std::string>();
  if (text.size() > name_bytes_max)
    return fail_api(400, where + name, "{}{} has {} bytes, at most {} are kept", where, name,
                    text.size(), name_bytes_max);
  return text;
}

// Checks a document and takes out what the server keeps beside it. `where` stands in front of the
// names of fields.
ApiResult<ChatDocument> read_chat(nlohmann::json& object, const std::string& id,
                                  const std::string& where) {
  ChatDocument chat;
  chat.head.id = id;
  chat.head.title = TRY_API(name_text(object, "title", where));
  chat.head.model = TRY_API(name_text(object, "model", where));
  chat.head.created_ms = TRY_API(whole(object, "created", where, 0));
  chat.head.updated_ms = TRY_API(whole(object, "updated", where, 0));
  chat.head.version = TRY_API(whole(object, "version", where, -1));
  const auto messages = object.find("messages");
  if (messages == object.end() || !messages->is_object())
    return fail_api(400, where + "messages", "{}messages must be an object", where);
  for (const char* name : {"id", "updated", "version"}) object.erase(name);
  chat.rest = object.dump();
  return chat;
}

Json head_json(const ChatHead& head) {
  return {{"id", head.id},
          {"title", head.title},
          {"model", head.model},
          {"created", head.created_ms},
          {"updated", head.updated_ms}};
}

void send_text(Exchange& exchange, std::string json_text, int status = 200) {
  exchange.send({status, "application/json", std::move(json_text), {}});
}

std::unexpected<ApiError> no_such_chat(const std::string& id) {
  return fail_api(404, "id", "there is no chat '{}'", id);
}

// "1767225600000-ID" as `next` of a list gives it.
ApiResult<ChatHead> read_place(std::string_view text) {
  ChatHead place;
  const char *begin = text.data(), *end = begin + text.size();
  const auto [at, code] = std::from_chars(begin, end, place.updated_ms);
  if (code == std::errc{} && at != end && *at == '-' && place.updated_ms >= 0) {
    place.id = std::string(at + 1, end);
    if (check_id(place.id, "after")) return place;
  }
  return fail_api(400, "after", "after is '{}': it may be what `next` of an earlier list says",
                  printable(text));
}

}  // namespace

ApiResult<void> route_app_chats(App& app, Exchange& exchange) {
  const HttpRequest& request = exchange.request();
  std::optional<ChatHead> after;
  if (const std::string_view text = request.query_or("after", ""); !text.empty())
    after = TRY_API(read_place(text));
  int64_t n_max = n_listed_max;
  if (const std::string_view text = request.query_or("limit", ""); !text.empty()) {
    const auto [at, code] = std::from_chars(text.data(), text.data() + text.size(), n_max);
    if (code != std::errc{} || at != text.data() + text.size() || n_max < 1 || n_max > n_listed_max)
      return fail_api(400, "limit", "limit is '{}': it may be 1 to {}", printable(text),
                      n_listed_max);
  }
  SavedState* state = TRY_API(saved_state(app));
  const auto heads = TRY_API(kept(state->list(n_max, after ? &*after : nullptr)));
  Json chats = Json::array();
  for (const ChatHead& head : heads) chats.push_back(head_json(head));
  Json answer = {{"chats", std::move(chats)}};
  if (static_cast<int64_t>(heads.size()) == n_max)
    answer["next"] = fmt::format("{}-{}", heads.back().updated_ms, heads.back().id);
  send_json(exchange, answer);
  return {};
}

ApiResult<void> route_app_chat_get(App& app, Exchange& exchange) {
  const std::string& id = exchange.request().path_parameters[0];
  TRY_API(check_id(id, "id"));
  SavedState* state = TRY_API(saved_state(app));
  const auto chat = TRY_API(kept(state->chat(id)));
  if (!chat) return no_such_chat(id);
  send_text(exchange, chat->text());
  return {};
}

ApiResult<void> route_app_chat_put(App& app, Exchange& exchange) {
  const std::string& id = exchange.request().path_parameters[0];
  TRY_API(check_id(id, "id"));
  nlohmann::json object =
      TRY_API(read_object(app, exchange, static_cast<size_t>(app.options.web.document_bytes_max)));
  if (const auto own = object.find("id"); own != object.end() && *own != id)
    return fail_api(400, "id", "the document's id is not '{}', which the path says", id);
  const ChatDocument chat = TRY_API(read_chat(object, id, ""));
  SavedState* state = TRY_API(saved_state(app));
  const SavedState::Put put = TRY_API(kept(state->put(chat, unix_ms())));
  if (!put.stored) {
    exchange.note = fmt::format("version {} is not the latest", chat.head.version);
    send_text(exchange, put.newest.text(), 409);
    return {};
  }
  const ChatHead& head = put.newest.head;
  send_json(exchange, {{"id", head.id}, {"version", head.version}, {"updated", head.updated_ms}});
  return {};
}

ApiResult<void> route_app_chat_delete(App& app, Exchange& exchange) {
  const std::string& id = exchange.request().path_parameters[0];
  TRY_API(check_id(id, "id"));
  SavedState* state = TRY_API(saved_state(app));
  if (!TRY_API(kept(state->erase(id)))) return no_such_chat(id);
  send_json(exchange, {{"deleted", true}});
  return {};
}

ApiResult<void> route_app_settings_get(App& app, Exchange& exchange) {
  SavedState* state = TRY_API(saved_state(app));
  send_text(exchange, TRY_API(kept(state->settings())));
  return {};
}

ApiResult<void> route_app_settings_put(App& app, Exchange& exchange) {
  const nlohmann::json object = TRY_API(read_object(app, exchange, settings_bytes_max));
  SavedState* state = TRY_API(saved_state(app));
  TRY_API(kept(state->put_settings(object.dump())));
  send_text(exchange, object.dump());
  return {};
}

// Written chat by chat: all of them together need not fit in memory.
ApiResult<void> route_app_export(App& app, Exchange& exchange) {
  SavedState* state = TRY_API(saved_state(app));
  const std::string settings = TRY_API(kept(state->settings()));
  auto chat = TRY_API(kept(state->chat_after("")));
  exchange.begin(200, "application/json");
  bool open =
      exchange.write(fmt::format(R"({{"format":"{}","version":1,"chats":[)", export_format));
  while (open && chat) {
    open = exchange.write(chat->text());
    const std::string id = chat->head.id;
    auto next = state->chat_after(id);
    // Without its end the answer is seen to be broken.
    if (!next.has_value()) return std::unexpected(state_error(next.error()));
    chat = *std::move(next);
    if (chat) open = exchange.write(",");
  }
  exchange.write(fmt::format(R"(],"settings":{}}})", settings));
  exchange.end();
  return {};
}

ApiResult<void> route_app_import(App& app, Exchange& exchange) {
  nlohmann::json object = TRY_API(read_object(app, exchange, SIZE_MAX));
  if (object.value("format", nlohmann::json()) != export_format)
    return fail_api(400, "format", "format is not \"{}\": this is no export of chats",
                    export_format);
  if (object.value("version", nlohmann::json()) != 1)
    return fail_api(400, "version", "version must be 1, the only one that is known here");
  const auto list = object.find("chats");
  if (list == object.end() || !list->is_array())
    return fail_api(400, "chats", "chats must be an array");
  std::vector<ChatDocument> chats;
  for (size_t i = 0; i < list->size(); ++i) {
    nlohmann::json& item = (*list)[i];
    const std::string where = fmt::format("chats[{}].", i);
    if (!item.is_object()) return fail_api(400, where, "chats[{}] must be an object", i);
    const std::string id = TRY_API(name_text(item, "id", where));
    TRY_API(check_id(id, where + "id"));
    chats.push_back(TRY_API(read_chat(item, id, where)));
    const auto n_bytes = static_cast<int64_t>(chats.back().rest.size());
    if (n_bytes > app.options.web.document_bytes_max)
      return fail_api(413, where, "chats[{}] has {} bytes, at most {} are kept", i, n_bytes,
                      app.options.web.document_bytes_max);
  }
  std::optional<std::string> settings;
  if (const auto own = object.find("settings"); own != object.end() && own->is_object()) {
    settings = own->dump();
    if (settings->size() > settings_bytes_max)
      return fail_api(413, "settings", "settings has {} bytes, at most {} are kept",
                      settings->size(), settings_bytes_max);
  }
  SavedState* state = TRY_API(saved_state(app));
  const auto sum = TRY_API(kept(state->import(chats, settings)));
  send_json(exchange, {{"imported", sum.n_imported}, {"skipped", sum.n_skipped}});
  return {};
}

}  // namespace quire::server
