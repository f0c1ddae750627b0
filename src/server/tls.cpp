// TLS through OpenSSL, on sockets that do not block.
#include "base/file.h"
#include "server/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

namespace quire::server {
namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL* session) const { SSL_free(session); }
};

std::string openssl_reason() {
  char text[256] = "no reason given";
  if (const unsigned long code = ERR_get_error(); code != 0)
    ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

class TlsTransport : public Transport {
 public:
  TlsTransport(int the_fd, SSL* session) : Transport(the_fd), session_(session) {
    if (session_) {
      SSL_set_fd(session_.get(), the_fd);
      SSL_set_accept_state(session_.get());
    }
  }

  Read read(char* buffer, size_t n_bytes_max, Deadline deadline) override {
    while (session_) {
      size_t n = 0;
      ERR_clear_error();
      const int result = SSL_read_ex(session_.get(), buffer, n_bytes_max, &n);
      if (result == 1) return {IoStatus::ok, n};
      if (const IoStatus status = wait_for(result, deadline); status != IoStatus::ok)
        return {status};
    }
    return {IoStatus::failed};
  }

  IoStatus write(std::string_view bytes, double timeout_s) override {
    Deadline deadline = seconds_from_now(timeout_s);
    while (session_ && !bytes.empty()) {
      size_t n = 0;
      ERR_clear_error();
      const int result = SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &n);
      if (result == 1) {
        bytes.remove_prefix(n);
        deadline = seconds_from_now(timeout_s);
        continue;
      }
      const IoStatus status = wait_for(result, deadline);
      if (status != IoStatus::ok) return status == IoStatus::end ? IoStatus::failed : status;
    }
    return session_ ? IoStatus::ok : IoStatus::failed;
  }

  void finish() override {
    if (session_ && SSL_is_init_finished(session_.get()) == 1) SSL_shutdown(session_.get());
    ERR_clear_error();
    ::shutdown(fd(), SHUT_WR);
  }

 private:
  IoStatus wait_for(int result, Deadline deadline) {
    switch (SSL_get_error(session_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return wait(POLLIN, deadline);
      case SSL_ERROR_WANT_WRITE:
        return wait(POLLOUT, deadline);
      case SSL_ERROR_ZERO_RETURN:
        return IoStatus::end;
      default:
        session_.reset();  // nothing may be done with it after a fatal error
        return IoStatus::failed;
    }
  }

  std::unique_ptr<SSL, FreeSession> session_;
};

}  // namespace

struct TlsContext::State {
  std::unique_ptr<SSL_CTX, FreeContext> context;
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::create(const std::string& certificate_path,
                                                       const std::string& key_path) {
  auto state = std::make_unique<State>();
  state->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = state->context.get();
  if (context == nullptr) return fail(Fault::io, "TLS: {}", openssl_reason());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // A client that closes without saying so has closed all the same.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  for (const std::string* path : {&certificate_path, &key_path})
    if (!file_exists(*path)) return fail(Fault::not_found, "{}: no such file", *path);
  if (SSL_CTX_use_certificate_chain_file(context, certificate_path.c_str()) != 1)
    return fail(Fault::bad_format, "{}: not a PEM certificate: {}", certificate_path,
                openssl_reason());
  if (SSL_CTX_use_PrivateKey_file(context, key_path.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(Fault::bad_format, "{}: not a PEM key for {}: {}", key_path, certificate_path,
                openssl_reason());
  if (SSL_CTX_check_private_key(context) != 1)
    return fail(Fault::bad_format, "{}: not the key of {}: {}", key_path, certificate_path,
                openssl_reason());
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(state)));
}

std::unique_ptr<Transport> TlsContext::accept(int fd) const {
  return std::make_unique<TlsTransport>(fd, SSL_new(state_->context.get()));
}

}  // namespace quire::server
