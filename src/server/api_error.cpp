#include "server/api_error.h"

#include "server/json.h"

namespace quire::server {
namespace {

const char* openai_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 501:
      return "not_supported_error";
    case 503:
      return "unavailable_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

const char* anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

const char* tgi_type(int status) {
  if (status == 429 || status == 503) return "overloaded";
  return status >= 500 ? "generation" : "validation";
}

// A context that is too short has llama.cpp's type in OpenAI's API, too: its `code` says it there.
const char* error_type(const ApiError& error) {
  if (error.n_ctx >= 0) return "exceed_context_size_error";
  return openai_type(error.status);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

int status_of(Fault fault) {
  switch (fault) {
    case Fault::bad_format:
    case Fault::limit:
      return 400;
    default:
      return http_status(fault);
  }
}

}  // namespace

ApiError::ApiError(const Error& error) : status(status_of(error.fault)), message(error.text) {}

std::string error_json(Dialect dialect, const ApiError& error, const std::string& request_id) {
  Json json;
  switch (dialect) {
    case Dialect::vllm:
      json = {{"object", "error"},
              {"message", error.message},
              {"type", error_type(error)},
              {"param", text_or_null(error.param)},
              {"code", error.status}};
      [[fallthrough]];
    case Dialect::openai:
      json["error"] = {{"message", error.message},
                       {"type", error_type(error)},
                       {"param", text_or_null(error.param)},
                       {"code", text_or_null(error.code)}};
      break;
    case Dialect::anthropic:
      json = {{"type", "error"},
              {"error", {{"type", anthropic_type(error.status)}, {"message", error.message}}},
              {"request_id", request_id}};
      break;
    case Dialect::ollama:
      json["error"] = error.message;
      break;
    case Dialect::llamacpp:
      json["error"] = {
          {"code", error.status}, {"message", error.message}, {"type", error_type(error)}};
      break;
    case Dialect::tgi:
      json = {{"error", error.message}, {"error_type", tgi_type(error.status)}};
      break;
  }
  if (error.n_ctx >= 0 && json["error"].is_object()) {
    json["error"]["n_prompt_tokens"] = error.n_prompt;
    json["error"]["n_ctx"] = error.n_ctx;
  }
  return to_text(json);
}

void send_error(Exchange& exchange, Dialect dialect, const ApiError& error) {
  HttpAnswer answer;
  answer.status = error.status;
  answer.body = error_json(dialect, error, exchange.request().id);
  if (error.retry_after_s > 0)
    answer.headers.push_back({"retry-after", std::to_string(error.retry_after_s)});
  if (error.status == 401) answer.headers.push_back({"www-authenticate", "Bearer"});
  exchange.note = error.message;
  exchange.send(answer);
}

}  // namespace quire::server
