#include "server/label_scores.h"

#include "server/completion.h"
#include "server/fields.h"
#include "server/request_fields.h"
#include "server/stream.h"

#include <cmath>
#include <numeric>

namespace quire::server {
namespace {

struct LabelForm {
  std::vector<std::vector<int32_t>> prompts;
  std::vector<int32_t> labels;
  bool softmax = false;
};

ApiResult<std::vector<int32_t>> read_labels(Fields& fields, const ServedModel& model) {
  const Json* list = fields.array("label_token_ids");
  if (list == nullptr || list->empty()) fields.complain("label_token_ids", "is missing or empty");
  TRY_API(fields.done());
  std::vector<int32_t> labels;
  const int64_t n_vocab = model.tokenizer().n_vocab();
  if (static_cast<int64_t>(list->size()) > n_vocab)
    return fail_api(400, "label_token_ids", "label_token_ids has {} tokens, there are {}",
                    list->size(), n_vocab);
  for (const Json& label : *list) {
    if (!label.is_number_integer() || label.get<int64_t>() < 0 || label.get<int64_t>() >= n_vocab)
      return fail_api(400, "label_token_ids",
                      "Token ID {} is out of vocabulary: tokens are 0 to {}", shown(label),
                      n_vocab - 1);
    labels.push_back(label.get<int32_t>());
  }
  return labels;
}

// Items: an array of texts or of arrays of tokens, or one text.
ApiResult<LabelForm> read_label_form(const App& app, const Json& body, const ServedModel& model) {
  Fields fields(body);
  LabelForm form;
  form.softmax = fields.flag("apply_softmax", false);
  const bool item_first = fields.flag("item_first", false);
  const Json* query = fields.find("query");
  const Json* items = fields.find("items");
  if (query == nullptr) fields.complain("query", "is missing");
  if (items == nullptr) fields.complain("items", "is missing");
  form.labels = TRY_API(read_labels(fields, model));
  const Json list = items->is_array() ? *items : Json::array({*items});
  const auto n_max = static_cast<size_t>(app.options.limits.n_inputs_max);
  if (list.empty() || list.size() > n_max)
    return fail_api(400, "items", "items has {} texts, not 1 to {}", list.size(), n_max);
  for (const Json& item : list) {
    const Json& first = item_first ? item : *query;
    const Json& second = item_first ? *query : item;
    std::vector<int32_t> ids =
        TRY_API(prompt_tokens(model.tokenizer(), first, "query", AddSpecial::as_model));
    const auto more = TRY_API(prompt_tokens(model.tokenizer(), second, "items", AddSpecial::never));
    ids.insert(ids.end(), more.begin(), more.end());
    TRY_API(check_context(model, ids.size()));
    form.prompts.push_back(std::move(ids));
  }
  return form;
}

// One token is drawn, and all that could have been are told.
ApiResult<std::vector<double>> scores_behind(ServedModel& model, const std::vector<int32_t>& prompt,
                                             const LabelForm& form, Exchange& exchange) {
  HostRequest host;
  host.tokens = Tokens::told;
  host.request.prompt = prompt;
  host.request.n_predict = 1;
  host.request.end = EndOfGeneration::never_drawn;
  host.request.n_probabilities = model.tokenizer().n_vocab();
  std::vector<HostRequest> requests;
  requests.push_back(std::move(host));
  std::vector<double> scores(form.labels.size(), 0);
  const auto on_event = [&](const Generation::Event& event) {
    for (const TokenEvent& token : event.tokens)
      for (const TokenProbability& one : token.likeliest)
        for (size_t i = 0; i < scores.size(); ++i)
          if (form.labels[i] == one.token) scores[i] = std::exp(double{one.log_probability});
    return Then::more;
  };
  const ChatTotals totals = TRY_API(run_text(model, std::move(requests), exchange, on_event));
  if (totals.error) return std::unexpected(ApiError(*totals.error));
  const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
  if (form.softmax && sum > 0)
    for (double& score : scores) score /= sum;
  return scores;
}

}  // namespace

ApiResult<void> answer_label_scores(App& app, Exchange& exchange, const Json& body) {
  Fields fields(body);
  const std::string name = fields.text("model");
  TRY_API(fields.done());
  const auto model = TRY_API(app.model(name, exchange));
  const LabelForm form = TRY_API(read_label_form(app, body, *model));
  Json scores = Json::array();
  int64_t n_tokens = 0;
  for (const std::vector<int32_t>& prompt : form.prompts) {
    if (exchange.stop_token().stop_requested()) return fail_api(499, "", "the client left");
    scores.push_back(TRY_API(scores_behind(*model, prompt, form, exchange)));
    n_tokens += static_cast<int64_t>(prompt.size());
  }
  exchange.n_prompt = n_tokens;
  send_json(exchange, {{"object", "scoring"},
                       {"model", model->name},
                       {"scores", std::move(scores)},
                       {"usage", {{"prompt_tokens", n_tokens}, {"total_tokens", n_tokens}}}});
  return {};
}

}  // namespace quire::server
