#include "server/ollama.h"

#include "base/progress.h"
#include "format/gguf.h"
#include "model/type_mix.h"
#include "server/request_fields.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace quire::server {
namespace {

// A duration as Go writes it: "1h30m", "90s", "250ms"; nothing for what is none.
std::optional<double> go_duration(std::string_view text) {
  double total = 0;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    double value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    struct Unit {
      std::string_view name;
      double seconds;
    };
    constexpr Unit units[] = {{"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9},
                              {"h", 3600},  {"m", 60},    {"s", 1}};
    const Unit* unit = nullptr;
    for (const Unit& candidate : units)
      if (unit == nullptr && text.starts_with(candidate.name)) unit = &candidate;
    if (unit == nullptr) {
      if (!text.empty()) return std::nullopt;
      return negative ? -value : value;  // a number alone: seconds
    }
    total += value * unit->seconds;
    text.remove_prefix(unit->name.size());
  }
  return negative ? -total : total;
}

}  // namespace

ApiResult<std::optional<double>> read_keep_alive(Fields& fields) {
  const Json* value = fields.find("keep_alive");
  if (value == nullptr) return std::optional<double>{};
  if (value->is_number()) return std::optional(value->get<double>());
  if (value->is_string())
    if (const auto seconds = go_duration(value->get_ref<const std::string&>())) return seconds;
  return fail_api(400, "keep_alive", "keep_alive is {}, no duration such as \"5m\" or 300",
                  shown(*value));
}

namespace {

struct Wanted {
  std::string name;
  std::optional<double> keep_alive_s;
};

ApiResult<Wanted> read_wanted(const Json& body) {
  const std::string name = TRY_API(ollama_model_name(body));
  Fields fields(body);
  return Wanted{name, TRY_API(read_keep_alive(fields))};
}

}  // namespace

ApiResult<std::string> ollama_model_name(const Json& body) {
  Fields fields(body);
  std::string name = fields.text("model");
  if (name.empty()) name = fields.text("name");  // Go's client sends an empty model beside it
  TRY_API(fields.done());
  if (name.empty()) return fail_api(400, "model", "model is required");
  TRY_API(fields.done());
  return name;
}

ApiResult<std::shared_ptr<ServedModel>> ollama_model(App& app, const Json& body, Exchange& exchange,
                                                     const char* what) {
  auto model = TRY_API(any_ollama_model(app, body, exchange));
  if (model->host == nullptr)
    return fail_api(400, "model", "\"{}\" does not support {}: {} is an encoder and makes {}",
                    model->name, what, model->name,
                    model->embedder->ranks() ? "scores" : "vectors");
  return model;
}

ApiResult<std::shared_ptr<ServedModel>> any_ollama_model(App& app, const Json& body,
                                                         Exchange& exchange) {
  const Wanted wanted = TRY_API(read_wanted(body));
  return app.any_model(wanted.name, exchange, wanted.keep_alive_s);
}

ApiResult<OllamaForm> read_ollama_form(const App& app, const Json& body, const ServedModel& model) {
  OllamaForm form;
  Fields fields(body);
  form.stream = fields.flag("stream", true);
  form.truncate = fields.flag("truncate", false);
  form.sequence = read_sequence_fields(fields, model);
  form.logprobs = fields.flag("logprobs", false);
  const int64_t n_top = fields.integer("top_logprobs", 0, INT64_MIN, INT64_MAX);
  const int64_t n_top_max = app.options.limits.n_top_logprobs_max;
  if (n_top < 0 || n_top > n_top_max)
    fields.complain("top_logprobs", fmt::format("must be between 0 and {}", n_top_max));
  form.n_top_logprobs = static_cast<int32_t>(n_top);
  TRY_API(fields.done());
  const Json none = Json::object();
  const Json* given = fields.object("options");
  TRY_API(fields.done());
  Fields options(given != nullptr ? *given : none, "options.");
  form.sampling = app.options.defaults.sampling;
  form.sampling.repeat_penalty = 1.1f;  // Ollama's own defaults
  form.sampling.top_p = 0.9f;
  form.sampling.min_p = 0;
  read_sampling(options, app, model, form.sampling);
  form.n_predict = options.integer("num_predict", stored_n_predict(model), -2, INT32_MAX);
  form.stop = read_stop(options, app, model);
  const int64_t n_ctx = options.integer("num_ctx", 0, 0, INT64_MAX);
  TRY_API(options.done());
  if (n_ctx > model.host->n_ctx())
    form.note = fmt::format("num_ctx is {}, this server has {} positions (--ctx-size)", n_ctx,
                            model.host->n_ctx());
  return form;
}

bool asks_unload(const Json& body) {
  Fields fields(body);
  const auto keep = read_keep_alive(fields);
  return keep && *keep && **keep == 0;
}

void add_ollama_totals(Json& json, const ChatTotals& totals, double total_s, double load_s) {
  const auto ns = [](double seconds) { return static_cast<int64_t>(seconds * 1e9); };
  json["total_duration"] = ns(total_s);
  json["load_duration"] = ns(load_s);
  json["prompt_eval_count"] = totals.n_prompt;
  json["prompt_eval_duration"] = ns(totals.prompt_s);
  json["eval_count"] = totals.n_generated;
  json["eval_duration"] = ns(totals.generate_s);
}

const char* ollama_done_reason(const Outcome& outcome) {
  return outcome.reason == StopReason::n_predict || outcome.reason == StopReason::context_full
             ? "length"
             : "stop";
}

Json ollama_details(const std::string& path) {
  Json details = {{"parent_model", ""},        {"format", "gguf"},     {"family", ""},
                  {"families", Json::array()}, {"parameter_size", ""}, {"quantization_level", ""}};
  const auto file = GgufFile::open(path);
  if (!file) return details;
  const std::string family(file->get_string_or("general.architecture", "").value_or(""));
  details["family"] = family;
  details["families"] = Json::array({family});
  int64_t n_params = 0, largest = 0;
  for (const GgufTensor& tensor : file->tensors()) {
    const int64_t n = tensor.view.shape.n_elements();
    n_params += n;
    if (tensor.view.shape.rank >= 2 && n > largest) {
      largest = n;
      details["quantization_level"] = info(tensor.view.dtype).name;
    }
  }
  // What the file says of itself is what people call it: Q4_K_M has matrices of several types.
  const uint64_t file_type =
      file->get_uint_or("general.file_type", UINT64_MAX).value_or(UINT64_MAX);
  for (const TypeMix& mix : all_type_mixes())
    if (static_cast<uint32_t>(mix.type) == file_type) {
      std::string name(mix.name);
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
      details["quantization_level"] = name;
    }
  details["parameter_size"] = format_count(static_cast<double>(n_params));
  return details;
}

}  // namespace quire::server
