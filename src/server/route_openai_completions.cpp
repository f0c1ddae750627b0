// POST /v1/completions (OpenAI API reference, "Completions").
#include "server/beam_search.h"
#include "server/completion.h"
#include "server/completion_logprobs.h"
#include "server/fim.h"
#include "server/llamacpp_json.h"
#include "server/request_fields.h"
#include "server/stream.h"

#include <numeric>

namespace quire::server {
namespace {

struct CompletionsForm {
  std::vector<std::vector<int32_t>> prompts;
  HostRequest request;  // the prompt left out
  size_t n = 1;
  size_t best_of = 1;  // so many are made of each prompt, and the n likeliest shown
  BeamOptions beams;   // or the n best that a search finds
  bool stream = false, include_usage = false, usage_in_all = false, echo = false;
  bool shows_ids = false;  // token_ids and prompt_token_ids
  TokenNames names = TokenNames::texts;
  ShowSpecial special = ShowSpecial::hide;  // of a prompt that is echoed
  int64_t n_logprobs = -1, n_prompt_logprobs = -1;

  bool tells_prompt() const { return (echo && n_logprobs >= 0) || n_prompt_logprobs >= 0; }
  bool tells_tokens() const { return n_logprobs >= 0 || shows_ids || usage_in_all || best_of > n; }
};

// With a suffix the text between the two is wanted, from a model that was trained for it.
ApiResult<std::vector<std::vector<int32_t>>> read_prompts(Fields& fields, const App& app,
                                                          const ServedModel& model) {
  const Json* prompt = fields.find("prompt");
  if (prompt == nullptr) fields.complain("prompt", "is missing");
  const std::string suffix = fields.text("suffix");
  TRY_API(fields.done());
  if (suffix.empty())
    return prompts_of(model.tokenizer(), *prompt, "prompt",
                      static_cast<size_t>(app.options.limits.n_inputs_max));
  if (!prompt->is_string())
    return fail_api(400, "prompt", "prompt is {}: with a suffix it is one text", shown(*prompt));
  const FimParts parts{.prefix = prompt->get<std::string>(), .suffix = suffix};
  std::vector<std::vector<int32_t>> prompts;
  prompts.push_back(TRY_API(fim_tokens(model.tokenizer(), model.name, parts)));
  return prompts;
}

// What is shown of probabilities and ids.
void read_shown_tokens(Fields& fields, const RequestLimits& limits, CompletionsForm& form) {
  form.echo = fields.flag("echo", false);
  // A text is echoed as it came; of ids all are shown.
  const Json* prompt = fields.find("prompt");
  const bool of_texts = prompt == nullptr || prompt->is_string() ||
                        (prompt->is_array() && !prompt->empty() && prompt->front().is_string());
  form.special = of_texts ? ShowSpecial::hide : ShowSpecial::show;
  if (const Json* logprobs = fields.find("logprobs"); logprobs != nullptr && logprobs->is_boolean())
    form.n_logprobs = logprobs->get<bool>() ? 0 : -1;
  else
    form.n_logprobs = fields.integer("logprobs", -1, 0, limits.n_top_logprobs_max);
  form.n_prompt_logprobs = fields.integer("prompt_logprobs", -1, 0, limits.n_top_logprobs_max);
  if (form.stream && form.n_prompt_logprobs >= 0)
    fields.complain("prompt_logprobs", "is for whole answers: leave out stream");
  form.shows_ids = fields.flag("return_token_ids", false);
  if (fields.flag("return_tokens_as_token_ids", false)) form.names = TokenNames::ids;
}

ApiResult<void> read_completion_stream(Fields& fields, CompletionsForm& form) {
  form.stream = fields.flag("stream", false);
  const Json* options = fields.object("stream_options");
  if (options == nullptr) return {};
  if (!form.stream) fields.complain("stream_options", "is for streams: it needs stream to be true");
  Fields inner(*options, "stream_options.");
  form.include_usage = inner.flag("include_usage", false);
  form.usage_in_all = inner.flag("continuous_usage_stats", false) && form.include_usage;
  return inner.done();
}

// n answers are shown of best_of that are made, or beginnings of a search.
void read_completion_choices(Fields& fields, const RequestLimits& limits, CompletionsForm& form) {
  const int64_t n = fields.integer("n", 1, 1, limits.n_choices_max);
  form.n = form.best_of = static_cast<size_t>(n);
  form.beams = read_beam_options(fields, limits, form.n);
  if (form.beams.width > 0) return;
  const int64_t best_of = fields.integer("best_of", n, 1, limits.n_choices_max);
  if (best_of < n)
    fields.complain("best_of",
                    fmt::format("is {}, fewer than the {} wanted of them (n)", best_of, n));
  if (best_of > n && form.stream)
    fields.complain("best_of", "is for whole answers: which is best is known at their end");
  form.best_of = static_cast<size_t>(best_of);
}

ApiResult<CompletionsForm> read_completions_form(const App& app, const Json& body,
                                                 const ServedModel& model) {
  CompletionsForm form;
  Fields fields(body);
  const RequestLimits& limits = app.options.limits;
  form.prompts = TRY_API(read_prompts(fields, app, model));
  Request& request = form.request.request;
  request.n_predict = fields.integer("n_predict", 16, -2, INT32_MAX);
  request.n_predict = fields.integer("max_tokens", request.n_predict, -1, INT32_MAX);
  if (request.n_predict < 0 || request.n_predict > limits.n_predict_max)
    request.n_predict = limits.n_predict_max;
  TRY_API(read_completion_stream(fields, form));
  read_completion_choices(fields, limits, form);
  read_shown_tokens(fields, limits, form);
  request.stop = read_stop(fields, app, model);
  if (fields.flag("ignore_eos", app.options.defaults.ignore_eos))
    request.end = EndOfGeneration::never_drawn;
  request.shift.wanted = app.options.defaults.context_shift;
  request.shift.n_keep = app.options.defaults.n_keep;
  request.sampling = app.options.defaults.sampling;
  read_sampling(fields, app, model, request.sampling);
  read_sequence_fields(fields, model).put_into(form.request);
  read_cache_use(fields, app, request);
  if (form.tells_tokens()) form.request.tokens = Tokens::told;
  if (form.tells_prompt()) form.request.prompt_tokens = Tokens::told;
  if (form.tells_prompt() && form.beams.width > 0)
    fields.complain("echo", "with logprobs and use_beam_search do not go together");
  request.n_probabilities =
      static_cast<int32_t>(std::max({int64_t{0}, form.n_logprobs, form.n_prompt_logprobs}));
  TRY_API(fields.done());
  form.request.grammar = TRY_API(read_grammar(body));
  for (const auto& ids : form.prompts) TRY_API(check_context(model, ids.size()));
  return form;
}

struct CompletionsChoice {
  std::string text;
  std::vector<TokenEvent> prompt_tokens;  // all but the first
  std::vector<TokenEvent> tokens;
  std::string reason;
  std::optional<Outcome> outcome;  // without its tokens, at the end
  int64_t n_tokens = 0;
  double log_probability = 0;  // of all its tokens

  double mean_log_probability() const {
    return n_tokens == 0 ? 0 : log_probability / static_cast<double>(n_tokens);
  }
  void count(const std::vector<TokenEvent>& more) {
    n_tokens += static_cast<int64_t>(more.size());
    for (const TokenEvent& event : more)
      log_probability += static_cast<double>(event.log_probability);
  }
};

Json ids_of(const std::vector<TokenEvent>& tokens) {
  Json ids = Json::array();
  for (const TokenEvent& event : tokens) ids.push_back(event.token);
  return ids;
}

// How a request's answers are put into JSON, whole or piece by piece.
class CompletionWriter {
 public:
  CompletionWriter(const CompletionsForm& form, const ServedModel& model)
      : form_(form), tokenizer_(model.tokenizer()), name_(model.name) {
    const size_t n_top = static_cast<size_t>(std::max<int64_t>(0, form.n_logprobs));
    lists_.assign(form.prompts.size() * form.best_of,
                  {tokenizer_, form.names, n_top, form.special});
    said_.assign(lists_.size(), false);
  }

  const std::string& id() const { return id_; }
  const std::vector<int32_t>& prompt_of(size_t i) const { return form_.prompts[i / form_.best_of]; }
  std::string echoed(size_t i) const {
    return tokenizer_.readable(tokenizer_.decode(prompt_of(i), {.special = form_.special}));
  }
  Json frame() const {
    return {{"id", id_},
            {"object", "text_completion"},
            {"created", created_},
            {"model", name_},
            {"system_fingerprint", fingerprint()}};
  }
  // `piece`: what came since the last one; the prompt is said with the first.
  Json choice(size_t i, size_t index, CompletionsChoice piece) {
    Json json = {{"index", index},
                 {"text", std::move(piece.text)},
                 {"logprobs", nullptr},
                 {"finish_reason", piece.reason.empty() ? Json() : Json(piece.reason)}};
    if (piece.outcome) add_stop(json, tokenizer_, *piece.outcome);
    const bool first = !said_[i];
    said_[i] = true;
    if (form_.shows_ids) {
      json["token_ids"] = ids_of(piece.tokens);
      json["prompt_token_ids"] = first ? Json(prompt_of(i)) : Json();
    }
    if (!form_.stream) json["prompt_logprobs"] = nullptr;
    if (form_.n_prompt_logprobs >= 0)
      json["prompt_logprobs"] = prompt_logprobs_json(tokenizer_, piece.prompt_tokens,
                                                     static_cast<size_t>(form_.n_prompt_logprobs));
    if (form_.n_logprobs < 0) return json;
    std::vector<TokenEvent> shown;
    if (form_.echo && first) shown.push_back(LogprobLists::first_of_prompt(prompt_of(i).front()));
    if (form_.echo) std::ranges::move(piece.prompt_tokens, std::back_inserter(shown));
    std::ranges::move(piece.tokens, std::back_inserter(shown));
    json["logprobs"] = lists_[i].of(shown);
    return json;
  }

 private:
  const CompletionsForm& form_;
  const Tokenizer& tokenizer_;
  const std::string name_, id_ = new_id("cmpl-");
  const int64_t created_ = unix_seconds();
  std::vector<LogprobLists> lists_;
  std::vector<bool> said_;
};

// Of a search one for each prompt.
std::vector<HostRequest> completion_requests(const CompletionsForm& form) {
  std::vector<HostRequest> requests;
  for (const auto& ids : form.prompts)
    for (size_t i = 0; i < (form.beams.width > 0 ? 1 : form.best_of); ++i) {
      requests.push_back(form.request);
      requests.back().request.prompt = ids;
      requests.back().request.sampling.seed += i;
      requests.back().n_alike = i == 0 ? form.n : 0;
    }
  return requests;
}

// Of the answers to each prompt the n whose tokens are likeliest, in that order.
std::vector<size_t> shown_choices(const CompletionsForm& form,
                                  const std::vector<CompletionsChoice>& choices) {
  std::vector<size_t> shown;
  for (size_t begin = 0; begin < choices.size(); begin += form.best_of) {
    std::vector<size_t> group(form.best_of);
    std::iota(group.begin(), group.end(), begin);
    if (form.best_of > form.n)
      std::ranges::stable_sort(group, std::greater{},
                               [&](size_t i) { return choices[i].mean_log_probability(); });
    shown.insert(shown.end(), group.begin(), group.begin() + static_cast<std::ptrdiff_t>(form.n));
  }
  return shown;
}

}  // namespace

ApiResult<void> route_openai_completions(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  TRY_API(fields.done());
  const auto model = TRY_API(app.model(name, exchange));
  const CompletionsForm form = TRY_API(read_completions_form(app, body, *model));
  CompletionWriter writer(form, *model);
  std::vector<HostRequest> requests = completion_requests(form);
  std::vector<CompletionsChoice> choices(form.prompts.size() * form.best_of);
  if (form.echo)
    for (size_t i = 0; i < choices.size(); ++i) choices[i].text = writer.echoed(i);

  bool begun = false;
  const auto on_event = [&](const Generation::Event& event) {
    if (!begun && event.outcome && event.outcome->error) return Then::gone;
    CompletionsChoice& choice = choices[event.index];
    choice.text += event.text;
    choice.tokens.insert(choice.tokens.end(), event.tokens.begin(), event.tokens.end());
    choice.prompt_tokens.insert(choice.prompt_tokens.end(), event.prompt_tokens.begin(),
                                event.prompt_tokens.end());
    choice.count(event.tokens);
    if (event.outcome) {
      choice.reason = finish_reason(*event.outcome, {});
      choice.outcome = *event.outcome;
      choice.outcome->tokens.clear();
    }
    if (!form.stream) return Then::more;
    if (!std::exchange(begun, true)) begin_events(exchange);
    Json chunk = writer.frame();
    const int64_t n_tokens = choice.n_tokens;
    CompletionsChoice piece;  // what is said now need not be kept
    std::swap(piece.text, choice.text);
    std::swap(piece.tokens, choice.tokens);
    std::swap(piece.prompt_tokens, choice.prompt_tokens);
    piece.reason = choice.reason;
    std::swap(piece.outcome, choice.outcome);
    chunk["choices"] = Json::array({writer.choice(event.index, event.index, std::move(piece))});
    const auto n_of = static_cast<int64_t>(writer.prompt_of(event.index).size());
    if (form.usage_in_all)
      chunk["usage"] = {{"prompt_tokens", n_of},
                        {"completion_tokens", n_tokens},
                        {"total_tokens", n_of + n_tokens}};
    else if (form.include_usage)
      chunk["usage"] = nullptr;
    if (event.outcome && !form.include_usage)
      chunk["timings"] = timings_json(event.outcome->timings);
    return write_data(exchange, chunk) ? Then::more : Then::gone;
  };
  const ChatTotals totals =
      TRY_API(form.beams.width > 0 ? run_beams(*model, requests, form.beams, exchange, on_event)
                                   : run_text(*model, std::move(requests), exchange, on_event));
  const int64_t n_prompt = totals.n_prompt / static_cast<int64_t>(form.best_of);
  const Json usage = {{"prompt_tokens", n_prompt},
                      {"completion_tokens", totals.n_generated},
                      {"total_tokens", n_prompt + totals.n_generated},
                      {"prompt_tokens_details", {{"cached_tokens", totals.n_cached}}}};
  if (begun) {
    if (totals.error)
      exchange.write("data: " + error_json(Dialect::openai, ApiError(*totals.error), writer.id()) +
                     "\n\n");
    if (form.include_usage) {
      Json last = writer.frame();
      last["choices"] = Json::array();
      last["usage"] = usage;
      write_data(exchange, last);
    }
    end_events(exchange);
    return {};
  }
  if (totals.error) return std::unexpected(ApiError(*totals.error));
  Json answer = writer.frame();
  answer["choices"] = Json::array();
  for (const size_t i : shown_choices(form, choices))
    answer["choices"].push_back(writer.choice(i, answer["choices"].size(), std::move(choices[i])));
  answer["usage"] = usage;
  answer["timings"] = timings_json(totals);
  send_json(exchange, answer);
  return {};
}

}  // namespace quire::server
