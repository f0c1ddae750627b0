// The interactive session, driven through a pseudo-terminal as a person would.
#include "cli/suggest.h"
#include "cli/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace quire {
namespace {

using testing::HasSubstr;

constexpr int patience_ms = 20000;

// quire run on a terminal of its own. Keys are typed when the editor waits for them, unless a test
// is about what happens when it does not.
class Terminal {
 public:
  explicit Terminal(const char* model = QUIRE_SOURCE_DIR "/tests/golden/model/llama-f32.gguf",
                    const char* n_predict = "5", const char* chat_template = nullptr) {
    pid_ = ::forkpty(&fd_, nullptr, nullptr, nullptr);
    if (pid_ != 0) return;
    ::setenv("TERM", "xterm", 1);
    ::setenv("NO_COLOR", "1", 1);
    ::execl(QUIRE_PROGRAM, "quire", "run", model, "-s", "1", "-n", n_predict, "-t", "1",
            "--ignore-eos", chat_template == nullptr ? nullptr : "--chat-template", chat_template,
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ~Terminal() {
    if (pid_ > 0) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
    ::close(fd_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(std::string_view keys) {
    ASSERT_TRUE(becomes([&] { return editing(); })) << "no prompt for: " << keys;
    type_ahead(keys);
  }
  void type_ahead(std::string_view keys) {
    ASSERT_EQ(::write(fd_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  // What came since the last call, up to and with `text`; everything when it never comes.
  std::string read_until(const std::string& text) {
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
  // Its exit status; -1 when it does not end by itself.
  int wait_for_exit() {
    int status = -1;
    if (!becomes([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return -1;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  // The line editor takes the terminal out of canonical mode while it waits for keys.
  bool editing() const {
    termios settings{};
    return ::tcgetattr(fd_, &settings) == 0 && (settings.c_lflag & ICANON) == 0;
  }
  template <class Condition>
  static bool becomes(const Condition& condition) {
    constexpr int step_ms = 2;
    for (int waited = 0; waited < patience_ms; waited += step_ms) {
      if (condition()) return true;
      ::usleep(step_ms * 1000);
    }
    return condition();
  }

  int fd_ = -1;
  pid_t pid_ = -1;
  std::string seen_;
};

TEST(Session, AnswersTakesCommandsAndLeavesOnControlD) {
  Terminal terminal;
  EXPECT_THAT(terminal.read_until("> "), HasSubstr("/help"));
  terminal.type("/sav x\r");
  EXPECT_THAT(terminal.read_until("'/save'?"), HasSubstr("did you mean"));
  terminal.read_until("> ");
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

TEST(Session, AChatKeepsItsMessagesAndTakesBackTheLast) {
  Terminal terminal(QUIRE_SOURCE_DIR "/tests/golden/model/llama-f32.gguf", "5", "vicuna");
  EXPECT_THAT(terminal.read_until("> "), HasSubstr("/help"));
  terminal.type("/system Be brief.\r");
  terminal.read_until("> ");
  terminal.type("/system\r");
  EXPECT_THAT(terminal.read_until("Be brief.\r\n"), HasSubstr("Be brief."));
  terminal.read_until("> ");
  terminal.type("hello\r");
  terminal.read_until("hello\r\n");
  terminal.read_until("> ");
  terminal.type("/retry\r");
  terminal.read_until("/retry\r\n");
  terminal.read_until("> ");
  terminal.type("/undo\r");
  EXPECT_THAT(terminal.read_until("are left)"), HasSubstr("(0 messages"));
  terminal.read_until("> ");
  terminal.type("/retry\r");
  EXPECT_THAT(terminal.read_until("answer yet"), HasSubstr("no message"));
  terminal.read_until("> ");
  terminal.type("/bye\r");
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

TEST(Session, ControlCDuringAnAnswerStopsTheAnswerOnly) {
  Terminal terminal(QUIRE_SOURCE_DIR "/models/tales-3m-q8_0.gguf", "-1");
  terminal.read_until("> ");
  terminal.type("Once\r");
  terminal.read_until("Once\r\n");
  terminal.read_until(" ");  // it is under way
  terminal.type_ahead("\x03");
  EXPECT_THAT(terminal.read_until("> "), HasSubstr("(stopped)"));
  terminal.type("/quit\r");
  EXPECT_EQ(terminal.wait_for_exit(), 0);
}

TEST(Session, ControlDTypedDuringAnAnswerLeavesAfterIt) {
  Terminal terminal;
  terminal.read_until("> ");
  terminal.type("hello\r");
  terminal.read_until("hello\r\n");
  terminal.type_ahead("\x04");
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
