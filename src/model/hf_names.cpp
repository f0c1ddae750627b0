// Which rule of a family a tensor of a checkpoint falls under.
#include "model/hf_family.h"

#include <charconv>

namespace quire {
namespace {

// What stands in front of the names, by who saved the checkpoint. Longer ones first.
constexpr std::string_view prefixes[] = {
    "model.language_model.",
    "language_model.model.",
    "language_model.",
    "transformer.",
    "gpt_neox.",
    "backbone.",
    "roberta.",
    "bert.",
    "model.",
};

// How parameters of a norm are called in checkpoints that came from TensorFlow, too.
constexpr std::pair<std::string_view, std::string_view> suffixes[] = {
    {"", ""}, {".weight", ".weight"}, {".bias", ".bias"}, {".gamma", ".weight"}, {".beta", ".bias"},
};

struct Captures {
  int64_t layer = -1, expert = -1;
};

// `name` against a pattern with # and * for numbers.
std::optional<Captures> match_name(std::string_view pattern, std::string_view name) {
  Captures captures;
  while (!pattern.empty() && !name.empty()) {
    const char c = pattern.front();
    if (c != '#' && c != '*') {
      if (c != name.front()) return std::nullopt;
      pattern.remove_prefix(1);
      name.remove_prefix(1);
      continue;
    }
    int32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || number < 0) return std::nullopt;
    name.remove_prefix(static_cast<size_t>(end - name.data()));
    pattern.remove_prefix(1);
    (c == '#' ? captures.layer : captures.expert) = number;
  }
  if (!pattern.empty() || !name.empty()) return std::nullopt;
  return captures;
}

}  // namespace

std::string_view without_hf_prefix(std::string_view name) {
  for (const std::string_view prefix : prefixes)
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  return name;
}

std::optional<HfName> name_hf_tensor(const HfFamily& family, const std::string& name) {
  const std::string_view bare = without_hf_prefix(name);
  for (const std::span<const HfRule> rules : {family.rules, common_rules()})
    for (const HfRule& rule : rules)
      for (const auto& [suffix, in_gguf] : suffixes) {
        if (!bare.ends_with(suffix)) continue;
        const auto captures = match_name(rule.from, bare.substr(0, bare.size() - suffix.size()));
        if (!captures) continue;
        HfMatch match{name, rule.to, std::string(in_gguf), captures->layer, captures->expert};
        if (const size_t at = match.to.find('#'); at != match.to.npos)
          match.to.replace(at, 1, std::to_string(captures->layer));
        match.to += in_gguf;
        return HfName{&rule, std::move(match)};
      }
  return std::nullopt;
}

}  // namespace quire
