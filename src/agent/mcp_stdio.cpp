#include "agent/mcp_channel.h"
#include "format/printable.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace quire::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t message_bytes_max = 16 << 20;
constexpr size_t error_tail_bytes = 2048;
constexpr double write_timeout_s = 10;
constexpr double patience_s = 0.3;  // for an end of its own accord, and for one by SIGTERM
constexpr auto slice = std::chrono::milliseconds(20);

Clock::time_point in_seconds(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

class StdioChannel : public McpChannel {
 public:
  StdioChannel(std::string name, Child child) : name_(std::move(name)), child_(std::move(child)) {
    reader_ = std::thread([this] { read_all(); });
  }
  ~StdioChannel() override {
    close();
    reader_.join();
    end_child();
    ::close(wake_);
  }

  Result<Json> request(std::string_view method, const Json& parameters, double timeout_s,
                       const std::function<bool()>& stopped) override {
    const Clock::time_point deadline = in_seconds(timeout_s);
    int64_t id = 0;
    {
      const std::lock_guard lock(mutex_);
      id = ++n_requests_;
      answers_[id] = std::nullopt;
    }
    const auto sent = send(mcp_request_text(id, method, parameters), deadline);
    std::unique_lock lock(mutex_);
    const auto give_up = [&](auto error) {
      answers_.erase(id);
      return error;
    };
    if (!sent) return give_up(std::unexpected(sent.error()));
    while (true) {
      if (auto& answer = answers_.at(id)) {
        McpMessage message = *std::move(answer);
        answers_.erase(id);
        if (message.kind == McpMessage::Kind::answer) return std::move(message.body);
        return fail(Fault::bad_format, "{}: {}", name_, message.error_text);
      }
      if (!open_) return give_up(std::unexpected(ended()));
      const bool is_stopped = stopped && stopped();
      if (is_stopped || Clock::now() >= deadline) break;
      changed_.wait_for(lock, slice);
    }
    answers_.erase(id);
    lock.unlock();
    std::ignore =
        send(mcp_notification_text("notifications/cancelled", {{"requestId", id}}), in_seconds(0));
    if (stopped && stopped()) return fail(Fault::cancelled, "{}: stopped", name_);
    return fail(Fault::limit, "{}: no answer to {} within {:g} s", name_, method, timeout_s);
  }

  Result<void> notify(std::string_view method, const Json& parameters) override {
    return send(mcp_notification_text(method, parameters), in_seconds(write_timeout_s));
  }

  bool is_open() const override {
    const std::lock_guard lock(mutex_);
    return open_;
  }

  void close() override {
    shut("it was stopped");
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_, &one, sizeof one);
  }

 private:
  // With the lock.
  Error ended() const {
    std::string said = error_tail_;
    while (said.ends_with('\n')) said.pop_back();
    return {Fault::io,
            fmt::format("{}: the MCP server does not answer any more: {}{}{}", name_, reason_,
                        said.empty() ? "" : "; it said: ", printable(said, error_tail_bytes))};
  }

  Error unread() const {
    return {Fault::limit, fmt::format("{}: the MCP server does not read what it is sent", name_)};
  }

  void shut(std::string reason) {
    const std::lock_guard lock(mutex_);
    if (open_) reason_ = std::move(reason);
    open_ = false;
    changed_.notify_all();
  }

  // It reads no more: most often because it has ended, and then the reader knows what it said.
  void shut_unless_ended() {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::seconds(1), [&] { return !open_; });
    }
    shut("it reads no more");
  }

  // Whole or, after a part of it, never again.
  Result<void> send(std::string text, Clock::time_point deadline) {
    text += '\n';
    // Not for ever: the reader answers, too, and must go on reading while a long message is sent.
    std::unique_lock one_at_a_time(write_mutex_, std::try_to_lock);
    while (!one_at_a_time.owns_lock()) {
      if (Clock::now() >= deadline) return std::unexpected(unread());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      one_at_a_time.try_lock();
    }
    std::string_view rest = text;
    while (!rest.empty()) {
      {
        const std::lock_guard lock(mutex_);
        if (!open_) return std::unexpected(ended());
      }
      const ssize_t n = ::send(child_.input(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (n > 0) rest.remove_prefix(static_cast<size_t>(n));
      if (n >= 0 || errno == EINTR) continue;
      if (errno != EAGAIN) {
        shut_unless_ended();
      } else if (Clock::now() < deadline) {
        pollfd entry{child_.input(), POLLOUT, 0};
        ::poll(&entry, 1, static_cast<int>(slice.count()));
      } else {
        if (rest.size() < text.size()) shut("it does not read what it is sent");
        return std::unexpected(unread());
      }
    }
    return {};
  }

  void read_all() {
    std::string pending;
    while (is_open()) {
      pollfd entries[3] = {
          {child_.output(), POLLIN, 0}, {wake_, POLLIN, 0}, {child_.errors(), POLLIN, 0}};
      const int n = ::poll(entries, errors_open_ ? 3 : 2, 200);
      if (n < 0 && errno != EINTR) return shut("poll failed");
      if (entries[2].revents != 0) read_errors();
      if (entries[0].revents != 0) {
        if (!read_output(pending)) return shut("it has ended");
      } else if (n == 0 && child_.ends_within(0)) {
        // Somebody else may hold its output open.
        return shut("it has ended");
      }
    }
  }

  bool read_output(std::string& pending) {
    char buffer[65536];
    const ssize_t n = ::read(child_.output(), buffer, sizeof buffer);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) {
      read_errors();
      return false;
    }
    size_t searched = pending.size();
    pending.append(buffer, static_cast<size_t>(n));
    size_t begin = 0;
    for (size_t end; (end = pending.find('\n', searched)) != std::string::npos;) {
      take(std::string_view(pending).substr(begin, end - begin));
      begin = searched = end + 1;
    }
    pending.erase(0, begin);
    if (pending.size() > message_bytes_max)
      shut(fmt::format("a message of more than {} bytes", message_bytes_max));
    return true;
  }

  void read_errors() {
    char buffer[4096];
    const ssize_t n = ::read(child_.errors(), buffer, sizeof buffer);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) errors_open_ = false;
    if (n <= 0) return;
    const std::lock_guard lock(mutex_);
    error_tail_.append(buffer, static_cast<size_t>(n));
    if (error_tail_.size() > error_tail_bytes)
      error_tail_.erase(0, error_tail_.size() - error_tail_bytes);
  }

  // Lines that are no messages are what a careless server prints beside them.
  void take(std::string_view line) {
    auto message = parse_mcp_message(line, name_);
    if (!message) return;
    if (message->kind == McpMessage::Kind::request) {
      // Of what servers may ask for, we have the pulse only.
      const std::string answer = message->method == "ping"
                                     ? mcp_answer_text(message->id, Json::object())
                                     : mcp_error_text(message->id, -32601, "Method not found");
      std::ignore = send(answer, in_seconds(1));
      return;
    }
    if (!message->id.is_number_integer()) return;
    const std::lock_guard lock(mutex_);
    const auto waiting = answers_.find(message->id.get<int64_t>());
    if (waiting == answers_.end()) return;  // nobody waits any more
    waiting->second = *std::move(message);
    changed_.notify_all();
  }

  // As the specification has it: the end of its input, then SIGTERM, then SIGKILL.
  void end_child() {
    child_.close_input();
    if (!child_.ends_within(patience_s)) {
      child_.signal(SIGTERM);
      child_.ends_within(patience_s);
    }
    child_.finish();
  }

  const std::string name_;
  Child child_;
  const int wake_ = ::eventfd(0, EFD_CLOEXEC);
  bool errors_open_ = true;  // the reader's
  std::mutex write_mutex_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  std::string reason_, error_tail_;
  int64_t n_requests_ = 0;
  std::map<int64_t, std::optional<McpMessage>> answers_;  // of requests that wait
  std::thread reader_;
};

}  // namespace

Result<std::unique_ptr<McpChannel>> open_stdio_channel(std::string name,
                                                       const ChildOptions& command) {
  ChildOptions options = command;
  options.takes_input = true;
  options.merges_errors = false;
  auto child = Child::start(options);
  if (!child) return fail(child.error().fault, "{}: {}", name, child.error().text);
  return std::make_unique<StdioChannel>(std::move(name), *std::move(child));
}

}  // namespace quire::agent
