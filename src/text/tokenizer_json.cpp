// Hugging Face tokenizer.json into a TokenizerSpec. The file is a tree of components; each is
// translated by name, and one that is not known is refused by name.
#include "format/json.h"
#include "format/printable.h"
#include "text/flat_map.h"
#include "text/tokenizer.h"
#include "text/tokenizer_io.h"
#include "text/tokenizer_json_components.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace quire {
namespace {

using nlohmann::json;

// Ids may have gaps, but an id far beyond the number of tokens would only cost memory.
constexpr int64_t id_gap_factor = 4, id_gap_base = 100'000;

class Reader : TokenizerJsonErrors {
 public:
  explicit Reader(std::string name) : TokenizerJsonErrors(spec_) { spec_.name = std::move(name); }

  Result<TokenizerSpec> read(const json& root) {
    const json* model = json_member(root, "model");
    if (model == nullptr) return bad("model", "is missing");
    if (const json* component = json_member(root, "normalizer")) {
      TRY(read_normalizer(*component, spec_));
    }
    if (const json* component = json_member(root, "pre_tokenizer")) {
      TRY(read_pre_tokenizer(*component, spec_));
    }
    TRY(read_model(*model));
    if (const json* tokens = json_member(root, "added_tokens")) TRY(added_tokens(*tokens));
    if (const json* component = json_member(root, "post_processor"))
      TRY(post_processor(*component));
    if (const json* component = json_member(root, "decoder")) {
      TRY(read_decoder(*component, spec_));
    } else if (spec_.kind == "gpt2") {
      spec_.decoders.push_back({.kind = DecoderSpec::Kind::byte_level});
    }
    return std::move(spec_);
  }

 private:
  // Calls `each` for the parts of a Sequence. Nesting is bounded by the JSON reader.
  template <class Each>
  Result<void> sequence(const json& component, const char* key, std::string_view where, Each each) {
    const json* parts = json_member(component, key);
    if (parts == nullptr || !parts->is_array()) return bad(where, "Sequence has no '{}'", key);
    for (const json& part : *parts) TRY(each(part));
    return {};
  }

  Result<void> read_model(const json& model) {
    const std::string type = json_string_or(model, "type", guessed_type(model));
    if (type == "BPE") return read_bpe(model);
    if (type == "Unigram") return read_unigram(model);
    if (type != "WordPiece" && type != "WordLevel") return unsupported("model", type);
    TRY(vocabulary(model));
    read_unknown(model, type == "WordPiece" ? "[UNK]" : "<unk>");
    spec_.kind = type == "WordPiece" ? "wordpiece" : "wordlevel";
    spec_.subword_prefix = json_string_or(model, "continuing_subword_prefix", "##");
    const json* longest = json_member(model, "max_input_chars_per_word");
    if (longest == nullptr) return {};
    if (!longest->is_number_integer() || *longest < 0) {
      return bad("model", "has the longest word {}", longest->dump().substr(0, 24));
    }
    spec_.word_characters_max =
        static_cast<int32_t>(std::min<int64_t>(longest->get<int64_t>(), INT32_MAX));
    return {};
  }

  // Old files leave the type out.
  static std::string guessed_type(const json& model) {
    if (json_member(model, "merges") != nullptr) return "BPE";
    if (json_member(model, "continuing_subword_prefix") != nullptr) return "WordPiece";
    const json* vocab = json_member(model, "vocab");
    if (vocab == nullptr) return "";
    return vocab->is_array() ? "Unigram" : "WordLevel";
  }

  Result<void> read_bpe(const json& model) {
    spec_.subword_prefix = json_string_or(model, "continuing_subword_prefix", "");
    spec_.word_suffix = json_string_or(model, "end_of_word_suffix", "");
    const json* dropout = json_member(model, "dropout");
    if (dropout != nullptr && *dropout != 0) {
      spec_.notes.push_back("merges are dropped at random only in training: dropout is ignored");
    }
    // Words that end as bytes need no alphabet in between.
    std::vector<PreTokenizerSpec>& steps = spec_.pre_tokenizers;
    const auto is_mapping = [](const PreTokenizerSpec& step) {
      return step.kind == PreTokenizerSpec::Kind::byte_level;
    };
    const bool of_bytes = spec_.subword_prefix.empty() && spec_.word_suffix.empty() &&
                          !steps.empty() && is_mapping(steps.back()) &&
                          std::ranges::count_if(steps, is_mapping) == 1;
    if (of_bytes) steps.pop_back();
    spec_.kind = of_bytes ? "gpt2" : "bpe";
    // Byte-level vocabularies that set both have every byte.
    spec_.byte_fallback = !of_bytes && json_flag_or(model, "byte_fallback", false);
    spec_.fuse_unk = json_flag_or(model, "fuse_unk", false);
    spec_.ignore_merges = json_flag_or(model, "ignore_merges", false);
    TRY(vocabulary(model));
    TRY(merges(model));
    read_unknown(model, "");
    return {};
  }

  // Some files name an unknown token that they do not have, and never need it.
  void read_unknown(const json& model, const char* fallback) {
    const json& vocab = model["vocab"];
    const auto found = vocab.find(json_string_or(model, "unk_token", fallback));
    if (found != vocab.end()) spec_.unk = found->get<int32_t>();
  }

  Result<void> read_unigram(const json& model) {
    const json* vocab = json_member(model, "vocab");
    if (vocab == nullptr || !vocab->is_array()) return bad("model", "has no array 'vocab'");
    spec_.kind = "unigram";
    spec_.any_piece = true;
    spec_.fuse_unk = true;
    spec_.byte_fallback = json_flag_or(model, "byte_fallback", false);
    for (const json& row : *vocab) {
      if (!row.is_array() || row.size() != 2 || !row[0].is_string() || !row[1].is_number()) {
        return bad("model", "has a piece {} that is not a text with a score", spec_.pieces.size());
      }
      const auto& text = row[0].get_ref<const std::string&>();
      const bool is_byte = spec_.byte_fallback && text.size() == 6 && text.starts_with("<0x");
      spec_.pieces.push_back(text);
      spec_.types.push_back(is_byte ? TokenType::byte : TokenType::normal);
      spec_.log_probabilities.push_back(row[1].get<double>());
    }
    const json* unk = json_member(model, "unk_id");
    if (unk == nullptr) return {};
    spec_.unk = TRY(checked_id(*unk, "the unknown token", 0));
    if (static_cast<size_t>(spec_.unk) < spec_.pieces.size()) return {};
    return bad("model", "names the unknown token {} of {}", spec_.unk, spec_.pieces.size());
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
    const json* vocab = json_member(model, "vocab");
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
    const json* list = json_member(model, "merges");
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
      const json* id = json_member(value, "id");
      token.id =
          in_model >= 0 ? in_model : TRY(checked_id(id == nullptr ? json() : *id, token.text, n));
      token.model_knows = in_model >= 0;
      token.special = json_flag_or(value, "special", false);
      token.single_word = json_flag_or(value, "single_word", false);
      token.lstrip = json_flag_or(value, "lstrip", false);
      token.rstrip = json_flag_or(value, "rstrip", false);
      token.normalized = json_flag_or(value, "normalized", !token.special);
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
    const std::string type = json_string_or(component, "type", "");
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
    const json* pair = json_member(component, key);
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
                   if (json_member(part, "Sequence") != nullptr) {
                     if (seen_text) return unsupported("a template with", "the text twice");
                     seen_text = true;
                     return {};
                   }
                   const json* token = json_member(part, "SpecialToken");
                   if (token == nullptr) return bad("post_processor", "has an unknown part");
                   return template_ids(component, json_string_or(*token, "id", ""),
                                       seen_text ? after : before);
                 }));
    spec_.prefix_ids.insert(spec_.prefix_ids.begin(), before.begin(), before.end());
    spec_.suffix_ids.insert(spec_.suffix_ids.end(), after.begin(), after.end());
    return {};
  }

  Result<void> template_ids(const json& component, const std::string& name,
                            std::vector<int32_t>& out) {
    const json* tokens = json_member(component, "special_tokens");
    const json* token = tokens == nullptr ? nullptr : json_member(*tokens, name.c_str());
    const json* ids = token == nullptr ? nullptr : json_member(*token, "ids");
    if (ids == nullptr || !ids->is_array()) {
      return bad("post_processor", "uses '{}' but does not define it", printable(name));
    }
    for (const json& id : *ids) {
      out.push_back(TRY(checked_id(id, name, static_cast<int64_t>(spec_.pieces.size()))));
    }
    return {};
  }

  TokenizerSpec spec_;
};

// "</s>" and {"content": "</s>", ...} are both in use.
std::string token_name(const json& config, const char* key) {
  const json* value = json_member(config, key);
  if (value == nullptr) return "";
  return value->is_string() ? value->get<std::string>() : json_string_or(*value, "content", "");
}

void apply_config(const json& config, TokenizerSpec& spec) {
  const auto id_of = [&](const std::string& name) -> int32_t {
    const auto found = std::ranges::find(spec.added, name, &AddedTokenSpec::text);
    return name.empty() || found == spec.added.end() ? -1 : found->id;
  };
  const auto first_of = [&](const char* key, const char* other) {
    const int32_t id = id_of(token_name(config, key));
    return id >= 0 ? id : id_of(token_name(config, other));
  };
  // Encoders call their ends CLS and SEP.
  spec.bos = first_of("bos_token", "cls_token");
  spec.eos = first_of("eos_token", "sep_token");
  spec.pad = id_of(token_name(config, "pad_token"));
  spec.sep = id_of(token_name(config, "sep_token"));
  spec.mask = id_of(token_name(config, "mask_token"));
  const json* chat = json_member(config, "chat_template");
  if (chat != nullptr && chat->is_string()) spec.chat_template = chat->get<std::string>();
  if (chat == nullptr || !chat->is_array()) return;
  for (const json& one : *chat) {
    const std::string name = json_string_or(one, "name", "");
    const std::string source = json_string_or(one, "template", "");
    if (name == "default")
      spec.chat_template = source;
    else if (!name.empty())
      spec.named_chat_templates.push_back({name, source});
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
  spec.eos = first_of({"</s>", "<|end_of_text|>", "<eos>", "<|im_end|>", "<|endoftext|>", "[SEP]",
                       "<\uFF5Cend\u2581of\u2581sentence\uFF5C>"});
  spec.pad = first_of({"<pad>", "<|padding|>", "[PAD]", "<|pad|>"});
  spec.sep = first_of({"[SEP]"});
  spec.mask = first_of({"[MASK]", "<mask>"});
}

}  // namespace

Result<TokenizerSpec> read_tokenizer_json(std::string_view json_text, std::string_view config_json,
                                          const std::string& name) {
  const json root = TRY(parse_json(json_text, name));
  TokenizerSpec spec = TRY(Reader(name).read(root));
  if (config_json.empty()) {
    guess_ends(spec);
  } else {
    apply_config(TRY(parse_json(config_json, name + " (its tokenizer_config.json)")), spec);
  }
  return spec;
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_json(std::string_view json_text,
                                                              std::string_view config_json,
                                                              const std::string& name) {
  return create(TRY(read_tokenizer_json(json_text, config_json, name)));
}

}  // namespace quire
