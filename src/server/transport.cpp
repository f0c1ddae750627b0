#include "server/transport.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace quire::server {

Deadline seconds_from_now(double seconds) {
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(
             std::chrono::duration<double>(seconds));
}

Transport::Transport(int fd) : fd_(fd) {
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL, 0) | O_NONBLOCK);
}
Transport::~Transport() { ::close(fd_); }

void Transport::shut_down() const { ::shutdown(fd_, SHUT_RDWR); }

IoStatus Transport::wait(short events, Deadline deadline) const {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
            .count();
    if (left <= 0) return IoStatus::timed_out;
    pollfd entry{fd_, events, 0};
    const int n = ::poll(&entry, 1, static_cast<int>(std::min<int64_t>(left, 60'000)));
    if (n > 0) return IoStatus::ok;
    if (n < 0 && errno != EINTR) return IoStatus::failed;
  }
}

namespace {

class PlainTransport : public Transport {
 public:
  using Transport::Transport;

  Read read(char* buffer, size_t n_bytes_max, Deadline deadline) override {
    while (true) {
      const ssize_t n = ::recv(fd(), buffer, n_bytes_max, 0);
      if (n > 0) return {IoStatus::ok, static_cast<size_t>(n)};
      if (n == 0) return {IoStatus::end};
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return {IoStatus::failed};
      if (const IoStatus status = wait(POLLIN, deadline); status != IoStatus::ok) return {status};
    }
  }

  IoStatus write(std::string_view bytes, double timeout_s) override {
    Deadline deadline = seconds_from_now(timeout_s);
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n > 0) {
        bytes.remove_prefix(static_cast<size_t>(n));
        deadline = seconds_from_now(timeout_s);
        continue;
      }
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return IoStatus::failed;
      if (const IoStatus status = wait(POLLOUT, deadline); status != IoStatus::ok) return status;
    }
    return IoStatus::ok;
  }

  void finish() override { ::shutdown(fd(), SHUT_WR); }
};

}  // namespace

std::unique_ptr<Transport> Transport::plain(int fd) { return std::make_unique<PlainTransport>(fd); }

}  // namespace quire::server
