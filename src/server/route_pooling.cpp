// POST /pooling and /classify, as vLLM has them: what a model makes of texts, without a name for it
// (vectors of an encoder, probabilities of a classifier's labels), and the labels by name.
#include "format/gguf.h"
#include "server/embeddings.h"
#include "server/stream.h"

#include <cmath>

namespace quire::server {
namespace {

struct PoolingRequest {
  std::shared_ptr<ServedModel> model;
  Embedded made;
  Encoding encoding = Encoding::numbers;
};

// Scores of a head: a distribution over several labels, or how likely its only one is.
void to_probabilities(std::vector<float>& scores) {
  if (scores.size() == 1) {
    scores[0] = 1 / (1 + std::exp(-scores[0]));
    return;
  }
  const float most = *std::ranges::max_element(scores);
  float sum = 0;
  for (float& x : scores) sum += x = std::exp(x - most);
  for (float& x : scores) x /= sum;
}

// Of no texts there are no answers.
ApiResult<PoolingRequest> read_pooling(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  PoolingRequest result;
  Fields fields(body);
  const std::string name = fields.text("model");
  result.encoding = read_encoding(fields);
  EmbeddingsForm form;
  form.of = EmbeddingsForm::Of::anything;
  form.n_dimensions = fields.integer("dimensions", 0, 1, 1 << 20);
  const int64_t n_kept = read_n_kept(fields);
  TRY_API(fields.done());
  result.model = TRY_API(app.any_model(name, exchange));
  const bool ranks = result.model->embedder->ranks();
  if (ranks && form.n_dimensions > 0)
    return fail_api(400, "dimensions", "dimensions is for vectors: {} gives scores", name);
  if (ranks) form.scale = EmbeddingsForm::Scale::none;
  TRY_API(cut_to(form, n_kept, *result.model));
  const Json input = TRY_API(input_of(app, body, *result.model));
  if (input.is_array() && input.empty()) return result;
  result.made = TRY_API(embed(app, *result.model, input, "input", exchange, form));
  if (ranks)
    for (std::vector<float>& scores : result.made.vectors) to_probabilities(scores);
  return result;
}

Json pooling_frame(const char* id, const PoolingRequest& request, Json data) {
  const int64_t n = request.made.n_tokens;
  return {{"id", new_id(id)},
          {"object", "list"},
          {"created", unix_seconds()},
          {"model", request.model->name},
          {"data", std::move(data)},
          {"usage", {{"prompt_tokens", n}, {"total_tokens", n}, {"completion_tokens", 0}}}};
}

// As the file names them, else "LABEL_0", as transformers does.
std::vector<std::string> labels_of(const Model& model, size_t n) {
  std::vector<std::string> labels(n);
  for (size_t i = 0; i < n; ++i) labels[i] = fmt::format("LABEL_{}", i);
  if (model.file() == nullptr) return labels;
  const auto names = model.file()->get_strings(model.hparams().arch + ".classifier.output_labels");
  if (names && names->size() == n) labels.assign(names->begin(), names->end());
  return labels;
}

}  // namespace

ApiResult<void> route_pooling(App& app, Exchange& exchange) {
  const PoolingRequest request = TRY_API(read_pooling(app, exchange));
  Json data = Json::array();
  for (size_t i = 0; i < request.made.vectors.size(); ++i)
    data.push_back({{"index", i},
                    {"object", "pooling"},
                    {"data", vector_json(request.made.vectors[i], request.encoding)}});
  send_json(exchange, pooling_frame("pool-", request, std::move(data)));
  return {};
}

ApiResult<void> route_classify(App& app, Exchange& exchange) {
  const PoolingRequest request = TRY_API(read_pooling(app, exchange));
  if (!request.model->embedder->ranks())
    return fail_api(400, "model",
                    "{} has no labels: classifying takes a model with a classification head; "
                    "/v1/embeddings gives vectors to compare",
                    request.model->name);
  const auto& all = request.made.vectors;
  const auto labels = labels_of(*request.model->model, all.empty() ? 0 : all[0].size());
  Json data = Json::array();
  for (size_t i = 0; i < all.size(); ++i) {
    const auto best = static_cast<size_t>(std::ranges::max_element(all[i]) - all[i].begin());
    data.push_back(
        {{"index", i}, {"label", labels[best]}, {"probs", all[i]}, {"num_classes", all[i].size()}});
  }
  send_json(exchange, pooling_frame("classify-", request, std::move(data)));
  return {};
}

}  // namespace quire::server
