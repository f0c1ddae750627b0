// What the tests of the text layer share.
#pragma once
#include "base/file.h"
#include "format/json.h"
#include "text/tokenizer_io.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

namespace quire {

inline std::string golden_path(const std::string& name) {
  return std::string(QUIRE_SOURCE_DIR) + "/tests/golden/text/" + name;
}

inline nlohmann::json golden_json(const std::string& name) {
  auto json = read_json(golden_path(name));
  EXPECT_TRUE(json.has_value()) << (json ? "" : json.error().text);
  return json.value_or(nlohmann::json());
}

inline std::shared_ptr<const Tokenizer> golden_tokenizer(const std::string& file) {
  auto tokenizer = load_tokenizer(golden_path(file));
  EXPECT_TRUE(tokenizer.has_value()) << (tokenizer ? "" : tokenizer.error().text);
  return tokenizer.value_or(nullptr);
}

// The texts of hard.json.
inline std::vector<std::string> hard_texts() {
  std::vector<std::string> texts;
  for (const auto& hex : golden_json("hard.json")) {
    const auto digits = hex.get<std::string>();
    std::string text;
    for (size_t i = 0; i + 1 < digits.size(); i += 2) {
      text += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    }
    texts.push_back(text);
  }
  return texts;
}

inline std::vector<int32_t> encoded(const Tokenizer& tokenizer, std::string_view text,
                                    EncodeOptions options = {}) {
  auto ids = tokenizer.encode(text, options);
  EXPECT_TRUE(ids.has_value()) << (ids ? "" : ids.error().text);
  return ids.value_or(std::vector<int32_t>());
}

// Only the text: no BOS, no control tokens in it.
inline constexpr EncodeOptions text_only = {AddSpecial::never, ParseSpecial::as_text,
                                            InvalidUtf8::reference};
inline constexpr EncodeOptions without_ends = {AddSpecial::never, ParseSpecial::as_tokens,
                                               InvalidUtf8::reference};

}  // namespace quire
