// Requests as they come through a socket: any bytes give requests or one refusal, and the reader
// comes to an end.
#include "server/http_reader.h"

#include <algorithm>
#include <cstring>

namespace {

using namespace quire::server;

// Gives the bytes in pieces of seven, then the end.
class MemoryTransport : public Transport {
 public:
  explicit MemoryTransport(std::string_view bytes) : Transport(-1), bytes_(bytes) {}
  Read read(char* buffer, size_t n_bytes_max, Deadline) override {
    const size_t n = std::min({bytes_.size(), n_bytes_max, size_t{7}});
    if (n == 0) return {IoStatus::end};
    std::memcpy(buffer, bytes_.data(), n);
    bytes_.remove_prefix(n);
    return {IoStatus::ok, n};
  }
  IoStatus write(std::string_view, double) override { return IoStatus::ok; }
  void finish() override {}

 private:
  std::string_view bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  MemoryTransport transport({reinterpret_cast<const char*>(data), size});
  HttpLimits limits;
  limits.header_bytes_max = 4096;
  limits.body_bytes_max = 4096;
  HttpReader reader(transport, limits);
  while (true) {
    HttpRequest request;
    ReadError error;
    if (reader.read_head(request, error) != HeadStatus::request) break;
    if (!reader.read_body(request, error)) break;
    if (request.body.size() > limits.body_bytes_max) __builtin_trap();
  }
  return 0;
}
