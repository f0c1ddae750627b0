// GET and POST /lora-adapters, as llama.cpp's server has them (tools/server/README.md there). A
// request may name its own scales, in the field `lora` (request_fields.h).
#include "server/request_fields.h"
#include "server/stream.h"

namespace quire::server {
namespace {

ApiResult<std::shared_ptr<ServedModel>> asked_model(App& app, Exchange& exchange) {
  return app.model(std::string(exchange.request().query_or("model", "")), exchange);
}

}  // namespace

ApiResult<void> route_lora_adapters(App& app, Exchange& exchange) {
  const auto model = TRY_API(asked_model(app, exchange));
  const std::vector<float> strengths = model->host->strengths();
  Json list = Json::array();
  for (const size_t i : model->loras)
    list.push_back({{"id", list.size()},
                    {"path", model->model->adapters()[i].path},
                    {"scale", strengths[i]},
                    {"task_name", ""},
                    {"prompt_prefix", ""}});
  send_json(exchange, list);
  return {};
}

// Adapters that the list does not name do nothing from now on.
ApiResult<void> route_lora_adapters_set(App& app, Exchange& exchange) {
  const Json list = TRY_API(app.read_json_array(exchange));
  const auto model = TRY_API(asked_model(app, exchange));
  const Json none = Json::object();
  Fields fields(none);
  std::vector<float> strengths = read_lora_scales(fields, "adapters", list, *model);
  TRY_API(fields.done());
  app.models.set_strengths(*model, std::move(strengths));
  send_json(exchange, {{"success", true}});
  return {};
}

}  // namespace quire::server
