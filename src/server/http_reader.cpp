#include "server/http_reader.h"

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/optional.hpp>

#include <optional>
#include <vector>

namespace quire::server {
namespace {

namespace http = boost::beast::http;

// A text that grows as it comes: nothing is reserved on a client's word.
struct TextBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<uint64_t>&, boost::beast::error_code& code) { code = {}; }
    template <class Buffers>
    size_t put(const Buffers& buffers, boost::beast::error_code& code) {
      code = {};
      for (auto at = boost::asio::buffer_sequence_begin(buffers);
           at != boost::asio::buffer_sequence_end(buffers); ++at) {
        const boost::asio::const_buffer piece = *at;
        body_.append(static_cast<const char*>(piece.data()), piece.size());
      }
      return boost::asio::buffer_size(buffers);
    }
    void finish(boost::beast::error_code& code) { code = {}; }

   private:
    value_type& body_;
  };
};

using Parser = http::request_parser<TextBody>;
using http::error;

std::string to_string(boost::beast::string_view text) { return {text.data(), text.size()}; }

ReadError explain(boost::beast::error_code code, const HttpLimits& limits) {
  if (code == error::header_limit)
    return {431, fmt::format("the header is larger than {} bytes (--max-header-bytes)",
                             limits.header_bytes_max)};
  if (code == error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return {400, fmt::format("not a valid HTTP request: {}", code.message())};
}

ReadError too_large(const HttpRequest& request, const HttpLimits& limits) {
  if (request.sink)
    return {413, fmt::format("the blob is larger than {} bytes (--max-blob-bytes)",
                             limits.blob_bytes_max)};
  return {413, fmt::format("the body is larger than {} bytes (--max-body-bytes)",
                           limits.body_bytes_max)};
}

uint64_t length_limit(const HttpRequest& request, const HttpLimits& limits) {
  return request.sink ? limits.blob_bytes_max : limits.body_bytes_max;
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
  parser.body_limit(UINT64_MAX);  // see check_length and read_body

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

bool HttpReader::check_length(const HttpRequest& request, ReadError& error_out) const {
  const auto length = state_->parser->content_length();
  if (!length || *length <= length_limit(request, state_->limits)) return true;
  error_out = too_large(request, state_->limits);
  return false;
}

// Hands what has come to the sink, if there is one; counts it.
bool HttpReader::take_body(HttpRequest& request, uint64_t& n_bytes, ReadError& error_out) {
  std::string& body = state_->parser->get().body();
  const uint64_t n_all = request.sink ? n_bytes + body.size() : body.size();
  if (n_all > length_limit(request, state_->limits)) {
    error_out = too_large(request, state_->limits);
    return false;
  }
  n_bytes = n_all;
  if (!request.sink || body.empty()) return true;
  const auto taken = request.sink->take(body);
  body.clear();
  if (taken) return true;
  error_out = {http_status(taken.error().fault), taken.error().text};
  return false;
}

bool HttpReader::read_body(HttpRequest& request, ReadError& error_out) {
  State& state = *state_;
  Parser& parser = *state.parser;
  Deadline deadline = seconds_from_now(state.limits.body_timeout_s);
  uint64_t n_bytes = 0;
  parser.eager(true);
  while (!parser.is_done()) {
    boost::beast::error_code code;
    const size_t n_before = state.buffer.size();
    if (!state.buffer.empty()) state.put(code);
    if (code && code != error::need_more) {
      error_out = explain(code, state.limits);
      return false;
    }
    if (!take_body(request, n_bytes, error_out)) return false;
    if (request.sink) deadline = seconds_from_now(state.limits.body_timeout_s);
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
  if (!request.sink) {
    request.body = std::move(parser.get().body());
    return true;
  }
  const auto finished = request.sink->finish();
  if (finished) return true;
  const Fault fault = finished.error().fault;
  error_out = {fault == Fault::bad_format ? 400 : http_status(fault), finished.error().text};
  return false;
}

void HttpReader::drain() {
  state_->buffer.clear();
  const Deadline deadline = seconds_from_now(2);
  std::vector<char> piece(65536);
  while (state_->transport.read(piece.data(), piece.size(), deadline).status == IoStatus::ok) {
  }
}

}  // namespace quire::server
