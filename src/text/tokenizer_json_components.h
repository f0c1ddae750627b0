// The components of a tokenizer.json that do not depend on the model: normalizers, pre-tokenizers
// and decoders, each a tree of parts with a "type". One that is not known is refused by name.
#pragma once
#include "base/result.h"
#include "text/tokenizer_spec.h"

#include <fmt/format.h>
#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace quire {

// nullptr when there is no such member or it is null.
const nlohmann::json* json_member(const nlohmann::json& object, const char* key);
std::string json_string_or(const nlohmann::json& object, const char* key,
                           std::string_view fallback);
bool json_flag_or(const nlohmann::json& object, const char* key, bool fallback);

// What readers of components say when one is not as it should be. The specification, whose name
// errors begin with, outlives the object.
class TokenizerJsonErrors {
 protected:
  explicit TokenizerJsonErrors(const TokenizerSpec& spec) : named_(spec) {}
  template <class... Args>
  std::unexpected<Error> bad(std::string_view where, fmt::format_string<Args...> text,
                             Args&&... args) const {
    return fail(Fault::bad_format, "{}: {} {}", named_.name, where,
                fmt::format(text, std::forward<Args>(args)...));
  }
  std::unexpected<Error> unsupported(std::string_view what, std::string_view component) const;
  Result<std::string> need_string(const nlohmann::json& object, const char* key,
                                  std::string_view where) const;

 private:
  const TokenizerSpec& named_;
};

// Each appends to the lists of spec. Behind a ByteLevel, spec.pre_tokenizers has a step of kind
// byte_level.
Result<void> read_normalizer(const nlohmann::json& component, TokenizerSpec& spec);
Result<void> read_pre_tokenizer(const nlohmann::json& component, TokenizerSpec& spec);
Result<void> read_decoder(const nlohmann::json& component, TokenizerSpec& spec);

}  // namespace quire
