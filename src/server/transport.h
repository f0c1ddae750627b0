// Bytes to and from one client, plain or through TLS, each call with a deadline.
#pragma once
#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace quire::server {

using Deadline = std::chrono::steady_clock::time_point;
Deadline seconds_from_now(double seconds);

enum class IoStatus : uint8_t { ok, end, timed_out, failed };

// Owns the socket, which is set not to block. Belongs to one thread, except shut_down().
class Transport {
 public:
  static std::unique_ptr<Transport> plain(int fd);
  explicit Transport(int fd);
  virtual ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  struct Read {
    IoStatus status;
    size_t n_bytes = 0;
  };
  // At least one byte when ok.
  virtual Read read(char* buffer, size_t n_bytes_max, Deadline deadline) = 0;
  // All of it when ok. The deadline begins anew whenever some bytes were taken.
  virtual IoStatus write(std::string_view bytes, double timeout_s) = 0;
  // Says that nothing more will be written.
  virtual void finish() = 0;

  int fd() const { return fd_; }
  // Ends reads and writes of both sides; from any thread while the object lives.
  void shut_down() const;

 protected:
  // Waits for poll() events.
  IoStatus wait(short events, Deadline deadline) const;

 private:
  int fd_;
};

// A certificate with its key, both PEM files; accepts connections with TLS 1.2 or 1.3.
class TlsContext {
 public:
  // not_found or bad_format naming the file.
  static Result<std::unique_ptr<TlsContext>> create(const std::string& certificate_path,
                                                    const std::string& key_path);
  ~TlsContext();
  // The handshake is part of the first read.
  std::unique_ptr<Transport> accept(int fd) const;

 private:
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quire::server
