#include "train/data.h"

#include "unit/train/tiny.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

namespace quire {
namespace {

struct Data {
  TemporaryFolder folder;
  std::shared_ptr<const Tokenizer> tokenizer = tiny_tokenizer();
  int n_made = 0;

  TrainingData make(DataOptions options, int n_documents = 60) {
    options.separator = tokenizer->eos();
    TokenCache cache =
        tiny_cache(folder, tokenizer, n_documents, "tokens" + std::to_string(n_made++) + ".bin");
    return TrainingData::create(std::move(cache), std::move(options)).value();
  }
  static std::vector<int32_t> window(TrainingData& data, int64_t index) {
    std::vector<int32_t> out(static_cast<size_t>(data.options().n_ctx + 1));
    data.window(index, out);
    return out;
  }
};

DataOptions options_of(uint64_t seed, double held_out = 0.2) { return {16, seed, held_out, {}, 0}; }

TEST(TrainingData, AWindowDependsOnSeedAndIndexOnly) {
  Data d;
  TrainingData forwards = d.make(options_of(3)), backwards = d.make(options_of(3));
  const int64_t n = 3 * forwards.n_windows(0) + 2;  // into the fourth epoch
  std::map<int64_t, std::vector<int32_t>> seen;
  for (int64_t i = 0; i < n; ++i) seen[i] = Data::window(forwards, i);
  for (int64_t i = n - 1; i >= 0; --i) EXPECT_EQ(Data::window(backwards, i), seen[i]) << i;
}

TEST(TrainingData, AnotherSeedOrEpochHasAnotherOrder) {
  Data d;
  TrainingData a = d.make(options_of(3)), b = d.make(options_of(4));
  EXPECT_NE(Data::window(a, 0), Data::window(b, 0));
  EXPECT_NE(Data::window(a, 0), Data::window(a, a.n_windows(0)));
}

TEST(TrainingData, AnEpochHoldsEachTrainingDocumentOnce) {
  Data d;
  TrainingData data = d.make({1, 3, 0.2, {}, 0});  // windows of one token: nothing is left over
  EXPECT_EQ(data.n_windows(0), data.n_train_tokens());
  std::map<int32_t, int64_t> targets, expected;
  for (int64_t i = 0; i < data.n_windows(0); ++i) ++targets[Data::window(data, i)[1]];
  std::vector<int32_t> ids(static_cast<size_t>(data.cache().n_tokens()));
  data.cache().read(0, ids);
  for (int32_t id : ids) ++expected[id];
  std::vector<int32_t> held(static_cast<size_t>(data.n_held_out_tokens()));
  data.held_out(1, held);
  for (int32_t id : held) --expected[id];
  std::erase_if(expected, [](const auto& entry) { return entry.second == 0; });
  EXPECT_EQ(targets, expected);
}

TEST(TrainingData, HeldOutDocumentsAreNeverTrainedOnAndStayWhenDataIsAdded) {
  Data d;
  TrainingData few = d.make(options_of(1), 40), many = d.make(options_of(9), 80);
  ASSERT_GT(few.n_held_out_documents(), 0);
  const auto held_out_text = [&](const TrainingData& data) {
    std::vector<int32_t> ids(static_cast<size_t>(data.n_held_out_tokens()));
    data.held_out(1, ids);
    return d.tokenizer->decode(ids, {ShowSpecial::show, DecodeAt::middle});
  };
  const auto documents = [&](const TrainingData& data) {
    std::set<std::string> texts;
    const std::string all = held_out_text(data), end = "<|endoftext|>";
    for (size_t at = 0; at < all.size();) {
      const size_t next = all.find(end, at);
      texts.insert(all.substr(at, next - at));
      at = next + end.size();
    }
    return texts;
  };
  const std::set<std::string> small = documents(few), large = documents(many);
  EXPECT_EQ(static_cast<int64_t>(small.size()), few.n_held_out_documents());
  EXPECT_TRUE(std::includes(large.begin(), large.end(), small.begin(), small.end()));
  // The windows of an epoch hold none of them: the day that a document tells of is its own.
  for (int64_t i = 0; i < many.n_windows(0); ++i) {
    const std::string trained =
        d.tokenizer->decode(Data::window(many, i), {ShowSpecial::show, DecodeAt::middle});
    for (const std::string& text : large) {
      const size_t day = text.find(" day ");
      EXPECT_EQ(trained.find(text.substr(day, text.find('.') + 1 - day)), std::string::npos)
          << text;
    }
  }
}

TEST(TrainingData, WeightsRepeatDocumentsAndFractionsAreDrawnPerEpoch) {
  Data d;
  TrainingData data = d.make({1, 3, 0.0, {2.0, 0.5}, 0}, 400);
  int64_t from_first = 0, from_second = 0;
  for (int64_t i = 0; i < data.cache().n_documents(); ++i)
    (i % 2 == 0 ? from_first : from_second) += data.cache().document(i).n_tokens;
  const double expected =
      2.0 * static_cast<double>(from_first) + 0.5 * static_cast<double>(from_second);
  // 200 documents drawn with p = 1/2: five standard deviations are 35 documents of 200.
  EXPECT_NEAR(static_cast<double>(data.n_windows(0)), expected,
              35.0 / 200 * static_cast<double>(from_second));
  EXPECT_NE(data.n_windows(0), data.n_windows(1));
}

TEST(TrainingData, HeldOutEndsInMinusOne) {
  Data d;
  TrainingData data = d.make(options_of(1));
  std::vector<int32_t> ids(10);
  data.held_out(data.n_held_out_tokens() - 3, ids);
  EXPECT_EQ(ids[3], d.tokenizer->eos());
  EXPECT_EQ(ids[4], -1);
  EXPECT_EQ(ids[9], -1);
  data.held_out(0, ids);
  EXPECT_EQ(ids[0], d.tokenizer->eos());
}

TEST(TrainingData, TooLittleTextIsAUsageError) {
  Data d;
  TokenCache cache = tiny_cache(d.folder, d.tokenizer, 2);
  const auto data = TrainingData::create(std::move(cache), {4096, 1, 0, {}, 0});
  ASSERT_FALSE(data.has_value());
  EXPECT_EQ(data.error().fault, Fault::usage);
  EXPECT_NE(data.error().text.find("fewer than one window of 4097"), std::string::npos);
}

TEST(TokenCache, SpecialTokensSpelledInTheTextAreText) {
  Data d;
  ThreadPool pool(1);
  TokenCacheWriter writer = TokenCacheWriter::create(d.folder / "t", d.tokenizer, pool).value();
  const std::string text = "a <|endoftext|> b \xff";
  ASSERT_TRUE(writer.add(text, 0));
  ASSERT_TRUE(writer.finish(1, 1));
  const TokenCache cache = TokenCache::open(d.folder / "t", d.tokenizer->n_vocab(), 1).value();
  std::vector<int32_t> ids(static_cast<size_t>(cache.n_tokens()));
  cache.read(0, ids);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), d.tokenizer->eos()), 1);
  EXPECT_EQ(ids.back(), d.tokenizer->eos());
  EXPECT_EQ(d.tokenizer->decode(ids), text);
}

TEST(TokenCache, IsTheSameFileForAnyNumberOfThreads) {
  Data d;
  const auto bytes_with = [&](int n_threads) {
    ThreadPool pool(n_threads);
    TokenCacheWriter writer = TokenCacheWriter::create(d.folder / "t", d.tokenizer, pool).value();
    for (const std::string& document : tiny_documents(50)) EXPECT_TRUE(writer.add(document, 0));
    EXPECT_TRUE(writer.finish(1, 1));
    return read_file(d.folder / "t").value();
  };
  EXPECT_EQ(bytes_with(1), bytes_with(3));
}

TEST(TokenCache, DamageIsFoundWhereverItIs) {
  Data d;
  (void)tiny_cache(d.folder, d.tokenizer, 5);
  const std::string path = d.folder / "tokens.bin";
  const std::string whole = read_file(path).value();
  for (size_t at = 0; at < whole.size(); at += 7) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    ASSERT_TRUE(write_file(path, damaged));
    const auto cache = TokenCache::open(path, d.tokenizer->n_vocab(), 77);
    ASSERT_FALSE(cache.has_value()) << "byte " << at;
    EXPECT_EQ(cache.error().fault, Fault::bad_format);
  }
  for (size_t n : {size_t{0}, size_t{63}, size_t{64}, whole.size() - 1}) {
    ASSERT_TRUE(write_file(path, whole.substr(0, n)));
    EXPECT_FALSE(TokenCache::open(path, d.tokenizer->n_vocab(), 77).has_value()) << n;
  }
}

TEST(TokenCache, OfOtherDataIsRefused) {
  Data d;
  (void)tiny_cache(d.folder, d.tokenizer, 5);
  const auto cache = TokenCache::open(d.folder / "tokens.bin", d.tokenizer->n_vocab(), 78);
  ASSERT_FALSE(cache.has_value());
  EXPECT_NE(cache.error().text.find("other data files"), std::string::npos);
}

}  // namespace
}  // namespace quire
