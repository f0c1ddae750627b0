#include "text/sentencepiece.h"

#include "format/json.h"
#include "format/printable.h"
#include "text/flat_map.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <map>
#include <optional>

namespace quire {
namespace {

constexpr int64_t n_added_max = 1 << 16;  // ids beyond those of the model

// One field of a message.
struct Field {
  uint32_t number = 0;
  uint64_t value = 0;        // of a number, of the bits of a float
  std::string_view bytes{};  // of a text or a message
};

// The fields of a message, in order. Groups, which nobody writes any more, are damage.
class Message {
 public:
  Message(std::string_view bytes, std::string_view name) : rest_(bytes), name_(name) {}

  // False at the end.
  Result<bool> next(Field& field) {
    if (rest_.empty()) return false;
    const uint64_t tag = TRY(varint());
    field = {static_cast<uint32_t>(tag >> 3), 0, {}};
    if (field.number == 0 || tag >> 32 != 0) return wrong("has no field there");
    switch (tag & 7) {
      case 0:
        field.value = TRY(varint());
        return true;
      case 1:
        field.value = fixed<uint64_t>(TRY(take(8)));
        return true;
      case 2:
        field.value = TRY(varint());
        field.bytes = TRY(take(field.value));
        return true;
      case 5:
        field.value = fixed<uint32_t>(TRY(take(4)));
        return true;
      default:
        return wrong("has a field of a kind that is not known");
    }
  }

 private:
  std::unexpected<Error> wrong(std::string_view what) const {
    return fail(Fault::bad_format,
                "{}: this is no sentencepiece model: its message {} ({} bytes "
                "before its end)",
                name_, what, rest_.size());
  }
  template <class T>
  static T fixed(std::string_view bytes) {
    T value{};
    bytes.copy(reinterpret_cast<char*>(&value), sizeof value);
    return value;
  }
  Result<std::string_view> take(uint64_t n) {
    if (n > rest_.size()) return wrong("ends in the middle");
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<uint8_t>(TRY(take(1))[0]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return wrong("has a number of more than 64 bits");
  }

  std::string_view rest_, name_;
};

struct Settings {
  uint64_t model_type = 1;
  bool spaces_behind = false, byte_fallback = false;
  int32_t unk = 0, bos = 1, eos = 2, pad = -1;
  std::string table;
  bool space_in_front = true, needless_go = true, marks_spaces = true;
};

Result<void> read_piece(std::string_view bytes, TokenizerSpec& spec) {
  Message message(bytes, spec.name);
  Field field;
  std::string_view text;
  float score = 0;
  uint64_t type = static_cast<uint64_t>(TokenType::normal);
  while (TRY(message.next(field))) {
    if (field.number == 1) text = field.bytes;
    if (field.number == 2) score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
    if (field.number == 3) type = field.value;
  }
  if (type < 1 || type > 6)
    return fail(Fault::bad_format, "{}: piece {} has type {}, known are 1 to 6", spec.name,
                spec.pieces.size(), type);
  spec.pieces.emplace_back(text);
  spec.scores.push_back(score);
  spec.types.push_back(static_cast<TokenType>(type));
  return {};
}

// A negative number stands there in 64 bits.
int32_t id_of(uint64_t value) {
  const auto id = static_cast<int64_t>(value);
  return id < 0 || id > INT32_MAX ? -1 : static_cast<int32_t>(id);
}

Result<void> read_trainer(std::string_view bytes, std::string_view name, Settings& settings) {
  Message message(bytes, name);
  Field field;
  while (TRY(message.next(field))) {
    if (field.number == 3) settings.model_type = field.value;
    if (field.number == 24) settings.spaces_behind = field.value != 0;
    if (field.number == 35) settings.byte_fallback = field.value != 0;
    if (field.number == 40) settings.unk = id_of(field.value);
    if (field.number == 41) settings.bos = id_of(field.value);
    if (field.number == 42) settings.eos = id_of(field.value);
    if (field.number == 43) settings.pad = id_of(field.value);
  }
  return {};
}

Result<void> read_normalizer(std::string_view bytes, std::string_view name, Settings& settings) {
  Message message(bytes, name);
  Field field;
  while (TRY(message.next(field))) {
    if (field.number == 2) settings.table = field.bytes;
    if (field.number == 3) settings.space_in_front = field.value != 0;
    if (field.number == 4) settings.needless_go = field.value != 0;
    if (field.number == 5) settings.marks_spaces = field.value != 0;
  }
  return {};
}

Result<void> apply(Settings settings, TokenizerSpec& spec) {
  const bool is_bpe = settings.model_type == 2;
  if (!is_bpe && settings.model_type != 1)
    return fail(Fault::unsupported,
                "{}: a sentencepiece model of type {}; 1 (unigram) and 2 (BPE) are supported",
                spec.name, settings.model_type);
  if (settings.spaces_behind || !settings.marks_spaces)
    return fail(Fault::unsupported, "{}: a sentencepiece model {}, which is not supported",
                spec.name,
                settings.spaces_behind ? "with spaces behind words" : "that does not mark spaces");
  if (!settings.table.empty()) {
    NormalizerSpec step{.kind = NormalizerSpec::Kind::precompiled,
                        .text = std::move(settings.table)};
    step.longest = true;
    spec.normalizers.push_back(std::move(step));
  }
  if (is_bpe) {
    spec.kind = "llama";
    spec.add_space_prefix = settings.space_in_front;
    spec.remove_extra_whitespaces = settings.needless_go;
  } else {
    spec.kind = "unigram";
    spec.fuse_unk = true;
    spec.byte_fallback = settings.byte_fallback;
    spec.log_probabilities.assign(spec.scores.begin(), spec.scores.end());
    spec.scores.clear();
    NormalizerSpec spaces{.kind = NormalizerSpec::Kind::sentencepiece_spaces};
    spaces.left = settings.space_in_front;
    spaces.right = settings.needless_go;
    spec.normalizers.push_back(std::move(spaces));
  }
  add_space_decoders(spec, settings.space_in_front);
  const auto known = [&](int32_t id) {
    return id < static_cast<int32_t>(spec.pieces.size()) ? id : -1;
  };
  spec.unk = known(settings.unk);
  spec.bos = known(settings.bos);
  spec.eos = known(settings.eos);
  spec.pad = known(settings.pad);
  if (spec.bos >= 0)
    spec.prefix_ids = {spec.bos};
  else if (spec.eos >= 0)
    spec.suffix_ids = {spec.eos};
  add_tokens_by_type(spec);
  return {};
}

// Tokens of Hugging Face's files, which may be ones of the model, too.
class ConfigReader {
 public:
  explicit ConfigReader(TokenizerSpec& spec)
      : spec_(spec),
        index_(spec.pieces),
        id_max_(static_cast<int64_t>(spec.pieces.size()) + n_added_max) {}

  Result<void> run(std::string_view config_json, std::string_view added_json) {
    if (!added_json.empty()) TRY(read_added(added_json));
    if (config_json.empty()) return {};
    const nlohmann::json config = TRY(parse_json(config_json, spec_.name + ": tokenizer_config"));
    if (!config.is_object())
      return fail(Fault::bad_format, "{}: tokenizer_config.json is no object", spec_.name);
    if (const auto tokens = config.find("added_tokens_decoder");
        tokens != config.end() && tokens->is_object())
      for (const auto& [id, token] : tokens->items()) TRY(read_token(id, token));
    read_ids(config);
    if (const auto source = config.find("chat_template");
        source != config.end() && source->is_string())
      spec_.chat_template = source->get<std::string>();
    return {};
  }

 private:
  Result<void> read_added(std::string_view text) {
    const nlohmann::json all = TRY(parse_json(text, spec_.name + ": added_tokens"));
    if (!all.is_object())
      return fail(Fault::bad_format, "{}: added_tokens.json is no object", spec_.name);
    for (const auto& [content, id] : all.items()) {
      if (!id.is_number_integer())
        return fail(Fault::bad_format, "{}: added_tokens.json: '{}' has no id", spec_.name,
                    printable(content, 60));
      const int32_t number = TRY(checked(id.get<int64_t>()));
      TRY(add({.id = number, .text = content}));
    }
    return {};
  }

  Result<int32_t> checked(int64_t id) const {
    if (id < 0 || id > id_max_)
      return fail(Fault::bad_format, "{}: an added token has the id {}, at most {} are supported",
                  spec_.name, id, id_max_);
    return static_cast<int32_t>(id);
  }

  Result<void> read_token(const std::string& key, const nlohmann::json& token) {
    const bool digits = !key.empty() && key.size() < 10 &&
                        std::ranges::all_of(key, [](char c) { return c >= '0' && c <= '9'; });
    const auto flag = [&](const char* name) {
      const auto at = token.find(name);
      return at != token.end() && at->is_boolean() && at->get<bool>();
    };
    if (!digits || !token.is_object() || !token.contains("content") ||
        !token["content"].is_string())
      return fail(Fault::bad_format,
                  "{}: added_tokens_decoder: '{}' is no id with a \"content\" in it", spec_.name,
                  printable(key, 40));
    return add({.id = TRY(checked(std::stoll(key))),
                .text = token["content"].get<std::string>(),
                .special = flag("special"),
                .lstrip = flag("lstrip"),
                .rstrip = flag("rstrip"),
                .single_word = flag("single_word"),
                .normalized = flag("normalized")});
  }

  // Ids between the model's and this one that nobody names stay unused.
  Result<void> add(AddedTokenSpec token) {
    const auto id = static_cast<size_t>(token.id);
    if (id >= spec_.pieces.size()) {
      spec_.pieces.resize(id + 1);
      spec_.types.resize(id + 1, TokenType::unused);
      if (!spec_.scores.empty()) spec_.scores.resize(id + 1, 0);
      if (!spec_.log_probabilities.empty()) spec_.log_probabilities.resize(id + 1, 0);
    }
    const bool is_own = !spec_.pieces[id].empty() && spec_.types[id] != TokenType::unused;
    if (is_own && spec_.pieces[id] != token.text)
      return fail(Fault::bad_format, "{}: token {} is '{}' in the model, and '{}' beside it",
                  spec_.name, id, printable(spec_.pieces[id], 60), printable(token.text, 60));
    spec_.pieces[id] = token.text;
    if (!is_own || token.special) {
      const bool unknown = spec_.types[id] == TokenType::unknown;
      if (!unknown) spec_.types[id] = token.special ? TokenType::control : TokenType::user_defined;
    }
    const auto same = std::ranges::find(spec_.added, token.id, &AddedTokenSpec::id);
    if (same != spec_.added.end())
      *same = std::move(token);
    else if (!token.text.empty())
      spec_.added.push_back(std::move(token));
    return {};
  }

  int32_t id_named(const nlohmann::json& config, const char* field, int32_t fallback) const {
    auto at = config.find(field);
    if (at == config.end()) return fallback;
    if (at->is_null()) return -1;
    if (at->is_object() && at->contains("content")) at = at->find("content");
    if (!at->is_string()) return fallback;
    const std::string& text = at->get_ref<const std::string&>();
    for (const AddedTokenSpec& token : spec_.added)
      if (token.text == text) return token.id;
    const int32_t id = index_.find(text);
    return id >= 0 ? id : fallback;
  }

  void read_ids(const nlohmann::json& config) {
    spec_.bos = id_named(config, "bos_token", spec_.bos);
    spec_.eos = id_named(config, "eos_token", spec_.eos);
    spec_.unk = id_named(config, "unk_token", spec_.unk);
    spec_.pad = id_named(config, "pad_token", spec_.pad);
    const auto wants = [&](const char* field, bool fallback) {
      const auto at = config.find(field);
      return at != config.end() && at->is_boolean() ? at->get<bool>() : fallback;
    };
    const bool front = wants("add_bos_token", !spec_.prefix_ids.empty());
    const bool back = wants("add_eos_token", !spec_.suffix_ids.empty());
    spec_.prefix_ids.clear();
    spec_.suffix_ids.clear();
    if (front && spec_.bos >= 0) spec_.prefix_ids = {spec_.bos};
    if (back && spec_.eos >= 0) spec_.suffix_ids = {spec_.eos};
  }

  TokenizerSpec& spec_;
  const StringIndex index_;  // of the model's own pieces
  const int64_t id_max_;
};

}  // namespace

void add_space_decoders(TokenizerSpec& spec, bool space_in_front) {
  spec.decoders = {
      {.kind = DecoderSpec::Kind::replace, .from = "\xE2\x96\x81", .to = " "},
      {.kind = DecoderSpec::Kind::byte_fallback},
      {.kind = DecoderSpec::Kind::fuse},
  };
  if (space_in_front)
    spec.decoders.push_back({.kind = DecoderSpec::Kind::strip, .from = " ", .n_start = 1});
}

void add_tokens_by_type(TokenizerSpec& spec) {
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    const TokenType type = spec.types[id];
    const bool special = type == TokenType::control || type == TokenType::unknown;
    if (!special && (type != TokenType::user_defined || spec.kind == "llama")) continue;
    AddedTokenSpec token;
    token.id = static_cast<int32_t>(id);
    token.text = spec.pieces[id];
    token.special = special;
    spec.added.push_back(std::move(token));
  }
}

Result<TokenizerSpec> read_sentencepiece(std::string_view bytes, std::string name) {
  TokenizerSpec spec;
  spec.name = std::move(name);
  Settings settings;
  Message message(bytes, spec.name);
  Field field;
  while (TRY(message.next(field))) {
    if (field.number == 1) TRY(read_piece(field.bytes, spec));
    if (field.number == 2) TRY(read_trainer(field.bytes, spec.name, settings));
    if (field.number == 3) TRY(read_normalizer(field.bytes, spec.name, settings));
  }
  if (spec.pieces.empty())
    return fail(Fault::bad_format, "{}: this is no sentencepiece model: it has no pieces",
                spec.name);
  TRY(apply(std::move(settings), spec));
  return spec;
}

Result<void> add_sentencepiece_config(TokenizerSpec& spec, std::string_view config_json,
                                      std::string_view added_json) {
  return ConfigReader(spec).run(config_json, added_json);
}

}  // namespace quire
