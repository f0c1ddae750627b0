#include "server/http_server.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>

namespace quire::server {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

int local_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

Result<int> listen_on(const ListenAddress& where) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(where.port);
  if (const int code = ::getaddrinfo(where.host.c_str(), port.c_str(), &hints, &list); code != 0)
    return fail(Fault::usage, "--host {}: {}", where.host, ::gai_strerror(code));
  const std::unique_ptr<addrinfo, FreeAddresses> owner(list);
  int reason = 0;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    const int fd = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
      reason = errno;
      continue;
    }
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd, at->ai_addr, at->ai_addrlen) == 0 && ::listen(fd, 512) == 0) return fd;
    reason = errno;
    ::close(fd);
  }
  return fail(Fault::io, "cannot listen on {}:{}: {}; --port takes another one", where.host,
              where.port, std::strerror(reason));
}

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  const void* bytes =
      address.ss_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr)
          : &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
  ::inet_ntop(address.ss_family, bytes, text, sizeof text);
  return text;
}

}  // namespace

bool is_loopback(const std::string& host) {
  const bool numeric = host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "::1" || (numeric && host.starts_with("127."));
}

struct HttpServer::State {
  State(const HttpServerOptions& the_options, HttpHandler& the_handler)
      : options(the_options), handler(the_handler) {}

  // Accepts until it is woken.
  void accept_loop();
  void accept_one(int listener);
  void serve(std::unique_ptr<Transport> transport, const std::string& peer);

  HttpServerOptions options;
  HttpHandler& handler;
  std::unique_ptr<TlsContext> tls;
  DisconnectWatch watch;
  std::vector<int> listeners, ports;
  int wake = ::eventfd(0, EFD_CLOEXEC);
  std::atomic<bool> draining{false};
  std::thread acceptor;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::set<Transport*> open;  // one for each connection thread
};

void HttpServer::State::accept_loop() {
  std::vector<pollfd> entries;
  entries.reserve(listeners.size() + 1);
  for (const int fd : listeners) entries.push_back({fd, POLLIN, 0});
  entries.push_back({wake, POLLIN, 0});
  while (true) {
    if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) return;
    if (entries.back().revents != 0) return;
    for (size_t i = 0; i + 1 < entries.size(); ++i)
      if (entries[i].revents != 0) accept_one(entries[i].fd);
  }
}

void HttpServer::State::accept_one(int listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC);
  if (fd < 0) {
    // Out of descriptors: those that wait are served when others have left.
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::unique_ptr<Transport> transport = tls ? tls->accept(fd) : Transport::plain(fd);
  const std::string peer = address_text(address);
  {
    const std::lock_guard lock(mutex);
    if (static_cast<int>(open.size()) < options.n_connections_max) {
      open.insert(transport.get());
      std::thread(&State::serve, this, std::move(transport), peer).detach();
      return;
    }
  }
  const std::string body = fmt::format(
      R"json({{"error":{{"message":"{} connections are open, no more are taken)json"
      R"json( (--max-connections)","type":"unavailable_error","param":null,"code":null}}}})json",
      options.n_connections_max);
  if (tls) return;  // no handshake for a refusal
  transport->write(fmt::format("HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n"
                               "retry-after: 1\r\ncontent-type: application/json\r\n"
                               "content-length: {}\r\n\r\n{}",
                               body.size(), body),
                   0.1);
}

void HttpServer::State::serve(std::unique_ptr<Transport> transport, const std::string& peer) {
  const ConnectionContext context{handler, watch, options.limits, draining};
  serve_connection(*transport, peer, context);
  const std::lock_guard lock(mutex);
  open.erase(transport.get());
  transport.reset();  // before the lock is given back: the descriptor is no longer anyone's
  changed.notify_all();
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpServer::~HttpServer() { drain(0); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options,
                                                      HttpHandler& handler) {
  auto state = std::make_unique<State>(options, handler);
  State* raw = state.get();
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(state)));
  if (!options.tls_certificate.empty())
    raw->tls = TRY(TlsContext::create(options.tls_certificate, options.tls_key));
  for (const ListenAddress& where : options.addresses) {
    raw->listeners.push_back(TRY(listen_on(where)));
    raw->ports.push_back(local_port(raw->listeners.back()));
  }
  raw->acceptor = std::thread([raw] { raw->accept_loop(); });
  return server;
}

void HttpServer::drain(double timeout_s) {
  State& state = *state_;
  if (state.draining.exchange(true) && timeout_s > 0) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(state.wake, &one, sizeof one);
  if (state.acceptor.joinable()) state.acceptor.join();
  for (const int fd : std::exchange(state.listeners, {})) ::close(fd);

  std::unique_lock lock(state.mutex);
  const auto nobody = [&] { return state.open.empty(); };
  // A connection that only waits for its next request sees the end of the stream.
  for (const Transport* transport : state.open)
    if (!state.watch.watches(transport->fd())) ::shutdown(transport->fd(), SHUT_RD);
  state.changed.wait_until(lock, seconds_from_now(timeout_s), nobody);
  if (!state.open.empty()) {
    lock.unlock();
    state.watch.stop_all();
    lock.lock();
    for (const Transport* transport : state.open) transport->shut_down();
    state.changed.wait(lock, nobody);
  }
  if (state.wake >= 0) ::close(std::exchange(state.wake, -1));
}

const std::vector<int>& HttpServer::ports() const { return state_->ports; }
int HttpServer::n_connections() const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<int>(state_->open.size());
}

}  // namespace quire::server
