// A registry on this machine for tests: files by path over HTTP/1.1, with ranges, redirects, and
// faults on demand; pushes as the OCI distribution protocol has them. One connection, one request.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace quire {

class TestServer {
 public:
  struct Request {
    std::string method, path, authorization, body;
    bool has_range = false;
    size_t begin = 0, end = 0;  // end: 0 for none
  };
  struct Answer {
    int status = 200;
    std::string body, location;
    size_t cut_after = SIZE_MAX;  // bytes of the body, then the connection is closed
    bool ranges = true;
  };

  TestServer() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t n = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &n);
    port_ = ntohs(address.sin_port);
    ::listen(listener_, 64);
    thread_ = std::thread([this] { serve(); });
  }
  ~TestServer() {
    stop_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  void put(const std::string& path, std::string body) { files_[path].body = std::move(body); }
  Answer& at(const std::string& path) { return files_[path]; }
  // Without it a push is refused (401).
  void require_token(std::string token) { token_ = std::move(token); }
  std::vector<Request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (!stop_) {
      const int client = ::accept(listener_, nullptr, nullptr);
      if (client < 0) return;
      answer(client);
      ::close(client);
    }
  }
  void answer(int client) {
    std::string text;
    char buffer[4096];
    while (text.find("\r\n\r\n") == text.npos) {
      const ssize_t n = ::recv(client, buffer, sizeof buffer, 0);
      if (n <= 0) return;
      text.append(buffer, static_cast<size_t>(n));
    }
    Request request;
    const size_t space = text.find(' ');
    request.method = text.substr(0, space);
    request.path = text.substr(space + 1, text.find(' ', space + 1) - space - 1);
    const size_t head_end = text.find("\r\n\r\n") + 4;
    if (const size_t at = text.find("Content-Length: "); at < head_end) {
      const size_t n_body = std::stoul(text.substr(at + 16));
      while (text.size() < head_end + n_body) {
        const ssize_t n = ::recv(client, buffer, sizeof buffer, 0);
        if (n <= 0) return;
        text.append(buffer, static_cast<size_t>(n));
      }
      request.body = text.substr(head_end, n_body);
    }
    if (const size_t at = text.find("Authorization: "); at != text.npos)
      request.authorization = text.substr(at + 15, text.find('\r', at) - at - 15);
    if (const size_t at = text.find("Range: bytes="); at != text.npos) {
      request.has_range = true;
      request.begin = std::stoul(text.substr(at + 13));
      request.end = std::stoul(text.substr(text.find('-', at + 13) + 1)) + 1;
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const auto file = files_.find(request.path);
    Answer a = file == files_.end() ? Answer{404, "not here", "", SIZE_MAX, true} : file->second;
    if (request.method == "POST" || request.method == "PUT") a = take(request);
    std::string head = "HTTP/1.1 " + std::to_string(a.status) + " x\r\nConnection: close\r\n";
    if (!a.location.empty()) head += "Location: " + a.location + "\r\n";
    if (request.has_range && a.status == 200 && a.ranges) {
      const std::string all = a.body;
      a.body = all.substr(request.begin, request.end - request.begin);
      head = "HTTP/1.1 206 x\r\nConnection: close\r\nContent-Range: bytes " +
             std::to_string(request.begin) + "-" +
             std::to_string(request.begin + a.body.size() - 1) + "/" + std::to_string(all.size()) +
             "\r\n";
    }
    head += "Content-Length: " + std::to_string(a.body.size()) + "\r\n\r\n";
    if (request.method == "HEAD") a.body.clear();
    if (a.body.size() > a.cut_after) a.body.resize(a.cut_after);
    const std::string out = head + a.body;
    for (size_t sent = 0; sent < out.size();) {
      const ssize_t n = ::send(client, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<size_t>(n);
    }
  }

  // POST REPO/blobs/uploads/ says where to; PUT there puts REPO/blobs/DIGEST; PUT of a manifest.
  Answer take(const Request& request) {
    Answer answer;
    if (!token_.empty() && request.authorization != "Bearer " + token_) {
      answer.status = 401;
      return answer;
    }
    const size_t at = request.path.find("/blobs/uploads/");
    if (request.method == "POST" && at != std::string::npos) {
      answer.status = 202;
      answer.location = "/put" + request.path.substr(0, at) + "/blobs/?state=x";
    } else if (request.path.starts_with("/put/")) {
      const size_t query = request.path.find("?state=x&digest=");
      if (query == std::string::npos) return {400, "no digest", "", SIZE_MAX, true};
      files_[request.path.substr(4, query - 4) + request.path.substr(query + 16)].body =
          request.body;
      answer.status = 201;
    } else if (request.path.find("/manifests/") != std::string::npos) {
      files_[request.path].body = request.body;
      answer.status = 201;
    } else {
      answer.status = 405;
    }
    return answer;
  }

  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
  std::mutex mutex_;
  std::map<std::string, Answer> files_;  // set up before it is asked
  std::string token_;
  std::vector<Request> requests_;
};

}  // namespace quire
