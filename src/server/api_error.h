// Errors as the APIs say them, and ApiResult / TRY_API to pass them up.
//
// Every API has its own shape for an error; a route returns an ApiError and the dialect of its row
// in routes.inc decides how it looks.
#pragma once
#include "base/result.h"
#include "server/http.h"

#include <cstdint>
#include <expected>
#include <string>

namespace quire::server {

enum class Dialect : uint8_t {
  openai,     // {"error": {"message", "type", "param", "code"}}
  anthropic,  // {"type": "error", "error": {"type", "message"}, "request_id"}
  ollama,     // {"error": "message"}
  llamacpp,   // {"error": {"code", "message", "type"}}
  vllm,       // {"object": "error", "message", ...} and, as its newer versions, OpenAI's
  tgi,        // {"error": "message", "error_type"}
};

struct ApiError {
  int status = 400;
  std::string message;
  std::string param{};  // the field of the request that is wrong; may be empty
  std::string code{};   // "model_not_found", "context_length_exceeded", ...; may be empty
  int64_t n_prompt = -1, n_ctx = -1;  // of a context that is too short
  int retry_after_s = 0;

  ApiError() = default;
  ApiError(int the_status, std::string the_message, std::string the_param = {},
           std::string the_code = {})
      : status(the_status),
        message(std::move(the_message)),
        param(std::move(the_param)),
        code(std::move(the_code)) {}
  // What a request did wrong is 400; the rest is the table of base/result.h.
  explicit ApiError(const Error& error);
};

template <class T>
class [[nodiscard]] ApiResult : public std::expected<T, ApiError> {
 public:
  using std::expected<T, ApiError>::expected;
};
template <>
class [[nodiscard]] ApiResult<void> : public std::expected<void, ApiError> {
 public:
  using std::expected<void, ApiError>::expected;
};

template <class... Args>
std::unexpected<ApiError> fail_api(int status, std::string param, fmt::format_string<Args...> text,
                                   Args&&... args) {
  return std::unexpected<ApiError>(
      ApiError{status, fmt::format(text, std::forward<Args>(args)...), std::move(param)});
}

// The body of an error answer; one line of JSON.
std::string error_json(Dialect dialect, const ApiError& error, const std::string& request_id);
void send_error(Exchange& exchange, Dialect dialect, const ApiError& error);

}  // namespace quire::server

// The value of a Result or an ApiResult, or an early return of its error as an ApiError.
#define TRY_API(expression)                                           \
  (__extension__({                                                    \
    auto&& try_result_ = (expression);                                \
    if (!try_result_.has_value()) [[unlikely]]                        \
      return std::unexpected<::quire::server::ApiError>(              \
          ::quire::server::ApiError(std::move(try_result_).error())); \
    std::move(try_result_).value();                                   \
  }))
