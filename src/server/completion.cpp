#include "server/completion.h"

#include "server/beam_search.h"
#include "server/fields.h"
#include "server/request_fields.h"
#include "server/request_log.h"

namespace quire::server {

namespace {

// {"prompt_string", "multimodal_data"} of llama.cpp: the text, as long as there is nothing else.
ApiResult<Json> prompt_string(const Json& item, const char* name) {
  Fields fields(item, std::string(name) + ".");
  if (!fields.has("prompt_string")) fields.complain("prompt_string", "is missing");
  const std::string text = fields.text("prompt_string");
  if (const Json* media = fields.find("multimodal_data"); media != nullptr && !media->empty())
    fields.complain("multimodal_data", "is not supported: models here read text only");
  TRY_API(fields.done());
  return Json(text);
}

}  // namespace

bool is_one_prompt(const Json& prompt) {
  if (!prompt.is_array()) return true;
  bool any_number = false;
  for (const Json& item : prompt) {
    if (item.is_array() || item.is_object()) return false;
    any_number |= item.is_number();
  }
  return any_number;
}

ApiResult<std::vector<int32_t>> prompt_tokens(const Tokenizer& tokenizer, const Json& prompt,
                                              const char* name, AddSpecial add) {
  std::vector<int32_t> ids;
  const auto add_item = [&](const Json& item, bool first) -> ApiResult<void> {
    if (item.is_string()) {
      auto more = tokenizer.encode(item.get_ref<const std::string&>(),
                                   {.add = first ? add : AddSpecial::never});
      if (!more) return std::unexpected(ApiError{400, more.error().text, name});
      ids.insert(ids.end(), more->begin(), more->end());
      return {};
    }
    if (item.is_number_integer() && item.get<int64_t>() >= 0 &&
        item.get<int64_t>() < tokenizer.n_vocab()) {
      ids.push_back(item.get<int32_t>());
      return {};
    }
    if (item.is_number())
      return fail_api(400, name, "{} has {}, which is out of vocabulary: tokens are 0 to {}", name,
                      shown(item), tokenizer.n_vocab() - 1);
    return fail_api(400, name, "{} has {}: it may be a text or tokens from 0 to {}", name,
                    shown(item), tokenizer.n_vocab() - 1);
  };
  if (prompt.is_object()) {
    const Json text = TRY_API(prompt_string(prompt, name));
    TRY_API(add_item(text, true));
  } else if (!prompt.is_array()) {
    TRY_API(add_item(prompt, true));
  } else {
    bool first = true;
    for (const Json& item : prompt) TRY_API(add_item(item, std::exchange(first, false)));
  }
  // A model writes from nothing behind the token that starts a text.
  if (ids.empty()) {
    const int32_t start = tokenizer.bos() >= 0 ? tokenizer.bos() : tokenizer.eos();
    if (start < 0)
      return fail_api(400, name, "{} is empty, and the model has no start token", name);
    ids.push_back(start);
  }
  return ids;
}

ApiResult<std::vector<std::vector<int32_t>>> prompts_of(const Tokenizer& tokenizer,
                                                        const Json& prompt, const char* name,
                                                        size_t n_max) {
  std::vector<std::vector<int32_t>> prompts;
  if (is_one_prompt(prompt)) {
    prompts.push_back(TRY_API(prompt_tokens(tokenizer, prompt, name, AddSpecial::as_model)));
    return prompts;
  }
  if (prompt.empty()) return fail_api(400, name, "{} is an empty array", name);
  if (prompt.size() > n_max)
    return fail_api(400, name, "{} has {} prompts, at most {} are taken", name, prompt.size(),
                    n_max);
  for (const Json& item : prompt)
    prompts.push_back(TRY_API(prompt_tokens(tokenizer, item, name, AddSpecial::as_model)));
  return prompts;
}

void name_slot(const App& app, const ServedModel& model, int64_t slot, Request& request) {
  if (slot >= 0) request.cache_salt += app.slots.salt(model.key, slot);
}

void keep_slot(App& app, const ServedModel& model, int64_t slot, const std::vector<int32_t>& prompt,
               const Outcome& outcome) {
  if (slot < 0 || slot >= model.host->n_slots() || app.options.slot_folder.empty()) return;
  std::vector<int32_t> tokens = prompt;
  tokens.insert(tokens.end(), outcome.tokens.begin(), outcome.tokens.end());
  app.slots.put(model.key, slot, std::move(tokens));
}

namespace {

void add_outcome(ChatTotals& totals, const Outcome& outcome) {
  totals.n_prompt += outcome.timings.n_prompt;
  totals.n_cached += outcome.timings.n_cached;
  totals.add_answer(outcome);
}

void note_tokens(Exchange& exchange, const ChatTotals& totals) {
  exchange.n_prompt = totals.n_prompt;
  exchange.n_cached = totals.n_cached;
  exchange.n_generated = totals.n_generated;
}

}  // namespace

ApiResult<ChatTotals> run_beams(ServedModel& model, std::span<const HostRequest> prompts,
                                const BeamOptions& beams, Exchange& exchange,
                                const OnEvent& on_event) {
  ChatTotals totals;
  for (size_t i = 0; i < prompts.size(); ++i)
    for (Generation::Event& event : TRY_API(beam_search(model, prompts[i], beams, exchange))) {
      event.index += i * beams.n;
      if (exchange.kept) exchange.kept->add_answer(event.index, event.text);
      add_outcome(totals, *event.outcome);
      if (on_event(event) == Then::gone) return totals;
    }
  note_tokens(exchange, totals);
  return totals;
}

ApiResult<ChatTotals> run_text(ServedModel& model, std::vector<HostRequest> requests,
                               Exchange& exchange, const OnEvent& on_event) {
  if (exchange.kept && !requests.empty())
    exchange.kept->set_prompt(
        model.tokenizer().decode(requests[0].request.prompt, {.special = ShowSpecial::show}));
  const auto generation = TRY_API(model.host->submit(std::move(requests), exchange.cache_salt));
  const std::stop_callback gone(exchange.stop_token(), [&] { generation->cancel(); });
  ChatTotals totals;
  bool listening = true;
  while (auto event = generation->next()) {
    if (exchange.kept) exchange.kept->add_answer(event->index, event->text);
    if (event->outcome) add_outcome(totals, *event->outcome);
    if (!listening) continue;
    const Then then = on_event(*event);
    listening = then != Then::gone;
    if (then != Then::more) generation->cancel();
  }
  if (generation->overflowed())
    totals.error = Error{Fault::cancelled, "the client read too slowly: the answer was given up"};
  note_tokens(exchange, totals);
  return totals;
}

}  // namespace quire::server
