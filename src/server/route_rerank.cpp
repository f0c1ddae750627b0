// POST /rerank and its other names, as llama.cpp's server, Jina and Cohere have it: documents by
// how well they answer a query, scored by a cross-encoder. Scores are those of the model's head.
#include "engine/rank.h"
#include "server/app.h"
#include "server/fields.h"
#include "server/label_scores.h"
#include "server/request_fields.h"
#include "server/stream.h"

#include <cmath>

namespace quire::server {
namespace {

struct RerankForm {
  std::string model, query;
  std::vector<std::string> documents;
  size_t n_best = 0;  // 0: all
  bool return_documents = false;
  bool bare = false;  // `texts`, as text-embeddings-inference has it: an array comes back
};

// Documents are strings or {"text": ...}.
std::vector<std::string> read_documents(Fields& fields, const App& app, const char* name) {
  const Json* list = fields.array(name);
  const auto n_max = static_cast<size_t>(app.options.limits.n_inputs_max);
  std::vector<std::string> documents;
  if (list == nullptr) return fields.complain(name, "is missing"), documents;
  if (list->empty()) fields.complain(name, "is an empty array");
  if (list->size() > n_max) {
    fields.complain(name, fmt::format("has {} texts, at most {} are taken", list->size(), n_max));
    return documents;
  }
  for (const Json& item : *list) {
    const Json* text = &item;
    if (item.is_object() && item.contains("text")) text = &item["text"];
    if (!text->is_string()) {
      fields.complain(name,
                      fmt::format("has {}: it may be a text or {{\"text\": ...}}", shown(item)));
      break;
    }
    documents.push_back(text->get<std::string>());
  }
  return documents;
}

ApiResult<RerankForm> read_rerank_form(const App& app, const Json& body) {
  Fields fields(body);
  RerankForm form;
  form.model = fields.text("model");
  if (!fields.has("query")) fields.complain("query", "is missing");
  form.query = fields.text("query");
  form.bare = !fields.has("documents") && fields.has("texts");
  form.documents = read_documents(fields, app, form.bare ? "texts" : "documents");
  form.n_best = static_cast<size_t>(
      fields.integer("top_n", static_cast<int64_t>(form.documents.size()), 1, INT32_MAX));
  form.return_documents = fields.flag(form.bare ? "return_text" : "return_documents", false);
  TRY_API(fields.done());
  return form;
}

// 400 for a pair that is longer than the model reads: nothing is cut in silence.
ApiResult<void> check_lengths(const ServedModel& model, std::span<const EncodedPair> pairs) {
  const int64_t n_max = model.embedder->n_tokens_max();
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto n = static_cast<int64_t>(pairs[i].ids.size());
    if (n <= n_max) continue;
    ApiError error = too_long(fmt::format("documents[{}] with the query", i), n, n_max);
    error.message += "; cut it in parts";
    error.param = "documents";
    return std::unexpected(error);
  }
  return {};
}

}  // namespace

namespace {

struct Scored {
  std::vector<std::vector<float>> scores;  // of each pair, one for each label
  int64_t n_tokens = 0;
};

ApiResult<Scored> score_pairs(ServedModel& model, std::span<const EncodedPair> pairs,
                              Exchange& exchange) {
  TRY_API(check_lengths(model, pairs));
  constexpr size_t pairs_at_once = 8;  // between looks at whether the client is still there
  const std::vector<EmbedText> texts = as_texts(pairs);
  Scored scored;
  for (size_t i = 0; i < texts.size(); i += pairs_at_once) {
    if (exchange.stop_token().stop_requested()) return fail_api(499, "", "the client left");
    const auto some = std::span(texts).subspan(i, std::min(pairs_at_once, texts.size() - i));
    for (const EmbedText& text : some) scored.n_tokens += static_cast<int64_t>(text.ids.size());
    for (auto& one : TRY_API(model.embedder->embed(some))) scored.scores.push_back(std::move(one));
  }
  exchange.n_prompt = scored.n_tokens;
  return scored;
}

ApiResult<void> check_ranks(const ServedModel& model) {
  if (model.embedder->ranks()) return {};
  return fail_api(400, "model",
                  "{} gives no scores: ranking takes a cross-encoder (a model with a "
                  "classification head); /v1/embeddings gives vectors to compare",
                  model.name);
}

}  // namespace

ApiResult<void> route_rerank(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const RerankForm form = TRY_API(read_rerank_form(app, body));
  const auto model = TRY_API(app.any_model(form.model, exchange));
  TRY_API(check_ranks(*model));
  const auto pairs = TRY_API(ranking_inputs(*model->model, form.query, form.documents));
  auto [scores, n_tokens] = TRY_API(score_pairs(*model, pairs, exchange));
  Json results = Json::array();
  for (const Ranked& one : ranked(std::move(scores), form.n_best)) {
    if (form.bare) {
      results.push_back({{"index", one.document}, {"score", one.scores[0]}});
      if (form.return_documents) results.back()["text"] = form.documents[one.document];
      continue;
    }
    Json entry = {{"index", one.document}, {"relevance_score", one.scores[0]}};
    if (one.scores.size() > 1) entry["scores"] = one.scores;
    if (form.return_documents) entry["document"] = {{"text", form.documents[one.document]}};
    results.push_back(std::move(entry));
  }
  if (form.bare) {
    send_json(exchange, results);
    return {};
  }
  send_json(exchange, {{"id", new_id("rerank-")},
                       {"object", "list"},
                       {"model", model->name},
                       {"results", std::move(results)},
                       {"usage", {{"prompt_tokens", n_tokens}, {"total_tokens", n_tokens}}}});
  return {};
}

namespace {

// A text or several of them.
std::vector<std::string> read_texts(Fields& fields, const App& app, const char* name) {
  if (!fields.has(name)) fields.complain(name, "is missing");
  auto texts = fields.texts(name, static_cast<size_t>(app.options.limits.n_inputs_max));
  if (texts.empty()) fields.complain(name, "is an empty array");
  return texts;
}

}  // namespace

// text_1 with each of text_2, or one by one with as many, as vLLM has it. Scores of a head with one
// label are probabilities, its sigmoid.
ApiResult<void> route_score(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  if (body.contains("items")) return answer_label_scores(app, exchange, body);
  Fields fields(body);
  const std::string name = fields.text("model");
  const auto first = read_texts(fields, app, "text_1"), second = read_texts(fields, app, "text_2");
  TRY_API(fields.done());
  if (first.size() != 1 && first.size() != second.size())
    return fail_api(400, "text_1", "text_1 has {} texts and text_2 {}: one, or as many",
                    first.size(), second.size());
  const auto model = TRY_API(app.any_model(name, exchange));
  TRY_API(check_ranks(*model));
  std::vector<EncodedPair> pairs;
  for (size_t i = 0; i < second.size(); ++i)
    for (EncodedPair& pair : TRY_API(ranking_inputs(*model->model, first[first.size() == 1 ? 0 : i],
                                                    std::span(second).subspan(i, 1))))
      pairs.push_back(std::move(pair));
  const Scored scored = TRY_API(score_pairs(*model, pairs, exchange));
  Json data = Json::array();
  for (size_t i = 0; i < scored.scores.size(); ++i) {
    const std::vector<float>& labels = scored.scores[i];
    const double score = labels.size() == 1 ? 1 / (1 + std::exp(-double{labels[0]})) : labels[0];
    data.push_back({{"index", i}, {"object", "score"}, {"score", score}});
  }
  send_json(exchange,
            {{"id", new_id("score-")},
             {"object", "list"},
             {"created", unix_seconds()},
             {"model", model->name},
             {"data", std::move(data)},
             {"usage", {{"prompt_tokens", scored.n_tokens}, {"total_tokens", scored.n_tokens}}}});
  return {};
}

}  // namespace quire::server
