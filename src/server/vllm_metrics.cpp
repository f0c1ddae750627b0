#include "server/vllm_metrics.h"

#include <fmt/format.h>

#include <functional>

namespace quire::server {
namespace {

struct Counted {
  std::string label;  // {model_name="..."}, without the braces
  const HostCounters* counters;
};

// Backslashes, quotes and ends of lines are written as Prometheus reads them.
std::string label_of(const std::string& model) {
  std::string text = "model_name=\"";
  for (const char c : model) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n')
      text += "\\n";
    else
      text += c;
  }
  return text + '"';
}

void append_head(std::string& text, const char* name, const char* type, const char* help) {
  text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

using ReadCounter = std::function<double(const HostCounters&)>;
void append_values(std::string& text, std::span<const Counted> models, const char* name,
                   const char* type, const char* help, const ReadCounter& value) {
  append_head(text, name, type, help);
  for (const Counted& model : models)
    text += fmt::format("{}{{{}}} {}\n", name, model.label, value(*model.counters));
}

void append_histogram(std::string& text, std::span<const Counted> models, const char* name,
                      const char* help, Histogram HostCounters::* member) {
  append_head(text, name, "histogram", help);
  for (const Counted& model : models) {
    const Histogram& histogram = model.counters->*member;
    int64_t n = 0;
    for (size_t i = 0; i < histogram.bounds().size(); ++i) {
      n += histogram.count(i);
      text += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name, model.label,
                          histogram.bounds()[i], n);
    }
    n += histogram.count(histogram.bounds().size());
    text +=
        fmt::format("{0}_bucket{{{1},le=\"+Inf\"}} {2}\n{0}_count{{{1}}} {2}\n{0}_sum{{{1}}} {3}\n",
                    name, model.label, n, histogram.sum());
  }
}

void append_histograms(std::string& text, std::span<const Counted> models) {
  struct Row {
    const char* name;
    const char* help;
    Histogram HostCounters::* member;
  };
  using H = HostCounters;
  constexpr Row rows[] = {
      {"vllm:time_to_first_token_seconds", "From the request to its first token.",
       &H::first_token_s},
      {"vllm:time_per_output_token_seconds", "Of each later token, its step.", &H::later_token_s},
      {"vllm:e2e_request_latency_seconds", "From the request to its end.", &H::whole_s},
      {"vllm:request_queue_time_seconds", "From the request to its first step.", &H::queue_s},
      {"vllm:request_inference_time_seconds", "From its first step to its end.", &H::inference_s},
      {"vllm:request_prefill_time_seconds", "From its first step to its first token.",
       &H::prefill_s},
      {"vllm:request_decode_time_seconds", "From its first token to its last.", &H::decode_s},
      {"vllm:request_prompt_tokens", "Tokens of prompts.", &H::request_prompt_tokens},
      {"vllm:request_generation_tokens", "Tokens of answers.", &H::request_generation_tokens},
      {"vllm:request_params_n", "Answers asked for to a prompt.", &H::request_n},
      {"vllm:request_params_max_tokens", "Tokens asked for at most.", &H::request_tokens_max},
      {"vllm:iteration_tokens_total", "Tokens of a step: of prompts that it ends, and drawn.",
       &H::step_tokens},
  };
  for (const Row& row : rows) append_histogram(text, models, row.name, row.help, row.member);
}

void append_successes(std::string& text, std::span<const Counted> models) {
  append_head(text, "vllm:request_success_total", "counter", "Answers by how they ended.");
  for (const Counted& model : models) {
    const HostCounters& c = *model.counters;
    const std::pair<const char*, int64_t> reasons[] = {
        {"stop", c.n_stopped}, {"length", c.n_cut}, {"abort", c.n_cancelled}};
    for (const auto& [reason, n] : reasons)
      text += fmt::format("vllm:request_success_total{{{},finished_reason=\"{}\"}} {}\n",
                          model.label, reason, n);
  }
}

// What the cache of a loaded model is; of labels that mean nothing here the values are vLLM's for
// what is not there.
void append_cache(const ModelRegistry& models, std::string& text) {
  append_head(text, "vllm:gpu_cache_usage_perc", "gauge", "Share of the cache in use, 1: all.");
  std::string configs;
  for (const ModelRegistry::Loaded& loaded : models.loaded()) {
    if (!loaded.served->host) continue;
    const HostCache cache = loaded.served->host->cache();
    const std::string label = label_of(loaded.served->name);
    const double share = cache.n_positions == 0 ? 0
                                                : static_cast<double>(cache.n_held) /
                                                      static_cast<double>(cache.n_positions);
    text += fmt::format("vllm:gpu_cache_usage_perc{{{}}} {}\n", label, share);
    configs += fmt::format(
        "vllm:cache_config_info{{{},block_size=\"{}\",cache_dtype=\"{}\",cpu_offload_gb=\"0\","
        "enable_prefix_caching=\"{}\",gpu_memory_utilization=\"None\",num_cpu_blocks=\"0\","
        "num_gpu_blocks=\"{}\",num_gpu_blocks_override=\"None\",sliding_window=\"None\","
        "swap_space_bytes=\"0\"}} 1\n",
        label, kv_block_size, info(loaded.served->host->k_dtype()).name,
        cache.shares ? "True" : "False", cache.n_positions / kv_block_size);
  }
  append_head(text, "vllm:cache_config_info", "gauge", "The cache; always 1.");
  text += configs;
}

}  // namespace

void append_vllm_metrics(const ModelRegistry& models, std::string& text) {
  const std::map<std::string, HostCounters> all = models.counted();
  std::vector<Counted> counted;
  counted.reserve(all.size());
  for (const auto& [name, counters] : all) counted.push_back({label_of(name), &counters});
  const auto rows = [&](const char* name, const char* type, const char* help, auto member) {
    append_values(text, counted, name, type, help, [member](const HostCounters& c) {
      return static_cast<double>((c.*member).load());
    });
  };
  using H = HostCounters;
  rows("vllm:num_requests_running", "gauge", "Answers being made.", &H::n_running);
  rows("vllm:num_requests_waiting", "gauge", "Answers on their way there.", &H::n_waiting);
  rows("vllm:prompt_tokens_total", "counter", "Tokens of prompts.", &H::n_prompt_tokens);
  rows("vllm:generation_tokens_total", "counter", "Tokens of answers.", &H::n_generated_tokens);
  rows("vllm:gpu_prefix_cache_queries_total", "counter", "Tokens looked for in the cache.",
       &H::n_prompt_tokens);
  rows("vllm:gpu_prefix_cache_hits_total", "counter", "Of these, found.", &H::n_cached_tokens);
  rows("vllm:num_preemptions_total", "counter", "Answers that gave their room back.",
       &H::n_put_back);
  append_successes(text, counted);
  append_cache(models, text);
  append_histograms(text, counted);
}

}  // namespace quire::server
