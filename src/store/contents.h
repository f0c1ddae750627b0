// What a model consists of: weights, and what a Modelfile may add to them.
#pragma once
#include "base/result.h"
#include "store/caches.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quire {

struct ModelContents {
  std::string weights;                  // path of the GGUF file, the first of several
  std::vector<std::string> adapters{};  // paths
  std::optional<std::string> chat_template{}, system{};
  std::string parameters{};                                     // a JSON object; "" without any
  std::vector<std::pair<std::string, std::string>> messages{};  // role, text
  std::vector<std::string> licenses{};

  // Only weights: a file as any other.
  bool is_plain() const {
    return adapters.empty() && !chat_template && !system && parameters.empty() && messages.empty();
  }
};

// not_found when a part is gone, bad_format when one is not what its kind says.
Result<ModelContents> read_contents(const Store& store, const StoredModel& model);

struct FoundModel {
  std::string name;
  ModelContents contents;
};
// A model of the store, else one in a cache, by its name; user/repo may also be one of Hugging
// Face, hf.co/user/repo. not_found when there is none, without a way out: the caller knows where
// else names come from.
Result<FoundModel> find_stored(const Store& store, const CacheFolders& folders,
                               const std::string& name);

// Name and value as a Modelfile has them, a line for each value of a list; bad_format when the JSON
// is no object of numbers, booleans, strings and lists of strings.
Result<std::vector<std::pair<std::string, std::string>>> parameter_lines(std::string_view json);
// A Modelfile that makes the same model.
std::string modelfile_text(const ModelContents& contents);

}  // namespace quire
