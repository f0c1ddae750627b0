#include "text/bpe_trainer.h"

#include "unit/text/support.h"

#include <gmock/gmock.h>

#include <map>

namespace quire {
namespace {

using testing::HasSubstr;

TokenizerSpec trained(const std::vector<std::string>& documents, BpeTrainerOptions options) {
  auto trainer = BpeTrainer::create(std::move(options));
  EXPECT_TRUE(trainer.has_value()) << (trainer ? "" : trainer.error().text);
  for (const std::string& document : documents) EXPECT_TRUE(trainer->add(document).has_value());
  auto spec = trainer->train();
  EXPECT_TRUE(spec.has_value()) << (spec ? "" : spec.error().text);
  return spec.value_or(TokenizerSpec());
}

// The definition, in the slowest way: count all pairs anew for every merge.
std::vector<std::pair<std::string, std::string>> merges_by_definition(
    const std::map<std::string, int>& word_counts, size_t n_merges) {
  using Word = std::vector<std::string>;
  std::vector<std::pair<Word, int>> words;
  for (const auto& [text, count] : word_counts) {
    Word word;
    for (const char c : text) word.emplace_back(1, c);
    words.emplace_back(word, count);
  }
  std::vector<std::pair<std::string, std::string>> merges;
  // Ids decide ties; here all pieces are ASCII letters, whose ids are in their order, or made
  // later.
  std::map<std::string, int> ids;
  for (int c = 0; c < 128; ++c) ids[std::string(1, static_cast<char>(c))] = c;
  while (merges.size() < n_merges) {
    std::map<std::pair<int, int>, std::pair<int, std::pair<std::string, std::string>>> pairs;
    for (const auto& [word, count] : words) {
      for (size_t i = 0; i + 1 < word.size(); ++i) {
        auto& entry = pairs[{ids[word[i]], ids[word[i + 1]]}];
        entry.first += count;
        entry.second = {word[i], word[i + 1]};
      }
    }
    int best = 0;
    std::pair<std::string, std::string> pair;
    for (const auto& [key, entry] : pairs) {
      if (entry.first > best) best = entry.first, pair = entry.second;
    }
    if (best == 0) break;
    merges.push_back(pair);
    const std::string joined = pair.first + pair.second;
    ids.try_emplace(joined, 128 + static_cast<int>(merges.size()));
    for (auto& [word, count] : words) {
      Word out;
      for (size_t i = 0; i < word.size(); ++i) {
        const bool hit = i + 1 < word.size() && word[i] == pair.first && word[i + 1] == pair.second;
        out.push_back(hit ? joined : word[i]);
        if (hit) ++i;
      }
      word = out;
    }
  }
  return merges;
}

TEST(BpeTrainer, MergesAreThoseOfTheDefinition) {
  const std::map<std::string, int> words = {{"low", 5},    {"lower", 2}, {"newest", 6},
                                            {"widest", 3}, {"aaaa", 4},  {"aaaaaaa", 3},
                                            {"abab", 7},   {"banana", 5}};
  std::vector<std::string> documents;
  for (const auto& [word, count] : words)
    documents.insert(documents.end(), static_cast<size_t>(count), word);
  BpeTrainerOptions options;
  options.n_vocab = 257 + 30;
  options.min_frequency = 1;
  EXPECT_EQ(trained(documents, options).merges, merges_by_definition(words, 30));
}

TEST(BpeTrainer, ResultIsThatOfTheReferenceTrainer) {
  const auto golden = golden_json("trainer.json");
  BpeTrainerOptions options;
  options.n_vocab = golden["n_vocab"].get<int32_t>();
  options.min_frequency = 2;
  options.special_tokens = {"<s>", "</s>"};
  options.eos = "</s>";
  const auto spec = trained({golden["text"].get<std::string>()}, options);
  EXPECT_EQ(spec.merges, (golden["merges"].get<decltype(spec.merges)>()));
  EXPECT_EQ(spec.pieces, golden["pieces"].get<std::vector<std::string>>());
}

TEST(BpeTrainer, ThreadsAndDocumentOrderDoNotChangeTheResult) {
  std::vector<std::string> documents = hard_texts();
  BpeTrainerOptions options;
  options.n_vocab = 500;
  options.n_threads = 1;
  const auto one = trained(documents, options);
  options.n_threads = 4;
  std::reverse(documents.begin(), documents.end());
  const auto many = trained(documents, options);
  EXPECT_EQ(one.merges, many.merges);
  EXPECT_EQ(one.pieces, many.pieces);
  EXPECT_GT(one.merges.size(), 50u);
}

TEST(BpeTrainer, SpecialTokensNeverBecomePartOfAWord) {
  BpeTrainerOptions options;
  options.n_vocab = 257 + 100;
  const auto spec =
      trained({"ab<|endoftext|>ab<|endoftext|>ab<|endoftext|>", "ab<|endoftext|>"}, options);
  EXPECT_EQ(spec.merges.size(), 1u);
  EXPECT_EQ(spec.pieces.front(), "<|endoftext|>");
  EXPECT_EQ(spec.eos, 0);
}

TEST(BpeTrainer, RarePairsAreNotMerged) {
  BpeTrainerOptions options;
  options.n_vocab = 1000;
  options.min_frequency = 3;
  // "pq" comes three times, " pq" and everything of "xy" twice.
  const auto merges = trained({"xy xy", "pq pq pq"}, options).merges;
  ASSERT_EQ(merges.size(), 1u);
  EXPECT_EQ(merges[0], (std::pair<std::string, std::string>("p", "q")));
}

TEST(BpeTrainer, ATrainedTokenizerEncodesAndGivesBackItsText) {
  BpeTrainerOptions options;
  options.n_vocab = 600;
  const auto texts = hard_texts();
  const auto tokenizer = Tokenizer::create(trained(texts, options));
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  for (const std::string& text : texts) {
    EXPECT_EQ((*tokenizer)->decode(encoded(**tokenizer, text)), text);
  }
  EXPECT_EQ(encoded(**tokenizer, "a<|endoftext|>").back(), (*tokenizer)->eos());
  EXPECT_TRUE((*tokenizer)->is_end_of_generation((*tokenizer)->eos()));
}

TEST(BpeTrainer, ImpossibleOptionsAreRefused) {
  BpeTrainerOptions options;
  options.n_vocab = 256;
  EXPECT_THAT(BpeTrainer::create(options).error().text, HasSubstr("at least 257"));
  options = {};
  options.eos = "<nobody>";
  EXPECT_THAT(BpeTrainer::create(options).error().text, HasSubstr("<nobody>"));
  options = {};
  options.special_tokens = {"<|endoftext|>", "<|endoftext|>"};
  EXPECT_EQ(BpeTrainer::create(options).error().fault, Fault::usage);
  options = {};
  options.pre = "tomorrow";
  EXPECT_EQ(BpeTrainer::create(options).error().fault, Fault::unsupported);
  auto empty = BpeTrainer::create({});
  ASSERT_TRUE(empty.has_value());
  EXPECT_EQ(empty->train().error().fault, Fault::usage);
}

}  // namespace
}  // namespace quire
