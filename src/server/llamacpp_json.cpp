#include "server/llamacpp_json.h"

#include <cmath>

namespace quire::server {
namespace {

double each_ms(double seconds, int64_t n) {
  return n > 0 ? seconds * 1000 / static_cast<double>(n) : 0;
}
double per_second(int64_t n, double seconds) {
  return n > 0 && seconds > 0 ? static_cast<double>(n) / seconds : 0;
}

// Sampler letters as their names, in order.
Json sampler_list(const std::string& letters) {
  Json list = Json::array();
  const std::string names = sampler_names(letters);
  for (size_t begin = 0; begin < names.size();) {
    const size_t end = std::min(names.find(';', begin), names.size());
    list.push_back(names.substr(begin, end - begin));
    begin = end + 1;
  }
  return list;
}

Json bias_json(const SamplingParams& p, std::span<const int32_t> never) {
  Json list = Json::array();
  for (const int32_t token : never) list.push_back({{"token", token}, {"bias", nullptr}});
  for (const LogitBias& bias : p.logit_bias)
    list.push_back({{"token", bias.token},
                    {"bias", std::isfinite(bias.bias) ? Json(bias.bias) : Json(nullptr)}});
  return list;
}

}  // namespace

Json timings_json(const Timings& t) {
  const int64_t n_run = t.n_prompt - t.n_cached, n_after = t.n_generated - 1;
  Json json = {{"cache_n", t.n_cached},
               {"prompt_n", n_run},
               {"prompt_ms", t.prompt_s * 1000},
               {"prompt_per_token_ms", each_ms(t.prompt_s, n_run)},
               {"prompt_per_second", per_second(n_run, t.prompt_s)},
               {"predicted_n", t.n_generated},
               {"predicted_ms", t.generate_s * 1000},
               {"predicted_per_token_ms", each_ms(t.generate_s, n_after)},
               {"predicted_per_second", per_second(n_after, t.generate_s)}};
  if (t.n_drafted > 0) {
    json["draft_n"] = t.n_drafted;
    json["draft_n_accepted"] = t.n_accepted;
  }
  return json;
}

Json timings_json(const ChatTotals& totals) {
  Timings t;
  t.n_prompt = totals.n_prompt, t.n_cached = totals.n_cached, t.n_generated = totals.n_generated;
  t.n_drafted = totals.n_drafted, t.n_accepted = totals.n_accepted;
  t.prompt_s = totals.prompt_s, t.generate_s = totals.generate_s;
  return timings_json(t);
}

void RunningTimings::count(size_t n_tokens) {
  if (n_tokens == 0) return;
  last_ = Clock::now();
  if (n_ == 0) first_ = last_;
  n_ += static_cast<int64_t>(n_tokens);
}

double RunningTimings::generate_s() const {
  return n_ == 0 ? 0 : std::chrono::duration<double>(Clock::now() - first_).count();
}

void RunningTimings::progress(const PromptProgress& progress) { progress_ = progress; }

Json RunningTimings::progress_json() const {
  const double s = std::chrono::duration<double>(Clock::now() - start_).count();
  return {{"total", progress_->n_total},
          {"cache", progress_->n_cached},
          {"processed", progress_->n_done},
          {"time_ms", static_cast<int64_t>(s * 1000)}};
}

Json RunningTimings::json() const {
  const PromptProgress p = progress_.value_or(PromptProgress{});
  const int64_t n_run = p.n_done - p.n_cached;
  double prompt_s = 0, generate_s = 0;
  if (n_ > 0) {
    prompt_s = std::chrono::duration<double>(first_ - start_).count();
    generate_s = std::chrono::duration<double>(last_ - first_).count();
  } else if (n_run > 0) {
    prompt_s = std::chrono::duration<double>(Clock::now() - start_).count();
  }
  return {{"cache_n", p.n_cached},
          {"prompt_n", n_run},
          {"prompt_ms", prompt_s * 1000},
          {"prompt_per_token_ms", each_ms(prompt_s, n_run)},
          {"prompt_per_second", per_second(n_run, prompt_s)},
          {"predicted_n", n_},
          {"predicted_ms", generate_s * 1000},
          {"predicted_per_token_ms", each_ms(generate_s, n_ - 1)},
          {"predicted_per_second", per_second(n_ - 1, generate_s)}};
}

Json settings_json(const AnswerSettings& settings, std::span<const int32_t> never) {
  const SamplingParams& p = settings.sampling;
  return {{"seed", p.seed},
          {"temperature", p.temperature},
          {"dynatemp_range", p.dynatemp_range},
          {"dynatemp_exponent", p.dynatemp_exponent},
          {"top_k", p.top_k},
          {"top_p", p.top_p},
          {"min_p", p.min_p},
          {"top_n_sigma", p.top_n_sigma},
          {"xtc_probability", p.xtc_probability},
          {"xtc_threshold", p.xtc_threshold},
          {"typical_p", p.typical_p},
          {"repeat_last_n", p.repeat_last_n},
          {"repeat_penalty", p.repeat_penalty},
          {"presence_penalty", p.presence_penalty},
          {"frequency_penalty", p.frequency_penalty},
          {"dry_multiplier", p.dry_multiplier},
          {"dry_base", p.dry_base},
          {"dry_allowed_length", p.dry_allowed_length},
          {"dry_penalty_last_n", p.dry_penalty_last_n},
          {"dry_sequence_breakers", p.dry_sequence_breakers},
          {"mirostat", p.mirostat},
          {"mirostat_tau", p.mirostat_tau},
          {"mirostat_eta", p.mirostat_eta},
          {"adaptive_target", -1},  // a sampler that is not here: always off
          {"adaptive_decay", 0.9},
          {"stop", settings.stop},
          {"max_tokens", settings.n_predict},
          {"n_predict", settings.n_predict},
          {"n_keep", settings.n_keep},
          {"ignore_eos", settings.ignore_eos},
          {"stream", settings.stream},
          {"logit_bias", bias_json(p, never)},
          {"n_probs", settings.n_probs},
          {"grammar", settings.grammar},
          {"samplers", sampler_list(p.samplers)},
          {"lora", settings.lora},
          {"timings_per_token", settings.timings_per_token},
          {"post_sampling_probs", settings.post_sampling_probs}};
}

Json lora_scales(const ServedModel& model, std::span<const float> strengths) {
  const std::vector<float> standard = model.host->strengths();
  if (strengths.empty()) strengths = standard;
  Json list = Json::array();
  for (size_t id = 0; id < model.loras.size(); ++id)
    list.push_back({{"id", id}, {"scale", strengths[model.loras[id]]}});
  return list;
}

Json chosen_fields(const Json& json, const std::vector<std::string>& names) {
  Json chosen = Json::object();
  for (const std::string& name : names) {
    const Json* at = &json;
    for (size_t begin = 0; begin <= name.size() && at != nullptr;) {
      const size_t end = std::min(name.find('/', begin), name.size());
      const std::string part = name.substr(begin, end - begin);
      at = at->is_object() && at->contains(part) ? &at->at(part) : nullptr;
      begin = end + 1;
    }
    if (at != nullptr) chosen[name] = *at;
  }
  return chosen;
}

std::string fingerprint() { return "build-quire-" QUIRE_VERSION; }

}  // namespace quire::server
