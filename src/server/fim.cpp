#include "server/fim.h"

#include <optional>

namespace quire::server {
namespace {

std::optional<int32_t> one_of(const Tokenizer& tokenizer,
                              std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto id = tokenizer.id_of(name)) return id;
  return std::nullopt;
}

}  // namespace

ApiResult<std::vector<int32_t>> fim_tokens(const Tokenizer& tokenizer, const std::string& model,
                                           const FimParts& parts) {
  const auto prefix =
      one_of(tokenizer, {"<|fim_prefix|>", "<fim_prefix>", "<PRE>", "▁<PRE>", "<|fim▁begin|>"});
  const auto suffix =
      one_of(tokenizer, {"<|fim_suffix|>", "<fim_suffix>", "<SUF>", "▁<SUF>", "<|fim▁hole|>"});
  const auto middle =
      one_of(tokenizer, {"<|fim_middle|>", "<fim_middle>", "<MID>", "▁<MID>", "<|fim▁end|>"});
  if (!prefix || !suffix || !middle)
    return fail_api(501, "model",
                    "{} has no tokens to fill a place with (<|fim_prefix|> and the like): take a "
                    "model that was trained for it",
                    model);
  std::vector<int32_t> ids(tokenizer.prefix_ids().begin(), tokenizer.prefix_ids().end());
  const auto add = [&](const std::string& text) -> ApiResult<void> {
    const auto more =
        TRY_API(tokenizer.encode(text, {.add = AddSpecial::never, .parse = ParseSpecial::as_text}));
    ids.insert(ids.end(), more.begin(), more.end());
    return {};
  };
  const auto repo = one_of(tokenizer, {"<|repo_name|>", "<repo_name>", "<reponame>"});
  const auto file = one_of(tokenizer, {"<|file_sep|>", "<file_sep>"});
  if (repo && !parts.files.empty()) {
    ids.push_back(*repo);
    TRY_API(add("project\n"));
  }
  for (const FimParts::File& one : parts.files) {
    if (file) {
      ids.push_back(*file);
      TRY_API(add(one.name + "\n"));
    }
    TRY_API(add(one.text));
    if (!file) TRY_API(add("\n\n"));
  }
  if (file && !parts.files.empty()) {
    ids.push_back(*file);
    TRY_API(add("this\n"));
  }
  ids.push_back(*prefix);
  TRY_API(add(parts.prefix));
  ids.push_back(*suffix);
  TRY_API(add(parts.suffix));
  ids.push_back(*middle);
  TRY_API(add(parts.middle));
  return ids;
}

}  // namespace quire::server
