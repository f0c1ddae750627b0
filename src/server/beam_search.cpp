#include "server/beam_search.h"

#include "server/request_log.h"

#include <algorithm>
#include <cmath>

namespace quire::server {
namespace {

constexpr double length_penalty_max = 10;

double beam_score(double log_probability, size_t n_tokens, double length_penalty) {
  return log_probability /
         std::pow(static_cast<double>(std::max<size_t>(1, n_tokens)), length_penalty);
}

struct Beam {
  std::vector<TokenEvent> tokens;  // without one that ended it
  double log_probability = 0;      // of all its tokens, the one that ended it too
  StopReason reason = StopReason::n_predict;
};

class BeamSearch {
 public:
  BeamSearch(ServedModel& model, const HostRequest& wanted, const BeamOptions& options)
      : model_(model), wanted_(wanted), options_(options) {
    timings_.n_prompt = static_cast<int64_t>(wanted.request.prompt.size());
    const int64_t n_predict = wanted.request.n_predict;
    const int64_t n_left = model.host->n_ctx() - timings_.n_prompt;
    n_max_ = static_cast<size_t>(n_predict < 0 ? n_left : std::min(n_predict, n_left));
    live_.emplace_back();
  }

  ApiResult<std::vector<Generation::Event>> run(Exchange& exchange) {
    for (size_t n = 0; n < n_max_ && !live_.empty(); ++n) {
      TRY_API(step(exchange));
      give_up_hopeless();
    }
    for (Beam& beam : live_) done_.push_back(std::move(beam));
    keep_best();
    while (done_.size() < options_.n) done_.push_back(Beam(done_.back()));  // there are no more
    std::vector<Generation::Event> events;
    events.reserve(done_.size());
    for (const Beam& beam : done_) events.push_back(event_of(beam, events.size()));
    return events;
  }

 private:
  struct Candidate {
    size_t beam;
    TokenEvent token;
    double log_probability;  // of the beam with the token
  };

  double value(const Beam& beam) const {
    return beam_score(beam.log_probability, beam.tokens.size(), options_.length_penalty);
  }

  // The likeliest tokens behind every beginning, which become the next ones.
  ApiResult<void> step(Exchange& exchange) {
    const std::vector<Candidate> found = TRY_API(candidates(exchange));
    if (found.empty()) {  // nothing can follow
      std::ranges::move(live_, std::back_inserter(done_));
      live_.clear();
      return {};
    }
    std::vector<Beam> next;
    for (const Candidate& one : found) {
      if (next.size() == options_.width) break;
      Beam beam = live_[one.beam];
      beam.log_probability = one.log_probability;
      if (ends(one.token.token)) {
        beam.reason = StopReason::end_of_generation;
        done_.push_back(std::move(beam));
        continue;
      }
      beam.tokens.push_back(one.token);
      next.push_back(std::move(beam));
    }
    live_ = std::move(next);
    return {};
  }

  // In order, the likeliest first.
  ApiResult<std::vector<Candidate>> candidates(Exchange& exchange) {
    const auto generation = TRY_API(model_.host->submit(requests_of_step(), exchange.cache_salt));
    const std::stop_callback gone(exchange.stop_token(), [&] { generation->cancel(); });
    const bool first = live_.front().tokens.empty();
    std::vector<Candidate> found;
    while (auto event = generation->next()) {
      for (const TokenEvent& drawn : event->tokens) add(found, event->index, drawn);
      if (!event->outcome) continue;
      const Outcome& outcome = *event->outcome;
      if (outcome.error) return std::unexpected(ApiError(*outcome.error));
      if (outcome.reason == StopReason::cancelled) return fail_api(499, "", "the client left");
      if (first) {
        timings_.n_cached = outcome.timings.n_cached;
        timings_.prompt_s = outcome.timings.prompt_s;
      } else {
        timings_.generate_s += outcome.timings.prompt_s / static_cast<double>(live_.size());
      }
    }
    std::ranges::stable_sort(found, std::greater{}, &Candidate::log_probability);
    return found;
  }

  // One token behind each beginning, to be told its likeliest alternatives.
  std::vector<HostRequest> requests_of_step() const {
    std::vector<HostRequest> requests;
    requests.reserve(live_.size());
    for (const Beam& beam : live_) {
      HostRequest host = wanted_;
      Request& request = host.request;
      for (const TokenEvent& token : beam.tokens) request.prompt.push_back(token.token);
      request.n_predict = 1;
      request.stop.clear();
      request.stop_tokens.clear();
      request.n_least = 0;
      request.sampling = {};
      request.sampling.temperature = 0;
      request.end = EndOfGeneration::never_drawn;  // else nothing is told of what ends an answer
      request.n_probabilities = std::max(n_looked_at(), wanted_.request.n_probabilities);
      request.drafts = Drafts::never;
      host.tokens = Tokens::told;
      host.prompt_tokens = Tokens::hidden;
      host.progress = Progress::hidden;
      requests.push_back(std::move(host));
    }
    return requests;
  }
  // Those that end the answer are not all that is seen of a beginning.
  int32_t n_looked_at() const {
    const size_t n_ends = model_.tokenizer().end_of_generation().size();
    return static_cast<int32_t>(2 * options_.width + n_ends);
  }

  void add(std::vector<Candidate>& found, size_t beam, const TokenEvent& drawn) const {
    const auto n_shown = static_cast<size_t>(wanted_.request.n_probabilities);
    std::vector<TokenProbability> shown = drawn.likeliest;
    if (shown.size() > n_shown) shown.resize(n_shown);
    for (const TokenProbability& one : drawn.likeliest) {
      const bool never = wanted_.request.end == EndOfGeneration::never_drawn;
      if (never && model_.tokenizer().is_end_of_generation(one.token)) continue;
      found.push_back({beam,
                       {one.token, one.log_probability, shown},
                       live_[beam].log_probability + double{one.log_probability}});
    }
  }

  bool ends(int32_t token) const {
    const std::vector<int32_t>& own = wanted_.request.stop_tokens;
    return model_.tokenizer().is_end_of_generation(token) ||
           std::ranges::find(own, token) != own.end();
  }

  void keep_best() {
    std::ranges::stable_sort(done_, std::greater{}, [&](const Beam& beam) { return value(beam); });
    if (done_.size() > options_.n) done_.resize(options_.n);
  }

  // Probabilities only fall: what a beginning can reach at most is what it has, at the length that
  // suits it best.
  void give_up_hopeless() {
    keep_best();
    if (done_.size() < options_.n) return;
    const double worst = value(done_.back());
    std::erase_if(live_, [&](const Beam& beam) {
      const size_t n_best = options_.length_penalty > 0 ? n_max_ : beam.tokens.size();
      return beam_score(beam.log_probability, n_best, options_.length_penalty) <= worst;
    });
  }

  Generation::Event event_of(const Beam& beam, size_t index) const {
    Generation::Event event{.index = index, .text = text_of(beam), .tokens = beam.tokens};
    Outcome& outcome = event.outcome.emplace();
    outcome.reason = beam.reason;
    outcome.tokens.reserve(beam.tokens.size());
    for (const TokenEvent& token : beam.tokens) outcome.tokens.push_back(token.token);
    outcome.timings = timings_;
    outcome.timings.n_generated = static_cast<int64_t>(beam.tokens.size());
    if (index > 0) outcome.timings.n_cached = 0;
    return event;
  }

  // Strings that end every answer of a model cut this one, too.
  std::string text_of(const Beam& beam) const {
    const Request& request = wanted_.request;
    StreamDecoder decoder({model_.model, &model_.tokenizer()},
                          {.special = request.show_special, .at = request.decode_at},
                          request.replace);
    std::string text;
    for (const TokenEvent& token : beam.tokens) text += decoder.push(token.token);
    text += decoder.flush();
    for (const std::string& stop : request.stop)
      if (const size_t at = text.find(stop); !stop.empty() && at != text.npos) text.resize(at);
    return text;
  }

  ServedModel& model_;
  const HostRequest& wanted_;
  const BeamOptions& options_;
  Timings timings_;
  size_t n_max_ = 0;  // tokens of an answer
  std::vector<Beam> live_, done_;
};

}  // namespace

BeamOptions read_beam_options(Fields& fields, const RequestLimits& limits, size_t n) {
  BeamOptions options;
  options.length_penalty =
      fields.number("length_penalty", 1, -length_penalty_max, length_penalty_max);
  if (!fields.flag("use_beam_search", false)) return options;
  const auto n_wanted = static_cast<int64_t>(n);
  options.n = n;
  options.width =
      static_cast<size_t>(fields.integer("best_of", n_wanted, n_wanted, limits.n_choices_max));
  for (const char* name :
       {"stop", "logit_bias", "allowed_token_ids", "min_tokens", "prompt_logprobs", "grammar",
        "json_schema", "response_format", "guided_json", "guided_regex", "guided_choice",
        "guided_grammar", "structured_outputs", "regex", "ebnf", "tools"})
    if (const Json* value = fields.find(name); value != nullptr && !value->empty())
      fields.complain(name, "and use_beam_search do not go together: leave out one of them");
  return options;
}

ApiResult<std::vector<Generation::Event>> beam_search(ServedModel& model, const HostRequest& wanted,
                                                      const BeamOptions& options,
                                                      Exchange& exchange) {
  if (exchange.kept)
    exchange.kept->set_prompt(
        model.tokenizer().decode(wanted.request.prompt, {.special = ShowSpecial::show}));
  return BeamSearch(model, wanted, options).run(exchange);
}

}  // namespace quire::server
