#include "server/load.h"

#include "base/rng.h"
#include "format/json.h"
#include "server/json.h"
#include "server/transport.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>

namespace quire::server {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

Result<std::unique_ptr<Transport>> connect_to(const LoadOptions& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(options.port);
  if (const int code = ::getaddrinfo(options.host.c_str(), port.c_str(), &hints, &list); code != 0)
    return fail(Fault::io, "{}: {}", options.host, ::gai_strerror(code));
  int reason = ECONNREFUSED;
  std::unique_ptr<Transport> connection;
  for (const addrinfo* at = list; at != nullptr && !connection; at = at->ai_next) {
    const int fd = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const bool connected = ::connect(fd, at->ai_addr, at->ai_addrlen) == 0;
    if (!connected) reason = errno;
    connection = Transport::plain(fd);
    if (!connected) connection.reset();
  }
  ::freeaddrinfo(list);
  if (!connection)
    return fail(Fault::io, "{}:{}: cannot connect: {}; is the server running?", options.host,
                options.port, std::strerror(reason));
  return connection;
}

std::string request_text(const LoadOptions& options, int64_t number) {
  const auto token = [&](Rng& rng) {
    const auto least = static_cast<uint64_t>(options.n_vocab / 10);
    return least + rng.below(static_cast<uint64_t>(options.n_vocab) - least);
  };
  Rng shared(options.seed), own(options.seed + 1 + static_cast<uint64_t>(number));
  Json prompt = Json::array();
  for (int64_t i = 0; i < options.n_prompt; ++i)
    prompt.push_back(token(i < options.n_shared ? shared : own));
  Json body = {{"prompt", std::move(prompt)},
               {"max_tokens", options.n_new},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}},
               {"ignore_eos", true},
               {"seed", number}};
  if (!options.model.empty()) body["model"] = options.model;
  const std::string text = to_text(body);
  std::string head = fmt::format(
      "POST /v1/completions HTTP/1.1\r\nhost: {}:{}\r\ncontent-type: application/json\r\n"
      "connection: close\r\ncontent-length: {}\r\n",
      options.host, options.port, text.size());
  if (!options.api_key.empty())
    head += fmt::format("authorization: Bearer {}\r\n", options.api_key);
  return head + "\r\n" + text;
}

// Takes the events of an answer out of the bytes as they come.
class AnswerReader {
 public:
  AnswerReader(RequestSample& sample, Clock::time_point sent) : sample_(sample), sent_(sent) {}

  // False: the answer is an error.
  bool take(std::string_view bytes) {
    text_ += bytes;
    if (!head_seen_) {
      const size_t end = text_.find("\r\n\r\n");
      if (end == std::string::npos) return true;
      head_seen_ = true;
      if (!text_.starts_with("HTTP/1.1 200")) {
        sample_.error = text_.substr(0, text_.find('\r'));
        return false;
      }
      text_.erase(0, end + 4);
    }
    for (size_t end; (end = text_.find('\n')) != std::string::npos; text_.erase(0, end + 1))
      if (text_.starts_with("data: {")) event(std::string_view(text_).substr(6, end - 6));
    return true;
  }
  double last_s() const { return last_s_; }

 private:
  void event(std::string_view data) {
    const auto json = parse_ordered_json(data, "event");
    if (!json) return;
    if (json->contains("error")) sample_.error = to_text((*json)["error"]);
    if (json->contains("usage") && (*json)["usage"].is_object())
      sample_.n_tokens = (*json)["usage"].value("completion_tokens", int64_t{0});
    if (!json->contains("choices") || (*json)["choices"].empty()) return;
    const double now_s = seconds_between(sent_, Clock::now());
    if (sample_.first_token_s == 0)
      sample_.first_token_s = now_s;
    else
      sample_.gaps_s.push_back(now_s - last_s_);
    last_s_ = now_s;
  }

  RequestSample& sample_;
  Clock::time_point sent_;
  std::string text_;
  bool head_seen_ = false;
  double last_s_ = 0;
};

void ask(const LoadOptions& options, int64_t number, RequestSample& sample) {
  const std::string request = request_text(options, number);
  const auto sent = Clock::now();
  auto connection = connect_to(options);
  if (!connection) {
    sample.error = connection.error().text;
    return;
  }
  Transport& transport = **connection;
  if (transport.write(request, options.timeout_s) != IoStatus::ok) {
    sample.error = "the request could not be sent";
    return;
  }
  AnswerReader reader(sample, sent);
  const Deadline deadline = seconds_from_now(options.timeout_s);
  char piece[16384];
  while (true) {
    const Transport::Read got = transport.read(piece, sizeof piece, deadline);
    if (got.status == IoStatus::end) break;
    if (got.status != IoStatus::ok) {
      sample.error = got.status == IoStatus::timed_out ? "timed out" : "the connection broke";
      return;
    }
    if (!reader.take({piece, got.n_bytes})) return;
  }
  sample.total_s = reader.last_s();
  if (sample.error.empty() && sample.first_token_s == 0) sample.error = "an empty answer";
}

}  // namespace

Percentiles percentiles(std::vector<double> values) {
  Percentiles p;
  if (values.empty()) return p;
  std::sort(values.begin(), values.end());
  for (const double value : values) p.mean += value / static_cast<double>(values.size());
  const auto at = [&](double share) {
    const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
    return values[std::clamp<size_t>(rank, 1, values.size()) - 1];
  };
  p.p50 = at(0.5), p.p90 = at(0.9), p.p99 = at(0.99), p.most = values.back();
  return p;
}

int64_t LoadResult::n_failed() const {
  return std::ranges::count_if(samples, [](const RequestSample& s) { return !s.error.empty(); });
}

double LoadResult::tokens_per_s() const {
  int64_t n = 0;
  for (const RequestSample& sample : samples) n += sample.n_tokens;
  return seconds > 0 ? static_cast<double>(n) / seconds : 0;
}

double LoadResult::requests_per_s() const {
  return seconds > 0
             ? static_cast<double>(static_cast<int64_t>(samples.size()) - n_failed()) / seconds
             : 0;
}

Result<LoadResult> run_load(const LoadOptions& options) {
  TRY(connect_to(options));
  LoadResult result;
  result.samples.resize(static_cast<size_t>(options.n_requests));
  const auto start = Clock::now();
  const auto run_one = [&](int64_t i) {
    RequestSample& sample = result.samples[static_cast<size_t>(i)];
    sample.start_s = seconds_between(start, Clock::now());
    ask(options, i, sample);
  };
  std::vector<std::thread> threads;
  if (options.rate > 0) {
    Rng rng(options.seed ^ 0x9E3779B97F4A7C15u);
    double at_s = 0;
    for (int64_t i = 0; i < options.n_requests; ++i) {
      std::this_thread::sleep_until(
          start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(at_s)));
      threads.emplace_back(run_one, i);
      at_s += -std::log(1 - rng.uniform()) / options.rate;
    }
  } else {
    std::atomic<int64_t> next{0};
    for (int c = 0; c < options.n_clients; ++c)
      threads.emplace_back([&] {
        for (int64_t i; (i = next++) < options.n_requests;) run_one(i);
      });
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }
  for (std::thread& thread : threads) thread.join();
  result.seconds = seconds_between(start, Clock::now());
  return result;
}

}  // namespace quire::server
