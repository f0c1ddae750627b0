// Embeddings in three APIs: POST /v1/embeddings, /api/embed and /api/embeddings, /embedding.
#include "base/base64.h"
#include "server/completion.h"
#include "server/ollama.h"
#include "server/request_fields.h"
#include "server/stream.h"

#include <cmath>
#include <cstring>

namespace quire::server {
namespace {

// What a request wants of its texts.
struct EmbeddingsForm {
  enum class Scale : uint8_t { unit, none };
  enum class TooLong : uint8_t { refuse, cut };
  Scale scale = Scale::unit;
  TooLong too_long = TooLong::refuse;
  int64_t n_dimensions = 0;  // the first so many of a vector; 0: all
  int64_t n_tokens_max = 0;  // of a text, where that is less than the model knows; 0: no limit
};

struct Embedded {
  std::vector<std::vector<float>> vectors;
  int64_t n_tokens = 0;
};

constexpr size_t texts_at_once = 8;  // between looks at whether the client is still there

// Cuts a text that is too long where the client asked for it; what the tokenizer puts at the end of
// every text stays there.
ApiResult<void> fit(const ServedModel& model, const char* name, const EmbeddingsForm& form,
                    std::vector<int32_t>& ids, int64_t& n_cut) {
  int64_t n_max = model.embedder->n_tokens_max();
  if (form.n_tokens_max > 0) n_max = std::min(n_max, form.n_tokens_max);
  const auto n = static_cast<int64_t>(ids.size());
  if (n <= n_max) return {};
  if (form.too_long == EmbeddingsForm::TooLong::refuse) {
    ApiError error = too_long(name, n, n_max);
    error.message = fmt::format(
        "{} is too large to process: input length exceeds the context length ({} of {} tokens)",
        name, n, n_max);
    error.param = name;
    return std::unexpected(error);
  }
  const auto end = model.tokenizer().suffix_ids();
  const size_t n_around = model.tokenizer().prefix_ids().size() + end.size();
  if (static_cast<size_t>(n_max) <= n_around)
    return fail_api(400, name,
                    "{}: input after truncation exceeds maximum context length: of {} tokens none "
                    "is left for the text",
                    name, n_max);
  ids.resize(static_cast<size_t>(n_max));
  std::copy_backward(end.begin(), end.end(), ids.end());
  ++n_cut;
  return {};
}

void finish_vector(std::vector<float>& vector, const EmbeddingsForm& form) {
  if (form.n_dimensions > 0) vector.resize(static_cast<size_t>(form.n_dimensions));
  double square = 0;
  for (const float x : vector) square += double{x} * x;
  if (form.scale == EmbeddingsForm::Scale::unit && square > 0)
    for (float& x : vector) x = static_cast<float>(x / std::sqrt(square));
}

ApiResult<Embedded> embed(App& app, ServedModel& model, const Json& input, const char* name,
                          Exchange& exchange, const EmbeddingsForm& form) {
  if (model.embedder->ranks())
    return fail_api(400, "model",
                    "{} is a cross-encoder: it gives scores (/v1/rerank) and no vectors",
                    model.name);
  if (form.n_dimensions > model.model->hparams().n_embd)
    return fail_api(400, "dimensions", "dimensions {} cannot be had: vectors of {} have {}",
                    form.n_dimensions, model.name, model.model->hparams().n_embd);
  auto prompts = TRY_API(prompts_of(model.tokenizer(), input, name,
                                    static_cast<size_t>(app.options.limits.n_inputs_max)));
  Embedded result;
  int64_t n_cut = 0;
  std::vector<EmbedText> texts;
  for (auto& ids : prompts) {
    TRY_API(fit(model, name, form, ids, n_cut));
    result.n_tokens += static_cast<int64_t>(ids.size());
    texts.push_back({ids});
  }
  if (n_cut > 0) exchange.add_header("x-quire-truncated-inputs", std::to_string(n_cut));
  // What /lora-adapters sets counts here, too.
  const auto strengths = model.host ? model.host->strengths() : std::vector<float>{};
  for (size_t i = 0; i < texts.size(); i += texts_at_once) {
    if (exchange.stop_token().stop_requested()) return fail_api(499, "", "the client left");
    const auto some = std::span(texts).subspan(i, std::min(texts_at_once, texts.size() - i));
    for (std::vector<float>& vector : TRY_API(model.embedder->embed(some, strengths))) {
      finish_vector(vector, form);
      result.vectors.push_back(std::move(vector));
    }
  }
  exchange.n_prompt = result.n_tokens;
  return result;
}

int64_t nanoseconds_since(std::chrono::steady_clock::time_point start) {
  const auto spent = std::chrono::steady_clock::now() - start;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count();
}

std::string float_bytes(const std::vector<float>& vector) {
  std::string bytes(vector.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), vector.data(), bytes.size());
  return bytes;
}

}  // namespace

ApiResult<void> route_openai_embeddings(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  const Json* input = fields.find("input");
  if (input == nullptr) fields.complain("input", "is missing");
  const bool base64 = fields.word("encoding_format", "float", {"float", "base64"}) == "base64";
  EmbeddingsForm form;
  form.n_dimensions = fields.integer("dimensions", 0, 1, 1 << 20);
  // As vLLM has it; -1: to what the model reads.
  const int64_t n_kept = fields.integer("truncate_prompt_tokens", 0, -1, INT32_MAX);
  TRY_API(fields.done());
  const auto model = TRY_API(app.any_model(name, exchange));
  if (n_kept > model->embedder->n_tokens_max())
    return fail_api(400, "truncate_prompt_tokens",
                    "truncate_prompt_tokens is {}, more than the {} tokens that {} reads", n_kept,
                    model->embedder->n_tokens_max(), model->name);
  if (n_kept != 0) form.too_long = EmbeddingsForm::TooLong::cut;
  form.n_tokens_max = std::max<int64_t>(0, n_kept);
  const Embedded made = TRY_API(embed(app, *model, *input, "input", exchange, form));
  Json data = Json::array();
  for (size_t i = 0; i < made.vectors.size(); ++i) {
    Json vector =
        base64 ? Json(base64_encoded(float_bytes(made.vectors[i]))) : Json(made.vectors[i]);
    data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", std::move(vector)}});
  }
  send_json(exchange,
            {{"object", "list"},
             {"data", std::move(data)},
             {"model", model->name},
             {"usage", {{"prompt_tokens", made.n_tokens}, {"total_tokens", made.n_tokens}}}});
  return {};
}

ApiResult<void> route_ollama_embed(App& app, Exchange& exchange) {
  const auto start = std::chrono::steady_clock::now();
  const Json body = TRY_API(app.read_json(exchange));
  const auto model = TRY_API(any_ollama_model(app, body, exchange));
  const int64_t load_ns = nanoseconds_since(start);
  Fields fields(body);
  const Json* input = fields.find("input");
  if (input == nullptr) fields.complain("input", "is missing");
  EmbeddingsForm form;
  // Cutting is what Ollama does without being asked; here it must be asked for.
  if (fields.flag("truncate", false)) form.too_long = EmbeddingsForm::TooLong::cut;
  form.n_dimensions = fields.integer("dimensions", 0, 0, 1 << 20);
  if (const Json* options = fields.object("options"))
    form.n_tokens_max = Fields(*options, "options.").integer("num_ctx", 0, 0, INT32_MAX);
  TRY_API(fields.done());
  Embedded made;  // of no texts there are no vectors
  if (!input->is_array() || !input->empty())
    made = TRY_API(embed(app, *model, *input, "input", exchange, form));
  send_json(exchange, {{"model", model->name},
                       {"embeddings", made.vectors},
                       {"total_duration", nanoseconds_since(start)},
                       {"load_duration", load_ns},
                       {"prompt_eval_count", made.n_tokens}});
  return {};
}

ApiResult<void> route_ollama_embeddings(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const auto model = TRY_API(any_ollama_model(app, body, exchange));
  Fields fields(body);
  const std::string prompt = fields.text("prompt");
  TRY_API(fields.done());
  EmbeddingsForm form;
  form.scale = EmbeddingsForm::Scale::none;
  if (prompt.empty()) {  // to load the model
    send_json(exchange, {{"embedding", Json::array()}});
    return {};
  }
  const Embedded made = TRY_API(embed(app, *model, prompt, "prompt", exchange, form));
  send_json(exchange, {{"embedding", made.vectors[0]}});
  return {};
}

ApiResult<void> route_embedding(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  const Json* content = fields.find("content");
  if (content == nullptr) content = fields.find("input");
  if (content == nullptr) fields.complain("content", "is missing");
  EmbeddingsForm form;
  // llama.cpp's norms: below 0 none, 2 the length.
  if (fields.integer("embd_normalize", 2, -1, 2) < 0) form.scale = EmbeddingsForm::Scale::none;
  TRY_API(fields.done());
  const auto model = TRY_API(app.any_model(name, exchange));
  const Embedded made = TRY_API(embed(app, *model, *content, "content", exchange, form));
  Json answer = Json::array();
  for (size_t i = 0; i < made.vectors.size(); ++i)
    answer.push_back({{"index", i}, {"embedding", Json::array({made.vectors[i]})}});
  send_json(exchange, answer);
  return {};
}

}  // namespace quire::server
