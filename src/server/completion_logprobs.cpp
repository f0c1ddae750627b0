#include "server/completion_logprobs.h"

#include <algorithm>
#include <cmath>

namespace quire::server {
namespace {

size_t n_characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::span<const TokenProbability> likeliest_of(const TokenEvent& event, size_t n) {
  return std::span(event.likeliest).first(std::min(n, event.likeliest.size()));
}

}  // namespace

double finite_log_probability(float log_probability) { return std::max(log_probability, -9999.0f); }

TokenEvent LogprobLists::first_of_prompt(int32_t token) {
  return {.token = token, .log_probability = std::numeric_limits<float>::quiet_NaN()};
}

std::string LogprobLists::name(int32_t token) const {
  if (names_ == TokenNames::ids) return fmt::format("token_id:{}", token);
  return tokenizer_->readable(tokenizer_->piece(token));
}

void LogprobLists::add(Json& lists, const TokenEvent& event) {
  const bool known = !std::isnan(event.log_probability);
  const std::string text = name(event.token);
  lists["tokens"].push_back(text);
  lists["token_logprobs"].push_back(known ? Json(finite_log_probability(event.log_probability))
                                          : Json());
  Json top;
  if (known) {
    top = Json::object();
    for (const TokenProbability& other : likeliest_of(event, n_top_))
      top[name(other.token)] = finite_log_probability(other.log_probability);
    top[text] = finite_log_probability(event.log_probability);  // the token itself is among them
  }
  lists["top_logprobs"].push_back(std::move(top));
  lists["text_offset"].push_back(offset_);
  if (special_ == ShowSpecial::show || !tokenizer_->is_special(event.token))
    offset_ += n_characters(tokenizer_->readable(tokenizer_->piece(event.token)));
}

Json LogprobLists::of(const std::vector<TokenEvent>& tokens) {
  Json lists = {{"tokens", Json::array()},
                {"token_logprobs", Json::array()},
                {"top_logprobs", Json::array()},
                {"text_offset", Json::array()}};
  for (const TokenEvent& event : tokens) add(lists, event);
  return lists;
}

Json prompt_logprobs_json(const Tokenizer& tokenizer, const std::vector<TokenEvent>& tokens,
                          size_t n_top) {
  Json list = Json::array({nullptr});
  const auto entry = [&](int32_t token, float log_probability, int64_t rank) {
    return Json{{"logprob", finite_log_probability(log_probability)},
                {"rank", rank},
                {"decoded_token", tokenizer.readable(tokenizer.piece(token))}};
  };
  for (const TokenEvent& event : tokens) {
    Json place = Json::object();
    place[std::to_string(event.token)] = entry(event.token, event.log_probability, event.rank);
    int64_t rank = 0;
    for (const TokenProbability& other : likeliest_of(event, n_top)) {
      ++rank;
      if (other.token != event.token)
        place[std::to_string(other.token)] = entry(other.token, other.log_probability, rank);
    }
    list.push_back(std::move(place));
  }
  return list;
}

}  // namespace quire::server
