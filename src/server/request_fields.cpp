#include "server/request_fields.h"

#include <charconv>
#include <list>
#include <random>

namespace quire::server {
namespace {

// Bias of one token.
void add_bias(Fields& fields, const Tokenizer& tokenizer, SamplingParams& params, int64_t token,
              const Json& value) {
  if (token < 0 || token >= tokenizer.n_vocab())
    return fields.complain("logit_bias",
                           fmt::format("names the token {}, which is not among 0 to {}", token,
                                       tokenizer.n_vocab() - 1));
  if (value.is_boolean() && !value.get<bool>()) {
    params.logit_bias.push_back({static_cast<int32_t>(token), -INFINITY});
    return;
  }
  if (!value.is_number() || std::abs(value.get<double>()) > 1000)
    return fields.complain("logit_bias",
                           fmt::format("gives token {} {}, not a number from -1000 to "
                                       "1000",
                                       token, shown(value)));
  params.logit_bias.push_back({static_cast<int32_t>(token), value.get<float>()});
}

// Of all tokens of a text.
void add_bias_of_text(Fields& fields, const Tokenizer& tokenizer, SamplingParams& params,
                      const std::string& text, const Json& value) {
  const auto ids = tokenizer.encode(text, {.add = AddSpecial::never});
  if (!ids) return fields.complain("logit_bias", ids.error().text);
  for (const int32_t id : *ids) add_bias(fields, tokenizer, params, id, value);
}

void read_logit_bias(Fields& fields, const App& app, const Tokenizer& tokenizer,
                     SamplingParams& params) {
  const Json* bias = fields.find("logit_bias");
  if (bias == nullptr) return;
  if (bias->is_structured() &&
      bias->size() > static_cast<size_t>(app.options.limits.n_logit_bias_max))
    return fields.complain("logit_bias",
                           fmt::format("names {} tokens, at most {} are taken", bias->size(),
                                       app.options.limits.n_logit_bias_max));
  if (bias->is_object()) {
    for (const auto& [key, value] : bias->items()) {
      int64_t token = -1;
      const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), token);
      if (code == std::errc{} && end == key.data() + key.size())
        add_bias(fields, tokenizer, params, token, value);
      else
        add_bias_of_text(fields, tokenizer, params, key, value);
    }
    return;
  }
  if (!bias->is_array()) return fields.complain("logit_bias", "is neither an object nor an array");
  for (const Json& pair : *bias) {
    if (!pair.is_array() || pair.size() != 2)
      return fields.complain("logit_bias", "has an item that is no pair of a token and its bias");
    if (pair[0].is_number_integer()) {
      add_bias(fields, tokenizer, params, pair[0].get<int64_t>(), pair[1]);
      continue;
    }
    if (!pair[0].is_string())
      return fields.complain("logit_bias", fmt::format("names the token {}", shown(pair[0])));
    add_bias_of_text(fields, tokenizer, params, pair[0].get_ref<const std::string&>(), pair[1]);
  }
}

float number(Fields& fields, const char* name, float fallback, double least, double most) {
  return static_cast<float>(fields.number(name, fallback, least, most));
}

void read_samplers(Fields& fields, const App& app, const Tokenizer& tokenizer, SamplingParams& p) {
  p.temperature = number(fields, "temperature", p.temperature, 0, 100);
  p.dynatemp_range = number(fields, "dynatemp_range", p.dynatemp_range, 0, 100);
  p.dynatemp_exponent = number(fields, "dynatemp_exponent", p.dynatemp_exponent, 0, 100);
  // -1 stands for "all" in some clients.
  p.top_k =
      static_cast<int32_t>(std::max<int64_t>(0, fields.integer("top_k", p.top_k, -1, INT32_MAX)));
  p.top_p = number(fields, "top_p", p.top_p, 0, 1);
  p.min_p = number(fields, "min_p", p.min_p, 0, 1);
  p.typical_p = number(fields, "typical_p", p.typical_p, 0, 1);
  p.top_n_sigma = number(fields, "top_n_sigma", p.top_n_sigma, -1, 1e6);
  p.xtc_probability = number(fields, "xtc_probability", p.xtc_probability, 0, 1);
  p.xtc_threshold = number(fields, "xtc_threshold", p.xtc_threshold, 0, 1);
  p.repeat_penalty = number(fields, "repetition_penalty", p.repeat_penalty, 0.01, 100);
  p.repeat_penalty = number(fields, "repeat_penalty", p.repeat_penalty, 0.01, 100);
  p.presence_penalty = number(fields, "presence_penalty", p.presence_penalty, -100, 100);
  p.frequency_penalty = number(fields, "frequency_penalty", p.frequency_penalty, -100, 100);
  p.repeat_last_n =
      static_cast<int32_t>(fields.integer("repeat_last_n", p.repeat_last_n, -1, INT32_MAX));
  p.dry_multiplier = number(fields, "dry_multiplier", p.dry_multiplier, 0, 100);
  p.dry_base = number(fields, "dry_base", p.dry_base, 0, 100);
  p.dry_allowed_length = static_cast<int32_t>(
      fields.integer("dry_allowed_length", p.dry_allowed_length, 0, INT32_MAX));
  p.dry_penalty_last_n = static_cast<int32_t>(
      fields.integer("dry_penalty_last_n", p.dry_penalty_last_n, -1, INT32_MAX));
  if (fields.has("dry_sequence_breakers"))
    p.dry_sequence_breakers = fields.texts("dry_sequence_breakers", 64);
  if (fields.number("adaptive_target", -1, -1e6, 1e6) >= 0)
    fields.complain("adaptive_target", "names a sampler that is not here; below 0 it is off");
  p.mirostat = static_cast<int32_t>(fields.integer("mirostat", p.mirostat, 0, 2));
  p.mirostat_tau = number(fields, "mirostat_tau", p.mirostat_tau, 0, 100);
  p.mirostat_eta = number(fields, "mirostat_eta", p.mirostat_eta, 0, 100);
  if (const Json* samplers = fields.find("samplers")) {
    std::string names;
    if (samplers->is_array()) {
      for (const std::string& name : fields.texts("samplers", 32))
        names += (names.empty() ? "" : ";") + name;
      if (auto letters = sampler_letters(names))
        p.samplers = *letters;
      else
        fields.complain("samplers", letters.error().text);
    } else {
      p.samplers = fields.text("samplers");
    }
  }
  read_logit_bias(fields, app, tokenizer, p);
  if (auto sound = check_sampling(p); !sound) fields.complain("sampling:", sound.error().text);
}

constexpr const char* stored_name = "PARAMETER ";
constexpr size_t n_stored_stop_max = 256;

}  // namespace

void read_sampling(Fields& fields, const App& app, const ServedModel& model, SamplingParams& p) {
  Fields stored(model.parameters, stored_name);  // sound: see check_parameters
  read_samplers(stored, app, model.tokenizer(), p);
  read_samplers(fields, app, model.tokenizer(), p);
  const int64_t fallback = stored.integer("seed", app.options.defaults.seed, INT64_MIN, INT64_MAX);
  const int64_t seed = fields.integer("seed", fallback, INT64_MIN, INT64_MAX);
  p.seed = seed == -1 ? (uint64_t{std::random_device{}()} << 32 | std::random_device{}())
                      : static_cast<uint64_t>(seed);
}

std::vector<std::string> read_stop(Fields& fields, const App& app, const ServedModel& model,
                                   const char* name) {
  if (!fields.has(name)) {
    auto stored = Fields(model.parameters, stored_name).texts("stop", n_stored_stop_max);
    return stored.empty() ? app.options.defaults.stop : stored;
  }
  return fields.texts(name, static_cast<size_t>(app.options.limits.n_stop_max));
}

void read_cache_use(Fields& fields, const App& app, Request& request) {
  if (!fields.flag("cache_prompt", app.options.defaults.cache_prompt))
    request.cache_salt = new_id("alone-");
}

int64_t stored_n_predict(const ServedModel& model) {
  return std::max<int64_t>(
      -1, Fields(model.parameters, stored_name).integer("num_predict", -1, -2, INT32_MAX));
}

ApiResult<void> check_parameters(const App& app, const ServedModel& model) {
  Fields stored(model.parameters, stored_name);
  SamplingParams params;
  read_samplers(stored, app, model.tokenizer(), params);
  stored.integer("seed", -1, INT64_MIN, INT64_MAX);
  stored.integer("num_predict", -1, -2, INT32_MAX);
  stored.texts("stop", n_stored_stop_max);
  return stored.done();
}

namespace {

constexpr double lora_scale_max = 1e6;
constexpr size_t cache_salt_bytes_max = 1024;

// One item of a list of adapters.
void read_lora_scale(Fields& item, const ServedModel& model, std::vector<bool>& named,
                     std::vector<float>& strengths) {
  if (!item.has("id")) item.complain("id", "is missing");
  const auto n_loras = static_cast<int64_t>(model.loras.size());
  const int64_t id = item.integer("id", 0, 0, INT32_MAX);
  if (id >= n_loras)
    item.complain("id", n_loras == 0
                            ? fmt::format("{}: {} has no LoRA adapters (--lora)", id, model.name)
                            : fmt::format("{}: {} has the LoRA adapters 0 to {}", id, model.name,
                                          n_loras - 1));
  if (!item.has("scale")) item.complain("scale", "is missing");
  const double scale = item.number("scale", 0, -lora_scale_max, lora_scale_max);
  if (!item.done()) return;
  const auto at = static_cast<size_t>(id);
  const std::string& path = model.model->adapters()[model.loras[at]].path;
  if (item.has("path") && item.text("path") != path)
    item.complain("path", fmt::format("is not that of adapter {}, which is {}", id, path));
  if (named[at]) item.complain("id", fmt::format("{} is there twice", id));
  named[at] = true;
  strengths[model.loras[at]] = static_cast<float>(scale);
}

}  // namespace

std::vector<float> read_lora_scales(Fields& fields, const char* name, const Json& list,
                                    const ServedModel& model) {
  std::vector<float> strengths = model.host->strengths();
  for (const size_t i : model.loras) strengths[i] = 0;
  std::vector<bool> named(model.loras.size());
  for (size_t i = 0; i < list.size(); ++i) {
    Fields item(list[i], fmt::format("{}[{}].", name, i));
    read_lora_scale(item, model, named, strengths);
    fields.take_error(item);
    if (!fields.done()) break;
  }
  return strengths;
}

void SequenceFields::put_into(HostRequest& host) const {
  Request& request = host.request;
  request.strengths = strengths;
  request.cache_salt = cache_salt;
  request.stop_tokens = stop_tokens;
  request.n_least = n_least;
  host.allowed_tokens = allowed_tokens;
}

namespace {

constexpr size_t n_stop_tokens_max = 256;

// A list of tokens, at most n_max.
std::vector<int32_t> read_token_list(Fields& fields, const char* name, int64_t n_vocab,
                                     size_t n_max) {
  std::vector<int32_t> ids;
  const Json* list = fields.array(name);
  if (list == nullptr) return ids;
  if (list->size() > n_max)
    fields.complain(name, fmt::format("has {} tokens, at most {} are taken", list->size(), n_max));
  for (const Json& id : *list) {
    if (id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() < n_vocab)
      ids.push_back(id.get<int32_t>());
    else
      fields.complain(name, fmt::format("has {}: tokens are 0 to {}", shown(id), n_vocab - 1));
  }
  return ids;
}

}  // namespace

SequenceFields read_sequence_fields(Fields& fields, const ServedModel& model) {
  SequenceFields result;
  if (const Json* list = fields.array("lora"))
    result.strengths = read_lora_scales(fields, "lora", *list, model);
  result.cache_salt = fields.text("cache_salt");
  if (fields.has("cache_salt") && result.cache_salt.empty())
    fields.complain("cache_salt", "is empty: leave it out, or give a text that is hard to guess");
  if (result.cache_salt.size() > cache_salt_bytes_max)
    fields.complain("cache_salt", fmt::format("has {} bytes, at most {} are taken",
                                              result.cache_salt.size(), cache_salt_bytes_max));
  fields.text("prompt_cache_key");
  const int64_t n_vocab = model.tokenizer().n_vocab();
  result.stop_tokens = read_token_list(fields, "stop_token_ids", n_vocab, n_stop_tokens_max);
  result.allowed_tokens =
      read_token_list(fields, "allowed_token_ids", n_vocab, static_cast<size_t>(n_vocab));
  if (fields.has("allowed_token_ids") && result.allowed_tokens.empty())
    fields.complain("allowed_token_ids", "is an empty array: no token could come");
  result.n_least = fields.integer("min_tokens", 0, 0, INT32_MAX);
  return result;
}

namespace {

ApiResult<std::optional<OutputGrammar>> as_optional(Result<OutputGrammar> grammar,
                                                    const char* param) {
  if (grammar) return std::optional(*std::move(grammar));
  return std::unexpected(ApiError{400, grammar.error().text, param});
}

ApiResult<std::optional<OutputGrammar>> from_schema(const Json& schema, const char* name) {
  if (!schema.is_object() && !schema.is_boolean())
    return fail_api(400, name, "{}: the schema is {}, not an object", name, shown(schema));
  return as_optional(OutputGrammar::from_json_schema(to_text(schema), name), name);
}

ApiResult<std::optional<OutputGrammar>> from_response_format(const Json& format) {
  constexpr const char* name = "response_format";
  Fields fields(format, "response_format.");
  const std::string type = fields.word(
      "type", "text", {"text", "json_object", "json_schema", "json", "regex", "grammar"});
  TRY_API(fields.done());
  if (type == "text") return std::optional<OutputGrammar>{};
  if (type == "regex") {
    const std::string pattern = fields.text("pattern", fields.text("regex"));
    TRY_API(fields.done());
    return as_optional(OutputGrammar::from_regex(pattern, name), name);
  }
  if (type == "grammar") {
    const std::string grammar = fields.text("grammar");
    TRY_API(fields.done());
    return as_optional(OutputGrammar::from_grammar(grammar, name), name);
  }
  if (const Json* schema = fields.find("schema")) return from_schema(*schema, name);
  if (type == "json_schema") {
    const Json* inner = fields.object("json_schema");
    TRY_API(fields.done());
    const Json* schema = nullptr;
    if (inner != nullptr && inner->contains("schema")) schema = &(*inner)["schema"];
    if (schema == nullptr)
      return fail_api(400, name, "response_format.json_schema.schema is missing");
    return from_schema(*schema, name);
  }
  return as_optional(OutputGrammar::any_json(), name);
}

}  // namespace

namespace {

// {"json", "regex", "choice", "grammar", "json_object"}: one of them, as vLLM names them now.
ApiResult<std::optional<OutputGrammar>> from_structured_outputs(const Json& value) {
  Fields fields(value, "structured_outputs.");
  TRY_API(fields.done());
  Json body = Json::object();
  constexpr std::pair<const char*, const char*> names[] = {{"json", "guided_json"},
                                                           {"regex", "guided_regex"},
                                                           {"choice", "guided_choice"},
                                                           {"grammar", "guided_grammar"}};
  for (const auto& [name, other] : names)
    if (fields.has(name)) body[other] = *fields.find(name);
  if (fields.flag("json_object", false)) body["response_format"] = {{"type", "json_object"}};
  TRY_API(fields.done());
  if (body.empty())
    return fail_api(400, "structured_outputs",
                    "structured_outputs has none of json, regex, choice, grammar, json_object");
  return read_grammar(body);
}

}  // namespace

ApiResult<std::optional<OutputGrammar>> read_grammar(const Json& body) {
  Fields fields(body);
  std::optional<OutputGrammar> result;
  const char* found = nullptr;
  const auto take = [&](const char* name, auto make) -> ApiResult<void> {
    const Json* value = fields.find(name);
    if (value == nullptr || (value->is_string() && value->get_ref<const std::string&>().empty()))
      return {};
    auto grammar = TRY_API(make(*value));
    if (!grammar) return {};
    if (found != nullptr)
      return fail_api(400, name, "{} and {} both say what form the answer has", found, name);
    found = name;
    result = std::move(grammar);
    return {};
  };
  using Form = ApiResult<std::optional<OutputGrammar>>;
  const auto text_of = [](const Json& value) {
    return value.is_string() ? value.get<std::string>() : to_text(value);
  };
  TRY_API(take("response_format", [](const Json& v) -> Form { return from_response_format(v); }));
  TRY_API(take("grammar", [&](const Json& v) -> Form {
    return as_optional(OutputGrammar::from_grammar(text_of(v), "grammar"), "grammar");
  }));
  TRY_API(take("json_schema", [](const Json& v) -> Form { return from_schema(v, "json_schema"); }));
  TRY_API(take("regex", [&](const Json& v) -> Form {
    return as_optional(OutputGrammar::from_regex(text_of(v), "regex"), "regex");
  }));
  TRY_API(take("ebnf", [&](const Json& v) -> Form {
    return as_optional(OutputGrammar::from_grammar(text_of(v), "ebnf"), "ebnf");
  }));
  TRY_API(take("guided_json", [&](const Json& v) -> Form {
    return as_optional(OutputGrammar::from_json_schema(text_of(v), "guided_json"), "guided_json");
  }));
  TRY_API(take("guided_regex", [&](const Json& v) -> Form {
    return as_optional(OutputGrammar::from_regex(text_of(v), "guided_regex"), "guided_regex");
  }));
  TRY_API(take("guided_grammar", [&](const Json& v) -> Form {
    return as_optional(OutputGrammar::from_grammar(text_of(v), "guided_grammar"), "guided_grammar");
  }));
  const auto from_choices = [&](const Json&) -> Form {
    const auto choices = fields.texts("guided_choice", 4096);
    TRY_API(fields.done());
    return as_optional(OutputGrammar::from_choices(choices, "guided_choice"), "guided_choice");
  };
  TRY_API(take("guided_choice", from_choices));
  TRY_API(take("structured_outputs", [](const Json& v) { return from_structured_outputs(v); }));
  return result;
}

ApiResult<std::optional<OutputGrammar>> read_format(const Json* format, const char* name) {
  if (format == nullptr || (format->is_string() && format->get_ref<const std::string&>().empty()))
    return std::optional<OutputGrammar>{};
  if (format->is_object()) return from_schema(*format, name);
  if (format->is_string() && format->get_ref<const std::string&>() == "json")
    return as_optional(OutputGrammar::any_json(), name);
  return fail_api(400, name, "{} is {}, neither \"json\" nor a JSON schema", name, shown(*format));
}

ApiError too_long(const std::string& what, int64_t n, int64_t n_max) {
  ApiError error{400,
                 fmt::format("{} has {} tokens and exceeds the available context size: the maximum "
                             "context length is {} tokens",
                             what, n, n_max)};
  error.code = "context_length_exceeded";
  error.n_prompt = n;
  error.n_ctx = n_max;
  return error;
}

ApiResult<void> check_context(const ServedModel& model, size_t n_prompt) {
  if (n_prompt == 0) return fail_api(400, "prompt", "the prompt has no tokens");
  const int64_t n_ctx = model.host->n_ctx();
  if (static_cast<int64_t>(n_prompt) < n_ctx) return {};
  ApiError error = too_long("the prompt", static_cast<int64_t>(n_prompt), n_ctx);
  error.message +=
      ", one of them for the answer; shorten it, or start the server with a longer "
      "context (--ctx-size)";
  error.param = "messages";
  return std::unexpected(error);
}

}  // namespace quire::server
