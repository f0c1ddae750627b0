// Faults and results: how a function says that the world (a file, a flag, a request, a device) is
// wrong.
//
// A fallible function returns Result<T>; TRY passes the error up. An error text names the thing,
// the value, the limit and a way out. When *we* are wrong, use CHECK (base/check.h) instead: bytes
// from outside never reach a CHECK.
#pragma once
#include <fmt/core.h>

#include <expected>
#include <string>
#include <utility>

namespace quire {

// What kind of thing went wrong. exit_code() and http_status() give the one mapping used
// everywhere.
enum class Fault { usage, not_found, bad_format, unsupported, limit, io, device, cancelled };

// Exit code of the program: usage 2, not_found 3, bad_format 4, unsupported 5, limit 6, io 7,
// device 8, cancelled 130.
int exit_code(Fault fault);
// HTTP status: usage 400, not_found 404, bad_format 422, unsupported 501, limit 429, io 500, device
// 503, cancelled 499.
int http_status(Fault fault);
// "usage", "not_found", ...
const char* fault_name(Fault fault);

struct Error {
  Fault fault;
  std::string text;  // one line, no full stop at the end
};

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

template <>
class [[nodiscard]] Result<void> : public std::expected<void, Error> {
 public:
  using std::expected<void, Error>::expected;
};

// return fail(Fault::bad_format, "{}: {} tensors, at most {} are supported", path, n, limit);
template <class... Args>
std::unexpected<Error> fail(Fault fault, fmt::format_string<Args...> text, Args&&... args) {
  return std::unexpected<Error>(Error{fault, fmt::format(text, std::forward<Args>(args)...)});
}

}  // namespace quire

// auto file = TRY(File::map(path));   TRY(writer.close());
// The value of a Result, or an early return of its error from the enclosing function (which returns
// some Result).
#define TRY(expression)                                                       \
  (__extension__({                                                            \
    auto&& try_result_ = (expression);                                        \
    if (!try_result_.has_value()) [[unlikely]]                                \
      return std::unexpected<::quire::Error>(std::move(try_result_).error()); \
    std::move(try_result_).value();                                           \
  }))
