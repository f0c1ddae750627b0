// The interactive session, driven through a pseudo-terminal as a person would.
#include "cli/suggest.h"
#include "cli/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace quire {
namespace {

using testing::HasSubstr;

// quire run on a terminal of its own.
class Terminal {
 public:
  Terminal() {
    pid_ = ::forkpty(&fd_, nullptr, nullptr, nullptr);
    if (pid_ != 0) return;
    ::setenv("TERM", "xterm", 1);
    ::setenv("NO_COLOR", "1", 1);
    ::execl(QUIRE_PROGRAM, "quire", "run", QUIRE_SOURCE_DIR "/tests/golden/model/llama-f32.gguf",
            "-s", "1", "-n", "5", "-t", "1", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ~Terminal() {
    if (pid_ > 0) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
    ::close(fd_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(std::string_view keys) {
    ASSERT_EQ(::write(fd_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  // What came since the last call, up to and with `text`; everything when it never comes.
  std::string read_until(const std::string& text) {
    constexpr int patience_ms = 20000;
    while (seen_.find(text) == std::string::npos) {
      pollfd ready{fd_, POLLIN, 0};
      char chunk[4096];
      if (::poll(&ready, 1, patience_ms) != 1) break;
      const ssize_t n = ::read(fd_, chunk, sizeof chunk);
      if (n <= 0) break;
      seen_.append(chunk, static_cast<size_t>(n));
    }
    const size_t found = seen_.find(text);
    const size_t end = found == std::string::npos ? seen_.size() : found + text.size();
    const std::string result = seen_.substr(0, end);
    seen_.erase(0, end);
    return result;
  }
  int wait_for_exit() {
    int status = -1;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  int fd_ = -1;
  pid_t pid_ = -1;
  std::string seen_;
};

TEST(Session, AnswersTakesCommandsAndLeavesOnControlD) {
  Terminal terminal;
  EXPECT_THAT(terminal.read_until("> "), HasSubstr("/help"));
  terminal.type("/sav x\r");
  EXPECT_THAT(terminal.read_until("'/save'?"), HasSubstr("did you mean"));
  terminal.type("/set temp 0\r");
  terminal.read_until("> ");
  terminal.type("/set\r");
  EXPECT_THAT(terminal.read_until("n-predict 5"), HasSubstr("temp 0"));
  terminal.read_until("> ");
  terminal.type("hello\r");
  terminal.read_until("hello\r\n");
  EXPECT_GT(terminal.read_until("> ").size(), 4u);
  terminal.type("\x04");
  EXPECT_EQ(terminal.wait_for_exit(), 0);
}

TEST(Session, ControlCAtThePromptDoesNotEndTheProgram) {
  Terminal terminal;
  terminal.read_until("> ");
  terminal.type("\x03");
  EXPECT_THAT(terminal.read_until("leaves)\r\n"), HasSubstr("/quit"));
  terminal.read_until("> ");
  terminal.type("/set bogus 1\r");
  EXPECT_THAT(terminal.read_until("shows them"), HasSubstr("no setting 'bogus'"));
  terminal.read_until("> ");
  terminal.type("/quit\r");
  EXPECT_EQ(terminal.wait_for_exit(), 0);
}

TEST(Terminal, ControlCharactersOfAModelDoNotReachIt) {
  EXPECT_EQ(without_controls("a\x1b[31mb\x07\n\tc\x7f"), "a[31mb\n\tc");
  EXPECT_EQ(without_controls("\xC2\x9B"
                             "31m \xC3\xA9 \xE2\x96\x81"),
            "31m \xC3\xA9 \xE2\x96\x81");
  EXPECT_EQ(without_controls("\x9B"
                             "31m\xC3"),
            "\xEF\xBF\xBD"
            "31m\xEF\xBF\xBD");
}

TEST(Suggest, FindsTheNearestAndOnlyWhatIsNear) {
  const std::string names[] = {"run", "show", "--temp", "tokenize"};
  EXPECT_EQ(nearest("rnu", names), "run");
  EXPECT_EQ(nearest("--tmep", names), "--temp");
  EXPECT_EQ(nearest("tokenise", names), "tokenize");
  EXPECT_EQ(nearest("frobnicate", names), "");
  EXPECT_EQ(nearest(std::string(1000, 'x'), names), "");
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace quire
