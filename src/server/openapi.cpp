#include "server/app.h"

namespace quire::server {
namespace {

const char* tag(Dialect dialect) {
  switch (dialect) {
    case Dialect::openai:
      return "OpenAI";
    case Dialect::anthropic:
      return "Anthropic";
    case Dialect::ollama:
      return "Ollama";
    case Dialect::llamacpp:
      return "llama.cpp";
    case Dialect::vllm:
      return "vLLM";
    case Dialect::tgi:
      return "text-generation-inference";
  }
  return "";
}

}  // namespace

Json openapi_document() {
  Json paths = Json::object();
  for (const Route& route : all_routes()) {
    const std::string path = route.path;
    Json operation = {{"summary", route.summary}, {"tags", Json::array({tag(route.dialect)})}};
    Json parameters = Json::array();
    for (size_t open = path.find('{'); open != path.npos; open = path.find('{', open + 1))
      parameters.push_back({{"name", path.substr(open + 1, path.find('}', open) - open - 1)},
                            {"in", "path"},
                            {"required", true},
                            {"schema", {{"type", "string"}}}});
    if (!parameters.empty()) operation["parameters"] = parameters;
    const std::string_view method = route.method;
    if (method == "POST" || method == "PUT" || std::string_view(path).ends_with("delete"))
      operation["requestBody"]["content"]["application/json"]["schema"] = {{"type", "object"}};
    operation["responses"] = {{"200", {{"description", "the answer"}}},
                              {"default", {{"description", "an error in the API's own shape"}}}};
    if (route.access == Access::anyone || route.access == Access::app_file)
      operation["security"] = Json::array();
    paths[path][lower_case(route.method)] = std::move(operation);
  }
  Json document = {{"openapi", "3.1.0"},
                   {"info", {{"title", "Quire"}, {"version", QUIRE_VERSION}}},
                   {"paths", std::move(paths)}};
  document["components"]["securitySchemes"] = {
      {"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
      {"x-api-key", {{"type", "apiKey"}, {"in", "header"}, {"name", "x-api-key"}}}};
  document["security"] = Json::array({{{"bearer", Json::array()}}, {{"x-api-key", Json::array()}}});
  return document;
}

}  // namespace quire::server
