// Programs that are killed while they fetch or make a model: whatever they leave, the store is
// usable, and the next try ends well.
#include "base/file.h"
#include "base/sha256.h"
#include "store/contents.h"
#include "unit/base/temporary_folder.h"
#include "unit/store/test_server.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

namespace quire {
namespace {

// quire with these arguments in a process of its own, silent.
class Program {
 public:
  Program(const std::string& home, const std::vector<std::string>& arguments) {
    std::vector<char*> argv = {const_cast<char*>("quire")};
    for (const std::string& one : arguments) argv.push_back(const_cast<char*>(one.c_str()));
    argv.push_back(nullptr);
    ::setenv("QUIRE_HOME", home.c_str(), 1);
    ::setenv("HOME", home.c_str(), 1);
    pid_ = ::fork();
    if (pid_ != 0) return;
    if (std::freopen("/dev/null", "w", stdout) == nullptr ||
        std::freopen("/dev/null", "w", stderr) == nullptr)
      ::_exit(126);
    ::execv(QUIRE_PROGRAM, argv.data());
    ::_exit(127);
  }
  ~Program() {
    if (pid_ > 0) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Kills it as soon as this holds. False: it had ended before.
  bool kill_when(const std::function<bool()>& now) {
    while (!now())
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return pid_ = -1, false;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    return true;
  }
  int wait() {
    int status = -1;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
};

size_t n_files(const std::string& folder) {
  std::error_code error;
  size_t n = 0;
  for (std::filesystem::recursive_directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error))
    ++n;
  return n;
}

TEST(Killed, APullGoesOnWhereItWasAndTheModelIsWhole) {
  const TemporaryFolder home;
  TestServer registry;
  std::string weights(6 << 20, 'G');
  for (size_t i = 4; i < weights.size(); i += 97) weights[i] = static_cast<char>(i);
  Manifest manifest;
  manifest.layers = {{std::string(layer_prefix) + "model", sha256_of(weights), weights.size(), ""}};
  registry.put("/v2/me/story/manifests/latest", manifest_text(manifest));
  const std::string blob = "/v2/me/story/blobs/" + sha256_of(weights);
  registry.put(blob, weights);
  const std::string name = "http://" + registry.host() + "/me/story";
  const Store store(home / "models");

  const std::string partial = store.blob_path(sha256_of(weights)) + "-partial";
  for (const uint64_t enough : {1u, 1u << 20, 5u << 20}) {
    Program pull(home.path(), {"pull", name, "--insecure", "--parallel", "1"});
    pull.kill_when([&] {
      std::error_code error;
      return std::filesystem::file_size(partial, error) >= enough && !error;
    });
    EXPECT_LE(store.list().size(), 1u);
  }
  Program pull(home.path(), {"pull", name, "--insecure"});
  EXPECT_EQ(pull.wait(), 0);
  const auto model = store.find(*parse_model_ref(name));
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(*sha256_of_file(*store.model_path(*model)), sha256_of(weights));
  EXPECT_FALSE(file_exists(partial));
}

TEST(Killed, ACreateLeavesAStoreThatWorks) {
  const TemporaryFolder home;
  const Store store(home / "models");
  ASSERT_TRUE(write_file(home / "Modelfile",
                         "FROM tales\nSYSTEM a\nTEMPLATE {{ .Prompt }}\n"
                         "PARAMETER temperature 0\nLICENSE free\n")
                  .has_value());
  // Killed when there are so many files and folders, from the first on.
  for (size_t n = 1; n <= 14; ++n) {
    std::filesystem::remove_all(store.root());
    Program create(home.path(), {"create", "story", "-f", home / "Modelfile"});
    create.kill_when([&] { return n_files(store.root()) >= n; });
    for (const StoredModel& model : store.list())
      EXPECT_TRUE(read_contents(store, model).has_value()) << n;
    Program again(home.path(), {"create", "story", "-f", home / "Modelfile"});
    EXPECT_EQ(again.wait(), 0) << n;
    ASSERT_EQ(store.list().size(), 1u) << n;
    EXPECT_EQ(read_contents(store, store.list()[0])->system, "a");
  }
}

// Bytes that are written for a model which is being made.
uint64_t n_temporary_bytes(const Store& store) {
  std::error_code error;
  uint64_t n = 0;
  for (std::filesystem::recursive_directory_iterator entry(store.root() + "/blobs", error), end;
       !error && entry != end; entry.increment(error))
    if (entry->path().filename().string().starts_with("weights.tmp-"))
      n += 1 + entry->file_size(error);
  return n;
}

TEST(Killed, AConversionLeavesAStoreThatWorks) {
  const TemporaryFolder home;
  const Store store(home / "models");
  ASSERT_TRUE(write_file(home / "Modelfile", "FROM tales\nSYSTEM a\n").has_value());
  const std::vector<std::string> make = {"create", "small", "-q", "q4_0", "-f", home / "Modelfile"};
  Program plain(home.path(), {"create", "plain", "-f", home / "Modelfile"});
  ASSERT_EQ(plain.wait(), 0);
  size_t n_killed = 0;
  for (const uint64_t enough : {1u, 2u, 1u << 20, 2u << 20}) {
    Program create(home.path(), make);
    n_killed += create.kill_when([&] { return n_temporary_bytes(store) >= enough; }) ? 1 : 0;
    for (const StoredModel& model : store.list())
      EXPECT_TRUE(read_contents(store, model).has_value()) << enough;
    // What was there is there.
    EXPECT_TRUE(store.find(*parse_model_ref("plain")).has_value());
  }
  EXPECT_GT(n_killed, 0u);
  Program again(home.path(), make);
  EXPECT_EQ(again.wait(), 0);
  const auto model = store.find(*parse_model_ref("small"));
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(*sha256_of_file(*store.model_path(*model)), model->manifest.layers[0].digest);
}

}  // namespace
}  // namespace quire
