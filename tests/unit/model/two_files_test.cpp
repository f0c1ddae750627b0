// run.c as a user gets it: written from every golden model, compiled by the C compiler with all
// warnings as errors, and run.
#include "model/two_files.h"

#include "base/file.h"
#include "base/rng.h"
#include "format/json.h"
#include "unit/base/temporary_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

extern char** environ;

namespace quire {
namespace {

std::string golden_folder() { return QUIRE_SOURCE_DIR "/tests/golden/model/"; }

// Experts, compressed attention and recurrent states have no C text.
bool is_refused(const std::string& name) {
  static const std::vector<std::string> without_text = {"mixtral",   "qwen2moe", "qwen3moe",
                                                        "deepseek2", "gpt-oss",  "mamba2"};
  return std::ranges::any_of(without_text,
                             [&](const std::string& start) { return name.starts_with(start); });
}

enum class Wanted { printed, refused };
std::vector<std::string> golden_names(Wanted wanted) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder())) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".json" && is_refused(name) == (wanted == Wanted::refused))
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct Finished {
  int exit_code = -1;
  std::string out, err;
};

// Runs a program to its end.
Finished run_program(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  const std::string out = folder / "stdout", err = folder / "stderr";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), flags, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), flags, 0600);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  Finished finished;
  if (::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ) == 0) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    finished.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    finished.out = read_file(out).value_or("");
    finished.err = read_file(err).value_or("");
  }
  posix_spawn_file_actions_destroy(&actions);
  return finished;
}

// A golden model written as two files and compiled.
class Program {
 public:
  explicit Program(const std::string& golden, CMatrix matrix = CMatrix::f32) {
    auto loaded = Model::load(golden_folder() + golden + ".gguf");
    if (!loaded) throw std::runtime_error(loaded.error().text);
    model_ = *loaded;
    auto files = write_two_files(*model_, folder_.path(), {matrix}, [](uint64_t, uint64_t) {});
    if (!files) throw std::runtime_error(files.error().text);
    n_lines_ = files->n_program_lines;
    const Finished cc =
        run_program(folder_, {"cc", "-O2", "-Wall", "-Wextra", "-Werror", "-std=c99", "-pedantic",
                              files->program_path, "-lm", "-o", folder_ / "run"});
    if (cc.exit_code != 0) throw std::runtime_error(cc.err);
  }

  Finished run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {folder_ / "run", folder_ / "parameters"});
    return run_program(folder_, std::move(arguments));
  }
  std::vector<int32_t> ids(std::vector<std::string> arguments) const {
    arguments.emplace_back("--ids");
    const Finished finished = run(std::move(arguments));
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    std::istringstream text(finished.out);
    std::vector<int32_t> ids;
    for (int32_t id = 0; text >> id;) ids.push_back(id);
    return ids;
  }

  const Tokenizer& tokenizer() const { return model_->tokenizer(); }
  std::string parameters() const { return folder_ / "parameters"; }
  int64_t n_lines() const { return n_lines_; }
  int64_t n_layers() const { return model_->hparams().n_layer; }

 private:
  TemporaryFolder folder_;
  std::shared_ptr<const Model> model_;
  int64_t n_lines_ = 0;
};

struct Golden {
  std::string tokens;
  std::vector<int32_t> all;  // prompt and greedy continuation
  size_t n_greedy = 0;
};
Golden load_golden(const std::string& name) {
  auto json = read_json(golden_folder() + name + ".json");
  if (!json) throw std::runtime_error(json.error().text);
  Golden golden;
  (*json)["tokens"].get_to(golden.all);
  for (int32_t id : golden.all)
    golden.tokens += (golden.tokens.empty() ? "" : ",") + std::to_string(id);
  for (const auto& id : (*json)["greedy"]) golden.all.push_back(id.get<int32_t>());
  golden.n_greedy = (*json)["greedy"].size();
  return golden;
}

class TwoFiles : public testing::TestWithParam<std::string> {};

TEST_P(TwoFiles, TheProgramWritesTheGreedyIdsOfTheReference) {
  const Golden golden = load_golden(GetParam());
  const Program program(GetParam());
  EXPECT_EQ(program.ids(
                {"--tokens", golden.tokens, "-n", std::to_string(golden.n_greedy), "--ignore-eos"}),
            golden.all);
  // A few hundred lines is the promise; layers that differ are written out one by one.
  EXPECT_LT(program.n_lines(), 640 + 40 * program.n_layers());
}

INSTANTIATE_TEST_SUITE_P(Golden, TwoFiles, testing::ValuesIn(golden_names(Wanted::printed)),
                         [](const testing::TestParamInfo<std::string>& name) {
                           std::string out = name.param;
                           std::replace(out.begin(), out.end(), '-', '_');
                           return out;
                         });

TEST(TwoFilesProgram, IsRefusedByNameForWhatHasNoCText) {
  const TemporaryFolder folder;
  for (const std::string& name : golden_names(Wanted::refused)) {
    const auto model = Model::load(golden_folder() + name + ".gguf");
    ASSERT_TRUE(model.has_value()) << model.error().text;
    const auto files =
        write_two_files(**model, folder.path(), {CMatrix::f32}, [](uint64_t, uint64_t) {});
    ASSERT_FALSE(files.has_value()) << name;
    EXPECT_EQ(files.error().fault, Fault::unsupported) << name;
    EXPECT_THAT(files.error().text, testing::HasSubstr("cannot be printed as C")) << name;
  }
}

TEST(TwoFilesProgram, KeepsBf16WeightsAsTheyAreWhenAskedTo) {
  const Golden golden = load_golden("llama-bf16");
  const Program program("llama-bf16", CMatrix::bf16);
  EXPECT_EQ(program.ids(
                {"--tokens", golden.tokens, "-n", std::to_string(golden.n_greedy), "--ignore-eos"}),
            golden.all);
}

// Text put together from what tokenizers find hard.
std::string hard_text(Rng& rng) {
  static const std::vector<std::string> parts = {"the",
                                                 " the",
                                                 "was",
                                                 " was ",
                                                 "it's",
                                                 "we'LL",
                                                 "'s",
                                                 "12",
                                                 " 345",
                                                 "  ",
                                                 "   ",
                                                 "\n",
                                                 " \n ",
                                                 "\t",
                                                 "\r\n",
                                                 "!?",
                                                 " ...",
                                                 "\u00E9",
                                                 "\u4F60\u597D",
                                                 "\U0001F600",
                                                 "\u2581",
                                                 "\u00A0",
                                                 "\u2003",
                                                 "\u0660\u00BD",
                                                 "a",
                                                 "and",
                                                 "<s>",
                                                 "</s>",
                                                 "<|endoftext|>",
                                                 "\xFF",
                                                 "\xE2\x96",
                                                 "\xC0\x80"};
  std::string text;
  for (uint64_t n = rng.below(12); n > 0; --n) text += parts[rng.below(parts.size())];
  return text;
}

class TwoFilesTokenizer : public testing::TestWithParam<std::string> {};

TEST_P(TwoFilesTokenizer, GivesTheIdsOfOurTokenizer) {
  const Program program(GetParam());
  Rng rng(7);
  for (int i = 0; i < 100; ++i) {
    const std::string text = hard_text(rng);
    std::vector<int32_t> expected = program.tokenizer().encode(text).value();
    if (expected.empty()) expected = {program.tokenizer().bos()};
    EXPECT_EQ(program.ids({"-n", "0", text}), expected) << testing::PrintToString(text);
  }
}

TEST_P(TwoFilesTokenizer, PrintsTheTextOfTheIds) {
  const Program program(GetParam());
  const std::string prompt = "the man was";
  const std::vector<int32_t> before = program.tokenizer().encode(prompt).value();
  const std::vector<int32_t> all = program.ids({prompt, "-n", "20", "--ignore-eos"});
  ASSERT_EQ(all.size(), before.size() + 20);
  const std::string text =
      program.tokenizer().decode(std::span(all).subspan(before.size()), {.at = DecodeAt::middle});
  EXPECT_EQ(program.run({prompt, "-n", "20", "--ignore-eos"}).out, prompt + text + "\n");
}

INSTANTIATE_TEST_SUITE_P(Kinds, TwoFilesTokenizer, testing::Values("llama-tied", "gpt2-tied"),
                         [](const testing::TestParamInfo<std::string>& name) {
                           return name.param == "gpt2-tied" ? "ByteLevel" : "SentencePiece";
                         });

TEST(TwoFilesProgram, RefusesADamagedFileInOneLine) {
  const Program program("gpt2-tied");
  const std::string whole = read_file(program.parameters()).value();
  struct Case {
    std::string bytes;
    const char* complaint;
  };
  std::string magic = whole, version = whole, shapes = whole, weight = whole;
  magic[0] = 'X';
  version[8] = 9;
  shapes[16] = static_cast<char>(shapes[16] ^ 1);
  weight[5000] = static_cast<char>(weight[5000] ^ 1);
  const Case cases[] = {{magic, "not a parameters file"},
                        {version, "another version"},
                        {shapes, "another run.c"},
                        {weight, "damaged"},
                        {whole + "x", "bytes after its end"},
                        {whole.substr(0, whole.size() / 2), "ends too early"},
                        {whole.substr(0, whole.size() - 1), "ends too early"},
                        {whole.substr(0, 7), "ends too early"},
                        {"", "ends too early"}};
  for (const Case& damaged : cases) {
    ASSERT_TRUE(write_file(program.parameters(), damaged.bytes));
    const Finished finished = program.run({"text"});
    EXPECT_EQ(finished.exit_code, 1) << damaged.complaint;
    EXPECT_THAT(finished.err, testing::HasSubstr(damaged.complaint));
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    EXPECT_EQ(finished.out, "");
  }
  std::filesystem::remove(program.parameters());
  const Finished missing = program.run({"text"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, testing::HasSubstr("cannot be opened"));
}

TEST(TwoFilesProgram, TheSameSeedGivesTheSameText) {
  const Program program("llama-tied");
  const auto sample = [&](const char* seed) {
    return program.ids({"the", "-n", "30", "-t", "1", "-s", seed, "--ignore-eos"});
  };
  EXPECT_EQ(sample("1"), sample("1"));
  EXPECT_NE(sample("1"), sample("2"));
}

TEST(TwoFilesProgram, StopsWhereTheContextIsFull) {
  const Program program("gpt2-tied");  // 96 positions
  const Finished finished = program.run({"the", "-n", "500", "--ignore-eos", "--ids"});
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_THAT(finished.err, testing::HasSubstr("96 positions"));
  EXPECT_EQ(program.run({std::string(500, '?')}).exit_code, 1);
}

}  // namespace
}  // namespace quire
