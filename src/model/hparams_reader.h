// Metadata of one architecture, read with limits: every error names the file, the key, the value
// and what it may be (bad_format). Keys are given without the architecture: "embedding_length" for
// llama.embedding_length.
#pragma once
#include "base/result.h"
#include "format/gguf.h"

#include <string>
#include <string_view>
#include <vector>

namespace quire {

constexpr int64_t width_max = 1 << 20;  // of any vector in a model; the widest published is 53,248
constexpr int64_t positions_max = 1 << 28;

// Holds references: lives no longer than the file and the name.
class HparamsReader {
 public:
  HparamsReader(const GgufFile& file, std::string_view arch) : file_(file), arch_(arch) {}

  const GgufFile& file() const { return file_; }
  std::string key(std::string_view name) const { return fmt::format("{}.{}", arch_, name); }
  bool has(std::string_view name) const { return file_.has(key(name)); }

  // An array of one number per layer counts as the number when all agree (unsupported otherwise).
  Result<int64_t> integer(std::string_view name, int64_t least, int64_t most) const;
  Result<int64_t> integer_or(std::string_view name, int64_t fallback, int64_t least,
                             int64_t most) const;
  Result<float> number(std::string_view name, double least, double most) const;
  Result<float> number_or(std::string_view name, double fallback, double least, double most) const;
  // Which of the n_layer layers something holds for, from an array of that many booleans.
  Result<std::vector<bool>> layers(std::string_view name, int64_t n_layer) const;

 private:
  const GgufFile& file_;
  std::string_view arch_;
};

}  // namespace quire
