// Filling the place between two texts, with the tokens that a model was trained with for it:
//
//   REPO name FILE other... PREFIX before SUFFIX after MIDDLE      and the model goes on
//
// Bavarian et al. 2022, arXiv:2207.14255; the parts in front as in StarCoder 2 and Qwen2.5-Coder.
#pragma once
#include "server/api_error.h"
#include "text/tokenizer.h"

#include <string>
#include <vector>

namespace quire::server {

struct FimParts {
  std::string prefix, suffix;
  std::string middle{};  // what the answer begins with
  struct File {
    std::string name, text;
  };
  std::vector<File> files{};  // others of the same work
};

// 501 when the model has no such tokens. Text is text: control tokens in it are not.
ApiResult<std::vector<int32_t>> fim_tokens(const Tokenizer& tokenizer, const std::string& model,
                                           const FimParts& parts);

}  // namespace quire::server
