// What the routes see of HTTP: a request that was read and checked completely, and an exchange that
// takes the answer, whole or as a stream. How bytes travel is connection.cpp's business.
#pragma once
#include "base/result.h"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quire::server {

struct KeptRequest;  // request_log.h

struct HttpHeader {
  std::string name;  // lower case
  std::string value;
};

// Takes a body as it comes, in the place of HttpRequest::body: for bodies of any size.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Result<void> take(std::string_view bytes) = 0;
  virtual Result<void> finish() = 0;  // the body was whole
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<HttpHeader> headers;
  std::string body;
  std::shared_ptr<BodySink> sink{};          // takes the body when it is not null
  std::string peer;                          // the client's address
  std::string id;                            // of this request, in the log and in x-request-id
  std::vector<std::string> path_parameters;  // what the {...} of the route's path stand for
  bool http_1_0 = false;
  bool keep_alive = true;

  // nullptr when missing.
  const std::string* header(std::string_view lower_case_name) const;
  std::string_view header_or(std::string_view lower_case_name, std::string_view fallback) const;
  std::string_view query_or(std::string_view name, std::string_view fallback) const;
};

struct HttpAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<HttpHeader> headers{};
};

// One request and its answer. Belongs to one thread; stop_token() may be asked from any.
class Exchange {
 public:
  virtual ~Exchange() = default;
  const HttpRequest& request() const { return request_; }
  HttpRequest& request() { return request_; }

  // The whole answer, once.
  virtual void send(const HttpAnswer& answer) = 0;
  // Or in pieces: begin, write..., end. False: the client is gone, or reads nothing for too long.
  virtual bool begin(int status, std::string_view content_type,
                     const std::vector<HttpHeader>& headers = {}) = 0;
  virtual bool write(std::string_view piece) = 0;
  virtual void end() = 0;

  bool begun() const { return status_ != 0; }
  int status() const { return status_; }  // 0 before an answer
  // Stops when the client went away or the server must end: work for this request is in vain.
  std::stop_token stop_token() const { return stop_.get_token(); }
  void request_stop() { stop_.request_stop(); }
  // Sent with the answer, whichever it is; before send() and begin().
  void add_header(std::string name, std::string value) {
    extra_headers_.push_back({std::move(name), std::move(value)});
  }

  // Begins the salt of all prompts of this request (engine/engine.h): from whom it comes.
  std::string cache_salt;
  // For the log line: filled by routes as they learn it.
  std::string model;
  int64_t n_prompt = 0, n_cached = 0, n_generated = 0;
  std::string note;
  // The request as a whole, when it is to be looked into later; otherwise null.
  std::shared_ptr<KeptRequest> kept;

 protected:
  HttpRequest request_;
  std::vector<HttpHeader> extra_headers_;
  std::stop_source stop_;
  int status_ = 0;
};

std::string_view status_text(int status);
std::string lower_case(std::string_view text);
// %41+b -> "A b" in queries (plus: a space), "A+b" in paths. Broken escapes stay as they are.
enum class PlusIs { plus, space };
std::string percent_decoded(std::string_view text, PlusIs plus);
// Splits "/a%20b?x=1&y" into path and query of the request.
void set_target(HttpRequest& request, std::string_view target);
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace quire::server
