#include "base/process.h"

#include "unit/base/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

namespace quire {
namespace {

using testing::HasSubstr;

CommandEnd run_shell(const std::string& script, const CommandLimits& limits = {},
                     std::string_view input = {}, const CommandWatch& watch = {}) {
  return run_command({.command = {"sh", "-c", script}, .merges_errors = true}, limits, input, watch)
      .value();
}

bool is_running(pid_t pid) { return ::kill(pid, 0) == 0; }

TEST(RunCommand, GivesOutputErrorsAndTheExitCode) {
  const CommandEnd end = run_shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(end.output, "out\nerr\n");
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_FALSE(end.timed_out || end.cut || end.stopped);
}

TEST(RunCommand, KeepsOutputAndErrorsApartUnlessTheyAreMerged) {
  const auto apart = [](const std::string& script, const CommandLimits& limits) {
    return run_command({.command = {"sh", "-c", script}}, limits).value();
  };
  const CommandEnd end = apart("echo out; echo err >&2; exit 3", {});
  EXPECT_EQ(end.output, "out\n");
  EXPECT_EQ(end.errors, "err\n");
  EXPECT_EQ(end.exit_code, 3);
  const CommandEnd full = apart("exec >&-; yes | head -c 1000000 >&2; echo last >&2",
                                {.timeout_s = 60, .errors_bytes_max = 7});
  EXPECT_EQ(full.output, "");
  EXPECT_EQ(full.errors, "y\nlast\n") << "the end of what is more than a pipe holds";
  EXPECT_FALSE(full.timed_out);
}

TEST(RunCommand, TakesWordsAsTheyAre) {
  const auto end = run_command({.command = {"printf", "%s|", "a b", "$HOME", "'", ""}}, {});
  EXPECT_EQ(end.value().output, "a b|$HOME|'||");
}

TEST(RunCommand, GivesInputLargerThanAPipeHolds) {
  const std::string input(1 << 20, 'x');
  EXPECT_EQ(run_shell("wc -c", {}, input).output, "1048576\n");
}

TEST(RunCommand, GoesOnWhenTheInputIsNotRead) {
  EXPECT_EQ(run_shell("echo done", {}, std::string(1 << 20, 'x')).output, "done\n");
}

TEST(RunCommand, EndsACommandThatIsTooSlowWithAllThatItStarted) {
  const CommandEnd end =
      run_shell("sleep 1000 & echo $!; sleep 1000", {.timeout_s = 0.3, .output_bytes_max = 100});
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.exit_code, 128 + SIGKILL);
  // Somebody waits for orphans, at some time: until then it is a zombie, which runs no more.
  const pid_t left = std::stoi(end.output);
  std::string state(1, 'Z');
  if (is_running(left))
    state =
        run_shell(fmt::format("cut -d' ' -f3 /proc/{}/stat 2>/dev/null || echo Z", left)).output;
  EXPECT_THAT(state, testing::StartsWith("Z"));
}

TEST(RunCommand, EndsAChildThatLeftItsGroup) {
  if (run_shell("command -v perl").exit_code != 0) GTEST_SKIP() << "made by Perl's setpgrp";
  const CommandEnd end = run_command({.command = {"perl", "-e",
                                                  "setpgrp(0, getpgrp(getppid()));"
                                                  "$| = 1; print 'x'; sleep 1000"}},
                                     {.timeout_s = 0.5})
                             .value();
  EXPECT_EQ(end.output, "x");
  EXPECT_EQ(end.exit_code, 128 + SIGKILL);
}

TEST(Children, OneThatIsNotWaitedForLeavesNoZombie) {
  Child child = Child::start({.command = {"sh", "-c", "echo $$; exec sleep 1000"}}).value();
  char buffer[32];
  ssize_t n = 0;
  while ((n = ::read(child.output(), buffer, sizeof buffer)) < 0) std::this_thread::yield();
  const pid_t pid = std::stoi(std::string(buffer, static_cast<size_t>(n)));
  EXPECT_EQ(child.finish(0), 128 + SIGKILL);
  for (int i = 0; i < 1000 && is_running(pid); ++i) run_shell("true");
  EXPECT_FALSE(is_running(pid)) << "a zombie would be";
}

TEST(RunCommand, DoesNotWaitForWhatTheCommandLeftBehind) {
  const CommandEnd end = run_shell("sleep 1000 & echo here", {.timeout_s = 60});
  EXPECT_EQ(end.output, "here\n");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_FALSE(end.timed_out);
}

TEST(RunCommand, KeepsTheBeginningOfALongOutput) {
  const CommandEnd end = run_shell("yes | head -c 1000000; exit 5", {.output_bytes_max = 10});
  EXPECT_EQ(end.output, "y\ny\ny\ny\ny\n");
  EXPECT_TRUE(end.cut);
  EXPECT_EQ(end.exit_code, 5);
}

TEST(RunCommand, EndsWhenItIsToldTo) {
  bool begun = false;
  CommandWatch watch;
  watch.on_output = [&](std::string_view) { begun = true; };
  watch.stopped = [&] { return begun; };
  const CommandEnd end = run_shell("echo begun; sleep 1000", {.timeout_s = 60}, "", watch);
  EXPECT_TRUE(end.stopped);
  EXPECT_EQ(end.output, "begun\n");
}

TEST(RunCommand, HasNoneOfOurDescriptorsAndNoBlockedSignals) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);  // not closed by exec
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const std::string open = run_shell("ls /proc/self/fd | wc -l").output;
  const CommandEnd end = run_shell("kill -TERM $$; echo alive");
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(open, "4\n") << "three streams and that of ls";
  EXPECT_EQ(end.output, "");
  EXPECT_EQ(end.exit_code, 128 + SIGTERM);
  ::close(fds[0]);
  ::close(fds[1]);
}

TEST(RunCommand, WorksInItsFolderWithItsEnvironment) {
  const TemporaryFolder folder;
  const auto end = run_command({.command = {"sh", "-c", "pwd -P; echo $QUIRE_TEST_WORD"},
                                .folder = folder.path(),
                                .environment = {"QUIRE_TEST_WORD=hello"}},
                               {});
  EXPECT_EQ(end.value().output, std::filesystem::canonical(folder.path()).string() + "\nhello\n");
}

TEST(RunCommand, SaysWhatIsNotThere) {
  const auto error = [](ChildOptions options) {
    return run_command(std::move(options), {}).error();
  };
  EXPECT_EQ(error({.command = {"quire-no-such-program"}}).fault, Fault::not_found);
  EXPECT_THAT(error({.command = {"quire-no-such-program"}}).text,
              HasSubstr("quire-no-such-program: cannot be started"));
  EXPECT_EQ(error({.command = {"true"}, .folder = "/quire/no/folder"}).fault, Fault::not_found);
  EXPECT_EQ(error({}).fault, Fault::usage);
  EXPECT_EQ(error({.command = {"true", std::string("a\0b", 3)}}).fault, Fault::usage);
  EXPECT_EQ(error({.command = {"true"}, .environment = {"NOTHING"}}).fault, Fault::usage);
}

}  // namespace
}  // namespace quire
