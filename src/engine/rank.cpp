#include "engine/rank.h"

#include <algorithm>

namespace quire {

Result<std::vector<EncodedPair>> ranking_inputs(const Model& model, std::string_view query,
                                                std::span<const std::string> documents) {
  std::vector<EncodedPair> pairs;
  for (const std::string& document : documents) {
    pairs.push_back(TRY(encode_pair(model.tokenizer(), query, document)));
    if (model.hparams().encoder.n_token_types < 2) pairs.back().types.clear();
  }
  return pairs;
}

std::vector<EmbedText> as_texts(std::span<const EncodedPair> pairs) {
  std::vector<EmbedText> texts;
  for (const EncodedPair& pair : pairs) texts.push_back({pair.ids, pair.types});
  return texts;
}

std::vector<Ranked> ranked(std::vector<std::vector<float>> scores, size_t n_best) {
  std::vector<Ranked> list;
  list.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) list.push_back({i, std::move(scores[i])});
  std::ranges::stable_sort(list, std::ranges::greater(),
                           [](const Ranked& one) { return one.scores.at(0); });
  if (n_best > 0 && list.size() > n_best) list.resize(n_best);
  return list;
}

}  // namespace quire
