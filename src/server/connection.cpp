#include "server/connection.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <mutex>
#include <random>
#include <thread>

namespace quire::server {

struct DisconnectWatch::State {
  int epoll = -1, wake = -1;
  std::mutex mutex;
  std::map<int, Exchange*> exchanges;
  std::thread thread;

  void run() {
    epoll_event events[64];
    while (true) {
      const int n = ::epoll_wait(epoll, events, 64, -1);
      if (n < 0 && errno != EINTR) return;
      const std::lock_guard lock(mutex);
      for (int i = 0; i < n; ++i) {
        if (events[i].data.fd == wake) return;
        const auto found = exchanges.find(events[i].data.fd);
        if (found != exchanges.end()) found->second->request_stop();
      }
    }
  }
};

DisconnectWatch::DisconnectWatch() : state_(std::make_unique<State>()) {
  state_->epoll = ::epoll_create1(EPOLL_CLOEXEC);
  state_->wake = ::eventfd(0, EFD_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.fd = state_->wake}};
  ::epoll_ctl(state_->epoll, EPOLL_CTL_ADD, state_->wake, &event);
  state_->thread = std::thread([this] { state_->run(); });
}

DisconnectWatch::~DisconnectWatch() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(state_->wake, &one, sizeof one);
  state_->thread.join();
  ::close(state_->epoll);
  ::close(state_->wake);
}

void DisconnectWatch::add(int fd, Exchange* exchange) {
  const std::lock_guard lock(state_->mutex);
  state_->exchanges[fd] = exchange;
  epoll_event event{.events = EPOLLRDHUP | EPOLLET, .data = {.fd = fd}};
  ::epoll_ctl(state_->epoll, EPOLL_CTL_ADD, fd, &event);
}

void DisconnectWatch::remove(int fd) {
  const std::lock_guard lock(state_->mutex);
  ::epoll_ctl(state_->epoll, EPOLL_CTL_DEL, fd, nullptr);
  state_->exchanges.erase(fd);
}

bool DisconnectWatch::watches(int fd) const {
  const std::lock_guard lock(state_->mutex);
  return state_->exchanges.contains(fd);
}

void DisconnectWatch::stop_all() {
  const std::lock_guard lock(state_->mutex);
  for (const auto& [fd, exchange] : state_->exchanges) exchange->request_stop();
}

namespace {

std::string new_request_id() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("req_{:016x}", random());
}

// The client's own name for the request, when it is one that may stand in a log.
std::string request_id(const HttpRequest& request) {
  const std::string_view own = request.header_or("x-request-id", "");
  const bool plain = !own.empty() && own.size() <= 64 && std::ranges::all_of(own, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  return plain ? std::string(own) : new_request_id();
}

// "content-type" -> "Content-Type": either is right, and some clients look for one of them.
std::string spelled(std::string name) {
  for (size_t i = 0; i < name.size(); ++i)
    if ((i == 0 || name[i - 1] == '-') && name[i] >= 'a' && name[i] <= 'z')
      name[i] = static_cast<char>(name[i] - 'a' + 'A');
  return name;
}

class SocketExchange : public Exchange {
 public:
  SocketExchange(Transport& transport, const ConnectionContext& context)
      : transport_(transport), context_(context) {}

  void send(const HttpAnswer& answer) override {
    if (begun()) return;
    std::string text = head(answer.status, answer.content_type, answer.headers);
    if (answer.status != 204 && answer.status != 304)
      text += fmt::format("Content-Length: {}\r\n", answer.body.size());
    text += "\r\n";
    if (request_.method != "HEAD") text += answer.body;
    put(text);
    complete_ = true;
  }

  bool begin(int status, std::string_view content_type,
             const std::vector<HttpHeader>& headers) override {
    if (request_.http_1_0) request_.keep_alive = false;
    std::string text = head(status, content_type, headers);
    text += "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
    text += request_.http_1_0 ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n";
    return put(text);
  }

  bool write(std::string_view piece) override {
    if (piece.empty() || request_.method == "HEAD") return !broken_;
    if (request_.http_1_0) return put(piece);
    return put(fmt::format("{:x}\r\n{}\r\n", piece.size(), piece));
  }

  void end() override {
    if (!request_.http_1_0 && request_.method != "HEAD") put("0\r\n\r\n");
    complete_ = !broken_;
  }

  // Whether another request may follow on this connection.
  bool reusable() const { return complete_ && !broken_ && request_.keep_alive; }

 private:
  std::string head(int status, std::string_view content_type,
                   const std::vector<HttpHeader>& headers) {
    status_ = status;
    if (context_.draining) request_.keep_alive = false;
    std::string text = fmt::format(
        "HTTP/1.1 {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S GMT}\r\nServer: quire/{}\r\n"
        "X-Request-Id: {}\r\n",
        status, status_text(status), fmt::gmtime(std::time(nullptr)), QUIRE_VERSION, request_.id);
    if (!content_type.empty()) text += fmt::format("Content-Type: {}\r\n", content_type);
    const auto add = [&](const std::vector<HttpHeader>& list) {
      for (const HttpHeader& header : list)
        text += fmt::format("{}: {}\r\n", spelled(header.name), header.value);
    };
    add(headers);
    add(extra_headers_);
    text += fmt::format("Connection: {}\r\n", request_.keep_alive ? "keep-alive" : "close");
    return text;
  }

  bool put(std::string_view bytes) {
    if (!broken_ && transport_.write(bytes, context_.limits.write_timeout_s) != IoStatus::ok) {
      broken_ = true;
      request_stop();
    }
    return !broken_;
  }

  Transport& transport_;
  const ConnectionContext& context_;
  bool broken_ = false, complete_ = false;
};

// Reads and answers one request. False: the connection ends.
bool serve_request(Transport& transport, HttpReader& reader, const std::string& peer,
                   const ConnectionContext& context) {
  SocketExchange exchange(transport, context);
  HttpRequest& request = exchange.request();
  request.peer = peer;
  ReadError error;
  const HeadStatus head = reader.read_head(request, error);
  if (head == HeadStatus::closed) return false;
  const auto start = std::chrono::steady_clock::now();
  request.id = request_id(request);
  bool whole = false;
  if (head == HeadStatus::request && context.handler.admit(exchange) &&
      reader.check_length(request, error)) {
    if (reader.expects_continue())
      transport.write("HTTP/1.1 100 Continue\r\n\r\n", context.limits.write_timeout_s);
    whole = reader.read_body(request, error);
  }
  if (whole) {
    context.watch.add(transport.fd(), &exchange);
    context.handler.handle(exchange);
    context.watch.remove(transport.fd());
  } else if (!exchange.begun()) {
    request.keep_alive = false;
    if (error.status != 0) context.handler.refuse(exchange, error);
  }
  context.handler.done(
      exchange, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  if (!whole && exchange.begun()) {
    transport.finish();
    reader.drain();
  }
  return whole && exchange.reusable();
}

}  // namespace

void serve_connection(Transport& transport, const std::string& peer,
                      const ConnectionContext& context) {
  HttpReader reader(transport, context.limits);
  while (!context.draining && serve_request(transport, reader, peer, context)) {
  }
  transport.finish();
}

}  // namespace quire::server
