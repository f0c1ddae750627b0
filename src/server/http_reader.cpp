#include "server/http_reader.h"

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <optional>
#include <vector>

namespace quire::server {
namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;
using http::error;

std::string to_string(boost::beast::string_view text) { return {text.data(), text.size()}; }

ReadError explain(boost::beast::error_code code, const HttpLimits& limits) {
  if (code == error::header_limit)
    return {431, fmt::format("the header is larger than {} bytes (--max-header-bytes)",
                             limits.header_bytes_max)};
  if (code == error::body_limit)
    return {413, fmt::format("the body is larger than {} bytes (--max-body-bytes)",
                             limits.body_bytes_max)};
  if (code == error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return {400, fmt::format("not a valid HTTP request: {}", code.message())};
}

}  // namespace

struct HttpReader::State {
  State(Transport& the_transport, const HttpLimits& the_limits)
      : transport(the_transport), limits(the_limits) {}

  // Gives the parser what has come; true when it took a step that ended with `code`.
  void put(boost::beast::error_code& code) {
    const size_t n = parser->put(boost::asio::buffer(buffer.data(), buffer.size()), code);
    buffer.erase(0, n);
  }
  IoStatus fill(Deadline deadline) {
    char piece[16384];
    const Transport::Read got = transport.read(piece, sizeof piece, deadline);
    buffer.append(piece, got.n_bytes);
    return got.status;
  }

  Transport& transport;
  const HttpLimits& limits;
  std::string buffer;  // read, not parsed
  std::optional<Parser> parser;
};

HttpReader::HttpReader(Transport& transport, const HttpLimits& limits)
    : state_(std::make_unique<State>(transport, limits)) {}
HttpReader::~HttpReader() = default;

HeadStatus HttpReader::read_head(HttpRequest& request, ReadError& error_out) {
  State& state = *state_;
  state.parser.emplace();
  Parser& parser = *state.parser;
  parser.header_limit(state.limits.header_bytes_max);
  parser.body_limit(state.limits.body_bytes_max);

  Deadline deadline = seconds_from_now(state.limits.idle_timeout_s);
  bool begun = false;
  while (!parser.is_header_done()) {
    if (!state.buffer.empty()) {
      if (!begun) deadline = seconds_from_now(state.limits.header_timeout_s);
      begun = true;
      boost::beast::error_code code;
      state.put(code);
      if (code && code != error::need_more) {
        error_out = explain(code, state.limits);
        return HeadStatus::error;
      }
      if (parser.is_header_done()) break;
    }
    switch (state.fill(deadline)) {
      case IoStatus::ok:
        break;
      case IoStatus::timed_out:
        if (!begun) return HeadStatus::closed;
        error_out = {408, fmt::format("the header took longer than {:g} s (--header-timeout)",
                                      state.limits.header_timeout_s)};
        return HeadStatus::error;
      case IoStatus::end:
      case IoStatus::failed:
        return HeadStatus::closed;
    }
  }

  const auto& message = parser.get();
  if (message.target().size() > state.limits.target_bytes_max) {
    error_out = {431, fmt::format("the request target has {} bytes, at most {} are read",
                                  message.target().size(), state.limits.target_bytes_max)};
    return HeadStatus::error;
  }
  request.method = to_string(message.method_string());
  set_target(request, to_string(message.target()));
  request.http_1_0 = message.version() == 10;
  request.keep_alive = parser.keep_alive();
  for (const auto& field : message)
    request.headers.push_back(
        {lower_case(to_string(field.name_string())), to_string(field.value())});
  return HeadStatus::request;
}

bool HttpReader::expects_continue() const {
  const auto& message = state_->parser->get();
  return equal_ignoring_case(to_string(message[http::field::expect]), "100-continue") &&
         !state_->parser->is_done();
}

bool HttpReader::read_body(HttpRequest& request, ReadError& error_out) {
  State& state = *state_;
  Parser& parser = *state.parser;
  const Deadline deadline = seconds_from_now(state.limits.body_timeout_s);
  parser.eager(true);
  while (!parser.is_done()) {
    boost::beast::error_code code;
    const size_t n_before = state.buffer.size();
    if (!state.buffer.empty()) state.put(code);
    if (code && code != error::need_more) {
      error_out = explain(code, state.limits);
      return false;
    }
    if (parser.is_done()) break;
    if (!code && !state.buffer.empty() && state.buffer.size() < n_before) continue;
    switch (state.fill(deadline)) {
      case IoStatus::ok:
        break;
      case IoStatus::timed_out:
        error_out = {408, fmt::format("the body took longer than {:g} s (--body-timeout)",
                                      state.limits.body_timeout_s)};
        return false;
      case IoStatus::end:
      case IoStatus::failed:
        error_out = {0, "the client left before its request was complete"};
        return false;
    }
  }
  request.body = std::move(parser.get().body());
  return true;
}

void HttpReader::drain() {
  state_->buffer.clear();
  const Deadline deadline = seconds_from_now(2);
  std::vector<char> piece(65536);
  while (state_->transport.read(piece.data(), piece.size(), deadline).status == IoStatus::ok) {
  }
}

}  // namespace quire::server
