// A server in this process at a port that is free, and a client that says what it wants byte by
// byte.
#pragma once
#include "server/app.h"
#include "server/catalog.h"
#include "unit/base/temporary_folder.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace quire::server {

struct Reply {
  int status = 0;
  std::string head, body;  // body: chunks joined
};

// Not inline: g++ 12 takes a std::function in options made in place for one that is not
// initialized.
[[gnu::noinline]] inline AppOptions default_options() { return {}; }

class TestServer {
 public:
  explicit TestServer(AppOptions options = default_options(), HttpServerOptions http = {},
                      std::vector<std::string> models = {}) {
    if (models.empty()) models = {QUIRE_SOURCE_DIR "/models/tales-3m-q8_0.gguf"};
    start(FileCatalog::create(models, {{"tiny", models[0]}}).value(), options, http);
  }
  explicit TestServer(std::unique_ptr<Catalog> catalog, AppOptions options = {}) {
    start(std::move(catalog), options, {});
  }

  App& app() { return *app_; }
  HttpServer& http() { return *http_; }
  int connect() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(http_->ports()[0]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return -1;
    return fd;
  }
  static void put(int fd, std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      text.remove_prefix(static_cast<size_t>(n));
    }
  }
  // All until the server closes.
  static std::string rest(int fd) {
    std::string text;
    char piece[65536];
    for (ssize_t n; (n = ::recv(fd, piece, sizeof piece, 0)) > 0;)
      text.append(piece, static_cast<size_t>(n));
    return text;
  }
  // Sends the bytes, reads until the connection ends.
  Reply raw(std::string_view bytes) const {
    const int fd = connect();
    put(fd, bytes);
    const std::string text = rest(fd);
    ::close(fd);
    return parsed(text);
  }
  Reply ask(const std::string& method, const std::string& path, const std::string& body = "",
            const std::string& headers = "") const {
    return raw(method + " " + path +
               " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: " +
               std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body);
  }
  Reply post(const std::string& path, const std::string& body) const {
    return ask("POST", path, body);
  }
  Reply get(const std::string& path) const { return ask("GET", path); }

  static Reply parsed(const std::string& text) {
    Reply reply;
    const size_t end = text.find("\r\n\r\n");
    if (end == text.npos || !text.starts_with("HTTP/1.1 ")) return reply;
    reply.head = lower_case(text.substr(0, end + 2));
    reply.status = std::stoi(text.substr(9, 3));
    reply.body = text.substr(end + 4);
    if (reply.head.find("transfer-encoding: chunked") == std::string::npos) return reply;
    std::string joined;
    for (size_t at = 0; at < reply.body.size();) {
      const size_t n = std::stoul(reply.body.substr(at), nullptr, 16);
      at = reply.body.find("\r\n", at) + 2;
      joined += reply.body.substr(at, n);
      at += n + 2;
      if (n == 0) break;
    }
    reply.body = joined;
    return reply;
  }

 private:
  void start(std::unique_ptr<Catalog> catalog, AppOptions options, HttpServerOptions http) {
    options.log_requests = false;
    options.models.host.runner.n_threads = 1;
    if (options.models.host.runner.n_sequences == 1) options.models.host.runner.n_sequences = 4;
    if (options.models.host.runner.n_ctx == 0) options.models.host.runner.n_ctx = 256;
    catalog_ = std::move(catalog);
    app_ = std::make_unique<App>(options, *catalog_);
    handler_ = std::make_unique<AppHandler>(*app_);
    if (http.addresses.empty()) http.addresses = {{"127.0.0.1", 0}};
    http_ = HttpServer::start(http, *handler_).value();
  }

  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<App> app_;
  std::unique_ptr<AppHandler> handler_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace quire::server
