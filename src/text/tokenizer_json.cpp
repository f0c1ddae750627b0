// Hugging Face tokenizer.json into a TokenizerSpec. The file is a tree of components; each is
// translated by name, and one that is not known is refused by name.
#include "format/json.h"
#include "format/printable.h"
#include "text/flat_map.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace quire {
namespace {

using nlohmann::json;

const char* const whitespace_pattern = R"(\w+|[^\w\s]+)";
constexpr std::string_view space_mark = "\xE2\x96\x81";

// Ids may have gaps, but an id far beyond the number of tokens would only cost memory.
constexpr int64_t id_gap_factor = 4, id_gap_base = 100'000;

// nullptr when there is no such member or it is null.
const json* member(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}
std::string string_or(const json& object, const char* key, std::string_view fallback) {
  const json* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string(fallback);
}
bool flag_or(const json& object, const char* key, bool fallback) {
  const json* value = member(object, key);
  return value != nullptr && value->is_boolean() ? value->get<bool>() : fallback;
}

class Reader {
 public:
  explicit Reader(std::string name) { spec_.name = std::move(name); }

  Result<TokenizerSpec> read(const json& root) {
    const json* model = member(root, "model");
    if (model == nullptr) return bad("model", "is missing");
    // Whether the words are bytes or characters decides how the model is read.
    if (const json* component = member(root, "normalizer")) TRY(normalizer(*component));
    if (const json* component = member(root, "pre_tokenizer")) TRY(pre_tokenizer(*component));
    TRY(read_model(*model));
    if (const json* tokens = member(root, "added_tokens")) TRY(added_tokens(*tokens));
    if (const json* component = member(root, "post_processor")) TRY(post_processor(*component));
    if (const json* component = member(root, "decoder")) {
      TRY(decoder(*component));
    } else if (byte_level_) {
      spec_.decoders.push_back({.kind = DecoderSpec::Kind::byte_level});
    }
    if (strips_first_space_) {
      spec_.decoders.push_back({.kind = DecoderSpec::Kind::fuse});
      spec_.decoders.push_back({.kind = DecoderSpec::Kind::strip, .from = " ", .n_start = 1});
    }
    return std::move(spec_);
  }

 private:
  template <class... Args>
  std::unexpected<Error> bad(std::string_view where, fmt::format_string<Args...> text,
                             Args&&... args) const {
    return fail(Fault::bad_format, "{}: {} {}", spec_.name, where,
                fmt::format(text, std::forward<Args>(args)...));
  }
  std::unexpected<Error> unsupported(std::string_view what, std::string_view component) const {
    return fail(Fault::unsupported, "{}: {} '{}' is not supported", spec_.name, what,
                printable(component));
  }

  Result<std::string> need_string(const json& object, const char* key, std::string_view where) {
    const json* value = member(object, key);
    if (value == nullptr || !value->is_string()) return bad(where, "has no string '{}'", key);
    return value->get<std::string>();
  }

  Result<PatternSpec> pattern(const json& component, std::string_view where) {
    const json* value = member(component, "pattern");
    if (value != nullptr && value->is_string()) {
      return PatternSpec{PatternSpec::Syntax::literal, value->get<std::string>()};
    }
    if (value != nullptr && member(*value, "String") != nullptr) {
      return PatternSpec{PatternSpec::Syntax::literal, TRY(need_string(*value, "String", where))};
    }
    if (value != nullptr && member(*value, "Regex") != nullptr) {
      return PatternSpec{PatternSpec::Syntax::regex, TRY(need_string(*value, "Regex", where))};
    }
    return bad(where, "has no pattern");
  }

  // Calls `each` for the parts of a Sequence. Nesting is bounded by the JSON reader.
  template <class Each>
  Result<void> sequence(const json& component, const char* key, std::string_view where, Each each) {
    const json* parts = member(component, key);
    if (parts == nullptr || !parts->is_array()) return bad(where, "Sequence has no '{}'", key);
    for (const json& part : *parts) TRY(each(part));
    return {};
  }

  Result<void> normalizer(const json& component) {
    using Kind = NormalizerSpec::Kind;
    const std::string type = string_or(component, "type", "");
    if (type == "Sequence") {
      return sequence(component, "normalizers", "normalizer",
                      [&](const json& part) { return normalizer(part); });
    }
    NormalizerSpec step;
    if (type == "NFC") {
      step.kind = Kind::nfc;
    } else if (type == "NFD") {
      step.kind = Kind::nfd;
    } else if (type == "NFKC") {
      step.kind = Kind::nfkc;
    } else if (type == "NFKD") {
      step.kind = Kind::nfkd;
    } else if (type == "Lowercase") {
      step.kind = Kind::lowercase;
    } else if (type == "Strip") {
      step.kind = Kind::strip;
      step.left = flag_or(component, "strip_left", true);
      step.right = flag_or(component, "strip_right", true);
    } else if (type == "Prepend") {
      step.kind = Kind::prepend;
      step.text = TRY(need_string(component, "prepend", "normalizer Prepend"));
    } else if (type == "Replace") {
      step.kind = Kind::replace;
      step.pattern = TRY(pattern(component, "normalizer Replace"));
      step.text = TRY(need_string(component, "content", "normalizer Replace"));
    } else {
      return unsupported("normalizer", type);
    }
    spec_.normalizers.push_back(std::move(step));
    return {};
  }

  Result<SplitBehavior> behavior(const json& component, std::string_view where) {
    const std::string name = string_or(component, "behavior", "Isolated");
    if (name == "Removed") return SplitBehavior::removed;
    if (name == "Isolated") return SplitBehavior::isolated;
    if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
    if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
    if (name == "Contiguous") return SplitBehavior::contiguous;
    return bad(where, "has the unknown behavior '{}'", printable(name));
  }

  Result<void> pre_tokenizer(const json& component) {
    using Kind = PreTokenizerSpec::Kind;
    const std::string type = string_or(component, "type", "");
    if (type == "Sequence") {
      return sequence(component, "pretokenizers", "pre_tokenizer",
                      [&](const json& part) { return pre_tokenizer(part); });
    }
    // Behind ByteLevel the text is in another alphabet; nothing known cuts it further.
    if (byte_level_) return unsupported("pre_tokenizer behind ByteLevel", type);
    if (type == "ByteLevel") return byte_level(component);
    PreTokenizerSpec step;
    step.kind = Kind::split;
    if (type == "Split") {
      step.pattern = TRY(pattern(component, "pre_tokenizer Split"));
      step.behavior = TRY(behavior(component, "pre_tokenizer Split"));
      step.invert = flag_or(component, "invert", false);
    } else if (type == "Digits") {
      step.kind = Kind::digits;
      step.behavior = flag_or(component, "individual_digits", false) ? SplitBehavior::isolated
                                                                     : SplitBehavior::contiguous;
    } else if (type == "Punctuation") {
      step.kind = Kind::punctuation;
      step.behavior = TRY(behavior(component, "pre_tokenizer Punctuation"));
    } else if (type == "Whitespace") {
      step.pattern = {PatternSpec::Syntax::regex, whitespace_pattern};
      step.behavior = SplitBehavior::removed;
      step.invert = true;
    } else if (type == "WhitespaceSplit") {
      step.kind = Kind::whitespace_split;
    } else if (type == "Metaspace") {
      TRY(metaspace(component, "pre_tokenizer Metaspace", step));
    } else {
      return unsupported("pre_tokenizer", type);
    }
    spec_.pre_tokenizers.push_back(std::move(step));
    return {};
  }

  Result<void> byte_level(const json& component) {
    byte_level_ = true;
    PreTokenizerSpec step;
    if (flag_or(component, "add_prefix_space", true)) {
      step.kind = PreTokenizerSpec::Kind::prefix_space;
      spec_.pre_tokenizers.push_back(step);
    }
    if (flag_or(component, "use_regex", true)) {
      step.kind = PreTokenizerSpec::Kind::split;
      step.pattern = {PatternSpec::Syntax::regex, std::string(gpt2_pattern())};
      spec_.pre_tokenizers.push_back(step);
    }
    return {};
  }

  Result<void> metaspace(const json& component, std::string_view where, PreTokenizerSpec& step) {
    step.kind = PreTokenizerSpec::Kind::metaspace;
    step.replacement = string_or(component, "replacement", space_mark);
    if (step.replacement.empty() || step.replacement.size() > 4) {
      return bad(where, "replaces spaces by something else than one character");
    }
    step.pattern = {PatternSpec::Syntax::literal, step.replacement};
    step.split = flag_or(component, "split", true);
    // Files before the prepend scheme have a flag instead.
    const bool prefix = flag_or(component, "add_prefix_space", true);
    const std::string scheme = string_or(component, "prepend_scheme", prefix ? "always" : "never");
    if (scheme == "always") {
      step.prepend = PreTokenizerSpec::Prepend::always;
    } else if (scheme == "first") {
      step.prepend = PreTokenizerSpec::Prepend::first;
    } else if (scheme == "never") {
      step.prepend = PreTokenizerSpec::Prepend::never;
    } else {
      return bad(where, "has the unknown prepend_scheme '{}'", printable(scheme));
    }
    return {};
  }

  Result<void> read_model(const json& model) {
    // Old files leave the type of a BPE out.
    const std::string type = string_or(model, "type", member(model, "merges") ? "BPE" : "");
    if (type != "BPE") return unsupported("model", type);
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!string_or(model, key, "").empty()) return unsupported("BPE with", key);
    }
    const json* dropout = member(model, "dropout");
    if (dropout != nullptr && *dropout != 0) return unsupported("BPE with", "dropout");
    spec_.kind = byte_level_ ? "gpt2" : "bpe";
    spec_.byte_fallback = flag_or(model, "byte_fallback", false);
    if (spec_.byte_fallback && byte_level_) {
      // The two answer the same question; byte-level vocabularies that set both have every byte.
      spec_.byte_fallback = false;
    }
    spec_.fuse_unk = flag_or(model, "fuse_unk", false);
    spec_.ignore_merges = flag_or(model, "ignore_merges", false);
    TRY(vocabulary(model));
    TRY(merges(model));
    const std::string unk = string_or(model, "unk_token", "");
    if (!unk.empty()) {
      const json& vocab = model["vocab"];
      const auto found = vocab.find(unk);
      // Some files name an unknown token that they do not have, and never need it.
      if (found != vocab.end()) spec_.unk = found->get<int32_t>();
    }
    return {};
  }

  Result<int32_t> checked_id(const json& id, std::string_view text, int64_t n_tokens) {
    const int64_t max = id_gap_factor * n_tokens + id_gap_base;
    if (!id.is_number_integer() || id < 0 || id > max) {
      return bad("token", "'{}' has the id {}, at most {} is supported here", printable(text),
                 id.dump().substr(0, 24), max);
    }
    return id.get<int32_t>();
  }

  void grow(int32_t id) {
    const auto n = static_cast<size_t>(id) + 1;
    if (spec_.pieces.size() >= n) return;
    spec_.pieces.resize(n);
    spec_.types.resize(n, TokenType::unused);
  }

  Result<void> vocabulary(const json& model) {
    const json* vocab = member(model, "vocab");
    if (vocab == nullptr || !vocab->is_object()) return bad("model", "has no object 'vocab'");
    for (const auto& [text, id_value] : vocab->items()) {
      const int32_t id = TRY(checked_id(id_value, text, static_cast<int64_t>(vocab->size())));
      grow(id);
      const auto at = static_cast<size_t>(id);
      if (spec_.types[at] != TokenType::unused) {
        return bad("model", "gives the id {} to '{}' and to '{}'", id, printable(spec_.pieces[at]),
                   printable(text));
      }
      spec_.pieces[at] = text;
      const bool is_byte = spec_.byte_fallback && text.size() == 6 && text.starts_with("<0x");
      spec_.types[at] = is_byte ? TokenType::byte : TokenType::normal;
    }
    return {};
  }

  Result<void> merges(const json& model) {
    const json* list = member(model, "merges");
    if (list == nullptr || !list->is_array()) return bad("model", "has no array 'merges'");
    for (const json& merge : *list) {
      if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
        spec_.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
        continue;
      }
      const std::string text = merge.is_string() ? merge.get<std::string>() : "";
      const size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
        return bad("model", "has a merge {} that is not two pieces", spec_.merges.size());
      }
      spec_.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
    }
    return {};
  }

  Result<void> added_tokens(const json& tokens) {
    if (!tokens.is_array()) return bad("added_tokens", "is not an array");
    const auto n = static_cast<int64_t>(spec_.pieces.size() + tokens.size());
    const size_t n_model = spec_.pieces.size();
    const StringIndex index(spec_.pieces);
    // The model's pieces are looked up before the list grows: the index refers to it.
    std::vector<AddedTokenSpec> added;
    for (const json& value : tokens) {
      AddedTokenSpec token;
      token.text = TRY(need_string(value, "content", "an added token"));
      if (token.text.empty()) continue;
      const int32_t in_model = index.find(token.text);
      const json* id = member(value, "id");
      token.id =
          in_model >= 0 ? in_model : TRY(checked_id(id == nullptr ? json() : *id, token.text, n));
      token.special = flag_or(value, "special", false);
      token.single_word = flag_or(value, "single_word", false);
      token.lstrip = flag_or(value, "lstrip", false);
      token.rstrip = flag_or(value, "rstrip", false);
      token.normalized = flag_or(value, "normalized", !token.special);
      added.push_back(std::move(token));
    }
    for (AddedTokenSpec& token : added) {
      grow(token.id);
      const auto at = static_cast<size_t>(token.id);
      if (spec_.pieces[at] != token.text && spec_.types[at] != TokenType::unused) {
        return bad("added_tokens", "gives the id {} of '{}' to '{}'", token.id,
                   printable(spec_.pieces[at]), printable(token.text));
      }
      spec_.pieces[at] = token.text;
      spec_.types[at] = token.special ? TokenType::control
                        : at < n_model && spec_.types[at] == TokenType::byte
                            ? TokenType::byte
                            : TokenType::user_defined;
      spec_.added.push_back(std::move(token));
    }
    if (spec_.unk >= 0 && spec_.types[static_cast<size_t>(spec_.unk)] == TokenType::control) {
      spec_.types[static_cast<size_t>(spec_.unk)] = TokenType::unknown;
    }
    return {};
  }

  Result<void> post_processor(const json& component) {
    const std::string type = string_or(component, "type", "");
    if (type == "Sequence") {
      return sequence(component, "processors", "post_processor",
                      [&](const json& part) { return post_processor(part); });
    }
    if (type == "ByteLevel") return {};  // only moves offsets
    if (type == "TemplateProcessing") return template_processing(component);
    if (type == "RobertaProcessing" || type == "BertProcessing") {
      spec_.prefix_ids.insert(spec_.prefix_ids.begin(), TRY(pair_id(component, "cls")));
      spec_.suffix_ids.push_back(TRY(pair_id(component, "sep")));
      return {};
    }
    return unsupported("post_processor", type);
  }

  Result<int32_t> pair_id(const json& component, const char* key) {
    const json* pair = member(component, key);
    if (pair == nullptr || !pair->is_array() || pair->size() != 2) {
      return bad("post_processor", "has no pair '{}'", key);
    }
    return checked_id((*pair)[1], key, static_cast<int64_t>(spec_.pieces.size()));
  }

  Result<void> template_processing(const json& component) {
    std::vector<int32_t> before, after;
    bool seen_text = false;
    TRY(sequence(component, "single", "post_processor TemplateProcessing",
                 [&](const json& part) -> Result<void> {
                   if (member(part, "Sequence") != nullptr) {
                     if (seen_text) return unsupported("a template with", "the text twice");
                     seen_text = true;
                     return {};
                   }
                   const json* token = member(part, "SpecialToken");
                   if (token == nullptr) return bad("post_processor", "has an unknown part");
                   return template_ids(component, string_or(*token, "id", ""),
                                       seen_text ? after : before);
                 }));
    spec_.prefix_ids.insert(spec_.prefix_ids.begin(), before.begin(), before.end());
    spec_.suffix_ids.insert(spec_.suffix_ids.end(), after.begin(), after.end());
    return {};
  }

  Result<void> template_ids(const json& component, const std::string& name,
                            std::vector<int32_t>& out) {
    const json* tokens = member(component, "special_tokens");
    const json* token = tokens == nullptr ? nullptr : member(*tokens, name.c_str());
    const json* ids = token == nullptr ? nullptr : member(*token, "ids");
    if (ids == nullptr || !ids->is_array()) {
      return bad("post_processor", "uses '{}' but does not define it", printable(name));
    }
    for (const json& id : *ids) {
      out.push_back(TRY(checked_id(id, name, static_cast<int64_t>(spec_.pieces.size()))));
    }
    return {};
  }

  Result<void> decoder(const json& component) {
    using Kind = DecoderSpec::Kind;
    const std::string type = string_or(component, "type", "");
    if (type == "Sequence") {
      return sequence(component, "decoders", "decoder",
                      [&](const json& part) { return decoder(part); });
    }
    DecoderSpec step{.kind = Kind::fuse};
    if (type == "ByteLevel") {
      step.kind = Kind::byte_level;
    } else if (type == "ByteFallback") {
      step.kind = Kind::byte_fallback;
    } else if (type == "Fuse") {
      step.kind = Kind::fuse;
    } else if (type == "Replace") {
      const PatternSpec from = TRY(pattern(component, "decoder Replace"));
      if (from.syntax != PatternSpec::Syntax::literal)
        return unsupported("decoder", "Replace Regex");
      step.kind = Kind::replace;
      step.from = from.text;
      step.to = TRY(need_string(component, "content", "decoder Replace"));
    } else if (type == "Strip") {
      step.kind = Kind::strip;
      step.from = TRY(need_string(component, "content", "decoder Strip"));
      step.n_start = count(component, "start");
      step.n_stop = count(component, "stop");
    } else if (type == "Metaspace") {
      PreTokenizerSpec space;
      TRY(metaspace(component, "decoder Metaspace", space));
      step.kind = Kind::replace;
      step.from = space.replacement;
      step.to = " ";
      strips_first_space_ = space.prepend != PreTokenizerSpec::Prepend::never;
    } else {
      return unsupported("decoder", type);
    }
    spec_.decoders.push_back(std::move(step));
    return {};
  }
  static int count(const json& component, const char* key) {
    const json* value = member(component, key);
    if (value == nullptr || !value->is_number_integer()) return 0;
    return static_cast<int>(std::clamp<int64_t>(value->get<int64_t>(), 0, 1024));
  }

  TokenizerSpec spec_;
  bool byte_level_ = false, strips_first_space_ = false;
};

// "</s>" and {"content": "</s>", ...} are both in use.
std::string token_name(const json& config, const char* key) {
  const json* value = member(config, key);
  if (value == nullptr) return "";
  return value->is_string() ? value->get<std::string>() : string_or(*value, "content", "");
}

void apply_config(const json& config, TokenizerSpec& spec) {
  const auto id_of = [&](const std::string& name) -> int32_t {
    const auto found = std::ranges::find(spec.added, name, &AddedTokenSpec::text);
    return name.empty() || found == spec.added.end() ? -1 : found->id;
  };
  spec.bos = id_of(token_name(config, "bos_token"));
  spec.eos = id_of(token_name(config, "eos_token"));
  spec.pad = id_of(token_name(config, "pad_token"));
  const json* chat = member(config, "chat_template");
  if (chat != nullptr && chat->is_string()) spec.chat_template = chat->get<std::string>();
  if (chat == nullptr || !chat->is_array()) return;
  for (const json& one : *chat) {
    if (string_or(one, "name", "") == "default") {
      spec.chat_template = string_or(one, "template", "");
    }
  }
}

// Without tokenizer_config.json the file itself does not say which tokens are BOS and EOS.
void guess_ends(TokenizerSpec& spec) {
  const auto first_of = [&](std::initializer_list<std::string_view> names) -> int32_t {
    for (const std::string_view name : names) {
      const auto found = std::ranges::find_if(spec.added, [&](const AddedTokenSpec& token) {
        return token.special && token.text == name;
      });
      if (found != spec.added.end()) return found->id;
    }
    return -1;
  };
  spec.bos = spec.prefix_ids.empty()
                 ? first_of({"<s>", "<|begin_of_text|>", "<bos>", "<|startoftext|>",
                             "<\uFF5Cbegin\u2581of\u2581sentence\uFF5C>"})
                 : spec.prefix_ids.front();
  spec.eos = first_of({"</s>", "<|end_of_text|>", "<eos>", "<|im_end|>", "<|endoftext|>",
                       "<\uFF5Cend\u2581of\u2581sentence\uFF5C>"});
  spec.pad = first_of({"<pad>", "<|padding|>", "[PAD]", "<|pad|>"});
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_json(std::string_view json_text,
                                                              std::string_view config_json,
                                                              std::string name) {
  const json root = TRY(parse_json(json_text, name));
  TokenizerSpec spec = TRY(Reader(name).read(root));
  if (config_json.empty()) {
    guess_ends(spec);
  } else {
    apply_config(TRY(parse_json(config_json, name + " (its tokenizer_config.json)")), spec);
  }
  return create(std::move(spec));
}

}  // namespace quire
