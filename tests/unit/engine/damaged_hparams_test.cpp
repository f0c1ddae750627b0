// Metadata is never trusted: every number that describes a golden model is overwritten with hostile
// ones, and every key is made to disappear. The model is refused in words, or it still runs.
#include "base/file.h"
#include "engine/runner.h"
#include "format/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace quire {
namespace {

std::string folder() { return QUIRE_SOURCE_DIR "/tests/golden/model/"; }

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder()))
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

// As unsigned numbers, and as floats: not-a-number, infinity, -1, 1e30, 1e-30.
constexpr uint32_t hostile[] = {0,          1,          2,          3,          5,
                                255,        0x00100001, 0x7fffffff, 0xffffffff, 0x7fc00000,
                                0x7f800000, 0xbf800000, 0x7149f2ca, 0x0da24260};

class DamagedHparams : public testing::TestWithParam<std::string> {
 protected:
  DamagedHparams() {
    const std::string bytes = read_file(folder() + GetParam() + ".gguf").value();
    memory_ = allocate_aligned(bytes.size());
    std::memcpy(memory_.get(), bytes.data(), bytes.size());
    n_bytes_ = bytes.size();
    path_ = testing::TempDir() + "damaged_" + GetParam() + ".gguf";
  }
  ~DamagedHparams() override { std::filesystem::remove(path_); }

  GgufFile file() const {
    return GgufFile::parse(std::span(memory_.get(), n_bytes_), GetParam()).value();
  }
  // Writable bytes behind a view of the file.
  static char* bytes(const void* data) { return const_cast<char*>(static_cast<const char*>(data)); }

  // Loads what memory_ holds now; runs three tokens where that succeeds.
  void expect_refused_or_running(const std::string& what) const {
    const std::string_view now(reinterpret_cast<const char*>(memory_.get()), n_bytes_);
    ASSERT_TRUE(write_file(path_, now).has_value());
    const auto model = Model::load(path_);
    if (!model.has_value()) {
      EXPECT_THAT(model.error().text, testing::HasSubstr("damaged_")) << what;
      return;
    }
    const auto runner = Runner::create(*model, {.n_ctx = 1, .n_batch = 4, .n_threads = 1});
    if (!runner.has_value()) return;
    const int32_t token = 5;
    EXPECT_TRUE((*runner)->run(std::span(&token, 1)).has_value()) << what;
  }

  std::shared_ptr<std::byte[]> memory_;
  size_t n_bytes_ = 0;
  std::string path_;
};

bool describes_the_model(std::string_view key) {
  return !key.starts_with("general.") && !key.starts_with("tokenizer.");
}

TEST_P(DamagedHparams, AreRefusedInWordsOrRun) {
  const GgufFile sound = file();
  for (const GgufEntry& entry : sound.entries()) {
    if (!describes_the_model(entry.key)) continue;
    const std::span<const std::byte> payload = entry.value.payload;
    const std::vector<std::byte> kept(payload.begin(), payload.end());
    for (const uint32_t number : hostile) {
      std::memcpy(bytes(payload.data()), &number, std::min(payload.size(), sizeof number));
      expect_refused_or_running(fmt::format("{} = {:#x}", entry.key, number));
    }
    std::memcpy(bytes(payload.data()), kept.data(), kept.size());
  }
}

TEST_P(DamagedHparams, AreRefusedInWordsOrNotNeededWhereTheyAreMissing) {
  const GgufFile sound = file();
  for (const GgufEntry& entry : sound.entries()) {
    if (!describes_the_model(entry.key)) continue;
    char& last = *(bytes(entry.key.data()) + entry.key.size() - 1);
    const char kept = std::exchange(last, '#');
    expect_refused_or_running(fmt::format("without {}", entry.key));
    last = kept;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, DamagedHparams, testing::ValuesIn(golden_names()),
                         [](const testing::TestParamInfo<std::string>& name) {
                           std::string out = name.param;
                           std::replace_if(
                               out.begin(), out.end(),
                               [](char c) {
                                 return std::isalnum(static_cast<unsigned char>(c)) == 0;
                               },
                               '_');
                           return out;
                         });

}  // namespace
}  // namespace quire
