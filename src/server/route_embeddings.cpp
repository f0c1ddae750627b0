// Embeddings in three APIs: POST /v1/embeddings, /api/embed and /api/embeddings, /embedding.
#include "server/completion.h"
#include "server/ollama.h"
#include "server/stream.h"

#include <cmath>
#include <cstring>

namespace quire::server {
namespace {

struct Embedded {
  std::vector<std::vector<float>> vectors;
  int64_t n_tokens = 0;
};

enum class Scale : uint8_t { unit, none };

Result<std::unique_ptr<Embedder>> create_embedder(const ServedModel& model,
                                                  const RunnerOptions& runner) {
  EmbedderOptions options;
  options.normalize = Normalize::no;  // as the request asks
  options.n_tokens_max = runner.n_ctx;
  options.n_threads = runner.n_threads;
  options.precision = runner.precision;
  return Embedder::create(model.model, options);
}

ApiResult<Embedded> embed(App& app, ServedModel& model, const Json& input, const char* name,
                          Exchange& exchange, Scale scale) {
  const auto prompts = TRY_API(prompts_of(model.tokenizer(), input, name,
                                          static_cast<size_t>(app.options.limits.n_inputs_max)));
  const std::lock_guard lock(model.embedding);
  if (model.embedder == nullptr)
    model.embedder = TRY_API(create_embedder(model, app.models.options().host.runner));
  Embedded result;
  for (const auto& ids : prompts) {
    if (exchange.stop_token().stop_requested()) return fail_api(499, "", "the client left");
    if (static_cast<int64_t>(ids.size()) > model.embedder->n_tokens_max()) {
      ApiError error{400,
                     fmt::format("{} has {} tokens, the context has room for {}", name, ids.size(),
                                 model.embedder->n_tokens_max()),
                     name, "context_length_exceeded"};
      error.n_prompt = static_cast<int64_t>(ids.size());
      error.n_ctx = model.embedder->n_tokens_max();
      return std::unexpected(error);
    }
    const EmbedText text{ids};
    auto vectors = TRY_API(model.embedder->embed(std::span(&text, 1)));
    std::vector<float>& vector = vectors[0];
    double square = 0;
    for (const float x : vector) square += double{x} * x;
    if (scale == Scale::unit && square > 0)
      for (float& x : vector) x = static_cast<float>(x / std::sqrt(square));
    result.vectors.push_back(std::move(vector));
    result.n_tokens += static_cast<int64_t>(ids.size());
  }
  exchange.n_prompt = result.n_tokens;
  return result;
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
  const int64_t n_dimensions = fields.integer("dimensions", 0, 1, 1 << 20);
  TRY_API(fields.done());
  const auto model = TRY_API(app.model(name, exchange));
  if (n_dimensions != 0 && n_dimensions != model->model->hparams().n_embd)
    return fail_api(400, "dimensions", "dimensions {} cannot be had: vectors of {} have {}",
                    n_dimensions, model->name, model->model->hparams().n_embd);
  const Embedded made = TRY_API(embed(app, *model, *input, "input", exchange, Scale::unit));
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
  const auto model = TRY_API(ollama_model(app, body, exchange));
  Fields fields(body);
  const Json* input = fields.find("input");
  if (input == nullptr) fields.complain("input", "is missing");
  TRY_API(fields.done());
  const Embedded made = TRY_API(embed(app, *model, *input, "input", exchange, Scale::unit));
  const auto spent = std::chrono::steady_clock::now() - start;
  send_json(exchange, {{"model", model->name},
                       {"embeddings", made.vectors},
                       {"total_duration",
                        std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count()},
                       {"load_duration", 0},
                       {"prompt_eval_count", made.n_tokens}});
  return {};
}

ApiResult<void> route_ollama_embeddings(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const auto model = TRY_API(ollama_model(app, body, exchange));
  Fields fields(body);
  const std::string prompt = fields.text("prompt");
  TRY_API(fields.done());
  const Embedded made = TRY_API(embed(app, *model, prompt, "prompt", exchange, Scale::none));
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
  TRY_API(fields.done());
  const auto model = TRY_API(app.model(name, exchange));
  const Embedded made = TRY_API(embed(app, *model, *content, "content", exchange, Scale::unit));
  Json answer = Json::array();
  for (size_t i = 0; i < made.vectors.size(); ++i)
    answer.push_back({{"index", i}, {"embedding", Json::array({made.vectors[i]})}});
  send_json(exchange, answer);
  return {};
}

// Ranking needs a model that reads query and document together and gives a score.
ApiResult<void> route_rerank(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  if (!fields.has("query")) fields.complain("query", "is missing");
  if (fields.array("documents") == nullptr) fields.complain("documents", "is missing");
  TRY_API(fields.done());
  const auto model = TRY_API(app.model(fields.text("model"), exchange));
  return fail_api(501, "model",
                  "{} gives no scores: cross-encoders are not served, only run by `quire rerank`; "
                  "/v1/embeddings gives vectors to compare",
                  model->name);
}

}  // namespace quire::server
