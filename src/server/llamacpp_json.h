// What llama.cpp's server says about an answer: timings, the settings it was made with, and a
// choice of fields (tools/server/README.md there).
#pragma once
#include "server/chat.h"

#include <string>
#include <vector>

namespace quire::server {

// cache_n, prompt_n, prompt_ms, predicted_n, ... Rates leave the first token out: it belongs to the
// time of the prompt.
Json timings_json(const Timings& timings);
Json timings_json(const ChatTotals& totals);

// While the answer is being made: what the server can know before its end.
class RunningTimings {
 public:
  void count(size_t n_tokens);  // that arrived now
  void progress(const PromptProgress& progress);
  Json json() const;
  // "prompt_progress": total, cache, processed, time_ms
  Json progress_json() const;
  int64_t n_tokens() const { return n_; }
  // Since the first token.
  double generate_s() const;

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now(), first_{}, last_{};
  int64_t n_ = 0;
  std::optional<PromptProgress> progress_;
};

struct AnswerSettings {
  SamplingParams sampling;
  int64_t n_predict = -1;
  std::vector<std::string> stop;
  int64_t n_keep = 0, n_probs = 0;
  bool stream = false, ignore_eos = false, timings_per_token = false, post_sampling_probs = false;
  std::string grammar;        // as given; empty: none
  Json lora = Json::array();  // [{"id", "scale"}], of lora_scales()
};
// How strongly each LoRA of the model works on an answer: as the request says, else as the server
// has it.
Json lora_scales(const ServedModel& model, std::span<const float> strengths);
// `never`: tokens that are never drawn, which stand among the biases as null.
Json settings_json(const AnswerSettings& settings, std::span<const int32_t> never);

// {"a/b": value} of the members named, in that order; those that are not there are left out.
Json chosen_fields(const Json& json, const std::vector<std::string>& names);

// "build-quire-0.1.0": of the program that made an answer.
std::string fingerprint();

}  // namespace quire::server
