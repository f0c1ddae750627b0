// A byte-level BPE as a Hugging Face tokenizer.json.
#include "text/flat_map.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_io.h"
#include "text/word_scanner.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <span>

namespace quire {
namespace {

// Members in the order they are added, as people expect them in the file.
using json = nlohmann::ordered_json;

const char* behavior_name(SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::removed:
      return "Removed";
    case SplitBehavior::isolated:
      return "Isolated";
    case SplitBehavior::merged_with_previous:
      return "MergedWithPrevious";
    case SplitBehavior::merged_with_next:
      return "MergedWithNext";
    case SplitBehavior::contiguous:
      return "Contiguous";
  }
  return "Isolated";
}

json byte_level(bool add_prefix_space, bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

Result<json> pre_tokenizer(const TokenizerSpec& spec) {
  std::span<const PreTokenizerSpec> steps(spec.pre_tokenizers);
  const bool prefix = !steps.empty() && steps.front().kind == PreTokenizerSpec::Kind::prefix_space;
  if (prefix) steps = steps.subspan(1);
  const auto is_split = [](const PreTokenizerSpec& step) {
    return step.kind == PreTokenizerSpec::Kind::split;
  };
  if (steps.size() == 1 && is_split(steps[0]) && steps[0].pattern.text == expressions::gpt2() &&
      steps[0].behavior == SplitBehavior::isolated && !steps[0].invert) {
    return byte_level(prefix, true);
  }
  // Behind a Split the component would put a space in front of every word.
  if (!std::ranges::all_of(steps, is_split) || (prefix && !steps.empty())) {
    return fail(Fault::unsupported, "{}: its pre-tokenizers cannot be written as tokenizer.json",
                spec.name);
  }
  json parts = json::array();
  for (const PreTokenizerSpec& step : steps) {
    const bool regex = step.pattern.syntax == PatternSpec::Syntax::regex;
    parts.push_back({{"type", "Split"},
                     {"pattern", {{regex ? "Regex" : "String", step.pattern.text}}},
                     {"behavior", behavior_name(step.behavior)},
                     {"invert", step.invert}});
  }
  parts.push_back(byte_level(prefix, false));
  return json{{"type", "Sequence"}, {"pretokenizers", std::move(parts)}};
}

// The pieces of the model, in the order of their ids. Appended without a look-up for each, which
// would take quadratic time here; of equal pieces only the first is one.
json vocabulary(const TokenizerSpec& spec) {
  json vocab = json::object();
  auto& members = vocab.get_ref<json::object_t&>();
  const StringIndex index(spec.pieces);
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    const std::string& piece = spec.pieces[id];
    if (spec.types[id] == TokenType::unused || index.find(piece) != static_cast<int32_t>(id)) {
      continue;
    }
    members.json::object_t::Container::emplace_back(piece, id);
  }
  return vocab;
}

json added_tokens(const TokenizerSpec& spec) {
  json tokens = json::array();
  for (const AddedTokenSpec& token : spec.added) {
    tokens.push_back({{"id", token.id},
                      {"content", token.text},
                      {"single_word", token.single_word},
                      {"lstrip", token.lstrip},
                      {"rstrip", token.rstrip},
                      {"normalized", token.normalized},
                      {"special", token.special}});
  }
  return tokens;
}

json post_processor(const TokenizerSpec& spec) {
  if (spec.prefix_ids.empty() && spec.suffix_ids.empty()) return nullptr;
  json single = json::array(), tokens = json::object();
  const auto add = [&](int32_t id) {
    const std::string& text = spec.pieces[static_cast<size_t>(id)];
    single.push_back({{"SpecialToken", {{"id", text}, {"type_id", 0}}}});
    tokens[text] = {{"id", text}, {"ids", {id}}, {"tokens", {text}}};
  };
  for (const int32_t id : spec.prefix_ids) add(id);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  for (const int32_t id : spec.suffix_ids) add(id);
  const json text_b = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  json pair = single;
  pair.push_back(text_b);
  return {{"type", "TemplateProcessing"},
          {"single", std::move(single)},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(tokens)}};
}

}  // namespace

Result<std::string> tokenizer_json(const TokenizerSpec& spec) {
  if (spec.kind != "gpt2" || !spec.normalizers.empty()) {
    return fail(Fault::unsupported,
                "{}: only a byte-level BPE without normalizers can be written as tokenizer.json",
                spec.name);
  }
  json merges = json::array();
  for (const auto& [left, right] : spec.merges) merges.push_back(json::array({left, right}));
  json unk = nullptr;
  if (spec.unk >= 0) unk = spec.pieces[static_cast<size_t>(spec.unk)];
  const json root = {{"version", "1.0"},
                     {"truncation", nullptr},
                     {"padding", nullptr},
                     {"added_tokens", added_tokens(spec)},
                     {"normalizer", nullptr},
                     {"pre_tokenizer", TRY(pre_tokenizer(spec))},
                     {"post_processor", post_processor(spec)},
                     {"decoder", byte_level(false, true)},
                     {"model",
                      {{"type", "BPE"},
                       {"dropout", nullptr},
                       {"unk_token", std::move(unk)},
                       {"continuing_subword_prefix", nullptr},
                       {"end_of_word_suffix", nullptr},
                       {"fuse_unk", spec.fuse_unk},
                       {"byte_fallback", false},
                       {"ignore_merges", spec.ignore_merges},
                       {"vocab", vocabulary(spec)},
                       {"merges", std::move(merges)}}}};
  return root.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace quire
