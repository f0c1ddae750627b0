// Load: many clients of one server, and how long each had to wait.
//
//   closed loop   so many clients, each asks again when it has its answer
//   open loop     requests arrive at a rate, whether the earlier ones are answered or not; the time
//                 between two is exponential (a Poisson process)
//
// Requests are streamed completions of random tokens (POST /v1/completions), so that any server of
// that API can be measured. Times are measured at the client, from the first byte sent.
#pragma once
#include "base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace quire::server {

struct LoadOptions {
  std::string host = "127.0.0.1";
  int port = 8080;
  std::string model, api_key;
  int n_clients = 8;  // closed loop
  double rate = 0;    // requests a second, open loop; 0: closed
  int64_t n_requests = 32;
  int64_t n_prompt = 128, n_new = 64;  // tokens
  int64_t n_shared = 0;                // of the prompt's first tokens, the same in all
  int32_t n_vocab = 1000;              // tokens are drawn from [n_vocab / 10, n_vocab)
  uint64_t seed = 1;
  double timeout_s = 600;  // of one request
};

struct RequestSample {
  double start_s = 0;  // since the beginning
  double first_token_s = 0;
  double total_s = 0;
  int64_t n_tokens = 0;
  std::vector<double> gaps_s;  // between pieces of the answer
  std::string error;           // empty: answered
};

struct Percentiles {
  double mean = 0, p50 = 0, p90 = 0, p99 = 0, most = 0;
};
Percentiles percentiles(std::vector<double> values);

struct LoadResult {
  std::vector<RequestSample> samples;
  double seconds = 0;  // from the first request to the last answer
  int64_t n_failed() const;
  double tokens_per_s() const;
  double requests_per_s() const;
};

// io when the server cannot be reached at all.
Result<LoadResult> run_load(const LoadOptions& options);

}  // namespace quire::server
