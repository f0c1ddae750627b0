// Embeddings in three APIs: POST /v1/embeddings, /api/embed and /api/embeddings, /embedding.
#include "server/embeddings.h"
#include "server/fields.h"
#include "server/ollama.h"
#include "server/stream.h"

namespace quire::server {
namespace {

int64_t nanoseconds_since(std::chrono::steady_clock::time_point start) {
  const auto spent = std::chrono::steady_clock::now() - start;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count();
}

}  // namespace

ApiResult<void> route_openai_embeddings(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  const Encoding encoding = read_encoding(fields);
  EmbeddingsForm form;
  form.n_dimensions = fields.integer("dimensions", 0, 1, 1 << 20);
  const int64_t n_kept = read_n_kept(fields);
  TRY_API(fields.done());
  const auto model = TRY_API(app.any_model(name, exchange));
  TRY_API(cut_to(form, n_kept, *model));
  const Json input = TRY_API(input_of(app, body, *model));
  const Embedded made = TRY_API(embed(app, *model, input, "input", exchange, form));
  Json data = Json::array();
  for (size_t i = 0; i < made.vectors.size(); ++i) {
    data.push_back({{"object", "embedding"},
                    {"index", i},
                    {"embedding", vector_json(made.vectors[i], encoding)}});
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
  // Its clients of before /api/embed say `prompt`; of those that mean the new one some ask here.
  if (body.contains("input") && !body.contains("prompt")) return route_ollama_embed(app, exchange);
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
