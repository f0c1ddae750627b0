// The flags of every sampler, named as llama.cpp names them.
#include "base/file.h"
#include "cli/generation.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <random>

namespace quire {
namespace {

constexpr double any = 1e6;

// "15043+1.5", "15043-inf": a token and what is added to its logit. Empty when it is none.
std::optional<LogitBias> parse_bias(std::string_view text) {
  const size_t sign = text.find_first_of("+-");
  if (sign == text.npos || sign == 0) return std::nullopt;
  LogitBias bias;
  const char *begin = text.data(), *at = begin + sign, *end = begin + text.size();
  const auto token = std::from_chars(begin, at, bias.token);
  if (token.ec != std::errc{} || token.ptr != at || bias.token < 0) return std::nullopt;
  const auto value = std::from_chars(at + 1, end, bias.bias);
  if (value.ec != std::errc{} || value.ptr != end || std::isnan(bias.bias)) return std::nullopt;
  if (text[sign] == '-') bias.bias = -bias.bias;
  return bias;
}

// "\n" and the like, as they are written on a command line.
std::string unescaped(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 1 < text.size();
    const char c = escape ? text[i + 1] : text[i];
    const bool known = escape && (c == 'n' || c == 't' || c == 'r' || c == '\\');
    if (!known) {
      result += text[i];
      continue;
    }
    result += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : '\\';
    ++i;
  }
  return result;
}

void add_truncation_flags(CommandLine& app, SamplingParams& params) {
  add_int(app, "--top-k", params.top_k, "draw from the K likeliest; 0: all", 0, INT32_MAX);
  add_number(app, "--top-p", params.top_p, "draw from the fewest with this probability", 0, 1);
  add_number(app, "--min-p", params.min_p, "drop what is less likely than this share of the best",
             0, 1);
  add_number(app, "--typical,--typical-p", params.typical_p,
             "draw from the most typical with this probability; 1: off", 0, 1);
  add_number(app, "--top-nsigma,--top-n-sigma", params.top_n_sigma,
             "drop logits that many deviations below the largest; -1: off", -1, any);
  add_number(app, "--xtc-probability", params.xtc_probability,
             "how often the likeliest tokens are left out", 0, 1);
  add_number(app, "--xtc-threshold", params.xtc_threshold,
             "which are: those with this probability; above 0.5: none", 0, 1);
}

void add_repetition_flags(CommandLine& app, SamplingFlags& flags) {
  SamplingParams& params = flags.params;
  add_number(app, "--repeat-penalty", params.repeat_penalty,
             "above 1: recent tokens become less likely", 0.01, 100);
  add_int(app, "--repeat-last-n", params.repeat_last_n, "how many tokens are recent; -1: all", -1,
          INT32_MAX);
  add_number(app, "--presence-penalty", params.presence_penalty,
             "taken from the logits of recent tokens", -100, 100);
  add_number(app, "--frequency-penalty", params.frequency_penalty,
             "taken for each time a token is among them", -100, 100);
  add_number(app, "--dry-multiplier", params.dry_multiplier,
             "makes going on with a repetition less likely; 0: off", 0, 100);
  add_number(app, "--dry-base", params.dry_base, "how it grows with each token repeated", 1, 100);
  add_int(app, "--dry-allowed-length", params.dry_allowed_length,
          "repetitions up to this length are free", 0, INT32_MAX);
  add_int(app, "--dry-penalty-last-n", params.dry_penalty_last_n,
          "how many tokens back it looks; -1: all", -1, INT32_MAX);
  app.add_option("--dry-sequence-breaker", flags.dry_breakers,
                 "a text no repetition reaches across; may be given again; none: no such text "
                 "[\\n : \" *]")
      ->type_name("TEXT")
      ->allow_extra_args(false);
}

void add_mirostat_flags(CommandLine& app, SamplingParams& params) {
  add_int(app, "--mirostat", params.mirostat,
          "1 or 2: hold the surprise of tokens near a target, in the place of top-k and the like",
          0, 2);
  add_number(app, "--mirostat-ent", params.mirostat_tau, "that target, in bits", 0, 100);
  add_number(app, "--mirostat-lr", params.mirostat_eta, "how fast it is approached", 0, 100);
}

}  // namespace

void add_sampling_flags(CommandLine& app, SamplingFlags& flags) {
  SamplingParams& params = flags.params;
  add_int(app, "-s,--seed", flags.seed, "the same seed, the same text; -1: a new one", -1,
          INT64_MAX);
  add_number(app, "--temp,--temperature", params.temperature,
             "0: always the likeliest token; 1: as trained", 0, 100);
  add_number(app, "--dynatemp-range", params.dynatemp_range,
             "temperature that much lower or higher, by how sure the model is", 0, 100);
  add_number(app, "--dynatemp-exp", params.dynatemp_exponent, "how that follows from entropy", 0,
             100);
  add_truncation_flags(app, params);
  add_repetition_flags(app, flags);
  add_mirostat_flags(app, params);
  app.add_option("-l,--logit-bias", flags.logit_bias,
                 "TOKEN+X or TOKEN-X: added to the logit of a token; -inf: never; again for more")
      ->type_name("BIAS")
      ->allow_extra_args(false);
  add_text(app, "--samplers", flags.samplers,
           fmt::format("which work, in order [{}]", sampler_names(params.samplers)), "NAMES");
  add_text(app, "--sampler-seq,--sampling-seq", flags.sampler_seq,
           fmt::format("the same in letters [{}]", params.samplers), "LETTERS");
  app.add_option("--stop,-r,--reverse-prompt", flags.stop,
                 "end the answer before this text; may be given again")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app.add_flag("--ignore-eos", flags.ignore_eos, "never let the model end the text");
}

uint64_t chosen_seed(int64_t seed) {
  if (seed >= 0) return static_cast<uint64_t>(seed);
  return std::random_device{}();
}

Result<SamplingParams> sampling_params(const SamplingFlags& flags) {
  SamplingParams params = flags.params;
  if (!flags.samplers.empty() && !flags.sampler_seq.empty())
    return fail(Fault::usage, "--samplers and --sampler-seq say the same thing: give one of them");
  if (!flags.samplers.empty()) params.samplers = TRY(sampler_letters(flags.samplers));
  if (!flags.sampler_seq.empty()) params.samplers = flags.sampler_seq;
  for (const std::string& text : flags.logit_bias) {
    const auto bias = parse_bias(text);
    if (!bias)
      return fail(Fault::usage, "--logit-bias: '{}' is not of the form 15043+1.5 or 15043-inf",
                  text);
    params.logit_bias.push_back(*bias);
  }
  if (!flags.dry_breakers.empty()) params.dry_sequence_breakers.clear();
  for (const std::string& text : flags.dry_breakers)
    if (text != "none") params.dry_sequence_breakers.push_back(unescaped(text));
  TRY(check_sampling(params));
  return params;
}

Result<Request> make_request(const SamplingFlags& flags, uint64_t seed) {
  Request request;
  request.sampling = TRY(sampling_params(flags));
  request.sampling.seed = seed;
  request.stop = flags.stop;
  if (flags.ignore_eos) request.end = EndOfGeneration::never_drawn;
  return request;
}

}  // namespace quire
