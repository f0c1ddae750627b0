#include "text/tokenizer_json_components.h"

#include "format/printable.h"
#include "text/word_scanner.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace quire {

using nlohmann::json;

const json* json_member(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}
std::string json_string_or(const json& object, const char* key, std::string_view fallback) {
  const json* value = json_member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string(fallback);
}
bool json_flag_or(const json& object, const char* key, bool fallback) {
  const json* value = json_member(object, key);
  return value != nullptr && value->is_boolean() ? value->get<bool>() : fallback;
}

std::unexpected<Error> TokenizerJsonErrors::unsupported(std::string_view what,
                                                        std::string_view component) const {
  return fail(Fault::unsupported, "{}: {} '{}' is not supported", named_.name, what,
              printable(component));
}

Result<std::string> TokenizerJsonErrors::need_string(const json& object, const char* key,
                                                     std::string_view where) const {
  const json* value = json_member(object, key);
  if (value == nullptr || !value->is_string()) return bad(where, "has no string '{}'", key);
  return value->get<std::string>();
}

namespace {

constexpr int64_t fixed_length_max = 65535;  // PCRE2's for repetitions
constexpr std::string_view space_mark = "\xE2\x96\x81";

// Nothing when the text is not base64 (RFC 4648).
std::optional<std::string> from_base64(std::string_view text) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  uint32_t bits = 0;
  int n_bits = 0;
  for (const char c : text) {
    const size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    out += static_cast<char>(bits >> n_bits & 0xFF);
  }
  return out;
}

class Reader : TokenizerJsonErrors {
 public:
  explicit Reader(TokenizerSpec& spec) : TokenizerJsonErrors(spec), spec_(spec) {}

  Result<void> normalizer(const json& component) {
    using Kind = NormalizerSpec::Kind;
    const std::string type = json_string_or(component, "type", "");
    if (type == "Sequence") {
      return sequence(component, "normalizers", "normalizer",
                      [&](const json& part) { return normalizer(part); });
    }
    if (type == "BertNormalizer") return bert_normalizer(component);
    constexpr std::pair<const char*, Kind> plain[] = {
        {"NFC", Kind::nfc},
        {"NFD", Kind::nfd},
        {"NFKC", Kind::nfkc},
        {"NFKD", Kind::nfkd},
        {"Lowercase", Kind::lowercase},
        {"StripAccents", Kind::strip_accents},
        {"Nmt", Kind::nmt},
        {"ByteLevel", Kind::byte_level},
    };
    NormalizerSpec step;
    if (const auto* row = std::ranges::find(plain, type, &std::pair<const char*, Kind>::first);
        row != std::end(plain)) {
      step.kind = row->second;
    } else if (type == "Strip") {
      step.kind = Kind::strip;
      step.left = json_flag_or(component, "strip_left", true);
      step.right = json_flag_or(component, "strip_right", true);
    } else if (type == "Prepend") {
      step.kind = Kind::prepend;
      step.text = TRY(need_string(component, "prepend", "normalizer Prepend"));
    } else if (type == "Replace") {
      step.kind = Kind::replace;
      step.pattern = TRY(pattern(component, "normalizer Replace"));
      step.text = TRY(need_string(component, "content", "normalizer Replace"));
    } else if (type == "Precompiled") {
      step.kind = Kind::precompiled;
      const auto table = from_base64(json_string_or(component, "precompiled_charsmap", ""));
      if (!table) return bad("normalizer Precompiled", "has a table that is not base64");
      if (table->empty()) return {};
      step.text = *table;
    } else {
      return unsupported("normalizer", type);
    }
    spec_.normalizers.push_back(std::move(step));
    return {};
  }

  Result<void> pre_tokenizer(const json& component) {
    using Kind = PreTokenizerSpec::Kind;
    const std::string type = json_string_or(component, "type", "");
    if (type == "Sequence") {
      return sequence(component, "pretokenizers", "pre_tokenizer",
                      [&](const json& part) { return pre_tokenizer(part); });
    }
    if (type == "ByteLevel") return byte_level(component);
    PreTokenizerSpec step;
    step.kind = Kind::split;
    if (type == "Split") {
      step.pattern = TRY(pattern(component, "pre_tokenizer Split"));
      step.behavior = TRY(behavior(component, "pre_tokenizer Split"));
      step.invert = json_flag_or(component, "invert", false);
    } else if (type == "CharDelimiterSplit") {
      step.pattern = {PatternSpec::Syntax::literal,
                      TRY(need_string(component, "delimiter", "pre_tokenizer CharDelimiterSplit"))};
      step.behavior = SplitBehavior::removed;
    } else if (type == "FixedLength") {
      const json* length = json_member(component, "length");
      const int64_t n =
          length != nullptr && length->is_number_integer() ? length->get<int64_t>() : 0;
      if (n < 1 || n > fixed_length_max)
        return bad("pre_tokenizer FixedLength", "has no 'length' from 1 to {}", fixed_length_max);
      step.pattern = {PatternSpec::Syntax::regex, fmt::format("(?s:.{{1,{}}})", n)};
    } else if (type == "Digits") {
      step.kind = Kind::digits;
      step.behavior = json_flag_or(component, "individual_digits", false)
                          ? SplitBehavior::isolated
                          : SplitBehavior::contiguous;
    } else if (type == "Punctuation") {
      step.kind = Kind::punctuation;
      step.behavior = TRY(behavior(component, "pre_tokenizer Punctuation"));
    } else if (type == "BertPreTokenizer") {
      step.kind = Kind::whitespace_split;
      spec_.pre_tokenizers.push_back(step);
      step.kind = Kind::punctuation;
    } else if (type == "Whitespace") {
      step.kind = Kind::whitespace_words;
    } else if (type == "WhitespaceSplit") {
      step.kind = Kind::whitespace_split;
    } else if (type == "UnicodeScripts") {
      step.kind = Kind::scripts;
    } else if (type == "Metaspace") {
      TRY(metaspace(component, "pre_tokenizer Metaspace", step));
    } else {
      return unsupported("pre_tokenizer", type);
    }
    spec_.pre_tokenizers.push_back(std::move(step));
    return {};
  }

  Result<void> decoder(const json& component) {
    using Kind = DecoderSpec::Kind;
    const std::string type = json_string_or(component, "type", "");
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
      step.kind = Kind::replace;
      step.regex = from.syntax == PatternSpec::Syntax::regex;
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
      step.kind = Kind::metaspace;
      step.from = space.replacement;
      step.drops_first = space.prepend != PreTokenizerSpec::Prepend::never;
    } else if (type == "WordPiece") {
      step.kind = Kind::wordpiece;
      step.from = json_string_or(component, "prefix", "##");
      step.cleanup = json_flag_or(component, "cleanup", true);
    } else if (type == "BPEDecoder") {
      step.kind = Kind::bpe;
      step.from = json_string_or(component, "suffix", "</w>");
    } else if (type == "CTC") {
      step.kind = Kind::ctc;
      step.from = json_string_or(component, "pad_token", "<pad>");
      step.to = json_string_or(component, "word_delimiter_token", "|");
      step.cleanup = json_flag_or(component, "cleanup", true);
    } else {
      return unsupported("decoder", type);
    }
    spec_.decoders.push_back(std::move(step));
    return {};
  }

 private:
  Result<PatternSpec> pattern(const json& component, std::string_view where) {
    const json* value = json_member(component, "pattern");
    if (value != nullptr && value->is_string()) {
      return PatternSpec{PatternSpec::Syntax::literal, value->get<std::string>()};
    }
    if (value != nullptr && json_member(*value, "String") != nullptr) {
      return PatternSpec{PatternSpec::Syntax::literal, TRY(need_string(*value, "String", where))};
    }
    if (value != nullptr && json_member(*value, "Regex") != nullptr) {
      return PatternSpec{PatternSpec::Syntax::regex, TRY(need_string(*value, "Regex", where))};
    }
    return bad(where, "has no pattern");
  }

  // Calls `each` for the parts of a Sequence. Nesting is bounded by the JSON reader.
  template <class Each>
  Result<void> sequence(const json& component, const char* key, std::string_view where, Each each) {
    const json* parts = json_member(component, key);
    if (parts == nullptr || !parts->is_array()) return bad(where, "Sequence has no '{}'", key);
    for (const json& part : *parts) TRY(each(part));
    return {};
  }

  Result<void> bert_normalizer(const json& component) {
    using Kind = NormalizerSpec::Kind;
    const bool lower = json_flag_or(component, "lowercase", true);
    const auto add = [&](bool wanted, Kind kind) {
      NormalizerSpec step;
      step.kind = kind;
      if (wanted) spec_.normalizers.push_back(std::move(step));
    };
    add(json_flag_or(component, "clean_text", true), Kind::bert_clean);
    add(json_flag_or(component, "handle_chinese_chars", true), Kind::bert_chinese);
    add(json_flag_or(component, "strip_accents", lower), Kind::bert_accents);
    add(lower, Kind::lowercase);
    return {};
  }

  Result<void> byte_level(const json& component) {
    PreTokenizerSpec step;
    if (json_flag_or(component, "add_prefix_space", true)) {
      step.kind = PreTokenizerSpec::Kind::prefix_space;
      spec_.pre_tokenizers.push_back(step);
    }
    if (json_flag_or(component, "use_regex", true)) {
      step.kind = PreTokenizerSpec::Kind::split;
      step.pattern = {PatternSpec::Syntax::regex, expressions::gpt2()};
      spec_.pre_tokenizers.push_back(step);
    }
    spec_.pre_tokenizers.push_back({.kind = PreTokenizerSpec::Kind::byte_level});
    return {};
  }

  Result<SplitBehavior> behavior(const json& component, std::string_view where) {
    const std::string name = json_string_or(component, "behavior", "Isolated");
    if (name == "Removed") return SplitBehavior::removed;
    if (name == "Isolated") return SplitBehavior::isolated;
    if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
    if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
    if (name == "Contiguous") return SplitBehavior::contiguous;
    return bad(where, "has the unknown behavior '{}'", printable(name));
  }

  Result<void> metaspace(const json& component, std::string_view where, PreTokenizerSpec& step) {
    step.kind = PreTokenizerSpec::Kind::metaspace;
    step.replacement = json_string_or(component, "replacement", space_mark);
    if (step.replacement.empty() || step.replacement.size() > 4) {
      return bad(where, "replaces spaces by something else than one character");
    }
    step.pattern = {PatternSpec::Syntax::literal, step.replacement};
    step.split = json_flag_or(component, "split", true);
    // Files before the prepend scheme have a flag instead.
    const bool prefix = json_flag_or(component, "add_prefix_space", true);
    const std::string scheme =
        json_string_or(component, "prepend_scheme", prefix ? "always" : "never");
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

  static int count(const json& component, const char* key) {
    const json* value = json_member(component, key);
    if (value == nullptr || !value->is_number_integer()) return 0;
    return static_cast<int>(std::clamp<int64_t>(value->get<int64_t>(), 0, 1024));
  }

  TokenizerSpec& spec_;
};

}  // namespace

Result<void> read_normalizer(const json& component, TokenizerSpec& spec) {
  return Reader(spec).normalizer(component);
}
Result<void> read_pre_tokenizer(const json& component, TokenizerSpec& spec) {
  return Reader(spec).pre_tokenizer(component);
}
Result<void> read_decoder(const json& component, TokenizerSpec& spec) {
  return Reader(spec).decoder(component);
}

}  // namespace quire
