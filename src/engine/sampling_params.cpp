#include "engine/sampling_params.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quire {
namespace {

struct Name {
  char letter;
  const char* name;
};
constexpr Name names[] = {
#define SAMPLER(function, name, letter) {letter, name},
#include "engine/samplers.inc"
#undef SAMPLER
};

// Other names in use for the same.
constexpr Name other_names[] = {
    {'y', "typical"}, {'y', "typical_p"}, {'t', "temp"}, {'p', "nucleus"}, {'e', "penalty"}};

char letter_of(std::string name) {
  std::ranges::replace(name, '-', '_');
  for (const auto& one : names)
    if (name == one.name) return one.letter;
  for (const auto& one : other_names)
    if (name == one.name) return one.letter;
  return '\0';
}

std::string known_names() {
  std::string text;
  for (const Name& one : names)
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", one.name, one.letter);
  return text;
}

constexpr double any = 1e30;  // no limit but that it is a number

struct Range {
  const char* name;
  float value;
  double least, most;
};

Result<void> check_range(const Range& range) {
  const double value = static_cast<double>(range.value);
  if (value >= range.least && value <= range.most) return {};
  if (range.most == any)
    return fail(Fault::usage, "{} {} is out of range, at least {}", range.name, range.value,
                range.least);
  return fail(Fault::usage, "{} {} is out of range, {} to {}", range.name, range.value, range.least,
              range.most);
}

Result<void> check_count(const char* name, int64_t value, int64_t least) {
  if (value >= least) return {};
  return fail(Fault::usage, "{} {} is out of range, at least {}", name, value, least);
}

constexpr size_t n_breakers_max = 64;

}  // namespace

Result<void> check_sampling(const SamplingParams& p) {
  const Range ranges[] = {
      {"temperature", p.temperature, 0, any},
      {"dynatemp_range", p.dynatemp_range, 0, any},
      {"dynatemp_exponent", p.dynatemp_exponent, 0, any},
      {"top_p", p.top_p, 0, 1},
      {"min_p", p.min_p, 0, 1},
      {"typical_p", p.typical_p, 0, 1},
      {"top_n_sigma", p.top_n_sigma, -any, any},
      {"xtc_probability", p.xtc_probability, 0, 1},
      {"xtc_threshold", p.xtc_threshold, 0, 1},
      {"presence_penalty", p.presence_penalty, -1000, 1000},
      {"frequency_penalty", p.frequency_penalty, -1000, 1000},
      {"dry_multiplier", p.dry_multiplier, 0, 1000},
      {"dry_base", p.dry_base, 0, 1000},
      {"mirostat_tau", p.mirostat_tau, 0, 1000},
      {"mirostat_eta", p.mirostat_eta, 0, 1000},
  };
  for (const Range& range : ranges) TRY(check_range(range));
  if (!(p.repeat_penalty > 0) || !std::isfinite(p.repeat_penalty))
    return fail(Fault::usage, "repeat_penalty {} is out of range, above 0", p.repeat_penalty);
  TRY(check_count("top_k", p.top_k, 0));
  TRY(check_count("repeat_last_n", p.repeat_last_n, -1));
  TRY(check_count("dry_allowed_length", p.dry_allowed_length, 0));
  TRY(check_count("dry_penalty_last_n", p.dry_penalty_last_n, -1));
  if (p.mirostat < 0 || p.mirostat > 2)
    return fail(Fault::usage, "mirostat {} is not 0 (off), 1 or 2", p.mirostat);
  if (p.dry_sequence_breakers.size() > n_breakers_max)
    return fail(Fault::usage, "dry_sequence_breakers: {} of them, at most {}",
                p.dry_sequence_breakers.size(), n_breakers_max);
  for (const LogitBias& one : p.logit_bias)
    if (!(one.bias < std::numeric_limits<float>::infinity()))
      return fail(Fault::usage, "logit_bias of token {} is {}, not a number below infinity",
                  one.token, one.bias);
  for (size_t i = 0; i < p.samplers.size(); ++i) {
    const char letter = p.samplers[i];
    if (std::ranges::find(names, letter, &Name::letter) == std::end(names))
      return fail(Fault::usage, "there is no sampler '{}'; known: {}", letter, known_names());
    if (p.samplers.find(letter) != i)
      return fail(Fault::usage, "the sampler '{}' is named twice", letter);
  }
  return {};
}

Result<std::string> sampler_letters(std::string_view text) {
  std::string letters;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(";, "), text.size());
    const std::string name(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (name.empty()) continue;
    const char letter = letter_of(name);
    if (letter == '\0')
      return fail(Fault::usage, "there is no sampler '{}'; known: {}", name, known_names());
    letters += letter;
  }
  return letters;
}

std::string sampler_names(std::string_view letters) {
  std::string text;
  for (const char letter : letters)
    for (const auto& one : names)
      if (one.letter == letter) text += fmt::format("{}{}", text.empty() ? "" : ";", one.name);
  return text;
}

}  // namespace quire
