// A registry on this machine for tests: files by path over HTTP/1.1, with ranges, redirects, and
// faults on demand; pushes as the OCI distribution protocol has them, in parts, and as Ollama's
// registry has them, with parts that go elsewhere. One connection, one request.
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
    std::string method, path, authorization, body, head;
    bool has_range = false;
    size_t begin = 0, end = 0;  // end: 0 for none
  };
  struct Answer {
    int status = 200;
    std::string body, location;
    size_t cut_after = SIZE_MAX;  // bytes of the body, then the connection is closed
    bool ranges = true;
    std::string headers{};  // lines beside the usual ones, each with its end
  };
  using Handler = std::function<Answer(const Request&)>;

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
  // Asks this first of all; an answer of status 0 is none.
  void ask_first(Handler handler) { handler_ = std::move(handler); }
  // So many PATCHes keep half of what they are sent, and then the connection ends.
  void break_patches(int n) { n_patches_broken_ = n; }
  // Parts of pushes are sent on to this address, and PUT there.
  void send_parts_to(std::string origin) { parts_origin_ = std::move(origin); }
  // Uploads that were begun are not known any more.
  void forget_uploads() { uploads_.clear(); }
  std::string file(const std::string& path) { return files_[path].body; }
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
    request.head = text.substr(0, head_end);
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
    Answer a = answer_to(request);
    if (a.status < 0) return;  // the connection ends
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
    head += a.headers + "Content-Length: " + std::to_string(a.body.size()) + "\r\n\r\n";
    if (request.method == "HEAD") a.body.clear();
    if (a.body.size() > a.cut_after) a.body.resize(a.cut_after);
    const std::string out = head + a.body;
    for (size_t sent = 0; sent < out.size();) {
      const ssize_t n = ::send(client, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<size_t>(n);
    }
  }

  Answer answer_to(const Request& request) {
    if (handler_)
      if (Answer other = handler_(request); other.status != 0) return other;
    const bool of_upload = request.path.starts_with("/put/") || request.path.starts_with("/part/");
    if (request.method == "POST" || request.method == "PUT" || of_upload) return take(request);
    const auto file = files_.find(request.path);
    return file == files_.end() ? Answer{404, "not here", ""} : file->second;
  }

  // POST REPO/blobs/uploads/ begins an upload, or takes the blob from another repository; PATCH and
  // PUT there add to it, and GET says how much there is; PUT of a manifest.
  Answer take(const Request& request) {
    if (request.path.starts_with("/part/")) {
      uploads_[request.path.substr(5)] += request.body;
      return {201, "", ""};
    }
    if (!token_.empty() && request.authorization != "Bearer " + token_) return {401, "", ""};
    if (request.path.starts_with("/put/")) return add(request);
    if (const size_t at = request.path.find("/blobs/uploads/"); at != std::string::npos)
      return begin(request.path.substr(0, at), request.path.substr(at + 15));
    if (request.path.find("/manifests/") == std::string::npos) return {405, "", ""};
    files_[request.path].body = request.body;
    return {201, "", ""};
  }
  Answer begin(const std::string& repo, const std::string& query) {
    if (const size_t from = query.find("&from="); query.starts_with("?mount=")) {
      const std::string digest = query.substr(7, from - 7);
      const auto there = files_.find("/v2/" + query.substr(from + 6) + "/blobs/" + digest);
      if (there != files_.end()) {
        files_[repo + "/blobs/" + digest] = there->second;
        return {201, "", ""};
      }
    }
    const std::string place = repo + "/" + std::to_string(n_uploads_++);
    uploads_[place];
    return {202, "", "/put" + place + "?state=x"};
  }
  Answer add(const Request& request) {
    const std::string place = request.path.substr(4, request.path.find('?') - 4);
    const auto upload = uploads_.find(place);
    if (upload == uploads_.end()) return {404, "no such upload", ""};
    std::string& bytes = upload->second;
    if (request.method == "GET") {
      Answer answer{204, "", "/put" + place + "?state=y"};
      answer.headers = "Range: 0-" + std::to_string(bytes.empty() ? 0 : bytes.size() - 1) + "\r\n";
      return answer;
    }
    if (request.method == "PATCH") {
      const size_t range = request.head.find("Content-Range: ");
      if (range == std::string::npos || std::stoul(request.head.substr(range + 15)) != bytes.size())
        return {416, "", ""};
      if (!parts_origin_.empty()) {
        Answer answer{307, "", parts_origin_ + "/part" + place};
        answer.headers = "Docker-Upload-Location: http://" + host() + request.path + "\r\n";
        return answer;
      }
      const bool breaks = n_patches_broken_ > 0;
      bytes += request.body.substr(0, breaks ? request.body.size() / 2 : SIZE_MAX);
      if (breaks) return --n_patches_broken_, Answer{-1, "", ""};
      return {202, "", "/put" + place + "?state=z"};
    }
    bytes += request.body;
    const size_t digest = request.path.find("&digest=");
    if (digest == std::string::npos) return {400, "no digest", ""};
    const std::string repo = place.substr(0, place.rfind('/'));
    files_[repo + "/blobs/" + request.path.substr(digest + 8, 71)].body = bytes;
    uploads_.erase(place);
    return {201, "", ""};
  }

  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
  std::mutex mutex_;
  std::map<std::string, Answer> files_;         // set up before it is asked
  std::map<std::string, std::string> uploads_;  // what has arrived, by "REPO/NUMBER"
  std::string token_, parts_origin_;
  int n_patches_broken_ = 0, n_uploads_ = 0;
  Handler handler_;
  std::vector<Request> requests_;
};

}  // namespace quire
